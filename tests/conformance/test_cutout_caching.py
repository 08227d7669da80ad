"""Cut-outs and caches: a version has one name and the same bytes, parts of it can be asked for, HEAD says its size."""

from __future__ import annotations

import os
import urllib.error
import urllib.parse
import urllib.request
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from epntap.db.pool import Database
from ingest.demo.archive import write_sample_archive
from ingest.pipeline import ingest_service
from tests.support.databases import clone_database, drop_database
from tests.support.server import Server, serve
from voserver.operating.demo import demo_definition

HOUR = {"ID": "syna-mag_20161231", "START": "2016-12-31T01:00:00", "STOP": "2016-12-31T02:00:00"}
SIZED = ["CDF", "CDF&COMPRESS=1"]
STREAMED = ["VOTable", "votable/b2", "CSV", "TXT"]


def get(
    server: Server, form: str = "CSV", method: str = "GET", headers: dict[str, str] | None = None, **params: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    address = f"{server.base}/datalink/soda/sync?{urllib.parse.urlencode(HOUR | params)}&FORMAT={form}"
    request = urllib.request.Request(address, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as failure:
        with failure:
            return failure.code, dict(failure.headers), failure.read()


@pytest.mark.parametrize("form", SIZED + STREAMED)
def test_two_requests_have_the_same_bytes_and_the_same_name(served: Server, form: str) -> None:
    (_, one, body), (_, other, again) = get(served, form), get(served, form)
    assert body == again
    assert one["ETag"] == other["ETag"]
    assert parsedate_to_datetime(one["Last-Modified"]) == parsedate_to_datetime(other["Last-Modified"])


def test_whatever_differs_has_another_name(served: Server) -> None:
    wanted = [get(served, form)[1]["ETag"] for form in SIZED + STREAMED]
    wanted += [get(served, START="2016-12-31T01:00:01")[1]["ETag"], get(served, PARAMETERS="Epoch")[1]["ETag"]]
    assert len(set(wanted)) == len(wanted)


@pytest.mark.parametrize("form", SIZED + STREAMED)
def test_what_a_client_has_is_not_sent_again(served: Server, form: str) -> None:
    _, headers, _ = get(served, form)
    for condition in (
        {"If-None-Match": headers["ETag"]},
        {"If-None-Match": f'"other", {headers["ETag"]}'},
        {"If-Modified-Since": headers["Last-Modified"]},
    ):
        status, found, body = get(served, form, headers=condition)
        assert (status, body, found["ETag"]) == (304, b"", headers["ETag"])
    for condition in ({"If-None-Match": '"other"'}, {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}):
        assert get(served, form, headers=condition)[0] == 200


def test_an_original_file_is_not_sent_again(served: Server) -> None:
    with urllib.request.urlopen(f"{served.base}/data/{HOUR['ID']}.cdf") as answer:
        tag = answer.headers["ETag"]
    request = urllib.request.Request(f"{served.base}/data/{HOUR['ID']}.cdf", headers={"If-None-Match": tag})
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(request)
    assert failure.value.code == 304
    failure.value.close()


@pytest.mark.parametrize("form", SIZED)
def test_parts_of_what_has_a_size(served: Server, form: str) -> None:
    _, headers, whole = get(served, form)
    assert headers["Accept-Ranges"] == "bytes"
    assert int(headers["Content-Length"]) == len(whole)
    for asked, expected in (
        ("bytes=100-299", whole[100:300]),
        ("bytes=1000-", whole[1000:]),
        ("bytes=-500", whole[-500:]),
    ):
        status, found, part = get(served, form, headers={"Range": asked, "If-Range": headers["ETag"]})
        assert (status, part, int(found["Content-Length"])) == (206, expected, len(expected))
    status, _, part = get(served, form, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (status, part) == (200, whole)
    assert get(served, form, headers={"Range": f"bytes={len(whole)}-"})[0] == 416


@pytest.mark.parametrize("form", SIZED + STREAMED)
def test_head_says_what_get_would(served: Server, form: str) -> None:
    (_, asked, nothing), (_, got, _) = get(served, form, "HEAD"), get(served, form)
    assert nothing == b""
    same = ("Content-Type", "Content-Length", "ETag", "Last-Modified", "Content-Disposition")
    assert [asked.get(name) for name in same] == [got.get(name) for name in same]


def test_a_new_version_of_a_file_is_a_new_answer(
    postgres_server: Database, template_database: str, tmp_path: Path
) -> None:
    database = clone_database(postgres_server, "caching", template_database)
    root = tmp_path / "archive"
    write_sample_archive(root)
    ingest_service(demo_definition(root), database)
    with serve(database, tmp_path / "home") as server:
        _, before, _ = get(server)
        (path,) = (root / "cdf").rglob("syna_l2_mag_20161231*")
        os.utime(path)
        ingest_service(demo_definition(root), database)
        status, after, _ = get(server, headers={"If-None-Match": before["ETag"]})
        assert status == 200
        assert after["ETag"] != before["ETag"]
        assert parsedate_to_datetime(after["Last-Modified"]) >= parsedate_to_datetime(before["Last-Modified"])
    drop_database(postgres_server, database)
