"""A million events: imported, joined, and as rows of EPN-TAP, within processor time and memory (make accept)."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from epntap.adql import translate
from epntap.catalog.load import load_catalog
from epntap.db.pool import Database, Role, connect
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service

pytestmark = pytest.mark.accept

EVENTS = 1_000_000
FIRST = np.datetime64("2000-01-01T00:00:00")
DEFINITION = """
[service]
schema = "million"
title = "A million events"
publisher = "synthetic"

[columns]
target_name = "Sun"
target_class = "star"

[[source]]
kind = "events"
path = "{path}"
"""


def write(path: Path) -> None:
    """Events of ten minutes every quarter of an hour, with a number, a whole number and a word."""
    starts = FIRST + np.arange(EVENTS) * np.timedelta64(900, "s")
    stops = starts + np.timedelta64(600, "s")
    with path.open("w") as file:
        file.write("start,stop,value,count,kind\n")
        for first in range(0, EVENTS, 100_000):
            part = slice(first, first + 100_000)
            rows = zip(starts[part].astype(str), stops[part].astype(str), range(first, first + 100_000), strict=True)
            file.writelines(
                f"{start},{stop},{number / 7:.6f},{number},kind {number % 9}\n" for start, stop, number in rows
            )


def used_by_database(url: str) -> float:
    """Processor seconds of the server and of all that it has started, as far as they live."""
    with connect(Database(url), Role.OWNER) as owner:
        (pid,) = owner.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    server = psutil.Process(pid).parent()
    assert server is not None
    own = server.cpu_times()
    others = [one.cpu_times() for one in server.children(recursive=True)]
    ended = float(own.children_user + own.children_system)
    return ended + sum(float(one.user + one.system) for one in (own, *others))


def test_they_are_imported_and_joined(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "million.csv"
    write(path)
    environ = {**os.environ, "EPNTAP_DATABASE_URL": database.url, "EPNTAP_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "voserver.cli", "events", "import", str(path), "--name", "million"]
    before, started, theirs = (
        resource.getrusage(resource.RUSAGE_CHILDREN),
        time.monotonic(),
        used_by_database(database.url),
    )
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    database_s = used_by_database(database.url) - theirs
    print(f"\nimported: {ours:.1f} s of the command, {database_s:.1f} s of PostgreSQL, "
          f"{time.monotonic() - started:.1f} s of wall, {after.ru_maxrss / 1024:.0f} MiB at most")  # fmt: skip
    assert "1,000,000 events" in done.stdout
    assert ours + database_s < 30
    assert after.ru_maxrss < 400 * 1024

    query = (
        "SELECT COUNT(*) AS n FROM events.million AS a JOIN events.million AS b "
        "ON a.time_min <= b.time_max AND a.time_max >= b.time_min WHERE a.event_id <= 10000"
    )
    with connect(database, Role.SERVICE) as service:
        translation = translate(query, load_catalog(service))
    with connect(database, Role.READER) as reader:
        started = time.monotonic()
        (found,) = reader.execute(translation.statement, translation.params).fetchone() or (0,)
        print(f"10 000 of them joined: {time.monotonic() - started:.1f} s")
    assert found == 10_000  # events leave five minutes between them


def test_they_become_rows_of_epn_tap(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "million.csv"
    write(path)
    (tmp_path / "million.toml").write_text(DEFINITION.format(path=path))
    before_s, started = time.process_time(), time.monotonic()
    ingest_service(load_definition(tmp_path / "million.toml"), database)
    print(
        f"as rows of EPN-TAP: {time.process_time() - before_s:.1f} s here, {time.monotonic() - started:.1f} s of wall"
    )
    with connect(database, Role.OWNER) as owner:
        counts = owner.execute(
            "SELECT dataproduct_type, count(*), min(time_min), max(time_max) FROM million.epn_core"
            " GROUP BY 1 ORDER BY 1"
        ).fetchall()
    span = counts[0][2:]
    assert counts == [("ca", 1, *span), ("ci", EVENTS, *span)]
