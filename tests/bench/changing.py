"""What clients wait for while a published service changes the way in which its rows are kept.

    python -m tests.bench.changing --home FOLDER [--millions 4] [--seconds 30]

A service of whole rows is built in FOLDER if it is not there, and served. Clients ask over HTTP all the time: first of
the service at rest, then while an ingestion keeps granules and datasets apart, then while one makes the rows whole
again. Printed as Markdown: how long each took, and how long the slowest answers of each kind.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import requests

from epntap.db.migrate import apply_migrations
from epntap.db.pool import Role, connect
from epntap.db.server import open_database
from epntap.settings import Settings
from ingest.definition.storage import Storage
from tests.bench.building import DAYS, NOW, build
from tests.bench.granules import publish_rows
from tests.support.server import Server, serve

__all__ = ["Client", "change"]

_SCHEMA = "changing"
_QUERIES = {
    "a granule by its identifier": "SELECT * FROM {t} WHERE granule_uid = 'bench-007_20040214'",
    "COUNT(*)": "SELECT COUNT(*) FROM {t}",
    "all granules of a day": "SELECT * FROM {t} WHERE time_min <= 2455201.5 AND time_max >= 2455200.5",
    "20 000 rows": "SELECT TOP 20000 granule_uid, time_min FROM {t}",
}
#: as a client that thinks a little; else a single one holds a processor
_PAUSE_S = 0.05


@dataclass
class Client:
    """Asks one thing all the time."""

    address: str
    query: str
    _is_over: threading.Event = field(default_factory=threading.Event)
    seconds: list[float] = field(default_factory=list)
    #: each that there was, and how often
    answers: Counter[bytes] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until `stop`."""
        asked = {"LANG": "ADQL", "QUERY": self.query, "RESPONSEFORMAT": "csv"}
        with requests.Session() as session:
            while not self._is_over.wait(_PAUSE_S):
                began = time.monotonic()
                answer = session.post(self.address, asked, timeout=600)
                self.seconds.append(time.monotonic() - began)
                if answer.status_code == 200:
                    lines = sorted(answer.content.splitlines())
                    # which rows are the first is left open
                    self.answers[b"%d lines" % len(lines) if "TOP" in self.query else b"\n".join(lines)] += 1
                else:
                    self.faults.append(f"{answer.status_code} {answer.text[:300]}")

    def stop(self) -> None:
        """Ask no more."""
        self._is_over.set()


@contextmanager
def _asking(server: Server, schema: str) -> Iterator[dict[str, Client]]:
    clients = {
        what: Client(f"{server.tap}/sync", query.replace("{t}", f"{schema}.epn_core"))
        for what, query in _QUERIES.items()
    }
    threads = [threading.Thread(target=client.run) for client in clients.values()]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        for client in clients.values():
            client.stop()
        for thread in threads:
            thread.join()


def change(server: Server, schema: str, act: Callable[[], object]) -> tuple[float, list[str]]:
    """The seconds that something took, and a line of each kind of question asked meanwhile."""
    began = time.monotonic()
    with _asking(server, schema) as clients:
        act()
        seconds = time.monotonic() - began
    return seconds, [_line(what, client) for what, client in clients.items()]


def _line(what: str, client: Client) -> str:
    longest = sorted(client.seconds, reverse=True)
    median = longest[len(longest) // 2]
    slowest = ", ".join(f"{one * 1000:.0f}" for one in longest[:3])
    told = "one answer" if len(client.answers) == 1 else f"{len(client.answers)} ANSWERS"
    if len(client.answers) > 1:
        for answer, often in client.answers.items():
            print(f"{what}, {often} times: {answer[:3000]!r}", file=sys.stderr)
    faults = f"; {len(client.faults)} FAULTS: {client.faults[0]}" if client.faults else ""
    return f"| {what} | {len(longest):,} | {median * 1000:.0f} | {slowest} | {told}{faults} |"


def main() -> None:
    """Build, change, change back, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="where the database is, or is made")
    parser.add_argument("--millions", type=float, default=4, help="granules of the service (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="how long at rest (default: %(default)s)")
    arguments = parser.parse_args()
    rows = round(arguments.millions * 1_000_000)
    say = partial(print, file=sys.stderr, flush=True)

    def keep(storage: Storage) -> None:
        datasets = max(1, round(rows / DAYS))
        report = publish_rows(database, rows, storage, schema=_SCHEMA, datasets=datasets, now=NOW)
        for remark in report.account.remarks:
            say(remark.text)

    with open_database(Settings(home=arguments.home), create=True) as database:
        apply_migrations(database)
        with connect(database, Role.OWNER) as connection:
            is_there = connection.execute("SELECT to_regclass(%s)", (f"{_SCHEMA}.epn_core",)).fetchone() != (None,)
        if not is_there:
            build(database, rows, Storage.WIDE, _SCHEMA, say)
        with serve(database, arguments.home / "serve") as server:
            for what, act in (
                ("at rest", lambda: time.sleep(arguments.seconds)),
                ("whole rows -> granules and datasets", lambda: keep(Storage.NARROW)),
                ("granules and datasets -> whole rows", lambda: keep(Storage.WIDE)),
            ):
                seconds, lines = change(server, _SCHEMA, act)
                print(f"\n| {what}: {seconds:.1f} s | answers | median ms | slowest ms | |\n|---|---:|---:|---:|---|")
                print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
