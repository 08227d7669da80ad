"""Cut-outs as jobs: a result for each combination, the same bytes as sync, and what can happen to a long one."""

from __future__ import annotations

import csv
import io
import resource
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pycdfpp
import pytest
from lxml import etree

from epntap.db.pool import Database
from tests.support.launch import Running
from tests.support.long_series import GRANULES, RECORDS, Place, long_series
from tests.support.processes import grandchildren_of
from tests.support.server import serve
from tests.support.uws_client import Client, message
from tests.support.worker import job_worker

DAY = "syna-mag_20161231"
NEXT = "syna-mag_20170101"
HOUR = ("2016-12-31T10:00:00", "2016-12-31T11:00:00")
BIG = GRANULES[0]
HEARTBEAT_S = 0.25


class Soda(Client):
    """A client of the job list of cut-outs."""

    def __post_init__(self) -> None:
        self.list = f"{self.server.base}/datalink/soda/async"

    def start(self, *pairs: tuple[str, str]) -> str:
        reply = self.post(self.list, *pairs, ("PHASE", "RUN"))
        assert reply.status == 303, reply.text
        return reply.location

    def done(self, job: str, within_s: float = 30) -> list[tuple[str, str, int]]:
        """Name, media type and size of each result of a job that has to be completed."""
        assert self.until(job, "COMPLETED", "ERROR", "ABORTED", within_s=within_s) == "COMPLETED", self.get(job).text
        document = self.document(job)
        return [
            (result.get("id", ""), result.get("mime-type", ""), int(result.get("size", "-1")))
            for result in document.iterfind("{*}results/{*}result")
        ]

    def result(self, job: str, name: str = "result") -> bytes:
        reply = self.get(f"{job}/results/{name}")
        assert reply.status == 200
        return reply.body


@pytest.fixture(scope="module")
def place(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Served without a worker."""
    root = tmp_path_factory.mktemp("cuts")
    settings = {"job_workers": "0", "workers": "1", "run_wait_s": "0.1"}
    with long_series(postgres_server, template_database, root, **settings) as place:
        yield place


@contextmanager
def worker(place: Place, prepare: Callable[[], None] | None = None, **settings: str) -> Iterator[Running]:
    settings = {"job_heartbeat_s": str(HEARTBEAT_S), "port": str(place.server.port), **settings}
    with job_worker(place.database, place.home, jobs=2, prepare=prepare, **settings) as process:
        yield process


@pytest.fixture(scope="module")
def working(place: Place) -> Iterator[Place]:
    with worker(place):
        yield place


@pytest.fixture
def client(working: Place) -> Soda:
    return Soda(working.server)


@pytest.fixture
def alone(place: Place) -> Soda:
    """For tests that start their own workers; they come first, so that no other takes their jobs."""
    return Soda(place.server)


def sync(place: Place, *pairs: tuple[str, str]) -> bytes:
    with urllib.request.urlopen(
        f"{place.server.base}/datalink/soda/sync?{urllib.parse.urlencode(pairs)}", timeout=60
    ) as answer:
        return bytes(answer.read())


def rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def several(count: int) -> list[tuple[str, str]]:
    """So many intervals, nearly all of the long series each."""
    return [("START", f"2015-12-01T00:00:{n:02d}") for n in range(count)] + [("STOP", "2015-12-04T11:20:00")] * count


def at_work(process: Running) -> list[psutil.Process]:
    """The processes that make cut-outs for this worker."""
    return grandchildren_of(process.pid)


def until(condition: Callable[[], object], within_s: float = 20) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < within_s
        time.sleep(0.02)
    return time.monotonic() - started


# -- what happens to a long one: these start their own workers ---------------------------------------------------------


def test_a_worker_killed_in_the_middle_of_a_cut_out(place: Place, alone: Soda) -> None:
    before = place.results()
    with worker(place) as first:
        job = alone.start(("ID", BIG), ("FORMAT", "CSV"), *several(6))
        until(lambda: sum(name.endswith(".part") for name in place.results()) >= 2)
        cutters = at_work(first)
        first.kill()
        first.wait()
    assert alone.phase(job) == "EXECUTING", "nobody is there to notice"
    assert alone.get(f"{job}/results/result1").status == 404, "half a result is no result"
    psutil.wait_procs(cutters, 10)
    assert not any(cutter.is_running() for cutter in cutters), "what it had started goes with it"
    with worker(place):
        results = alone.done(job, within_s=120)
    assert len(results) == 6
    expected = sync(place, ("ID", BIG), ("FORMAT", "CSV"), ("START", "2015-12-01T00:00:03"), ("STOP", several(1)[1][1]))
    assert alone.result(job, "result4") == expected
    assert alone.ask("DELETE", job).status == 303
    assert place.results() == before, "nothing is left of either attempt"


def test_aborting_ends_the_process_that_cuts(place: Place, alone: Soda) -> None:
    with worker(place) as process:
        job = alone.start(("ID", BIG), ("FORMAT", "VOTable"), *several(40))
        until(lambda: at_work(process))
        until(lambda: b"<progress" in alone.get(job).body)
        assert alone.post(f"{job}/phase", PHASE="ABORT").status == 303
        print(f"aborted: the process was gone after {until(lambda: not at_work(process), 5):.2f} s")
        assert alone.phase(job) == "ABORTED"
        until(lambda: not any(name.endswith(".part") for name in place.results()), 5)


def test_jobs_of_the_other_kind_do_not_wait_for_long_cut_outs(place: Place, alone: Soda) -> None:
    queries = Client(place.server)
    with worker(place):
        cuts = [alone.start(("ID", BIG), ("FORMAT", "VOTable"), *several(40)) for _ in range(3)]
        alone.until(cuts[0], "EXECUTING")
        query = queries.create(PHASE="RUN")
        assert queries.until(query, "COMPLETED", "ERROR") == "COMPLETED"
        assert [alone.phase(cut) for cut in cuts] == ["EXECUTING", "QUEUED", "QUEUED"]
        for cut in reversed(cuts):
            assert alone.ask("DELETE", cut).status == 303


def test_a_cut_out_ends_after_its_executionduration(place: Place, alone: Soda) -> None:
    with worker(place) as process:
        reply = alone.post(alone.list, ("ID", BIG), ("FORMAT", "VOTable"), *several(40))
        job = reply.location
        alone.post(f"{job}/executionduration", EXECUTIONDURATION="1")
        alone.post(f"{job}/phase", PHASE="RUN")
        assert alone.until(job, "ABORTED", "COMPLETED", "ERROR") == "ABORTED"
        assert message(alone.document(job)) == "The job was ended after its executionduration of 1 seconds."
        until(lambda: not at_work(process), 5)


def test_a_stopped_worker_gives_its_cut_out_back(place: Place, alone: Soda) -> None:
    with worker(place) as process:
        job = alone.start(("ID", BIG), ("FORMAT", "VOTable"), *several(40))
        until(lambda: at_work(process))
        cutters = at_work(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert alone.phase(job) == "QUEUED"
    psutil.wait_procs(cutters, 5)
    assert not any(cutter.is_running() for cutter in cutters)
    assert alone.ask("DELETE", job).status == 303


def test_no_room_for_the_result(place: Place, alone: Soda) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    with worker(place, little_room):
        job = alone.start(("ID", BIG), ("FORMAT", "CSV"))
        assert alone.until(job, "ERROR", "COMPLETED") == "ERROR"
        assert message(alone.document(job)).startswith("There is not enough room for this result on the server")
        assert alone.get(f"{job}/error").text.startswith("Error: There is not enough room")
    assert not any(name.endswith(".part") for name in place.results())


def test_a_process_that_is_killed_costs_one_result(place: Place, alone: Soda) -> None:
    with worker(place) as process:
        job = alone.start(("ID", BIG), ("FORMAT", "CSV"), *several(3))
        until(lambda: at_work(process))
        for cutter in at_work(process):
            cutter.kill()
        results = alone.done(job)
    assert len(results) == 3
    texts = [alone.result(job, name)[:60] for name, media_type, _ in results if media_type.startswith("text/plain")]
    assert [text.startswith(b"Error: The process that made this cut-out has ended") for text in texts] == [True]


def test_what_is_too_large_for_a_job_is_said_where_it_is_missing(place: Place, alone: Soda) -> None:
    with worker(place, soda_async_bytes="12000000"):
        job = alone.start(("ID", BIG), ("ID", DAY), ("ID", "big_field_20151209"), ("FORMAT", "CDF"))
        results = alone.done(job)
        texts = [alone.result(job, name)[:400] for name, media_type, _ in results if media_type.startswith("text/")]
    assert len(texts) == 1
    assert b"UsageError: The cut-out would hold 9,600,000 bytes, more than the " in texts[0]
    assert b"left of the 12,000,000 of one job; please" in texts[0]


# -- what is asked for and what comes ----------------------------------------------------------------------------------


def test_one_combination_is_what_sync_answers(working: Place, client: Soda) -> None:
    for wanted in ("CSV", "VOTable"):
        pairs = (("ID", DAY), ("START", HOUR[0]), ("STOP", HOUR[1]), ("FORMAT", wanted))
        job = client.start(*pairs)
        ((name, media_type, size),) = client.done(job)
        body = client.result(job)
        assert (name, size) == ("result", len(body))
        assert media_type.startswith({"CSV": "text/csv", "VOTable": "application/x-votable+xml"}[wanted])
        made = sync(working, *pairs)
        assert body.partition(b"Cutout_date")[0] == made.partition(b"Cutout_date")[0]
    assert len(rows(sync(working, *pairs[:3], ("FORMAT", "CSV")))) == 900


def test_a_result_for_each_combination(working: Place, client: Soda) -> None:
    job = client.start(
        ("ID", DAY),
        ("ID", NEXT),
        ("ID", "no-such-granule"),
        ("TIME", "57753.25 57753.5"),
        ("TIME", "57754.25 57754.5"),
        ("FORMAT", "CSV"),
    )
    results = client.done(job)
    assert [name for name, _, _ in results] == [f"result{n}" for n in range(1, 7)]
    bodies = [client.result(job, name) for name, _, _ in results]
    assert [media_type.partition(";")[0] for _, media_type, _ in results] == [
        "text/csv",
        "text/plain",
        "text/plain",
        "text/csv",
        "text/plain",
        "text/plain",
    ]
    # a quarter of a day, both ends included, a record every 4 s
    assert len(rows(bodies[0])) == 5401
    assert bodies[3] == sync(working, ("ID", NEXT), ("TIME", "57754.25 57754.5"), ("FORMAT", "CSV"))
    assert rows(bodies[0])[0]["Epoch"].startswith("2016-12-31T06:00:00")
    assert bodies[1].decode() == f"Error: {DAY} has no record in this interval.\n"
    assert bodies[4].decode().startswith("UsageError: There is no granule 'no-such-granule'")
    reply = client.get(f"{job}/results/result1")
    assert f"{DAY}_20161231T060000_" in reply.headers["Content-Disposition"]


def test_pairs_of_start_and_stop_belong_together(client: Soda) -> None:
    job = client.start(
        ("ID", DAY),
        ("START", "2016-12-31T01:00:00"),
        ("STOP", "2016-12-31T02:00:00"),
        ("START", "2016-12-31T05:00:00"),
        ("STOP", "2016-12-31T05:00:40"),
        ("FORMAT", "CSV"),
    )
    assert [len(rows(client.result(job, name))) for name, _, _ in client.done(job)] == [900, 10]


def test_parameters_can_come_in_several_posts(client: Soda) -> None:
    job = client.post(client.list, ID=DAY, FORMAT="CSV", STOP="2016-12-31T00:00:40").location
    assert client.post(f"{job}/parameters", ID="syna-mom_20161231").status == 303
    client.post(f"{job}/phase", PHASE="RUN")
    assert len(client.done(job)) == 2


def test_a_dataset_over_all_its_files(client: Soda) -> None:
    job = client.start(("ID", "big_field"), ("FORMAT", "CDF"))
    client.done(job)
    cut = pycdfpp.load(client.result(job))
    assert np.array_equal(np.asarray(cut["B"].values).ravel(), np.arange(3 * RECORDS * 3, dtype=np.float64))
    times = pycdfpp.to_datetime64(cut["Epoch"])
    assert len(times) == 3 * RECORDS
    assert (np.diff(times) == np.timedelta64(10**9, "ns")).all()


def test_results_in_parts_and_only_if_changed(client: Soda) -> None:
    job = client.start(("ID", BIG), ("FORMAT", "CDF"))
    client.done(job)
    address = f"{job}/results/result"
    whole = client.get(address)
    assert int(whole.headers["Content-Length"]) == len(whole.body) > RECORDS * 32
    part = client.get(address, Range="bytes=1000-1999", If_Range=whole.headers["ETag"])
    assert (part.status, part.body) == (206, whole.body[1000:2000])
    assert client.get(address, If_None_Match=whole.headers["ETag"]).status == 304
    assert f"{BIG}.cdf" in whole.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([], "ID is missing"),
        ([("ID", DAY), ("START", "yesterday")], "yesterday"),
        ([("ID", DAY), ("TIME", "57753")], "TIME must be two numbers"),
        ([("ID", DAY), ("FORMAT", "votabel")], "Did you mean 'votable'"),
        ([("ID", DAY), ("FORMAT", "CSV"), ("FORMAT", "CDF")], "FORMAT: 2 values are given, but one is supported here."),
        (
            [
                ("ID", DAY),
                ("START", HOUR[0]),
                ("START", HOUR[1]),
                ("START", HOUR[1]),
                ("STOP", HOUR[1]),
                ("STOP", "2018-01-01"),
            ],
            "3 START and 2 STOP are given",
        ),
        ([("ID", DAY), ("TIME", "57753 57754"), ("START", HOUR[0])], "TIME and START/STOP both bound"),
        ([("ID", f"x{n}") for n in range(101)] + several(10), "101 identifiers and 10 intervals make 1,010 cut-outs"),
    ],
)
def test_wrong_parameters_are_one_sentence(client: Soda, pairs: list[tuple[str, str]], sentence: str) -> None:
    job = client.start(*pairs)
    assert client.until(job, "ERROR", "COMPLETED") == "ERROR"
    assert sentence in message(client.document(job))
    error = client.get(f"{job}/error")
    assert error.headers["Content-Type"].startswith("text/plain")
    assert error.text.startswith("Error: ")
    assert error.text.count("\n") == 1


def test_jobs_of_one_kind_are_not_those_of_the_other(working: Place, client: Soda) -> None:
    job = client.start(("ID", DAY), ("STOP", "2016-12-31T00:00:40"), ("FORMAT", "CSV"))
    client.done(job)
    name = job.rpartition("/")[2]
    assert client.get(f"{working.server.tap}/async/{name}").status == 404
    assert name in client.get(client.list).text


def test_a_file_that_is_gone_is_one_result(place: Place, client: Soda) -> None:
    path = place.file(GRANULES[1])
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        job = client.start(
            ("ID", BIG), ("ID", "big_field_20151205"), ("FORMAT", "CSV"), ("STOP", "2015-12-05T00:00:00")
        )
        client.done(job)
        assert len(rows(client.result(job, "result1"))) == RECORDS
        assert client.result(job, "result2").startswith(
            b"ServiceUnavailable: big_field_20151205.cdf is no longer in the archive"
        )
    finally:
        aside.rename(path)


@pytest.mark.shared
def test_documents_are_valid(working: Place, client: Soda, shared: Path) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared / "standards" / "schemas" / "local" / "UWS-v1.1.xsd")))
    job = client.start(("ID", DAY), ("ID", NEXT), ("STOP", "2016-12-31T00:00:40"))
    client.done(job)
    for path in (job, f"{job}/parameters", f"{job}/results", client.list):
        schema.assertValid(etree.fromstring(client.get(path).body))
    umbrella = etree.XMLSchema(etree.parse(str(shared / "standards" / "schemas" / "local" / "umbrella-vosi.xsd")))
    base = f"{working.server.base}/datalink/soda"
    for name in ("capabilities", "availability"):
        umbrella.assertValid(etree.fromstring(client.get(f"{base}/{name}").body))
    document = etree.fromstring(client.get(f"{base}/capabilities").body)
    for mode in ("sync", "async"):
        (one,) = document.iterfind(f"capability[@standardID='ivo://ivoa.net/std/SODA#{mode}-1.0']")
        assert one.findtext("interface/accessURL") == f"{base}/{mode}"
    assert client.get(f"{base}/availability").text.count("available>true</") == 1


# -- limits ------------------------------------------------------------------------------------------------------------


def test_what_is_too_large_for_sync_is_sent_to_async(place: Place, tmp_path: Path) -> None:
    with serve(place.database, tmp_path / "home", job_workers="0", soda_sync_bytes="1000000") as server:
        query = urllib.parse.urlencode({"ID": BIG, "FORMAT": "CSV"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.base}/datalink/soda/sync?{query}", timeout=60)
        with caught.value as failure:
            text = failure.read().decode()
        assert failure.code == 400
        assert text.startswith(f"UsageError: The cut-out would hold {RECORDS * 32:,} bytes, more than the 1,000,000")
        assert f"post the same request to {server.base}/datalink/soda/async" in text
