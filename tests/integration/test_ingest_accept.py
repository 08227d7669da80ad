"""The whole of amdadb, 3.9 million granules: speed beside a bare COPY, memory, a second run, a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

import ingest
from epntap.db.pool import Database
from tests.bench.queries import ask_all

pytestmark = [pytest.mark.accept, pytest.mark.shared]

DEFINITION = Path(ingest.__file__).parent / "services" / "amdadb.toml"
BARE_ROWS = 200_000
COLUMNS = "SELECT count(*), count(access_url), min(modification_date), max(modification_date) FROM amdadb.epn_core"


@dataclass(frozen=True)
class Run:
    """What one `epntap ingest` did, and the most memory it had."""

    report: dict[str, Any]
    memory_mb: float

    def __str__(self) -> str:
        return (
            f"{self.report['seconds']:.1f} s, loading {self.report['load_seconds']:.1f} s "
            f"({self.report['rows_per_s']:,} rows/s), {self.memory_mb:.0f} MB, {self.report['granules']}"
        )


def start(database: Database, shared: Path, *options: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("epntap")), "ingest", str(DEFINITION), "--json", *options]
    command += ["--spase", str(shared / "data/spase"), "--archive", str(shared / "data/cdf/mission")]
    environment = os.environ | {"EPNTAP_DATABASE_URL": database.url}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def run(database: Database, shared: Path, *options: str) -> Run:
    process = start(database, shared, *options)
    assert process.stdout is not None
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Run(json.loads(output), usage.ru_maxrss / 1024)


@pytest.fixture
def admin(database: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(database.url, autocommit=True) as connection:
        yield connection


def bare_copy_rate(admin: psycopg.Connection[tuple[Any, ...]], folder: Path) -> float:
    """Rows a second of COPY into a table with the same indexes: of some of the rows, for it takes long."""
    rows = folder / "rows"
    with (
        rows.open("wb") as file,
        admin.cursor() as cursor,
        cursor.copy(f"COPY (SELECT * FROM amdadb.epn_core LIMIT {BARE_ROWS}) TO STDOUT") as copy,
    ):
        for block in copy:
            file.write(block)
    admin.execute("CREATE TABLE public.bare (LIKE amdadb.epn_core INCLUDING ALL)")
    started = time.perf_counter()
    with rows.open("rb") as file, admin.cursor() as cursor, cursor.copy("COPY public.bare FROM STDIN") as copy:
        while block := file.read(1 << 20):
            copy.write(block)
    seconds = time.perf_counter() - started
    rows.unlink()
    admin.execute("DROP TABLE public.bare")
    return BARE_ROWS / seconds


def test_amdadb(database: Database, shared: Path, tmp_path: Path, admin: psycopg.Connection[tuple[Any, ...]]) -> None:
    first = run(database, shared)
    print(f"\nfirst run: {first}")
    assert first.report["granules"]["inserted"] > 3_800_000
    assert first.report["granules"]["refused"] == 0
    assert first.report["datasets"] == 991
    assert first.memory_mb < 300
    before = admin.execute(COLUMNS).fetchone()
    assert before is not None
    assert before[1] > 0

    bare = bare_copy_rate(admin, tmp_path)
    share = first.report["rows_per_s"] / bare
    print(f"bare COPY into the indexed table: {bare:,.0f} rows/s; share of it {share:.2f}")
    assert share > 0.5

    with psycopg.connect(database.url, autocommit=True) as asking:
        asking.execute("SET search_path = pg_catalog")
        asking.execute("SET constraint_exclusion = on")
        for answer in ask_all(asking):
            print(f"{answer.milliseconds:8.2f} ms  {answer.question.what}: {', '.join(answer.indexes) or 'foreseen'}")
            assert answer.is_indexed, answer.question.what

    second = run(database, shared)
    print(f"second run: {second}")
    assert second.report["seconds"] < 10
    assert second.report["files_opened"] == 0
    assert second.report["datasets_unchanged"] == 991
    assert second.report["granules"]["unchanged"] == before[0]
    assert second.memory_mb < 300
    assert admin.execute(COLUMNS).fetchone() == before

    admin.execute("UPDATE amdadb.epn_core SET target_name = 'Vulcan' WHERE target_name = 'Jupiter'")
    vulcan = "SELECT count(*) FROM amdadb.epn_core WHERE target_name = 'Vulcan'"
    changed = admin.execute(vulcan).fetchone()
    process = start(database, shared, "--thorough")
    time.sleep(15)
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    assert admin.execute(vulcan).fetchone() == changed
    assert admin.execute(COLUMNS).fetchone() == before

    third = run(database, shared, "--thorough")
    print(f"all compared: {third}")
    assert changed is not None
    assert third.report["granules"]["updated"] == changed[0]
    assert admin.execute(vulcan).fetchone() == (0,)
