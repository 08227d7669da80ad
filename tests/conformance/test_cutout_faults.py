"""What goes wrong while a cut-out is made: it is said or the connection breaks, and nothing is left behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from epntap.db.pool import Database
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from tests.bench.cutouts import write_day
from tests.support.databases import clone_database, drop_database
from tests.support.processes import children_of
from tests.support.server import Server, serve

_DEFINITION = """
[service]
schema = "files"
title = "Files to damage"
publisher = "test"

[[source]]
kind = "cdf-files"
path = "{path}"
granule = "file"
"""
DAY = "day_20200601"
STREAMED = ["CDF", "VOTable", "votable/b2", "CSV", "TXT"]
SPOOLED = ["PARQUET", "CDF&COMPRESS=1"]
#: where cut-outs are made: in a process of their own, as by default, or by a thread of the web server
PLACES = {"process": {}, "thread": {"soda_inline_bytes": "1000000000", "soda_inline_files_bytes": "1000000000"}}


@dataclass(frozen=True)
class Archive:
    server: Server
    file: Path

    def ask(self, form: str, *, minutes: int | None = None) -> Answer:
        """The whole day in a format, or its first minutes."""
        query = {"ID": DAY} | ({} if minutes is None else {"STOP": f"2020-06-01T00:{minutes:02}:00"})
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
        connection.request("GET", f"/datalink/soda/sync?{urllib.parse.urlencode(query)}&FORMAT={form}")
        return Answer(connection, connection.getresponse())

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(self.server.pid), *children_of(self.server.pid, recursive=True)]

    def holds(self) -> list[str]:
        """Files of the archive and spools that the processes of the server have open."""
        found = []
        for process in self.processes():
            for link in Path(f"/proc/{process.pid}/fd").glob("*"):
                try:
                    target = str(link.readlink())
                except OSError:
                    continue
                # a spool has no name: it is deleted from the start (gunicorn's own are of its heartbeat, with names)
                if self.file.name in target or (target.endswith("(deleted)") and "wgunicorn" not in target):
                    found.append(target)
        return found

    def is_idle(self) -> bool:
        return not self.holds() and not [one for one in self.processes() if _is_at_work(one)]


@dataclass(frozen=True)
class Answer:
    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse

    def finish(self) -> bytes:
        with closing(self.connection), self.response:
            return self.response.read()

    def refusal(self) -> tuple[int, bytes]:
        status = self.response.status
        return status, self.finish()


def _is_at_work(process: psutil.Process) -> bool:
    """Whether this is a fork that makes one cut-out: its parent has the same command."""
    try:
        parent = process.parent()
        return (
            "cutouts.processes.child" in process.cmdline()
            and parent is not None
            and parent.cmdline() == process.cmdline()
        )
    except psutil.NoSuchProcess:
        return False


def _wait_until(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pristine") / "day.cdf"
    write_day(path)
    return path


@pytest.fixture(scope="module", params=PLACES)
def served_file(
    request: pytest.FixtureRequest,
    postgres_server: Database,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    pristine: Path,
) -> Iterator[Archive]:
    """A server over one file of a million records, 20 MB."""
    database = clone_database(postgres_server, "faults", template_database)
    home = tmp_path_factory.mktemp("faults")
    folder = home / "archive"
    folder.mkdir()
    file = folder / f"{DAY}.cdf"
    file.write_bytes(pristine.read_bytes())
    definition = home / "files.toml"
    definition.write_text(_DEFINITION.format(path=folder))
    ingest_service(load_definition(definition), database)
    with serve(database, home, workers="1", **PLACES[request.param]) as server:
        yield Archive(server, file)
    drop_database(postgres_server, database)


@pytest.fixture
def archive(served_file: Archive, pristine: Path) -> Iterator[Archive]:
    """The same, whole again after each test: content and time are the indexed ones."""
    indexed_ns = served_file.file.stat().st_mtime_ns
    yield served_file
    served_file.file.write_bytes(pristine.read_bytes())
    os.utime(served_file.file, ns=(indexed_ns, indexed_ns))


@pytest.fixture(scope="module")
def expected(served_file: Archive) -> dict[str, bytes]:  # noqa: ARG001  # each server says its own address in them
    """The whole answers of one server, as they are wanted."""
    return {}


def _whole(archive: Archive, form: str, expected: dict[str, bytes]) -> bytes:
    if form not in expected:
        expected[form] = archive.ask(form).finish()
    return expected[form]


def _change_last_values(file: Path) -> None:
    with file.open("r+b") as handle:
        handle.seek(-4000, os.SEEK_END)
        handle.write(bytes(4000))


@pytest.mark.parametrize("form", STREAMED)
@pytest.mark.parametrize("damage", [_change_last_values, lambda file: os.truncate(file, 100_000)], ids=["write", "cut"])
def test_a_file_that_changes_while_it_is_read_breaks_the_answer(
    archive: Archive, expected: dict[str, bytes], form: str, damage: Callable[[Path], None]
) -> None:
    before = _whole(archive, form, expected)
    answer = archive.ask(form)
    assert answer.response.status == 200
    start = answer.response.read(100_000)
    damage(archive.file)
    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.finish()
    # what had been sent is of the one version
    got = start + broken.value.partial
    assert before.startswith(got)
    assert len(got) < len(before)
    status, sentence = archive.ask(form).refusal()
    assert (status, b"has changed since it was indexed" in sentence) == (503, True)
    _wait_until(archive.is_idle, archive.holds)


@pytest.mark.parametrize("form", ["CDF", "CSV", *SPOOLED])
def test_a_file_that_another_one_replaces_is_read_to_its_end(
    archive: Archive, expected: dict[str, bytes], form: str
) -> None:
    before = _whole(archive, form, expected)
    answer = archive.ask(form)
    start = answer.response.read(100_000)
    other = archive.file.with_name("other.part")
    other.write_bytes(bytes(archive.file.stat().st_size))
    other.replace(archive.file)
    assert start + answer.finish() == before
    status, sentence = archive.ask(form).refusal()
    assert (status, b"has changed since it was indexed" in sentence) == (503, True)


def test_a_file_that_is_gone_is_said_in_every_format(archive: Archive) -> None:
    indexed_ns = archive.file.stat().st_mtime_ns
    content = archive.file.read_bytes()
    archive.file.unlink()
    for form in STREAMED + SPOOLED:
        answer = archive.ask(form)
        assert answer.response.headers["Retry-After"]
        status, sentence = answer.refusal()
        assert status == 503
        assert sentence.startswith(b"ServiceUnavailable: day_20200601.cdf is no longer in the archive")
    archive.file.write_bytes(content)
    os.utime(archive.file, ns=(indexed_ns, indexed_ns))


def _limit_files(archive: Archive, most: int) -> None:
    for process in archive.processes():
        with contextlib.suppress(ProcessLookupError):  # one that has made its cut-out is replaced by another
            _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, hard))


def test_a_spool_without_room_is_said(archive: Archive) -> None:
    archive.ask("CSV").finish()  # or the process that is limited might not be there yet
    _limit_files(archive, 4_000_000)
    try:
        for form in SPOOLED:
            status, sentence = archive.ask(form).refusal()
            assert status == 503, form
            assert sentence.startswith(b"ServiceUnavailable: The server has no room left to prepare this answer")
        # what needs no room is not affected
        answer = archive.ask("CDF")
        assert answer.response.status == 200
        assert int(answer.response.headers["Content-Length"]) == len(answer.finish())
        _wait_until(archive.is_idle, archive.holds)
    finally:
        _limit_files(archive, resource.RLIM_INFINITY)


@pytest.mark.parametrize("form", ["CDF", "CSV", *SPOOLED])
def test_a_client_that_goes_leaves_nothing_behind(archive: Archive, form: str) -> None:
    answer = archive.ask(form)
    assert answer.response.status == 200
    answer.response.read(10_000)
    assert not archive.is_idle()
    answer.response.close()
    answer.connection.close()
    _wait_until(archive.is_idle, archive.holds)
    status, _ = archive.ask("CSV", minutes=1).refusal()
    assert status == 200
