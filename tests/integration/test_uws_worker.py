"""Workers with everything that can happen to them: killed, stopped, cut off, short of disk, and jobs taken away."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import psycopg
import pytest

from epntap.db.pool import Database
from epntap.db.rows.stream import LOST_WITHIN_S
from epntap.settings import Settings
from epntap.uws.xml import iso
from ingest.progress import Silent
from tests.support.databases import clone_database, drop_database
from tests.support.launch import Running
from tests.support.processes import children_of, command_of
from tests.support.server import Server, serve
from tests.support.slow_queries import end_all, running
from tests.support.uws_client import QUERY, SLOW, Client, E, message
from tests.support.worker import job_worker
from voserver.operating.demo import prepare_demo

HEARTBEAT_S = 0.25
#: hundreds of megabytes, the first rows at once
LONG = f"SELECT a.*, b.* FROM {E} AS a, {E} AS b, {E} AS c, {E} AS d"


@pytest.fixture(scope="module")
def jobs_database(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database of which no worker knows but those of these tests."""
    database = clone_database(postgres_server, "jobs", template_database)
    prepare_demo(Settings(home=tmp_path_factory.mktemp("demo")), database, lambda _text: None, Silent())
    yield database
    drop_database(postgres_server, database)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def server(jobs_database: Database, home: Path) -> Iterator[Server]:
    """A web server without a worker."""
    with serve(jobs_database, home, job_workers="0", run_wait_s="0.2", workers="1") as server:
        yield server


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server)


class Workers:
    """Starts worker processes."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database, self.home = database, home

    @contextmanager
    def one(self, prepare: Callable[[], None] | None = None, **settings: str) -> Iterator[Running]:
        settings = {"job_heartbeat_s": str(HEARTBEAT_S), **settings}
        with job_worker(self.database, self.home, jobs=3, prepare=prepare, **settings) as process:
            yield process


@pytest.fixture(scope="module")
def workers(jobs_database: Database, home: Path) -> Workers:
    return Workers(jobs_database, home)


def until_running(database: Database, expected: bool, within_s: float) -> float:
    started = time.monotonic()
    while bool(running(database)) is not expected:
        assert time.monotonic() - started < within_s
        time.sleep(0.02)
    return time.monotonic() - started


def result_files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "results").rglob("*") if path.is_file())


@pytest.mark.parametrize("how", ["abort", "delete"])
def test_the_query_of_a_job_that_is_taken_away_is_cancelled(
    workers: Workers, client: Client, jobs_database: Database, how: str
) -> None:
    with workers.one():
        job = client.create(SLOW, PHASE="RUN")
        client.until(job, "EXECUTING")
        until_running(jobs_database, True, 5)
        if how == "abort":
            assert client.post(f"{job}/phase", PHASE="ABORT").status == 303
            assert client.phase(job) == "ABORTED"
        else:
            assert client.ask("DELETE", job).status == 303
        print(f"{how}: the query was gone after {until_running(jobs_database, False, 3):.3f} s")


def test_a_result_half_written_is_removed(workers: Workers, client: Client, home: Path) -> None:
    before = result_files(home)
    with workers.one():
        job = client.create(LONG, MAXREC="20000000", FORMAT="csv", PHASE="RUN")
        deadline = time.monotonic() + 10
        while not any(name.endswith(".part") for name in result_files(home)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)
        client.post(f"{job}/phase", PHASE="ABORT")
        while result_files(home) != before:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert client.get(f"{job}/results/result").status == 404


@pytest.mark.parametrize("query", [SLOW, LONG])
def test_a_job_is_ended_after_its_executionduration(
    workers: Workers, client: Client, jobs_database: Database, query: str
) -> None:
    with workers.one():
        job = client.create(query, MAXREC="20000000")
        client.post(f"{job}/executionduration", EXECUTIONDURATION="1")
        client.post(f"{job}/phase", PHASE="RUN")
        assert client.until(job, "ABORTED", "COMPLETED", "ERROR") == "ABORTED"
        assert message(client.document(job)) == "The job was ended after its executionduration of 1 seconds."
        until_running(jobs_database, False, 1)


def test_the_limit_of_a_job_that_runs_can_be_lowered(workers: Workers, client: Client) -> None:
    with workers.one():
        job = client.create(SLOW, PHASE="RUN")
        client.until(job, "EXECUTING")
        assert client.post(f"{job}/executionduration", EXECUTIONDURATION="1").status == 303
        assert client.until(job, "ABORTED", within_s=5) == "ABORTED"


def test_a_killed_worker(workers: Workers, client: Client, jobs_database: Database) -> None:
    """The job is run again, once; then it ends with a reason. The query ends in either case."""
    with workers.one() as first:
        job = client.create(SLOW, PHASE="RUN")
        client.until(job, "EXECUTING")
        until_running(jobs_database, True, 5)
        first.kill()
        killed = time.monotonic()
    print(f"killed: the query was gone after {until_running(jobs_database, False, 6):.1f} s")
    assert client.phase(job) == "EXECUTING", "nobody is there to notice"
    with workers.one() as second:
        until_running(jobs_database, True, 5)
        assert client.phase(job) == "EXECUTING"
        print(f"killed: run again after {time.monotonic() - killed:.1f} s")
        second.kill()
    with workers.one():
        assert client.until(job, "ERROR", within_s=5) == "ERROR"
        document = client.document(job)
        assert "its worker stopped twice" in message(document)
        assert [summary.get("type") for summary in document.iterfind("{*}errorSummary")] == ["transient"]


def test_a_worker_that_is_stopped_gives_its_job_back(workers: Workers, client: Client, jobs_database: Database) -> None:
    with workers.one() as first:
        job = client.create(SLOW, PHASE="RUN")
        client.until(job, "EXECUTING")
        until_running(jobs_database, True, 5)
        started = time.monotonic()
        first.send_signal(signal.SIGTERM)
        assert first.wait(5) == 0
        print(f"stopped after {time.monotonic() - started:.2f} s")
    assert client.phase(job) == "QUEUED"
    until_running(jobs_database, False, 1)
    with workers.one():
        client.until(job, "EXECUTING", within_s=5)
        client.ask("DELETE", job)


def test_a_frozen_worker_does_no_harm_when_it_comes_back(
    workers: Workers, client: Client, jobs_database: Database
) -> None:
    with workers.one() as frozen:
        job = client.create(SLOW, PHASE="RUN")
        client.until(job, "EXECUTING")
        until_running(jobs_database, True, 5)
        frozen.send_signal(signal.SIGSTOP)
        with workers.one():
            time.sleep(6 * HEARTBEAT_S)
            frozen.send_signal(signal.SIGCONT)
            time.sleep(4 * HEARTBEAT_S)
            assert client.phase(job) == "EXECUTING"
            assert running(jobs_database) > 0
            client.ask("DELETE", job)
            until_running(jobs_database, False, 3)


def test_the_results_folder_cannot_be_written(workers: Workers, client: Client, tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file where the folder should be")
    with workers.one(results=str(tmp_path)):
        job = client.create(PHASE="RUN")
        assert client.until(job, "ERROR", "COMPLETED") == "ERROR"
        assert message(client.document(job)).startswith("The server cannot write results at the moment")


def test_the_results_folder_is_full(workers: Workers, client: Client, home: Path) -> None:
    before = result_files(home)

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    with workers.one(little_room):
        large = client.create(f"SELECT a.* FROM {E} AS a, {E} AS b", PHASE="RUN")
        small = client.create(PHASE="RUN")
        assert client.until(large, "ERROR", "COMPLETED") == "ERROR"
        assert message(client.document(large)).startswith("There is not enough room for this result on the server")
        assert client.until(small, "ERROR", "COMPLETED") == "COMPLETED"
    assert len(result_files(home)) == len(before) + 1


def test_expired_jobs_and_their_results_are_removed(
    workers: Workers, client: Client, home: Path, jobs_database: Database
) -> None:
    with workers.one():
        job = client.create(PHASE="RUN")
        client.until(job, "COMPLETED")
        job_id = job.rpartition("/")[2]
        assert f"{job_id}.1" in result_files(home)
        client.post(f"{job}/destruction", DESTRUCTION=iso(datetime.now(UTC) + timedelta(seconds=1)))
        assert client.get(f"{job}/results/result").status == 200
        time.sleep(1.1)
        assert client.get(f"{job}/results/result").status == 404
        deadline = time.monotonic() + 5
        while f"{job_id}.1" in result_files(home):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with psycopg.connect(jobs_database.url) as connection:
        assert connection.execute("SELECT 1 FROM uws.job WHERE job_id = %s", (job_id,)).fetchone() is None


def test_a_running_job_ends_at_its_destruction(workers: Workers, client: Client, jobs_database: Database) -> None:
    with workers.one():
        job = client.create(SLOW, PHASE="RUN")
        client.until(job, "EXECUTING")
        until_running(jobs_database, True, 5)
        client.post(f"{job}/destruction", DESTRUCTION=iso(datetime.now(UTC)))
        until_running(jobs_database, False, 6)


def test_all_connections_of_a_worker_break(workers: Workers, client: Client, jobs_database: Database) -> None:
    with workers.one():
        slow = client.create(SLOW, PHASE="RUN")
        client.until(slow, "EXECUTING")
        until_running(jobs_database, True, 5)
        time.sleep(LOST_WITHIN_S)  # a query that is lost sooner is asked once more
        with psycopg.connect(jobs_database.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert client.until(slow, "ERROR", within_s=10) == "ERROR"
        assert "went away while the query ran" in message(client.document(slow))
        job = client.create(PHASE="RUN")
        client.until(job, "COMPLETED", within_s=10)


def test_a_short_job_takes_milliseconds(workers: Workers, client: Client) -> None:
    with workers.one():
        client.until(client.create(PHASE="RUN"), "COMPLETED")
        times = []
        for _ in range(20):
            job = client.create()
            started = time.monotonic()
            client.post(f"{job}/phase", PHASE="RUN")
            assert client.phase(job) == "COMPLETED"
            times.append(time.monotonic() - started)
    print(f"RUN to COMPLETED: median {sorted(times)[10] * 1000:.1f} ms, worst {max(times) * 1000:.1f} ms")


def test_two_hundred_jobs_at_once(workers: Workers, client: Client) -> None:
    with workers.one(), workers.one():
        client.until(client.create(PHASE="RUN"), "COMPLETED")
        started = time.monotonic()
        with ThreadPoolExecutor(50) as pool:
            jobs = list(pool.map(lambda _n: client.create(QUERY, PHASE="RUN"), range(200)))
            phases = list(pool.map(lambda job: client.until(job, "COMPLETED", "ERROR", "ABORTED"), jobs))
        seconds = time.monotonic() - started
    assert phases == ["COMPLETED"] * 200
    print(f"200 jobs in {seconds:.2f} s: {200 / seconds:.0f} jobs/s")


def test_looking_at_a_job_waits_for_no_query_while_as_many_as_may_last_run(
    jobs_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("busy")
    with serve(jobs_database, home, workers="1", threads="8", query_connections="2", job_workers="0") as server:
        client = Client(server)
        job = client.create()
        address = f"{server.tap}/sync"
        with ThreadPoolExecutor(2) as pool:
            queries = [pool.submit(client.post, address, LANG="ADQL", QUERY=SLOW) for _ in range(2)]
            time.sleep(1)
            for _ in range(20):
                client.get(job)
            # the second is refused, as no more may last; had a look waited for the first, that would be over as well
            assert not all(query.done() for query in queries)
            end_all(jobs_database)


def test_serve_restarts_a_worker_that_dies_and_stops_it_at_the_end(
    jobs_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serve(jobs_database, tmp_path_factory.mktemp("keeper"), workers="1", job_workers="1") as server:
        client = Client(server)
        client.until(client.create(PHASE="RUN"), "COMPLETED")
        (first,) = _worker_of(server)
        first.kill()
        first.wait(5)
        job = client.create(PHASE="RUN")
        client.until(job, "COMPLETED", within_s=20)
        (second,) = _worker_of(server)
        assert second.pid != first.pid
    assert not second.is_running()


def test_a_worker_leaves_when_its_server_is_killed(
    jobs_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serve(jobs_database, tmp_path_factory.mktemp("orphan"), workers="1", job_workers="1") as server:
        client = Client(server)
        client.until(client.create(PHASE="RUN"), "COMPLETED")
        (worker,) = _worker_of(server)
        os.kill(server.pid, signal.SIGKILL)
        worker.wait(5)


def _worker_of(server: Server) -> list[psutil.Process]:
    return [child for child in children_of(server.pid, recursive=True) if "worker" in command_of(child)]
