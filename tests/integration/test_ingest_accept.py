"""Three services on one server, amdadb in full: counts, speed, memory, disk, refreshes, kills, readers, plans.

What is measured is printed as a table, and written as JSON to the file that ACCEPT_JSON names (accept.json).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from psycopg import sql
from rich.console import Console
from rich.table import Table

import ingest
from epntap.adql import translate
from epntap.catalog.load import load_catalog
from epntap.catalog.narrow.tables import row_tables
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from ingest.demo.maps import write_maps
from ingest.demo.simulations import write_simulations
from tests.bench.ingestion import bare_copy
from tests.bench.queries import QUESTIONS, ask, listing, validator_questions
from tests.support.databases import clone_database, drop_database

pytestmark = [pytest.mark.accept, pytest.mark.shared]

SERVICES = Path(ingest.__file__).parent / "services"
BARE_ROWS = 100_000
#: of the mission files: one that comes later, one that goes, one that changes; and the granules that offer them
LATE, GONE, CHANGED = (
    "ac_h0_mfi_20230102_v07.cdf",
    "wi_k0_mfi_20220101_v01.cdf",
    "psp_fld_l2_mag_rtn_1min_20200104_v02.cdf",
)
THEIRS = ["ace-imf-all_20230102", "psp-mag-1min_20200104", "wnd-mfi-kp_20220101"]
#: kill -9 when the database works at this; the first is before the transaction
POINTS = ("", 'COPY "staged_granules"', 'UPDATE "amdadb"."epn_core')


@dataclass
class Figures:
    """What was measured, in order."""

    lines: list[tuple[str, str, Any]] = field(default_factory=list)

    def note(self, service: str, what: str, value: Any) -> None:
        """Take a figure down, and show it at once: the whole takes long."""
        self.lines.append((service, what, value))
        print(f"{service}: {what}: {value}", flush=True)

    def show(self) -> None:
        """Everything as a table."""
        table = Table("service", "what", "value")
        for service, what, value in self.lines:
            table.add_row(service, what, f"{value:,}" if isinstance(value, int | float) else str(value))
        Console(width=150).print(table)


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    kept = Figures()
    yield kept
    kept.show()
    document = [{"service": service, "what": what, "value": value} for service, what, value in kept.lines]
    Path(os.environ.get("ACCEPT_JSON", "accept.json")).write_text(json.dumps(document, indent=1), "utf-8")


@dataclass(frozen=True)
class Service:
    """A service and where its files are."""

    schema: str
    options: tuple[str, ...]
    database: Database

    @property
    def table(self) -> sql.Identifier:
        """The published table."""
        return sql.Identifier(self.schema, "epn_core")

    def kept_in(self, admin: Connection) -> list[sql.Identifier]:
        """The tables that its rows are kept in, that with a row for each granule first."""
        return [sql.Identifier(self.schema, name) for name in row_tables(admin, self.schema)]

    def start(self, *more: str, **pipes: Any) -> subprocess.Popen[str]:
        """Start `epntap ingest`, in a process of its own."""
        command = [str(Path(sys.executable).with_name("epntap")), "ingest", str(SERVICES / f"{self.schema}.toml")]
        environment = os.environ | {"EPNTAP_DATABASE_URL": self.database.url}
        return subprocess.Popen(
            [*command, "--json", "--quiet", *self.options, *more],
            env=environment,
            text=True,
            **({"stdout": subprocess.PIPE} | pipes),
        )

    def run(self, *more: str) -> dict[str, Any]:
        """Run it to its end; its report, with the most memory that one of its processes had."""
        process = self.start(*more)
        assert process.stdout is not None
        with process.stdout as output:
            text = output.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        report: dict[str, Any] = json.loads(text)
        return report | {"memory_mb": round(usage.ru_maxrss / 1024)}


@pytest.fixture(scope="module")
def database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """One for all services."""
    own = clone_database(postgres_server, "accept", template_database)
    yield own
    drop_database(postgres_server, own)


@pytest.fixture
def admin(database: Database) -> Iterator[Connection]:
    with psycopg.connect(database.url, autocommit=True) as connection:
        yield connection


def one(connection: Connection, statement: str) -> Any:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def load(service: Service, admin: Connection, folder: Path, figures: Figures) -> dict[str, Any]:
    """The first run: rows, speed beside a bare COPY of some rows into a table with the same indexes, memory, disk."""
    report = service.run()
    name, rows = service.schema, report["total_rows"]
    figures.note(name, "granules", rows)
    figures.note(name, "first run", f"{report['seconds']:.1f} s, loading {report['load_seconds']:.1f} s")
    figures.note(name, "rows/s, loading", report["rows_per_s"])
    figures.note(name, "rows/s, everything", round(rows / report["seconds"]))
    figures.note(name, "peak memory, MB", report["memory_mb"])
    assert one(admin, f"SELECT count(*) FROM {name}.epn_core") == rows == report["granules"]["inserted"]
    assert one(admin, f"SELECT granule_count FROM archive.service WHERE schema_name = '{name}'") == rows
    assert report["granules"]["refused"] == 0
    assert report["memory_mb"] < 600
    if rows > BARE_ROWS:  # few rows say nothing of many
        kept = [table.as_string(None) for table in service.kept_in(admin)]
        size = sum(one(admin, f"SELECT pg_total_relation_size('{table}')") for table in kept)
        figures.note(name, "disk, MB per million rows", round(size / rows))
        rate = bare_rate(service, admin, folder)
        figures.note(name, "bare COPY into the same indexed table, rows/s", round(rate))
        figures.note(name, "share of bare COPY", round(report["rows_per_s"] / rate, 2))
        assert report["rows_per_s"] / rate > 0.5
    return report


def bare_rate(service: Service, admin: Connection, folder: Path) -> float:
    """Rows a second of COPY of some rows into an empty table with the same indexes."""
    bare = sql.Identifier("public", f"bare_{service.schema}")
    table = service.kept_in(admin)[0]
    admin.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(bare, table))
    some = sql.SQL("SELECT * FROM {} LIMIT {}").format(table, BARE_ROWS)
    rate = bare_copy(admin, some, bare, folder)
    admin.execute(sql.SQL("DROP TABLE {}").format(bare))
    return rate


def unchanged(service: Service, figures: Figures, rows: int) -> None:
    """The second run finds nothing new."""
    report = service.run()
    figures.note(service.schema, "second run, nothing new, s", round(report["seconds"], 1))
    assert report["granules"]["unchanged"] == rows
    assert report["granules"]["loaded"] == report["granules"]["deleted"] == 0


@contextmanager
def differences(service: Service, admin: Connection) -> Iterator[list[str]]:
    """The granules whose rows differ after the block, those that came or went included."""
    rows = sql.SQL("SELECT granule_uid, md5(t::text) AS sum FROM {} t").format(service.table)
    admin.execute(sql.SQL("CREATE TABLE public.before AS {}").format(rows))
    found: list[str] = []
    yield found
    query = sql.SQL(
        "SELECT coalesce(a.granule_uid, b.granule_uid) FROM public.before b FULL JOIN ({}) a USING (granule_uid) "
        "WHERE a.sum IS DISTINCT FROM b.sum ORDER BY 1"
    ).format(rows)
    found += [row[0] for row in admin.execute(query)]
    admin.execute("DROP TABLE public.before")


def test_amdadb(database: Database, shared: Path, tmp_path: Path, admin: Connection, figures: Figures) -> None:
    archive = tmp_path / "mission"
    shutil.copytree(shared / "data/cdf/mission", archive)
    paths = {name: next(archive.rglob(name)) for name in (LATE, GONE, CHANGED)}
    shutil.move(paths[LATE], tmp_path / LATE)
    service = Service("amdadb", ("--spase", str(shared / "data/spase"), "--archive", str(archive)), database)
    first = load(service, admin, tmp_path, figures)
    rows = first["total_rows"]
    assert rows > 3_800_000
    assert first["datasets"] == 991
    plans(database, figures)
    unchanged(service, figures, rows)

    with differences(service, admin) as found:
        paths[GONE].unlink()
        shutil.move(tmp_path / LATE, paths[LATE])
        paths[CHANGED].write_bytes(paths[CHANGED].read_bytes() + bytes(5000))
        report = service.run()
    figures.note("amdadb", "one file gone, one new, one changed, s", round(report["seconds"], 1))
    figures.note("amdadb", "granules that differ", ", ".join(found))
    assert found == THEIRS
    assert report["granules"]["updated"] == 3
    assert report["files_opened"] == 2

    kills(service, admin, rows, figures)
    recovery(service, admin, rows, figures)


def plans(database: Database, figures: Figures) -> None:
    """Typical questions, each by its index, and those of validators, none by reading the table."""
    with connect(database, Role.SERVICE) as connection:
        table = load_catalog(connection).table("amdadb", "epn_core")
    assert table is not None
    typical = list(ask(database, "amdadb.epn_core", QUESTIONS))
    checks = list(ask(database, "amdadb.epn_core", validator_questions(table)))
    Console(width=170).print(listing([*typical, *checks]))
    for answer in typical:
        figures.note("amdadb", answer.question.what, f"{answer.milliseconds:.1f} ms, {answer.rows_read:,} rows read")
    slowest = max(checks, key=lambda answer: answer.milliseconds)
    figures.note(
        "amdadb",
        f"{len(checks)} questions of a validator",
        f"{sum(answer.milliseconds for answer in checks):.0f} ms together, the slowest {slowest.milliseconds:.1f} ms",
    )
    assert [answer.question.what for answer in typical if not answer.is_as_wanted] == []
    assert [answer.question.what for answer in checks if answer.rows_read > 1] == []


def kills(service: Service, admin: Connection, rows: int, figures: Figures) -> None:
    """kill -9 at three points of a run that would change rows: the table stays what it was."""
    # what granules share is with their datasets, or in each of them
    changed = service.kept_in(admin)[-1]
    admin.execute(sql.SQL("UPDATE {} SET target_name = 'Vulcan' WHERE dataset_id = 'ace-imf-all'").format(changed))
    state = "SELECT count(*), count(*) FILTER (WHERE target_name = 'Vulcan'), count(access_url) FROM amdadb.epn_core"
    before = one(admin, state)
    for point in POINTS:
        process = service.start("--thorough", "--wait")
        wait_until(lambda point=point: is_at(admin, point), process)  # type: ignore[misc]  # the default is bound now
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        assert one(admin, state) == before
        figures.note("amdadb", f"kill -9 at {point or 'reading of the sources'}", f"{before[0]:,} rows stand as before")
    assert before[0] == rows
    assert before[1] > 1000


def is_at(admin: Connection, point: str) -> bool:
    """Whether an ingestion works at a statement that begins so; without one, whether it is connected."""
    found = admin.execute(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'epntap' AND datname = current_database() "
        "AND (%(point)s = '' OR (state = 'active' AND query LIKE %(point)s || '%%'))",
        {"point": point},
    )
    return found.fetchone() is not None


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not is_so():
        assert process.poll() is None, "the ingestion was done before that"
        time.sleep(0.02)


def recovery(service: Service, admin: Connection, rows: int, figures: Figures) -> None:
    """The next run mends the rows; another at the same time says so; readers see old or new, and never wait."""
    with Readers(service.database) as readers:
        process = service.start("--thorough", "--wait")
        wait_until(lambda: is_at(admin, POINTS[1]), process)
        second = service.start(stderr=subprocess.PIPE)
        _, complaint = second.communicate()
        assert process.stdout is not None
        report = json.loads(process.stdout.read())
        process.stdout.close()
        assert process.wait() == 0
    assert second.returncode != 0
    figures.note("amdadb", "a second ingestion meanwhile", complaint.strip().splitlines()[-1])
    assert "Another ingestion of amdadb is running" in complaint
    figures.note("amdadb", "all compared, rows mended", f"{report['granules']['updated']:,}, {report['seconds']:.0f} s")
    assert readers.failures == []
    before, after = max(readers.seen), min(readers.seen)
    figures.note(
        "amdadb",
        "reader meanwhile",
        f"{readers.rounds} rounds, {readers.streamed:,} rows streamed, counts seen {sorted(readers.seen)}, "
        f"longest count {readers.longest_s:.2f} s, no wait for a lock",
    )
    assert (before, after) == (report["granules"]["updated"], 0)
    assert readers.seen == {before, after}
    assert one(admin, "SELECT count(*) FROM amdadb.epn_core") == rows


class Readers:
    """Streams the table and counts in it all the while, as a web process does, in a thread of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.rounds, self.streamed, self.longest_s = 0, 0, 0.0
        #: how many rows had the old value
        self.seen: set[int] = set()
        self.failures: list[Exception] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _read(self) -> None:
        try:
            with connect(self._database, Role.SERVICE) as connection:
                catalog = load_catalog(connection)
            with connect(self._database, Role.READER, autocommit=True) as connection:
                connection.execute("SET lock_timeout = '200ms'")
                while not self._done.is_set():
                    self._round(connection, catalog)
                self._round(connection, catalog)
        except Exception as exc:  # noqa: BLE001  # for the test to see
            self.failures.append(exc)

    def _round(self, connection: Connection, catalog: Any) -> None:
        query = "SELECT COUNT(*) FROM amdadb.epn_core WHERE dataset_id = 'ace-imf-all' AND target_name = 'Vulcan'"
        translation = translate(query, catalog)
        started = time.perf_counter()
        row = connection.execute(translation.statement, translation.params).fetchone()
        self.longest_s = max(self.longest_s, time.perf_counter() - started)
        assert row is not None
        self.seen.add(row[0])
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY (SELECT * FROM amdadb.epn_core LIMIT 20000) TO STDOUT") as c,
        ):
            for _ in c:
                self.streamed += 1
        self.rounds += 1


def test_illu67p(database: Database, tmp_path: Path, admin: Connection, figures: Figures) -> None:
    started = time.perf_counter()
    maps = write_maps(tmp_path / "maps", 360, 105, linked=True)
    figures.note("illu67p", "maps made", f"{maps:,} in {time.perf_counter() - started:.0f} s")
    service = Service("illu67p", ("--archive", str(tmp_path / "maps")), database)
    late = tmp_path / "maps/preview/preview-000-040.jpg"
    shutil.move(late, tmp_path / late.name)
    rows = load(service, admin, tmp_path, figures)["total_rows"]
    assert rows == 189_000 - 1
    unchanged(service, figures, rows)
    with differences(service, admin) as found:
        (tmp_path / "maps/image/image-000-038.jpg").unlink()
        shutil.move(tmp_path / late.name, late)
        changed = tmp_path / "maps/votable/votable-000-039.vot"
        text = changed.read_bytes()
        changed.unlink()  # it is a link to all the others
        changed.write_bytes(text + b"\n" * 5000)
        report = service.run()
    figures.note("illu67p", "one file gone, one new, one changed, s", round(report["seconds"], 1))
    figures.note("illu67p", "granules that differ", ", ".join(found))
    assert found == ["image-000-038", "preview-000-040", "votable-000-039"]


def test_transplanet(database: Database, tmp_path: Path, admin: Connection, figures: Figures) -> None:
    write_simulations(tmp_path / "runs")
    service = Service("transplanet", ("--archive", str(tmp_path / "runs")), database)
    rows = load(service, admin, tmp_path, figures)["total_rows"]
    unchanged(service, figures, rows)
