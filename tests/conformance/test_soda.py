"""Cut-outs as clients use them: pyvo from query to values, formats, intervals, and everything that can be wrong."""

from __future__ import annotations

import csv
import io
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycdfpp
import pytest
import pyvo
from astropy.io import votable

from epntap.db.pool import Database
from ingest.demo.archive import write_sample_archive
from ingest.pipeline import ingest_service
from tests.support.databases import clone_database, drop_database
from tests.support.server import Server, serve
from voserver.operating.demo import demo_definition

MAG = "syna-mag_20161231"


def get(address: str, **params: str) -> tuple[int, str, bytes]:
    """Status, content type and body."""
    query = urllib.parse.urlencode(params)
    try:
        with urllib.request.urlopen(f"{address}?{query}" if query else address, timeout=60) as answer:
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    except urllib.error.HTTPError as failure:
        with failure:
            return failure.code, failure.headers.get("Content-Type", ""), failure.read()


def soda(served: Server, **params: str) -> tuple[int, str, bytes]:
    return get(f"{served.base}/datalink/soda/sync", **params)


def csv_rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def test_the_leap_second_is_cut_like_any_other(served: Server) -> None:
    def times(uid: str, start: str, stop: str) -> list[str]:
        status, _, body = soda(served, ID=uid, START=start, STOP=stop, FORMAT="csv")
        return [row["Epoch"][:19] for row in csv_rows(body)] if status == 200 else []

    # 61 seconds: a record every 4 s from 23:59:00 on falls on the leap second, and days begin anew after it
    assert times(MAG, "2016-12-31T23:59:52", "2017-01-01T00:00:00") == [
        "2016-12-31T23:59:52",
        "2016-12-31T23:59:56",
        "2016-12-31T23:59:60",
    ]
    assert times(MAG, "2016-12-31T23:59:60", "2017-01-01T00:00:00") == ["2016-12-31T23:59:60"]
    assert times(MAG, "2016-12-31T23:59:56", "2016-12-31T23:59:60") == ["2016-12-31T23:59:56"]


def test_time_is_closed_and_start_stop_is_not(served: Server) -> None:
    # 2016-12-30T12:00:00 is MJD 57752.5; the magnetometer has a record every 4 s
    _, _, half_open = soda(
        served, ID="syna-mag_20161230", START="2016-12-30T12:00:00", STOP="2016-12-30T12:01:00", FORMAT="csv"
    )
    times = [row["Epoch"] for row in csv_rows(half_open)]
    first, last = "57752.5", f"{57752.5 + 56 / 86400:.12f}"
    _, _, closed = soda(served, ID="syna-mag_20161230", TIME=f"{first} {last}", FORMAT="csv")
    assert len(times) == 15
    assert len(csv_rows(closed)) in {14, 15}  # the last instant has no exact decimal MJD
    _, _, everything = soda(served, ID="syna-mag_20161230", TIME="-Inf +Inf", FORMAT="csv")
    _, _, whole = get(f"{served.base}/data/syna-mag_20161230.csv")
    assert everything == whole


def test_the_newest_version_is_served(served: Server) -> None:
    _, _, body = get(f"{served.base}/data/syna-mag_20161230.cdf")
    assert pycdfpp.load(body).attributes["Logical_file_id"][0].endswith("_v02")


def test_whole_granules_by_address(served: Server) -> None:
    counts = set()
    for extension, media_type in (("cdf", "application/x-cdf"), ("vot", "application/x-votable"), ("csv", "text/csv")):
        status, content_type, body = get(f"{served.base}/data/synb-mom_20170103.{extension}")
        assert status == 200
        assert content_type.startswith(media_type)
        if extension == "cdf":
            counts.add(len(pycdfpp.load(body)["Epoch"].values))
        elif extension == "vot":
            counts.add(len(votable.parse(io.BytesIO(body)).get_first_table().array))
        else:
            counts.add(len(csv_rows(body)))
    assert len(counts) == 1


def test_names_that_amda_users_know(served: Server) -> None:
    ours = soda(served, ID=MAG, START="2016-12-31T01:00:00", STOP="2016-12-31T02:00:00", FORMAT="CSV")
    theirs = soda(
        served,
        datasetID=MAG,
        startTime="2016-12-31T01:00:00.000",
        stopTime="2016-12-31 02:00:00Z",
        outputFormat="ASCII",
    )
    assert ours == theirs
    by_dataset = soda(
        served,
        datasetID="syna-mag",
        startTime="2016-12-31T01:00:00",
        stopTime="2016-12-31T02:00:00",
        outputFormat="CSV",
    )
    assert by_dataset == ours


def test_a_dataset_is_joined_over_days(served: Server) -> None:
    _, _, body = soda(
        served, datasetID="synb-mom", START="2016-12-31T22:00:00", STOP="2017-01-01T02:00:00", FORMAT="CSV"
    )
    times = [row["Epoch"] for row in csv_rows(body)]
    assert times == sorted(set(times))
    assert times[0].startswith("2016-12-31T22:00")
    assert times[-1].startswith("2017-01-01T01:59")


@pytest.mark.parametrize("descriptor", ["soda", "amda"])
def test_pyvo_from_query_to_values(served: Server, descriptor: str) -> None:
    service = pyvo.dal.TAPService(served.tap)
    result = service.search(f"SELECT granule_uid, time_min FROM amdadb.epn_core WHERE granule_uid = '{MAG}'")
    links = next(iter(result.iter_datalinks()))
    row = next(link for link in links if link["service_def"] == descriptor)
    wanted = (
        {"START": "2016-12-31T10:00:00", "STOP": "2016-12-31T11:00:00", "FORMAT": "CDF"}
        if descriptor == "soda"
        else {"startTime": "2016-12-31T10:00:00", "stopTime": "2016-12-31T11:00:00", "outputFormat": "CDF_ISTP"}
    )
    with row.process(**wanted) as stream:
        cut = pycdfpp.load(stream.read())
    with urllib.request.urlopen(f"{served.base}/data/{MAG}.cdf") as answer:
        whole = pycdfpp.load(answer.read())
    times = pycdfpp.to_datetime64(whole["Epoch"])
    keep = (times >= np.datetime64("2016-12-31T10:00:00")) & (times < np.datetime64("2016-12-31T11:00:00"))
    name = next(name for name in whole if whole[name].values.ndim == 2 and len(whole[name].values) == len(times))
    assert keep.sum() == 900
    assert np.array_equal(cut[name].values, whole[name].values[keep])


@pytest.mark.parametrize(
    ("params", "status", "sentence"),
    [
        ({}, 400, "UsageError: ID is missing"),
        ({"ID": "nothing"}, 404, "UsageError: There is no granule 'nothing'"),
        ({"ID": "../../etc/passwd"}, 404, "UsageError: There is no granule"),
        ({"ID": "x" * 600}, 400, "UsageError: 'xxxx"),
        ({"ID": MAG, "START": "2017-01-02", "STOP": "2017-01-01"}, 400, "UsageError: STOP must be later than START"),
        ({"ID": MAG, "START": "2017-13-02"}, 400, "UsageError: START: expected a day of the calendar"),
        ({"ID": MAG, "START": "yesterday"}, 400, "UsageError: "),
        ({"ID": MAG, "START": "2016-12-30T23:59:60"}, 400, "UsageError: "),
        ({"ID": MAG, "TIME": "57753"}, 400, "UsageError: TIME must be two numbers"),
        ({"ID": MAG, "TIME": "57754 57753"}, 400, "UsageError: The second number of TIME"),
        ({"ID": MAG, "TIME": "57753 57754", "START": "2016-12-31"}, 400, "UsageError: TIME and START/STOP"),
        ({"ID": MAG, "FORMAT": "votabel"}, 400, "Did you mean 'votable'"),
        ({"ID": MAG, "FORMAT": "CSV", "COMPRESS": "1"}, 400, "UsageError: COMPRESS applies to CDF only"),
        ({"ID": MAG, "COMPRESS": "maybe"}, 400, "UsageError: COMPRESS must be 1 or 0"),
        ({"ID": MAG, "PARAMETERS": "B_GSEE"}, 400, "UsageError: PARAMETERS: "),
        ({"ID": MAG, "datasetID": MAG}, 400, "MultiValuedParamNotSupported: "),
        ({"ID": "sync-spec_20170101"}, 403, "AuthorizationError: "),
    ],
)
def test_a_wrong_request_is_one_sentence(served: Server, params: dict[str, str], status: int, sentence: str) -> None:
    found, content_type, body = soda(served, **params)
    text = body.decode()
    assert (found, content_type) == (status, "text/plain; charset=utf-8")
    assert sentence in text
    assert text.count("\n") == 1
    assert "Traceback" not in text


def test_no_record_in_the_interval_is_204(served: Server) -> None:
    status, _, body = soda(served, ID=MAG, START="2019-01-01", STOP="2019-01-02")
    assert (status, body) == (204, b"")


def test_a_day_without_a_file_says_so(served: Server) -> None:
    service = pyvo.dal.TAPService(served.tap)
    result = service.search(
        "SELECT granule_uid FROM amdadb.epn_core WHERE access_url IS NULL AND dataset_id <> 'sync-spec'"
    )
    assert len(result) > 0
    for uid in result["granule_uid"]:
        status, _, body = get(f"{served.base}/data/{uid}.csv")
        assert status == 404
        assert b"No file of the dataset" in body


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "nothing.cdf", f"{MAG}.exe", f"{MAG}", "%00.cdf"])
def test_addresses_that_lead_nowhere(served: Server, name: str) -> None:
    status, _, body = get(f"{served.base}/data/{name}")
    assert status in {400, 404}
    assert b"Traceback" not in body


@dataclass(frozen=True)
class Archive:
    server: Server
    root: Path

    def file(self, pattern: str) -> Path:
        return next(iter(sorted((self.root / "cdf").rglob(pattern))))


@pytest.fixture
def archive(postgres_server: Database, template_database: str, tmp_path: Path) -> Iterator[Archive]:
    """A server over an archive of the test's own, to be damaged."""
    database = clone_database(postgres_server, "soda", template_database)
    root = tmp_path / "archive"
    write_sample_archive(root)
    ingest_service(demo_definition(root), database)
    with serve(database, tmp_path / "home") as server:
        yield Archive(server, root)
    drop_database(postgres_server, database)


def test_files_that_changed_after_indexing(archive: Archive) -> None:
    def fetch(uid: str) -> tuple[int, str]:
        status, _, body = get(f"{archive.server.base}/data/{uid}.csv")
        return status, body.decode()[:200]

    archive.file("syna_l2_mom_20170101*").unlink()
    replaced = archive.file("syna_l2_mom_20170102*")
    shutil.copyfile(archive.file("syna_l2_mom_20170103*"), replaced)
    outside = archive.root.parent / "outside.cdf"
    linked = archive.file("syna_l2_mom_20170104*")
    linked.rename(outside)
    linked.symlink_to(outside)
    cut_short = archive.file("syna_l2_mom_20161229*")
    before = cut_short.stat()
    with cut_short.open("r+b") as file:  # same size and time, other content
        file.seek(0)
        file.write(b"\x00" * 64)
    os.utime(cut_short, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert fetch("syna-mom_20170101")[0] == 503
    assert "is no longer in the archive" in fetch("syna-mom_20170101")[1]
    assert fetch("syna-mom_20170102")[0] == 503
    assert "has changed since it was indexed" in fetch("syna-mom_20170102")[1]
    assert fetch("syna-mom_20170104")[0] == 403
    assert "leads out of the archive" in fetch("syna-mom_20170104")[1]
    assert fetch("syna-mom_20161229")[0] == 500
    assert "is not a CDF file" in fetch("syna-mom_20161229")[1]
    # neighbours are still served, and all of them still have links
    assert fetch("syna-mom_20170103")[0] == 200
    names = [f"syna-mom_201701{day:02d}" for day in (1, 2, 3, 4)]
    query = urllib.parse.urlencode([("ID", name) for name in names])
    _, _, body = get(f"{archive.server.base}/datalink/links?{query}")
    assert all(name.encode() in body for name in names)
