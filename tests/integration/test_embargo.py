"""A date of release that is declared closes the data until then and not longer; rows are seen all the time."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from astropy.io.votable import parse_single_table
from lxml import etree

from epntap.db.pool import Database
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, cdf, definition
from tests.support.databases import clone_database, drop_database
from tests.support.server import Server, serve

CLOSED, OPEN, PASSED, SOON = "syn_mag_20010102", "other_20010102", "old_20010102", "soon_20010102"
#: seconds after which the last of them opens: longer than all tests before it take
SOON_S = 45.0


def dated(pattern: str, instant: str) -> tuple[str, str]:
    return f'[datasets."{pattern}"]', f"release_date = {instant}"


@pytest.fixture(scope="module")
def opens_at() -> datetime:
    return (datetime.now(UTC) + timedelta(seconds=SOON_S)).replace(microsecond=0)


@pytest.fixture(scope="module")
def server(
    opens_at: datetime, postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    root: Path = tmp_path_factory.mktemp("embargo")
    for name, source in ((CLOSED, "syn_mag"), (OPEN, "other_mag"), (PASSED, "old_mag"), (SOON, "soon_mag")):
        cdf(root / f"cdf/{name}_v01.cdf", "2001-01-02T00:00:00", logical_source=source)
    told = (
        *dated("syn_mag", "2099-01-01"),
        *dated("old_mag", "2002-01-01"),
        *dated("soon_mag", f"{opens_at:%Y-%m-%dT%H:%M:%S}"),
    )
    database = clone_database(postgres_server, "embargo", template_database)
    ingest_service(definition(root, CDF_SOURCE, *told), database)
    with serve(database, tmp_path_factory.mktemp("home"), job_workers="1") as running:
        yield running
    drop_database(postgres_server, database)


def uid_of(server: Server, name: str) -> str:
    text = f"SELECT granule_uid FROM plasma.epn_core WHERE granule_uid LIKE '{name}%'"
    answer = requests.get(f"{server.tap}/sync", {"LANG": "ADQL", "FORMAT": "csv", "QUERY": text}, timeout=30)
    (uid,) = answer.text.split()[1:]
    return uid


def cut(server: Server, name: str) -> requests.Response:
    params = {"ID": uid_of(server, name), "SCHEMA": "plasma", "FORMAT": "csv"}
    return requests.get(f"{server.base}/datalink/soda/sync", params, timeout=30)


def links(server: Server, name: str) -> tuple[requests.Response, set[object]]:
    answer = requests.get(f"{server.base}/datalink/links", {"ID": uid_of(server, name), "SCHEMA": "plasma"}, timeout=30)
    array = parse_single_table(io.BytesIO(answer.content)).array
    of_data = [row for row in array if row["semantics"] in {"#this", "#cutout", "#proc"}]
    assert of_data
    return answer, {bool(row["link_authorized"]) for row in of_data}


def test_rows_are_seen_whatever_the_date(server: Server) -> None:
    for name in (CLOSED, OPEN, PASSED, SOON):
        assert uid_of(server, name)


def test_what_will_be_released_says_when(server: Server) -> None:
    answer = cut(server, CLOSED)
    assert answer.status_code == 403
    assert "will be public from 2099-01-01T00:00:00Z on" in answer.text


def test_every_way_to_the_data_is_closed(server: Server) -> None:
    uid = uid_of(server, CLOSED)
    for path in (f"/data/{uid}.cdf?SCHEMA=plasma", f"/data/{uid}.csv?SCHEMA=plasma"):
        assert requests.get(f"{server.base}{path}", timeout=30).status_code == 403
        assert requests.head(f"{server.base}{path}", timeout=30).status_code == 403
    bulk = requests.post(f"{server.base}/datalink/bulk", {"ID": uid, "SCHEMA": "plasma", "FORMAT": "CSV"}, timeout=30)
    with zipfile.ZipFile(io.BytesIO(bulk.content)) as archive:
        assert archive.namelist() == ["index.csv"]
        assert b"will be public from" in archive.read("index.csv")
    fields = {"ID": uid, "SCHEMA": "plasma", "FORMAT": "CSV", "PHASE": "RUN"}
    job = requests.post(f"{server.base}/datalink/soda/async", fields, timeout=30).url
    deadline = time.monotonic() + 60
    while (phase := requests.get(f"{job}/phase", {"WAIT": "5"}, timeout=30).text) in {"QUEUED", "EXECUTING"}:
        assert time.monotonic() < deadline
    assert phase == "COMPLETED"  # a job says of each cut-out why it could not be made
    results = etree.fromstring(requests.get(f"{job}/results", timeout=30).content)
    (result,) = (one.get("{http://www.w3.org/1999/xlink}href") for one in results.iterfind("{*}result"))
    assert result is not None
    assert "will be public from" in requests.get(result, timeout=30).text


def test_links_say_so_and_are_asked_for_again(server: Server) -> None:
    answer, authorized = links(server, CLOSED)
    assert authorized == {False}
    assert answer.headers["Cache-Control"] == "no-cache"
    assert links(server, OPEN)[1] == {True}


@pytest.mark.parametrize("name", [OPEN, PASSED])
def test_neither_a_passed_date_nor_a_default_closes(server: Server, name: str) -> None:
    assert cut(server, name).status_code == 200
    assert requests.get(f"{server.base}/data/{uid_of(server, name)}.cdf?SCHEMA=plasma", timeout=30).status_code == 200


def test_data_open_by_themselves(server: Server, opens_at: datetime) -> None:
    first, authorized = links(server, SOON)
    if datetime.now(UTC) < opens_at - timedelta(seconds=2):
        assert authorized == {False}
        assert cut(server, SOON).status_code == 403
    time.sleep(max(0.0, (opens_at - datetime.now(UTC)).total_seconds()) + 0.5)
    assert cut(server, SOON).status_code == 200
    again, authorized = links(server, SOON)
    assert authorized == {True}
    assert again.headers["ETag"] != first.headers["ETag"]
