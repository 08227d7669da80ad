"""What clients wait for while a published service changes the way in which its rows are kept.

    python -m tests.bench.changing --home FOLDER [--millions 4 | --definition FILE] [--seconds 30]

A service of whole rows, made up or of a definition, is built in FOLDER if it is not there, and served. Clients ask over
HTTP all the time: first of the service at rest, then while an ingestion keeps granules and datasets apart, then while
one makes the rows whole again. Printed as Markdown: how long each took, and how long the slowest answers of each kind.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import requests
from psycopg import sql

from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database, Role, connect
from epntap.db.server import open_database
from epntap.settings import Settings
from ingest.definition.load import load_definition
from ingest.definition.storage import Storage
from ingest.pipeline import ingest_service
from tests.bench.building import DAYS, NOW
from tests.bench.granules import publish_rows
from tests.support.server import Server, serve

__all__ = ["Client", "change"]

_SCHEMA = "changing"
#: `{t}` is the table, `{uid}` a granule of it and `{day}` the Julian date of one in the middle of its time
_QUERIES = {
    "a granule by its identifier": "SELECT * FROM {t} WHERE granule_uid = '{uid}'",
    "COUNT(*)": "SELECT COUNT(*) FROM {t}",
    "all granules of a day": "SELECT * FROM {t} WHERE time_min <= {day} + 1 AND time_max >= {day}",
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
def _asking(server: Server, queries: Mapping[str, str]) -> Iterator[dict[str, Client]]:
    clients = {what: Client(f"{server.tap}/sync", query) for what, query in queries.items()}
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


def change(server: Server, queries: Mapping[str, str], act: Callable[[], object]) -> tuple[float, list[str]]:
    """The seconds that something took, and a line of each kind of question asked meanwhile."""
    began = time.monotonic()
    with _asking(server, queries) as clients:
        act()
        seconds = time.monotonic() - began
    return seconds, [_line(what, client) for what, client in clients.items()]


def _about(database: Database, schema: str) -> dict[str, str]:
    """What is asked of a service."""
    statement = sql.SQL("SELECT max(granule_uid), percentile_disc(0.5) WITHIN GROUP (ORDER BY time_min) FROM {}")
    with connect(database, Role.READER) as connection:
        uid, day = connection.execute(statement.format(sql.Identifier(schema, "epn_core"))).fetchone() or ("", 0.0)
    day = f"{day // 1 + 0.5:f}"
    return {
        what: query.replace("{t}", f"{schema}.epn_core").replace("{uid}", uid).replace("{day}", day)
        for what, query in _QUERIES.items()
    }


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
    parser.add_argument("--definition", type=Path, help="a service made of datasets, instead of one that is made up")
    parser.add_argument("--seconds", type=float, default=30, help="how long at rest (default: %(default)s)")
    arguments = parser.parse_args()
    rows = round(arguments.millions * 1_000_000)
    definition = load_definition(arguments.definition) if arguments.definition else None
    schema = definition.schema if definition else _SCHEMA
    say = partial(print, file=sys.stderr, flush=True)

    def keep(storage: Storage) -> None:
        if definition:
            report = ingest_service(replace(definition, storage=storage), database, now=NOW)
        else:
            datasets = max(1, round(rows / DAYS))
            report = publish_rows(database, rows, storage, schema=schema, datasets=datasets, now=NOW)
        for remark in report.account.remarks:
            say(remark.text)

    with open_database(Settings(home=arguments.home), create=True) as database:
        apply_migrations(database)
        with connect(database, Role.OWNER) as connection:
            is_there = connection.execute("SELECT to_regclass(%s)", (f"{schema}.epn_core",)).fetchone() != (None,)
        if not is_there:
            keep(Storage.WIDE)
        queries = _about(database, schema)
        with serve(database, arguments.home / "serve") as server:
            for what, act in (
                ("at rest", lambda: time.sleep(arguments.seconds)),
                ("whole rows -> granules and datasets", lambda: keep(Storage.NARROW)),
                ("granules and datasets -> whole rows", lambda: keep(Storage.WIDE)),
            ):
                seconds, lines = change(server, queries, act)
                print(f"\n| {what}: {seconds:.1f} s | answers | median ms | slowest ms | |\n|---|---:|---:|---:|---|")
                print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
