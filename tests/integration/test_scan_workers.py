"""Files read by real workers: one is killed, one file kills its reader, and nothing is lost or read for ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import SetupError
from epntap.spread.queue import Queue
from ingest.files.scan import Scanner
from tests.support.archives import CDF_SOURCE, SERVICE, Remembered, cdf
from tests.support.command import run_in, sentence
from tests.support.databases import clone_database, drop_database
from tests.support.odd_worker import ODD_SCAN, SlowLook
from tests.support.places import ROOT

DIED = "reading it ends the process that reads: by a crash, for want of memory or because it takes too long"


@pytest.fixture(scope="module")
def database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """One for all tests here."""
    own = clone_database(postgres_server, "workers", template_database)
    yield own
    drop_database(postgres_server, own)


@contextmanager
def worker(database: Database, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`epntap worker` with one hand, that has said that it lives."""
    home.mkdir(exist_ok=True)
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "EPNTAP_DATABASE_URL": database.url,
        "EPNTAP_HOME": str(home),
        "EPNTAP_WORKER_JOBS": "1",
    }
    with (home / f"worker-{time.monotonic_ns()}.log").open("wb") as log:
        command = [sys.executable, "-m", "tests.support.odd_worker"]
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            wait_until(lambda: str(process.pid) in living(database))
            yield process
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def home(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two workers are at work."""
    folder = tmp_path_factory.mktemp("workers")
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(worker(database, folder))
        yield folder


def living(database: Database) -> set[str]:
    """Processes that say that they scan."""
    with connect(database, Role.SERVICE) as connection:
        rows = connection.execute("SELECT split_part(name, ':', 2) FROM uws.worker WHERE 'scan' = ANY (kinds)")
        return {pid for (pid,) in rows}


def busy(database: Database, pid: int) -> bool:
    """Whether a worker has a batch."""
    with connect(database, Role.SERVICE) as connection:
        row = connection.execute("SELECT count(*) FROM uws.batch WHERE worker LIKE %s", (f"%:{pid}:%",)).fetchone()
    return row != (0,)


def wait_until(is_so: object, within_s: float = 60) -> None:
    assert callable(is_so)
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lender(database: Database):  # type: ignore[no-untyped-def]  # a context manager
    @contextmanager
    def lend() -> Iterator[Connection]:
        with connect(database, Role.SERVICE, autocommit=True) as connection:
            yield connection

    return lend


def tree(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).write_bytes(name.encode())
    return list(names)


def test_a_worker_that_is_killed_loses_nothing_and_a_file_that_kills_is_refused_once(
    database: Database, home: Path, tmp_path: Path
) -> None:
    paths = tree(
        tmp_path, *(f"{n:03}.cdf" for n in range(150)), "deadly.cdf", *(f"{n:03}.cdf" for n in range(150, 300))
    )
    memory = Remembered()
    found: dict[str, str | None] = {}
    steps: list[int] = []
    with worker(database, home) as victim:

        def scan() -> None:
            with Queue(lender(database), [ODD_SCAN]) as queue:
                scanner = Scanner(memory, executor=queue)
                scanned = scanner.scan(tmp_path, paths, look=SlowLook(), advance=steps.append)
                found.update((path, one.refusal) for path, one in scanned.items())

        thread = threading.Thread(target=scan)
        thread.start()
        wait_until(lambda: busy(database, victim.pid))
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        thread.join(120)
    assert not thread.is_alive()
    assert {path for path, refusal in found.items() if refusal} == {"deadly.cdf"}
    assert found["deadly.cdf"] == DIED
    assert sorted(found) == sorted(paths)
    assert sum(steps) == len(memory.files) == len(paths)  # each once
    with connect(database, Role.SERVICE) as connection:
        assert connection.execute("SELECT count(*) FROM uws.batch").fetchone() == (0,)


def test_an_ingestion_and_its_summaries_are_made_by_workers(database: Database, home: Path, tmp_path: Path) -> None:
    for day in range(1, 9):
        cdf(tmp_path / f"cdf/syn_mag_2001010{day}_v01.cdf", f"2001-01-0{day}T00:00:00")
    (tmp_path / "cdf/broken.cdf").write_bytes(b"no CDF")
    (tmp_path / "service.toml").write_text(SERVICE + CDF_SOURCE, encoding="utf-8")
    here = {"EPNTAP_DATABASE_URL": database.url, "EPNTAP_HOME": str(home)}
    on_workers = ("--scan-on", "workers", "--json", "--quiet")
    done = run_in(tmp_path, "ingest", str(tmp_path / "service.toml"), *on_workers, **here)
    report = json.loads(done.stdout)
    assert report["files_opened"] == 9
    with connect(database, Role.SERVICE) as connection:
        rows = connection.execute("SELECT path, records FROM archive.file WHERE schema_name = 'plasma' ORDER BY 1")
        assert rows.fetchall() == [(f"syn_mag_2001010{day}_v01.cdf", 24) for day in range(1, 9)]
    done = run_in(tmp_path, "summarise", "plasma", *on_workers, **here)
    assert [(one["made"], one["records"], one["failures"]) for one in json.loads(done.stdout)] == [(1, 192, [])]


def test_batches_of_a_run_that_died_are_not_begun(database: Database, home: Path, tmp_path: Path) -> None:
    del home  # two workers look for work
    paths = tree(tmp_path, "1.cdf", "2.cdf")
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO uws.batch (run, number, program, errand, work) VALUES (1, 1, '0.1.0', 'scan', '[]')"
        )
        with Queue(lender(database), [ODD_SCAN]) as queue:
            Scanner(Remembered(), executor=queue).scan(tmp_path, paths, look=SlowLook(), advance=steps_of_nobody)
            assert connection.execute("SELECT claims FROM uws.batch").fetchall() == [(0,)]
        assert connection.execute("SELECT claims FROM uws.batch").fetchall() == []  # the next run tidies up


def steps_of_nobody(_steps: int) -> None:
    """Nobody is told."""


def test_without_workers_it_says_what_to_do(own_database: Database, tmp_path: Path) -> None:
    with (
        pytest.raises(SetupError, match="No worker is there to scan: start 'epntap worker'"),
        Queue(lender(own_database), [ODD_SCAN]),
    ):
        pass
    (tmp_path / "cdf").mkdir()
    (tmp_path / "service.toml").write_text(SERVICE + CDF_SOURCE, encoding="utf-8")
    here = {"EPNTAP_DATABASE_URL": own_database.url, "EPNTAP_HOME": str(tmp_path / "home")}
    said = sentence(run_in(tmp_path, "ingest", str(tmp_path / "service.toml"), "--scan-on", "workers", **here))
    assert "No worker is there to scan" in said
    both = run_in(
        tmp_path, "ingest", str(tmp_path / "service.toml"), "--scan-on", "workers", "--scheduler", "tcp://h:1", **here
    )
    assert "name two places" in sentence(both)


@pytest.fixture
def own_database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """One that no worker knows."""
    own = clone_database(postgres_server, "nobody", template_database)
    yield own
    drop_database(postgres_server, own)
