"""Many cut-outs in one answer: read by other programs, true to single cut-outs, and never silently short."""

from __future__ import annotations

import csv
import hashlib
import http.client
import io
import shutil
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pycdfpp
import pytest

from epntap.db.pool import Database
from tests.support.long_series import GRANULES, RECORDS, Place, long_series
from tests.support.processes import children_of, command_of, grandchildren_of
from tests.support.server import Server, serve

DAYS = [f"syna-mag_201612{day}" for day in (29, 30, 31)]
HOUR = [("START", "2016-12-30T10:00:00"), ("STOP", "2016-12-31T02:00:00")]


def fetch(server: Server, *pairs: tuple[str, str], method: str = "POST") -> bytes:
    body = urllib.parse.urlencode(pairs)
    address = f"{server.base}/datalink/bulk"
    request = (
        urllib.request.Request(address, body.encode())
        if method == "POST"
        else urllib.request.Request(f"{address}?{body}", method=method)
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return bytes(answer.read())


def refusal(server: Server, *pairs: tuple[str, str]) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(server, *pairs)
    with caught.value as failure:
        return failure.code, failure.read().decode()


def unzip(body: bytes) -> tuple[dict[str, bytes], list[dict[str, str]]]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    return files, index_of(files.pop("index.csv"))


def index_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def sync(server: Server, *pairs: tuple[str, str]) -> bytes:
    with urllib.request.urlopen(f"{server.base}/datalink/soda/sync?{urllib.parse.urlencode(pairs)}") as answer:
        return bytes(answer.read())


@pytest.fixture(scope="module")
def place(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """One web process, so that what it does can be seen."""
    root = tmp_path_factory.mktemp("bulk")
    with long_series(postgres_server, template_database, root, job_workers="0", workers="1") as place:
        yield place


@pytest.mark.parametrize("wanted", ["CSV", "CDF", "VOTable"])
def test_members_are_the_single_cut_outs(served: Server, wanted: str) -> None:
    extension = {"CSV": "csv", "CDF": "cdf", "VOTable": "vot"}[wanted]
    files, index = unzip(fetch(served, *(("ID", day) for day in DAYS), *HOUR, ("FORMAT", wanted)))
    assert sorted(files) == [f"{day}.{extension}" for day in DAYS[1:]]
    for name, content in files.items():
        assert content == sync(served, ("ID", name.partition(".")[0]), *HOUR, ("FORMAT", wanted))
    assert [(line["granule_uid"], line["status"]) for line in index] == [
        (DAYS[0], "EMPTY"),
        (DAYS[1], "OK"),
        (DAYS[2], "OK"),
    ]
    for line in index[1:]:
        content = files[line["name"]]
        assert int(line["bytes"]) == len(content)
        assert line["sha256"] == hashlib.sha256(content).hexdigest()
        assert line["crc32"] == f"{zlib.crc32(content):08x}"
    assert [line["records"] for line in index] == ["", str(14 * 900), "1800"]
    assert [line["start"][:19] for line in index[1:]] == ["2016-12-30T10:00:00", "2016-12-31T00:00:00"]


def test_from_a_query(served: Server) -> None:
    query = "SELECT time_min, granule_uid FROM amdadb.epn_core WHERE dataset_id = 'syna-mag' AND access_url IS NOT NULL"
    with urllib.request.urlopen(
        f"{served.tap}/sync?{urllib.parse.urlencode({'LANG': 'ADQL', 'QUERY': query, 'FORMAT': 'csv'})}"
    ) as answer:
        expected = [line["granule_uid"] for line in csv.DictReader(io.StringIO(answer.read().decode()))]
    assert len(expected) > 3
    files, index = unzip(fetch(served, ("QUERY", query), ("FORMAT", "CDF"), method="GET"))
    assert [line["granule_uid"] for line in index] == expected
    assert all(line["status"] == "OK" for line in index)
    for content in files.values():
        assert len(pycdfpp.load(content)["Epoch"].values)


@pytest.mark.parametrize("packing", ["zip", "tar"])
def test_other_programs_read_it(served: Server, tmp_path: Path, packing: str) -> None:
    body = fetch(served, *(("ID", day) for day in DAYS), ("FORMAT", "CSV"), ("RESPONSEFORMAT", packing))
    path = tmp_path / f"cutouts.{packing}"
    path.write_bytes(body)
    if packing == "tar":
        subprocess.run(["tar", "-xf", path], cwd=tmp_path, check=True)
        with tarfile.open(path) as archive:
            assert [member.name for member in archive] == [*(f"{day}.csv" for day in DAYS), "index.csv"]
    elif shutil.which("unzip"):
        subprocess.run(["unzip", "-q", path], cwd=tmp_path, check=True)
    else:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path)
    index = index_of((tmp_path / "index.csv").read_bytes())
    assert len(index) == 3
    for line in index:
        assert hashlib.sha256((tmp_path / line["name"]).read_bytes()).hexdigest() == line["sha256"]


def test_what_is_wrong_with_one_is_in_the_index(served: Server) -> None:
    wanted = [DAYS[0], "no-such-granule", "sync-spec_20170101", DAYS[1], 'a,"b"', DAYS[1]]
    files, index = unzip(fetch(served, *(("ID", one) for one in wanted), ("FORMAT", "CSV")))
    assert [(line["granule_uid"], line["status"]) for line in index] == [
        (DAYS[0], "OK"),
        ("no-such-granule", "UsageError"),
        ("sync-spec_20170101", "AuthorizationError"),
        (DAYS[1], "OK"),
        ('a,"b"', "UsageError"),
    ]
    assert "There is no granule 'no-such-granule'" in index[1]["message"]
    assert sorted(files) == [f"{DAYS[0]}.csv", f"{DAYS[1]}.csv"]


def test_several_intervals_have_names_of_their_own(served: Server) -> None:
    pairs = [("ID", DAYS[0]), ("FORMAT", "CSV")]
    for hour in (1, 2, 3):
        pairs += [("START", f"2016-12-29T0{hour}:00:00"), ("STOP", f"2016-12-29T0{hour}:00:40")]
    files, _ = unzip(fetch(served, *pairs))
    assert sorted(files) == [f"{DAYS[0]}_20161229T0{hour}0000_20161229T0{hour}0040.csv" for hour in (1, 2, 3)]
    assert [content.count(b"\n") for content in files.values()] == [11, 11, 11]


@pytest.mark.parametrize("tool", ["manifest", "aria2", "curl"])
def test_manifests_lead_to_the_same_files(served: Server, tmp_path: Path, tool: str) -> None:
    pairs = [("ID", DAYS[1]), ("ID", DAYS[2]), *HOUR, ("FORMAT", "CSV")]
    text = fetch(served, *pairs, ("RESPONSEFORMAT", tool)).decode()
    if tool == "curl" and shutil.which("curl"):
        subprocess.run(["curl", "--silent", "--fail", "-K", "-"], input=text.encode(), cwd=tmp_path, check=True)
        found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    else:
        lines = [line.strip() for line in text.splitlines()]
        addresses = [line.removeprefix("url = ").strip('"') for line in lines if "http" in line]
        names = [line.partition("=")[2].strip(' "') for line in lines if line.startswith(("out=", "output"))]
        names = names or [f"{day}.csv" for day in DAYS[1:]]
        found = {}
        for name, address in zip(names, addresses, strict=True):
            with urllib.request.urlopen(address) as answer:
                found[name] = answer.read()
                assert name in answer.headers["Content-Disposition"]
    assert found == unzip(fetch(served, *pairs))[0]


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([], "UsageError: ID or QUERY is missing"),
        ([("ID", DAYS[0]), ("QUERY", "SELECT granule_uid FROM amdadb.epn_core")], "QUERY and ID both name granules"),
        (
            [("QUERY", "SELECT obs_id FROM amdadb.epn_core")],
            "QUERY must have a column granule_uid in its answer, but has obs_id",
        ),
        ([("QUERY", "SELECT granule_uid FORM amdadb.epn_core")], "expected FROM but found 'amdadb'"),
        ([("QUERY", "SELECT granule_uid FROM amdadb.epn_core WHERE 1 = 0")], "The query finds no granule"),
        ([("ID", DAYS[0]), ("RESPONSEFORMAT", "rar")], "expected one of zip, tar, manifest, aria2, curl"),
        ([("ID", DAYS[0]), ("FORMAT", "votabel")], "Did you mean 'votable'"),
        ([("ID", DAYS[0]), ("START", "yesterday")], "yesterday"),
        ([("ID", f"x{n}") for n in range(5001)], "5,001 cut-outs, but one request makes 5,000 at most"),
    ],
)
def test_a_wrong_request_is_one_sentence(served: Server, pairs: list[tuple[str, str]], sentence: str) -> None:
    status, text = refusal(served, *pairs)
    assert status == 400
    assert sentence in text
    assert text.count("\n") == 1


def test_limits(place: Place, tmp_path: Path) -> None:
    settings = {"bulk_members": "3", "bulk_bytes": "20000000", "soda_sync_bytes": "10000000"}
    with serve(place.database, tmp_path / "home", job_workers="0", workers="1", **settings) as server:
        status, text = refusal(server, ("QUERY", "SELECT granule_uid FROM amdadb.epn_core"))
        assert (status, "QUERY finds more than the 3 rows" in text) == (400, True)
        files, index = unzip(fetch(server, *(("ID", one) for one in GRANULES), ("FORMAT", "CDF")))
    assert [line["status"] for line in index] == ["OK", "OK", "UsageError"]
    assert len(files) == 2
    assert "more than the 800,000 that are left of the 20,000,000 of one bulk request" in index[2]["message"]


# -- faults ------------------------------------------------------------------------------------------------------------


def test_a_file_removed_after_indexing(place: Place) -> None:
    path = place.file(GRANULES[1])
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        files, index = unzip(fetch(place.server, *(("ID", one) for one in GRANULES), ("FORMAT", "CDF")))
    finally:
        aside.rename(path)
    assert [line["status"] for line in index] == ["OK", "ServiceUnavailable", "OK"]
    assert "is no longer in the archive" in index[1]["message"]
    assert sorted(files) == [f"{GRANULES[0]}.cdf", f"{GRANULES[2]}.cdf"]
    assert np.array_equal(
        np.asarray(pycdfpp.load(files[f"{GRANULES[2]}.cdf"])["B"].values).ravel(),
        np.arange(2 * RECORDS * 3, 3 * RECORDS * 3, dtype=np.float64),
    )


def descendants(place: Place) -> list[psutil.Process]:
    """Processes that make cut-outs for the web process: children of the one that they are forked from."""
    web = [one for one in children_of(place.server.pid) if "cutouts.processes.child" not in command_of(one)]
    return [cutter for one in web for cutter in grandchildren_of(one.pid)]


def until_idle(place: Place, within_s: float = 10) -> float:
    started = time.monotonic()
    while descendants(place):
        assert time.monotonic() - started < within_s
        time.sleep(0.02)
    return time.monotonic() - started


def spooled(place: Place) -> list[str]:
    """Files that a process holds open in the spool folder, which have no name any more."""
    found = []
    for one in children_of(place.server.pid):
        for link in Path(f"/proc/{one.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                found.append(str(link.readlink()))
    return [name for name in found if "/spool/" in name]


def test_a_process_killed_in_the_middle_is_in_the_index(place: Place) -> None:
    until_idle(place)
    body = urllib.parse.urlencode([*(("ID", one) for one in GRANULES), ("FORMAT", "CSV")])
    connection = http.client.HTTPConnection("127.0.0.1", place.server.port, timeout=60)
    with socket.create_connection(("127.0.0.1", place.server.port)):
        connection.request("POST", "/datalink/bulk", body, {"Content-Type": "application/x-www-form-urlencoded"})
        deadline = time.monotonic() + 20
        while not descendants(place):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        for cutter in descendants(place):
            cutter.kill()
        files, index = unzip(connection.getresponse().read())
    connection.close()
    assert [line["status"] for line in index].count("OK") == len(files) == 2
    assert [line["message"] for line in index if line["status"] == "Error"] == [
        "The process that made this cut-out has ended unexpectedly; please ask for it again."
    ]


def test_a_client_that_leaves_ends_the_work(place: Place) -> None:
    until_idle(place)
    body = urllib.parse.urlencode([*(("ID", one) for one in GRANULES), ("FORMAT", "VOTable")])
    connection = http.client.HTTPConnection("127.0.0.1", place.server.port, timeout=60)
    connection.request("POST", "/datalink/bulk", body, {"Content-Type": "application/x-www-form-urlencoded"})
    connection.getresponse().read(100_000)
    assert descendants(place)
    connection.close()
    print(f"client gone: the process was gone after {until_idle(place):.2f} s")
    deadline = time.monotonic() + 10
    while spooled(place):
        assert time.monotonic() < deadline, spooled(place)
        time.sleep(0.05)


def test_a_client_that_leaves_before_the_first_byte_ends_a_single_cut_out_too(place: Place) -> None:
    until_idle(place)
    query = urllib.parse.urlencode({"ID": "big_field", "FORMAT": "CSV"})
    connection = http.client.HTTPConnection("127.0.0.1", place.server.port, timeout=60)
    connection.request("GET", f"/datalink/soda/sync?{query}")
    deadline = time.monotonic() + 20
    while not descendants(place):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    connection.close()
    print(f"client gone: the process was gone after {until_idle(place):.2f} s")


def test_a_broken_stream_is_noticed(place: Place) -> None:
    """The web process goes while it sends: there is no last chunk, and what has arrived is no archive."""
    until_idle(place)
    body = urllib.parse.urlencode([*(("ID", one) for one in GRANULES), ("FORMAT", "CDF")])
    connection = http.client.HTTPConnection("127.0.0.1", place.server.port, timeout=60)
    connection.request("POST", "/datalink/bulk", body, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    assert answer.headers["Transfer-Encoding"] == "chunked"
    received = answer.read(100_000)
    (web,) = (one for one in psutil.Process(place.server.pid).children() if one.is_running())
    web.kill()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    connection.close()
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(received))
    deadline = time.monotonic() + 20
    while True:  # another takes its place
        try:
            assert fetch(place.server, ("ID", DAYS[0]), ("RESPONSEFORMAT", "manifest"))
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            break


def test_no_room_to_put_members_aside(place: Place, tmp_path: Path) -> None:
    command = ["prlimit", "--fsize=9000000", "--pid"]
    if not shutil.which("prlimit"):
        pytest.skip("no prlimit")
    with serve(place.database, tmp_path / "home", job_workers="0", workers="1") as server:
        for process in children_of(server.pid, recursive=True):
            # one that is forked from the others later has their limits; one that has ended meanwhile needs none
            limited = subprocess.run([*command, str(process.pid)], check=False)
            assert limited.returncode == 0 or not process.is_running()
        files, index = unzip(fetch(server, ("ID", GRANULES[0]), ("ID", DAYS[0]), ("FORMAT", "CSV")))
    assert [line["status"] for line in index] == ["Error", "OK"]
    assert index[0]["message"].startswith("There is not enough room on the server to put big_field_20151201.csv aside")
    assert list(files) == [f"{DAYS[0]}.csv"]
