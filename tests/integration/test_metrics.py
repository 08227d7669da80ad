"""What operators see of a running service: metrics, readiness, log files that are rotated."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from epntap.db.pool import Database
from tests.support.asking import TOP_10, job_of, phase_at_the_end, query, request, stalled
from tests.support.server import Server, serve, serve_anew

pytestmark = pytest.mark.serial

Labels = tuple[tuple[str, str], ...]


@pytest.fixture(scope="module")
def watched(own_demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(
        own_demo_database, tmp_path_factory.mktemp("watched"), workers="2", job_workers="1", threads="8"
    ) as server:
        yield server


def scrape(server: Server) -> dict[str, dict[Labels, float]]:
    status, headers, text = request(server, "GET", "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_requests_of_all_processes_are_counted_exactly(watched: Server) -> None:
    key = (("endpoint", "/tap/sync"), ("method", "POST"), ("status", "200"))
    bad = (("endpoint", "/tap/sync"), ("method", "POST"), ("status", "400"))
    before = scrape(watched)
    for _ in range(40):  # over new connections, so that both processes get some
        assert query(watched, TOP_10)[0] == 200
    assert query(watched, "SELECT nothing")[0] == 400
    request(watched, "GET", "/there/is/nothing/here/1234")
    name = "epntap_requests_total"

    def grown() -> float:
        return scrape(watched)[name][key] - before.get(name, {}).get(key, 0)

    # an answer is counted when it has been sent, which its reader may see first
    deadline = time.monotonic() + 10
    while grown() < 40 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert grown() == 40
    after = scrape(watched)
    assert after["epntap_requests_total"][bad] >= 1
    assert after["epntap_answer_rows_total"][()] - before["epntap_answer_rows_total"][()] == 400
    buckets = {dict(k)["le"] for k in after["epntap_request_seconds_bucket"]}
    assert "+Inf" in buckets
    assert not any("1234" in str(key) for samples in after.values() for key in samples), "addresses are not endless"


def test_what_is_full_is_seen(watched: Server) -> None:
    work = (("work", "slow answers"),)
    assert scrape(watched)["epntap_places"][work] == 8, "half of eight threads in each of two processes"
    with stalled(watched, 3):
        time.sleep(1.5)
        assert scrape(watched)["epntap_places_in_use"][work] == 3
        in_use = sum(v for k, v in scrape(watched)["epntap_pool_connections"].items() if ("state", "in_use") in k)
        assert in_use >= 3


def test_jobs_workers_and_tables_are_seen(watched: Server) -> None:
    assert phase_at_the_end(watched, job_of(watched, TOP_10, PHASE="RUN")) == "COMPLETED"
    deadline = time.monotonic() + 25  # what the database knows is asked every ten seconds by each process
    while True:
        found = scrape(watched)  # looked at once: the next may be of a process that asked earlier
        if found.get("epntap_jobs", {}).get((("kind", "tap"), ("phase", "COMPLETED"))):
            break
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert found["epntap_database_up"][()] == 1
    assert found["epntap_workers"][()] >= 1
    assert found["epntap_worker_jobs"][()] >= 4
    assert found["epntap_granules"][(("schema", "amdadb"),)] > 0
    assert time.time() - found["epntap_last_ingestion_timestamp_seconds"][(("schema", "amdadb"),)] < 3600


def test_no_secret_is_told(watched: Server, own_demo_database: Database) -> None:
    query(watched, "SELECT TOP 1 granule_uid FROM amdadb.epn_core WHERE granule_uid = 'unheard-of'")
    text = request(watched, "GET", "/metrics")[2]
    assert "unheard-of" not in text
    assert own_demo_database.url not in text


def test_health(watched: Server) -> None:
    status, _, text = request(watched, "GET", "/health")
    assert (status, json.loads(text)["status"]) == (200, "ok")


def test_the_log_file_may_be_moved_away(own_demo_database: Database, tmp_path: Path) -> None:
    log = tmp_path / "log" / "epntap.json"
    log.parent.mkdir()
    with serve_anew(own_demo_database, tmp_path / "home", workers="2", log_file=str(log)) as server:
        for _ in range(10):
            query(server, TOP_10)
        moved = log.rename(log.with_suffix(".1"))
        os.kill(server.pid, signal.SIGUSR1)
        asked = 10
        deadline = time.monotonic() + 10
        while not log.exists():  # it is made with the first line that is written to it
            assert time.monotonic() < deadline
            time.sleep(0.1)
            query(server, TOP_10)
            asked += 1
        time.sleep(1.5)  # every process looks once a second
        size = moved.stat().st_size
        for _ in range(20):
            query(server, TOP_10)
        asked += 20
        time.sleep(0.5)
        assert moved.stat().st_size == size, "nothing goes to the old file any more"
    lines = [json.loads(line) for path in (moved, log) for line in path.read_text().splitlines()]
    requests = [line for line in lines if line["logger"] == "epntap.request" and line["path"] == "/tap/sync"]
    assert len(requests) == asked, "none is lost"
    assert {"time", "level", "message", "request_id", "status", "seconds", "rows", "bytes"} <= set(requests[-1])
