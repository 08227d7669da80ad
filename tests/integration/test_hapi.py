"""HAPI by the test client: every row of the table of errors, metadata that agree, records in three forms that agree."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from flask.testing import FlaskClient
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7
from werkzeug.test import TestResponse

from epntap.db.pool import Database, Role, connect
from epntap.errors import UnavailableError
from epntap.settings import Settings
from hapiserver.status import MESSAGES
from tests.support.databases import clone_database, drop_database
from tests.support.hapi import FILL, HALF_SECOND, MODES, RECORDS, START, ingest_tree, random_targets, write_kinds
from tests.support.places import shared_directory
from voserver.wsgi import build_app

SPAN = {"start": "2016-12-31T23:58Z", "stop": "2017-01-01T00:02Z"}
NAMES = ["Time", "B", "flux", "flag", "big", "wide", "centre", "mode", "angle"]


@pytest.fixture(scope="module")
def published(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("hapi") / "cdf"
    write_kinds(folder)
    database = clone_database(postgres_server, "hapi", template_database)
    ingest_tree(folder, database)
    yield database
    drop_database(postgres_server, database)


@pytest.fixture(scope="module")
def client(published: Database, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return build_app(Settings(home=tmp_path_factory.mktemp("home")), published).test_client()


def get(client: FlaskClient, endpoint: str, **params: str) -> TestResponse:
    names = {"time_min": "time.min", "time_max": "time.max"}
    query = urlencode({names.get(name, name): value for name, value in params.items()})
    # buffered: the answer is closed when it is read, as a server does
    return client.get(f"/hapi/{endpoint}?{query}", buffered=True)


def data(client: FlaskClient, **params: str) -> TestResponse:
    return get(client, "data", **{"dataset": "kinds", **SPAN, **params})


# -- errors


@pytest.mark.parametrize(
    ("code", "endpoint", "params"),
    [
        (1400, "nothing", {}),
        (1400, "info", {}),
        (1400, "data", {"dataset": "kinds", "start": "2017Z"}),
        (1401, "info", {"dataset": "kinds", "unknown": "1"}),
        (1401, "about", {"unknown": "1"}),
        (1401, "capabilities", {"unknown": "1"}),
        (1401, "catalog", {"unknown": "1"}),
        (1401, "info", {"dataset": "kinds", "start": "2017Z"}),
        (1401, "info", {"Dataset": "kinds"}),
        (1402, "data", {"dataset": "kinds", "start": "yesterday", "stop": "2017Z"}),
        (1402, "data", {"dataset": "kinds", "start": "", "stop": "2017Z"}),
        (1402, "data", {"dataset": "kinds", "start": "2015-366Z", "stop": "2017Z"}),
        (1402, "data", {"dataset": "kinds", "start": "2016-12-31T23:59:61Z", "stop": "2017Z"}),
        (1402, "data", {"dataset": "kinds", "start": "2016-12-31T23:00:00+01:00", "stop": "2017Z"}),
        (1403, "data", {"dataset": "kinds", "start": "2016Z", "stop": "2016-02-30"}),
        (1403, "data", {"dataset": "kinds", "start": "2016Z", "stop": "2017-W01"}),
        (1404, "data", {"dataset": "kinds", "start": "2017Z", "stop": "2017-001Z"}),
        (1404, "data", {"dataset": "kinds", "start": "2018Z", "stop": "2017Z"}),
        (1405, "data", {"dataset": "kinds", "start": "1999Z", "stop": "2000Z"}),
        (1405, "data", {"dataset": "kinds", "start": "0000Z", "stop": "0001Z"} | {"stop": "1800Z"}),
        (1406, "info", {"dataset": "nobody"}),
        (1406, "data", {"id": "nobody", **SPAN}),
        (1407, "info", {"dataset": "kinds", "parameters": "B,nothing"}),
        (1407, "data", {"dataset": "kinds", "parameters": "b", **SPAN}),
        (1407, "data", {"dataset": "kinds", "parameters": "B,", **SPAN}),
        (1409, "data", {"dataset": "kinds", "format": "xml", **SPAN}),
        (1410, "data", {"dataset": "kinds", "include": "footer", **SPAN}),
        (1411, "data", {"dataset": "kinds", "parameters": "flux,B", **SPAN}),
        (1411, "info", {"dataset": "kinds", "parameters": "B,B"}),
        (1412, "info", {"dataset": "kinds", "resolve_references": "maybe"}),
        (1413, "catalog", {"depth": "other"}),
    ],
)
def test_every_error_has_its_status_and_message(
    client: FlaskClient, code: int, endpoint: str, params: dict[str, str]
) -> None:
    answer = get(client, endpoint, **params)
    http_status, message = MESSAGES[code]
    assert answer.status_code == http_status
    assert answer.status.endswith(f"HAPI {code} {message}")
    assert answer.mimetype == "application/json"
    body = answer.get_json()
    assert body["HAPI"] == "3.3"
    assert body["status"]["code"] == code
    assert body["status"]["message"].split(";")[0] == f"HAPI error {code}: {message}"
    for value in params.values():
        assert value in {"", "1", "B", "b", "2017Z", "kinds"} or value not in json.dumps(body), (
            "what was sent comes back"
        )


@pytest.mark.parametrize(
    ("endpoint", "params", "said"),
    [
        ("data", {"dataset": "kinds", "start": "yesterday", "stop": "2017Z"}, "; expected UTC as in 2016-12-31Z"),
        ("data", {"dataset": "kinds", **SPAN, "format": "xml"}, "; expected one of csv, binary, json"),
        ("info", {"dataset": "nobody"}, "; catalog lists those that are here"),
        ("info", {"dataset": "kinds", "parameter": "B"}, "; expected dataset, parameters, resolve_references"),
    ],
)
def test_a_message_says_what_is_expected(client: FlaskClient, endpoint: str, params: dict[str, str], said: str) -> None:
    assert said in get(client, endpoint, **params).get_json()["status"]["message"]


def test_a_name_given_twice_is_an_error(client: FlaskClient) -> None:
    assert client.get("/hapi/info?dataset=kinds&id=kinds").get_json()["status"]["code"] == 1400


def test_too_much_is_refused(published: Database, tmp_path: Path) -> None:
    small = build_app(Settings(home=tmp_path, hapi_bytes=1000), published).test_client()
    assert data(small).get_json()["status"]["code"] == 1408
    assert data(small, stop="2016-12-31T23:58:01Z").status_code == 200


def test_outside_the_message_tells_what_is_there(client: FlaskClient) -> None:
    message = data(client, start="1999Z", stop="2000Z").get_json()["status"]["message"]
    assert "2016-12-31T23:58:00.000000007Z" in message


def test_what_is_not_public_is_unknown(published: Database, tmp_path: Path) -> None:
    with connect(published, Role.OWNER, autocommit=True) as connection:
        connection.execute("UPDATE archive.dataset SET access_rights = 'Restricted'")
        try:
            client = build_app(Settings(home=tmp_path), published).test_client()
            assert get(client, "info", dataset="kinds").get_json()["status"]["code"] == 1406
            assert data(client).get_json()["status"]["code"] == 1406
            assert get(client, "catalog").get_json()["catalog"] == []
        finally:
            connection.execute("UPDATE archive.dataset SET access_rights = 'Open'")


def test_what_is_embargoed_is_not_there_until_it_is_released(published: Database, tmp_path: Path) -> None:
    with connect(published, Role.OWNER, autocommit=True) as connection:
        connection.execute(
            "UPDATE archive.file SET embargoed_until = '2999-01-01T00:00:00' WHERE path LIKE '%%1_v01.cdf'"
        )
        try:
            client = build_app(Settings(home=tmp_path), published).test_client()
            assert get(client, "info", dataset="kinds").get_json()["stopDate"] == "2016-12-31T23:59:59.500000007Z"
            assert len(data(client).data.splitlines()) == RECORDS
            connection.execute("UPDATE archive.file SET embargoed_until = NULL")
            connection.execute("UPDATE archive.dataset SET embargoed_until = '2999-01-01T00:00:00'")
            client = build_app(Settings(home=tmp_path), published).test_client()
            assert data(client).get_json()["status"]["code"] == 1406
        finally:
            connection.execute("UPDATE archive.file SET embargoed_until = NULL")
            connection.execute("UPDATE archive.dataset SET embargoed_until = NULL")


def check_random_requests(client: FlaskClient, seed: int, count: int) -> None:
    seen = set()
    for target in random_targets(seed, count):
        answer = client.get(target, buffered=True)
        assert answer.status_code in {200, 301, 400, 404}, target
        if answer.status_code == 301:
            continue
        found = re.search(r"HAPI (1[24]\d\d) ", f"{answer.status} ")
        assert found, (answer.status, target)
        code = int(found[1])
        assert MESSAGES[code][0] == answer.status_code, target
        if code >= 1400:
            assert answer.get_json()["status"]["code"] == code
        seen.add(code)
    assert {1200, 1201, 1400, 1401, 1402, 1403, 1404, 1405, 1406, 1407, 1409, 1410, 1411, 1412, 1413} - seen == set()


def test_random_requests_get_a_status_of_hapi(client: FlaskClient) -> None:
    check_random_requests(client, 16, 2000)


@pytest.mark.accept
def test_ten_thousand_random_requests_get_a_status_of_hapi(client: FlaskClient) -> None:
    check_random_requests(client, 17, 10_000)


# -- metadata


@pytest.mark.shared
def test_documents_are_as_the_schema_has_them(client: FlaskClient) -> None:
    schemas = json.loads((shared_directory() / "standards/schemas/HAPI-data-access-schema-3.3.json").read_text())
    asked = {
        "about": "about",
        "capabilities": "capabilities",
        "catalog": "catalog",
        "info": "info?dataset=kinds",
        "error": "info?dataset=nobody",
    }
    registry = Registry().with_resources(
        (f"/{name}", Resource.from_contents(part, DRAFT7)) for name, part in schemas.items() if isinstance(part, dict)
    )
    for name, path in asked.items():
        document = client.get(f"/hapi/{path}").get_json()
        validator = Draft7Validator(schemas[name], registry=registry)
        problems = [f"{name} {error.json_path}: {error.message}" for error in validator.iter_errors(document)]
        assert problems == []


def test_old_names_mean_the_same(client: FlaskClient) -> None:
    assert get(client, "info", id="kinds").data == get(client, "info", dataset="kinds").data
    old = get(client, "data", id="kinds", time_min="2016-366T23:58", time_max="2017-001T00:02:00.000Z")
    assert old.data == data(client).data
    assert data(client, parameters="").data == old.data


@pytest.mark.parametrize("path", ["", "/", "/about", "/about/", "/capabilities", "/catalog", "/info?dataset=kinds"])
def test_metadata_are_sent_again_only_when_they_have_changed(client: FlaskClient, path: str) -> None:
    plain = client.get(f"/hapi{path}")
    assert plain.status_code == 200
    assert plain.headers["Access-Control-Allow-Origin"] == "*"
    assert plain.headers["Access-Control-Allow-Methods"] == "GET"
    assert plain.headers["Access-Control-Allow-Headers"] == "Content-Type"
    head = client.head(f"/hapi{path}")
    assert (head.status_code, head.data) == (200, b"")
    if path.strip("/"):
        assert "Last-Modified" in plain.headers
        packed = client.get(f"/hapi{path}", headers={"Accept-Encoding": "gzip"}, buffered=True)
        assert gzip.decompress(packed.data) == plain.data
        again = client.get(f"/hapi{path}", headers={"If-None-Match": plain.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_the_catalogue_in_depth_is_what_info_says(client: FlaskClient) -> None:
    (entry,) = get(client, "catalog", depth="all").get_json()["catalog"]
    assert entry["id"] == "kinds"
    assert len(entry["title"]) <= 40
    said = get(client, "info", dataset="kinds").get_json()
    assert entry["info"] == {name: value for name, value in said.items() if name not in {"HAPI", "status"}}


def test_info_says_what_the_files_hold(client: FlaskClient) -> None:
    said = get(client, "info", dataset="kinds").get_json()
    assert said["startDate"] == "2016-12-31T23:58:00.000000007Z"
    assert said["stopDate"] == "2017-01-01T00:01:58.500000007Z"
    assert said["cadence"] == "PT0.5S"
    by_name = {one["name"]: one for one in said["parameters"]}
    assert list(by_name) == NAMES, "what says where bins are is last"
    assert by_name["Time"] == {"name": "Time", "type": "isotime", "length": 30, "units": "UTC", "fill": None}
    field = by_name["B"]
    assert (field["type"], field["size"], field["units"]) == ("double", [3], "nT")
    assert float(field["fill"]) == float(FILL)
    assert (field["label"], field["vectorComponents"]) == (["Bx", "By", "Bz"], ["x", "y", "z"])
    assert (field["coordinateSystemName"], field["description"]) == ("GSE", "Magnetic field")
    assert by_name["flux"]["bins"] == [
        {"name": "angle", "units": "deg", "centers": "angle"},
        {"name": "energy", "units": "keV", "centers": [10.0, 20.0, 30.0]},
    ]
    kinds = {name: (one["type"], one.get("length")) for name, one in by_name.items()}
    assert kinds["flag"] == ("integer", None)
    assert kinds["big"] == ("double", None)
    assert kinds["wide"] == ("string", 20)
    assert kinds["centre"] == ("isotime", 30)
    assert by_name["mode"]["type"] == "string"


def test_about_leads_to_records(client: FlaskClient) -> None:
    query = get(client, "about").get_json()["dataTest"]["query"]
    assert len(get(client, "data", **query).data.splitlines()) == 100


def test_the_page_leads_from_datasets_to_data(client: FlaskClient) -> None:
    assert "?dataset=kinds" in client.get("/hapi").text
    page = client.get("/hapi?dataset=kinds&parameters=B&format=json").text
    address = re.search(r'<a href="(http[^"]*/hapi/data[^"]*)">', page)
    assert address
    found = client.get(address[1].replace("&amp;", "&")).get_json()
    assert [one["name"] for one in found["parameters"]] == ["Time", "B"]
    assert len(found["data"]) == 100


# -- records


def in_csv(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


def in_binary(body: bytes, parameters: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    kinds = {"double": "<f8", "integer": "<i4"}
    fields = [
        (one["name"], kinds.get(one["type"], f"S{one.get('length')}"), tuple(one.get("size", ()))) for one in parameters
    ]
    return np.frombuffer(body, np.dtype(fields))


def test_three_forms_say_the_same(client: FlaskClient) -> None:
    said = get(client, "info", dataset="kinds").get_json()
    rows = in_csv(data(client).data)
    records = in_binary(data(client, format="binary").data, said["parameters"])
    told = data(client, format="json").get_json()
    assert len(rows) == len(records) == len(told["data"]) == 2 * RECORDS
    assert list(told)[-1] == "data"
    for number in (0, 3, 5, 200, 241, 479):
        flat = [text for name in NAMES for text in np.asarray(records[name][number]).reshape(-1).tolist()]
        for text, value in zip(rows[number], flat, strict=True):
            if isinstance(value, bytes):
                assert text == value.decode()
            else:
                assert float(text) == value or (text == "NaN" and np.isnan(value))
        for name, value in zip(NAMES, told["data"][number], strict=True):
            stored = records[name][number].tolist()
            if isinstance(stored, bytes):
                assert value == stored.decode()
            elif number == 3 and name == "flux":
                assert value[0][0] is None
                assert value[1] == stored[1]
            else:
                assert value == stored


def test_records_hold_what_was_written(client: FlaskClient) -> None:
    said = get(client, "info", dataset="kinds").get_json()
    records = in_binary(data(client, format="binary").data, said["parameters"])
    count = np.arange(2 * RECORDS)
    assert records["B"][:, 0].tolist() == count.tolist()
    assert records["B"][5, 1] == float(FILL)
    assert records["flag"].tolist() == count.tolist()
    assert records["big"].tolist() == (count + 2**31).tolist()
    assert [int(text) for text in records["wide"]] == (count + 2**60).tolist()
    assert records["mode"][:4].tolist() == list(MODES)
    assert set(records["mode"][RECORDS:].tolist()) == {b""}, "the second file lacks it"
    assert records["flux"][7].tolist() == (7 + np.arange(6).reshape(2, 3) / 7).tolist()
    assert records["centre"][0] == b"2016-12-31T23:58:00.000000257Z"


def test_the_leap_second_is_there_and_times_rise(client: FlaskClient) -> None:
    times = [row[0] for row in in_csv(data(client, parameters="Time").data)]
    assert times == sorted(times)
    assert {len(time) for time in times} == {30}
    assert [time for time in times if "T23:59:60" in time] == [
        "2016-12-31T23:59:60.000000007Z",
        "2016-12-31T23:59:60.500000007Z",
    ]
    found = in_csv(data(client, start="2016-12-31T23:59:60Z", stop="2017-01-01Z", parameters="flag").data)
    assert [row[1] for row in found] == ["240", "241"]


def test_the_start_is_included_and_the_stop_is_not(client: FlaskClient) -> None:
    first, second = "2016-12-31T23:58:00.000000007Z", "2016-12-31T23:58:00.500000007"
    assert len(in_csv(data(client, start=first, stop=second).data)) == 1
    assert len(in_csv(data(client, start=first, stop=f"{second}0000000001Z").data)) == 2
    assert len(in_csv(data(client, start="2016-12-31T23:58:00.0000000070000000001", stop=second).data or b"")) == 0
    assert HALF_SECOND == 500_000_000
    assert START


def test_an_interval_beyond_the_ends_gives_what_overlaps(client: FlaskClient) -> None:
    assert len(in_csv(data(client, start="1999Z", stop="9999Z").data)) == 2 * RECORDS


def test_a_subset_is_the_columns_of_the_whole(client: FlaskClient) -> None:
    whole = in_csv(data(client).data)
    assert in_csv(data(client, parameters="B,flag").data) == [[*row[:4], row[10]] for row in whole]


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
def test_nothing_there_is_said(client: FlaskClient, form: str) -> None:
    empty = {"start": "2016-12-31T23:58:00.1Z", "stop": "2016-12-31T23:58:00.2Z", "format": form}
    answer = data(client, **empty)
    assert answer.status == "200 OK; HAPI 1201 OK - no data for time range"
    if form == "json":
        assert (answer.get_json()["status"]["code"], answer.get_json()["data"]) == (1201, [])
    else:
        assert answer.data == b""
    headed = data(client, **empty, include="header")
    assert b"1201" in headed.data


@pytest.mark.parametrize("form", ["csv", "binary"])
def test_the_header_is_info_with_the_format(client: FlaskClient, form: str) -> None:
    plain = data(client, format=form, parameters="B").data
    headed = data(client, format=form, parameters="B", include="header").data
    assert headed.endswith(plain)
    lines = headed[: len(headed) - len(plain)].decode().splitlines()
    assert all(line.startswith("#") for line in lines)
    header = json.loads("".join(line[1:] for line in lines))
    assert header.pop("format") == form
    assert header == get(client, "info", dataset="kinds", parameters="B").get_json()


def test_a_file_that_is_gone_is_said_before_the_first_byte_and_breaks_the_answer_after_it(
    client: FlaskClient, published: Database
) -> None:
    with connect(published, Role.OWNER) as connection:
        found = connection.execute("SELECT root, path FROM archive.file_in_full ORDER BY path DESC LIMIT 1").fetchone()
    assert found
    second = Path(str(found[0]), str(found[1]))
    second.rename(second.with_suffix(".away"))
    try:
        answer = data(client, start="2017-01-01T00:01Z")
        assert (answer.status_code, answer.get_json()["status"]["code"]) == (503, 1500)
        assert "Retry-After" in answer.headers
        with pytest.raises(UnavailableError, match="no longer in the archive"):
            data(client)
        assert len(data(client, stop="2016-12-31T23:59Z").data.splitlines()) == RECORDS // 2
    finally:
        second.with_suffix(".away").rename(second)
    assert len(data(client).data.splitlines()) == 2 * RECORDS


def test_data_are_compressed_kept_and_asked_for_by_head(client: FlaskClient) -> None:
    plain = data(client)
    path = f"/hapi/data?{urlencode({'dataset': 'kinds', **SPAN})}"
    packed = client.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert gzip.decompress(packed.data) == plain.data
    assert "Last-Modified" in plain.headers
    again = client.get(path, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head(path)
    assert (head.status_code, head.data, head.mimetype) == (200, b"", "text/csv")
