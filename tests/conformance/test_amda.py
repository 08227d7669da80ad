"""AMDA's REST interface against a live server: every answer in the form that its clients read.

The expected values are those that cdflib reads from the files.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import cdflib
import numpy as np
import pycdfpp
import pytest
import requests
from astropy.io.votable import parse_single_table
from lxml import etree

from epntap.db.pool import Database
from tests.support.hapi import FILL, RECORDS, serve_kinds
from tests.support.server import Server

XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
#: of the first file, which ends before the leap second
DAY = {"startTime": "2016-12-31T23:58:00Z", "stopTime": "2016-12-31T23:59:59"}
LISTS = {
    "getObsDataTree": "LocalDataBaseParameters",
    "getTimeTablesList": "SharedTimeTables",
    "getCatalogsList": "SharedCatalogs",
    "getParameterList": "LocalDataBaseParameters",
}


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    # more than one file of all parameters is too much to be made at once
    settings = {"job_workers": "1", "soda_sync_bytes": "50000"}
    with serve_kinds(postgres_server, template_database, tmp_path_factory.mktemp("amda"), **settings) as server:
        yield server


@pytest.fixture(scope="module")
def stored(server: Server) -> dict[str, np.ndarray[Any, Any]]:
    """The values of the first file, as cdflib reads them, up to the end of DAY."""
    (path,) = server.log.parent.glob("cdf/*20161230_v01.cdf")
    file = cdflib.CDF(path)
    times = np.asarray(cdflib.cdfepoch.encode_tt2000(file.varget("Epoch")))
    inside = times < "2016-12-31T23:59:59"
    return {name: np.asarray(file.varget(name))[inside] for name in ("B", "flag", "flux")} | {"time": times[inside]}


def get(server: Server, path: str, **headers: str) -> tuple[int, bytes, Any]:
    try:
        with urlopen(Request(f"{server.base}{path}", headers=headers)) as answer:
            return answer.status, answer.read(), answer.headers
    except HTTPError as error:
        return error.code, error.read(), error.headers


def rest(server: Server, name: str, **values: str) -> bytes:
    status, body, _ = get(server, f"/php/rest/{name}.php?{urlencode(values)}")
    assert status == 200, body
    return body


def fetch(server: Server, name: str = "getParameter", **values: str) -> bytes:
    """Both steps."""
    said = json.loads(rest(server, name, **{**DAY, **values}))
    assert said["success"] is True, said
    with urlopen(said["dataFileURLs"]) as answer:
        body: bytes = answer.read()
    return body


def listed(server: Server, name: str, **values: str) -> tuple[str, ET.Element]:
    """The tag around the address, and the root of what is there, as Speasy takes them apart."""
    text = rest(server, name, **values).decode()
    address = text.split(">", 1)[1].split("<", 1)[0]
    with urlopen(address) as answer:
        return text.split(">", 1)[0].strip("<"), ET.fromstring(answer.read())


def refusal(server: Server, name: str = "getParameter", **values: str) -> str:
    said = json.loads(rest(server, name, **values))
    assert said["success"] is False
    return str(said["message"])


def test_it_is_alive_and_gives_tokens_that_are_not_json(server: Server) -> None:
    assert json.loads(rest(server, "isAlive")) == {"alive": True}
    token = rest(server, "auth").decode()
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(token)


@pytest.mark.parametrize(("name", "tag"), LISTS.items())
def test_lists_are_one_line_with_one_tag_around_an_address(server: Server, name: str, tag: str) -> None:
    text = rest(server, name, templateInfo="True").decode()
    assert text == f"<{tag}>{text[len(tag) + 2 : -len(tag) - 3]}</{tag}>"
    assert text.removeprefix(f"<{tag}>").startswith(f"{server.base}/")


def test_the_tree_has_every_parameter_with_what_clients_need(server: Server) -> None:
    _, root = listed(server, "getObsDataTree", templateInfo="True")
    assert root.tag == "dataRoot"
    dataset = next(one for one in root.iter("dataset") if one.get(XML_ID) == "kinds")
    assert (dataset.get("dataStart"), dataset.get("dataStop")) == ("2016-12-31T23:58:00Z", "2017-01-01T00:01:59Z")
    assert dataset.get("sampling") == "0.5S"
    updated = datetime.fromisoformat(dataset.get("lastUpdate", ""))
    assert updated <= datetime.now(UTC)
    found = {one.get(XML_ID): one for one in dataset.iter("parameter")}
    assert set(found) == {"B", "flux", "flux_bin", "flag", "big", "wide", "kinds_angle"}
    field = found["B"]
    assert (field.get("units"), field.get("size"), field.get("display_type")) == ("nT", "3", "timeseries")
    assert [(one.get(XML_ID), one.get("index1"), one.get("name")) for one in field] == [
        ("B(0)", "0", "Bx"),
        ("B(1)", "1", "By"),
        ("B(2)", "2", "Bz"),
    ]
    assert found["flux"].get("display_type") == "spectrogram"
    # names become attributes of one Python object
    names = [one.get("name") for one in dataset]
    assert len({str(name).casefold() for name in names}) == len(names)


def test_what_somebody_owns_is_empty_and_can_be_read(server: Server) -> None:
    who = {"userID": "ann", "password": "pw"}
    assert listed(server, "getTimeTablesList", **who)[1].find("timetabList") is not None
    assert listed(server, "getCatalogsList", **who)[1].tag == "catalogList"
    tag, mine = listed(server, "getParameterList", **who)
    assert (tag, mine.find("paramList") is not None) == ("UserDefinedParameters", True)
    assert listed(server, "getObsDataTree", privateOnly="True", **who)[1].find("dataCenter") is not None
    assert listed(server, "getTimeTablesList")[1].tag == "timeTableList"


def test_cdf_has_the_values_of_the_file_under_the_name_that_was_asked_for(
    server: Server, stored: dict[str, np.ndarray[Any, Any]]
) -> None:
    found = pycdfpp.load(fetch(server, parameterID="B", outputFormat="CDF_ISTP", timeFormat="UNIXTIME"))
    variable = found["B"]
    assert np.array_equal(variable.values, stored["B"])
    said = {name: variable.attributes[name].value for name in ("VAR_TYPE", "DEPEND_0", "UNITS", "FIELDNAM")}
    assert said == {"VAR_TYPE": "data", "DEPEND_0": "Epoch", "UNITS": "nT", "FIELDNAM": "B"}
    assert variable.attributes["LABL_PTR_1"].value in found
    assert variable.attributes["FILLVAL"].value == [FILL]
    times = pycdfpp.to_datetime64(found["Epoch"])
    assert [str(one) for one in times[:3]] == stored["time"][:3].tolist()


def test_a_spectrum_has_its_axes(server: Server, stored: dict[str, np.ndarray[Any, Any]]) -> None:
    found = pycdfpp.load(fetch(server, parameterID="flux", outputFormat="CDF_ISTP"))
    assert np.array_equal(found["flux"].values, stored["flux"], equal_nan=True)
    axes = [found["flux"].attributes[name].value for name in ("DEPEND_1", "DEPEND_2")]
    assert [found[name].values.shape for name in axes] == [(len(stored["flux"]), 2), (1, 3)]


def test_a_component_is_a_column_of_its_parameter(server: Server, stored: dict[str, np.ndarray[Any, Any]]) -> None:
    found = pycdfpp.load(fetch(server, parameterID="B(1)", outputFormat="CDF_ISTP"))
    assert np.array_equal(found["B(1)"].values, stored["B"][:, 1])
    table = np.loadtxt(io.BytesIO(fetch(server, parameterID="B(1)", timeFormat="UNIXTIME")))
    expected = np.where(stored["B"][:, 1] == FILL, np.nan, stored["B"][:, 1])
    assert np.array_equal(table[:, 1].astype(np.float32), expected, equal_nan=True)


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ("2016-12-31T23:58:10Z", "2016-12-31T23:58:20Z"),
        ("2016-12-31T23:58:10", "2016-12-31T23:58:20.000"),
        ("1483228690", "1483228700.0"),
        ("2016-366T23:58:10Z", "2016-12-31T23:58:20+00:00"),
    ],
)
def test_times_in_every_form_that_clients_send(server: Server, start: str, stop: str) -> None:
    body = fetch(server, parameterID="flag", startTime=start, stopTime=stop).decode()
    rows = [line for line in body.splitlines() if not line.startswith("#")]
    assert len(rows) == 20
    assert rows[0].split()[0].startswith("2016-12-31T23:58:10.")


def test_ascii_has_the_header_and_the_times_that_amdapy_reads(
    server: Server, stored: dict[str, np.ndarray[Any, Any]]
) -> None:
    text = fetch(server, parameterID="B").decode()
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert head[-1] == "# DATA_COLUMNS : AMDA_TIME, B[0], B[1], B[2]"
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    moments = [datetime.strptime(row[0], "%Y-%m-%dT%H:%M:%S.%f") for row in rows]  # noqa: DTZ007  # as amdapy does
    assert moments == [datetime.fromisoformat(text[:26]) for text in stored["time"].tolist()]
    values = np.array([row[1:] for row in rows], np.float32)
    assert np.array_equal(values, np.where(stored["B"] == FILL, np.nan, stored["B"]), equal_nan=True)


def test_votable_has_a_column_for_each_component(server: Server, stored: dict[str, np.ndarray[Any, Any]]) -> None:
    table = parse_single_table(io.BytesIO(fetch(server, parameterID="B", outputFormat="VOTable")))
    assert [field.name for field in table.fields] == ["Epoch", "B[0]", "B[1]", "B[2]"]
    assert table.fields[0].ucd == "time.epoch"
    found = np.ma.array(table.array["B[2]"]).filled(np.nan)
    assert np.array_equal(found, stored["B"][:, 2])


def test_json_says_null_where_there_is_no_value(server: Server, stored: dict[str, np.ndarray[Any, Any]]) -> None:
    said = json.loads(fetch(server, parameterID="B", outputFormat="JSON"))
    assert said["parameters"][0]["units"] == "nT"
    assert said["columns"] == ["time", "B[0]", "B[1]", "B[2]"]
    values = np.array([row[1:] for row in said["data"]], float).astype(np.float32)
    assert said["data"][5][2] is None
    assert np.array_equal(values, np.where(stored["B"] == FILL, np.nan, stored["B"]), equal_nan=True)


def test_sampling_gives_means_without_fills(server: Server, stored: dict[str, np.ndarray[Any, Any]]) -> None:
    found = pycdfpp.load(fetch(server, parameterID="B", outputFormat="CDF_ISTP", sampling="10"))
    records = np.where(stored["B"] == FILL, np.nan, stored["B"]).astype(float)
    seconds = stored["time"].astype("datetime64[ns]").astype(np.int64) // 10**9
    expected = [np.nanmean(records[seconds // 10 == one], axis=0) for one in np.unique(seconds // 10)]
    assert np.allclose(found["B"].values, expected, rtol=1e-12, atol=0)
    assert str(pycdfpp.to_datetime64(found["Epoch"])[0]).startswith("2016-12-31T23:58:05.000")
    finer = pycdfpp.load(fetch(server, parameterID="B", outputFormat="CDF_ISTP", sampling="0.1"))
    assert len(finer["B"].values) == len(stored["B"])


def test_a_dataset_has_all_its_parameters(server: Server, stored: dict[str, np.ndarray[Any, Any]]) -> None:
    found = pycdfpp.load(fetch(server, "getDataset", datasetID="kinds", outputFormat="CDF_ISTP"))
    assert {"B", "flux", "flag", "big", "wide"} <= set(found)
    assert np.array_equal(found["flag"].values, stored["flag"])


def test_an_interval_without_records_is_a_file_without_records(server: Server) -> None:
    times = {"startTime": "2010-01-01T00:00:00Z", "stopTime": "2010-01-02T00:00:00Z"}
    found = pycdfpp.load(fetch(server, parameterID="B", outputFormat="CDF_ISTP", **times))
    assert found["B"].values.shape[0] == 0
    text = fetch(server, parameterID="B", **times).decode()
    assert all(line.startswith("#") for line in text.splitlines())
    between = {"startTime": "2016-12-31T23:58:00.1Z", "stopTime": "2016-12-31T23:58:00.2Z"}
    assert pycdfpp.load(fetch(server, parameterID="B", outputFormat="cdf", **between))["B"].values.size == 0


def test_what_is_asked_across_the_end_is_what_there_is(server: Server) -> None:
    body = fetch(server, parameterID="flag", startTime="2015-01-01T00:00:00Z", stopTime="2018-01-01T00:00:00Z")
    rows = [line for line in body.decode().splitlines() if not line.startswith("#")]
    assert len(rows) == 2 * RECORDS


def test_a_file_can_be_asked_for_again_in_parts_and_by_head(server: Server) -> None:
    said = json.loads(rest(server, "getParameter", **DAY, parameterID="B", outputFormat="CDF_ISTP"))
    path = said["dataFileURLs"].removeprefix(server.base)
    assert path.endswith("/B.cdf")
    _, body, headers = get(server, path)
    assert int(headers["Content-Length"]) == len(body)
    with urlopen(Request(said["dataFileURLs"], method="HEAD")) as answer:
        assert int(answer.headers["Content-Length"]) == len(body)
        assert answer.headers["Last-Modified"]
    status, part, _ = get(server, path, Range="bytes=100-199")
    assert (status, part) == (206, body[100:200])
    assert get(server, path, **{"If-None-Match": headers["ETag"]})[0] == 304


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"parameterID": "Bx"}, "there is no parameter 'Bx'. Did you mean 'B'?"),
        ({"parameterID": ""}, "parameterID: expected a value, found none"),
        ({"parameterID": "B(3)"}, "has the shape [3]"),
        ({"parameterID": "flag(0)"}, "is a scalar"),
        ({"startTime": "yesterday"}, "startTime: expected a time in UTC"),
        ({"stopTime": "2016-12-31T23:58:00Z"}, "stopTime: expected a time after startTime"),
        ({"stopTime": ""}, "stopTime: expected a value"),
        ({"outputFormat": "XLS"}, "outputFormat: expected ASCII, CDF_ISTP, VOTable or JSON, found 'XLS'"),
        ({"timeFormat": "JULIAN"}, "timeFormat: expected ISO8601 or UNIXTIME"),
        ({"sampling": "-1"}, "sampling: expected seconds"),
        ({"sampling": "1e999"}, "sampling: expected seconds"),
    ],
)
def test_refusals_say_what_is_wrong_with_status_200(server: Server, values: dict[str, str], sentence: str) -> None:
    asked = {"parameterID": "B", **DAY, **values}
    assert sentence.casefold() in refusal(server, **asked).casefold()


def test_other_names_are_refused_too(server: Server) -> None:
    assert "datasetID" in refusal(server, "getDataset", datasetID="nobody", **DAY)
    assert "ttID" in refusal(server, "getTimeTable", ttID="sharedtimeTable_0")
    assert "catID" in refusal(server, "getCatalog", catID="sharedcatalog_0")
    assert "process" in refusal(server, "getStatus", id="process_1")
    assert "process" in refusal(server, "getStatus")
    assert "positions are parameters" in refusal(server, "getOrbites", spacecraft="ACE", coordinateSystem="GSE", **DAY)
    status, body, _ = get(server, "/php/rest/getNothing.php")
    assert (status, b"getParameter" in body) == (404, True)
    assert get(server, "/php/lists/nothing.xml")[0] == 404


@pytest.mark.parametrize("asked", ["", "AAAA", "%00", "=", "Zm9v", "a" * 5000, "..%2f..%2fetc"])
def test_addresses_that_nobody_gave_are_not_found(server: Server, asked: str) -> None:
    status, body, _ = get(server, f"/php/data/{asked}/x.cdf")
    assert status in {400, 404}
    assert b"Traceback" not in body


def test_post_is_answered_like_get(server: Server) -> None:
    asked = urlencode({**DAY, "parameterID": "flag", "outputFormat": "JSON"}).encode()
    with urlopen(f"{server.base}/php/rest/getParameter.php", asked) as answer:
        said = json.loads(answer.read())
    with urlopen(said["dataFileURLs"]) as answer:
        assert len(json.loads(answer.read())["data"]) > 200


def test_passwords_do_not_reach_the_log(server: Server) -> None:
    rest(server, "getTimeTablesList", userID="ann", password="hunter2-secret")
    refusal(server, parameterID="x", userID="ann", password="hunter2-secret")
    assert "hunter2-secret" not in Path(server.log).read_text()


# -- templates, compressed files, addresses, processes -----------------------------------------------------------------


def test_a_template_names_the_bins_of_a_spectrum(server: Server, stored: dict[str, np.ndarray[Any, Any]]) -> None:
    _, root = listed(server, "getObsDataTree", templateInfo="True")
    (template,) = [one for one in root.iter("parameter") if one.get("template")]
    assert (template.get(XML_ID), template.get("template")) == ("flux_bin", "flux(##bin1##,##bin2##)")
    moving, fixed = template.iter("argument")
    assert moving.attrib == {
        "key": "bin1", "name": "angle", "type": "generated-list", "minkey": "0", "maxkey": "2",
        "nametpl": "Bin ##key##", "default": "0",
    }  # fmt: skip
    assert [(one.get("key"), one.get("name")) for one in fixed] == [("0", "10 keV"), ("1", "20 keV"), ("2", "30 keV")]
    found = pycdfpp.load(fetch(server, parameterID="flux(1,2)", outputFormat="CDF_ISTP"))
    assert np.array_equal(found["flux(1,2)"].values, stored["flux"][:, 1, 2])
    assert "is a template; ask for one of its bins, as flux(0,0)" in refusal(server, parameterID="flux_bin", **DAY)


@pytest.mark.parametrize("form", ["ASCII", "CDF_ISTP", "VOTable", "JSON"])
def test_a_compressed_file_holds_the_same(server: Server, form: str) -> None:
    said = json.loads(rest(server, "getParameter", **DAY, parameterID="B", outputFormat=form, gzip="1"))
    assert said["dataFileURLs"].endswith(".gz")
    with urlopen(said["dataFileURLs"]) as answer:
        assert answer.headers["Content-Encoding"] is None
        body = answer.read()
    plain = fetch(server, parameterID="B", outputFormat=form)
    assert body[:2] == b"\x1f\x8b"
    if form != "CDF_ISTP":  # which says when it was made
        assert gzip.decompress(body) == plain
    else:
        assert np.array_equal(
            pycdfpp.load(gzip.decompress(body))["B"].values, pycdfpp.load(plain)["B"].values, equal_nan=True
        )


def test_a_file_of_days_that_are_over_is_kept_and_given_again(server: Server) -> None:
    folder = server.log.parent / "amda"
    asked = {"parameterID": "flag", "startTime": "2016-12-31T23:58:10Z", "stopTime": "2016-12-31T23:58:33Z"}
    before = set(folder.glob("??/*"))
    first = fetch(server, **asked)
    (kept,) = set(folder.glob("??/*")) - before
    assert kept.read_bytes() == first
    # what is given is what is kept
    kept.write_bytes(b"kept")
    assert fetch(server, **asked) == b"kept"
    kept.unlink()
    assert fetch(server, **asked) == first
    # another form and another interval are other files
    assert fetch(server, **asked, timeFormat="UNIXTIME") != first
    assert fetch(server, **{**asked, "stopTime": "2016-12-31T23:58:34Z"}) != first


def test_each_request_has_an_address_that_nobody_can_guess(server: Server) -> None:
    addresses = [json.loads(rest(server, "getParameter", **DAY, parameterID="flag"))["dataFileURLs"] for _ in range(2)]
    assert addresses[0] != addresses[1]
    path = addresses[0].removeprefix(server.base)
    assert get(server, path)[0] == 200
    place = path.index("/data/") + len("/data/")
    for number in (place, place + 30, path.rindex("/") - 1):
        changed = "B" if path[number] != "B" else "C"
        assert get(server, f"{path[:number]}{changed}{path[number + 1 :]}")[0] == 404
    assert get(server, path.replace(".", "", 1))[0] == 404


def test_what_is_too_much_at_once_becomes_a_process(server: Server, stored: dict[str, np.ndarray[Any, Any]]) -> None:
    asked = {"datasetID": "kinds", "startTime": "2016-12-31T23:58:00Z", "stopTime": "2017-01-01T00:02:00Z"}
    said = json.loads(rest(server, "getDataset", **asked, outputFormat="CDF_ISTP"))
    if "dataFileURLs" not in said:
        assert (said["success"], said["status"]) == (True, "in progress")
        name = said["id"]
        deadline = time.monotonic() + 60
        while "dataFileURLs" not in said:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            said = json.loads(rest(server, "getStatus", id=name))
            assert said["success"] is True
    assert said["dataFileURLs"].endswith("/kinds.cdf")
    with urlopen(said["dataFileURLs"]) as answer:
        found = pycdfpp.load(answer.read())
    assert len(found["flag"].values) == 2 * RECORDS
    assert np.array_equal(found["flag"].values[: len(stored["flag"])], stored["flag"])


# -- what amdapy and curl send -----------------------------------------------------------------------------------------


def test_amdapy_is_answered(server: Server, stored: dict[str, np.ndarray[Any, Any]]) -> None:
    """Its requests in its order, with the slash too many that it sends, read as it reads them."""

    def ask(method: str, **values: str | int) -> requests.Response:
        answer = requests.get(f"{server.base}/php/rest//{method}", values, timeout=60)
        assert answer.ok
        return answer

    assert ask("isAlive.php").json()["alive"]
    token = ask("auth.php").text
    tree = ET.fromstring(ask("getObsDataTree.php").text)
    assert tree.tag == "LocalDataBaseParameters"
    root = etree.fromstring(requests.get(tree.text or "", timeout=60).content, etree.XMLParser(recover=True))
    assert root.tag == "dataRoot"
    (local,) = re.findall("<LocalDataBaseParameters>(.*?)</LocalDataBaseParameters>", ask("getParameterList.php").text)
    assert local == tree.text
    who = {"userID": "ann", "password": "x"}
    (own,) = re.findall("<UserDefinedParameters>(.*?)</UserDefinedParameters>", ask("getParameterList.php", **who).text)
    assert requests.get(own, timeout=60).ok
    times = {"token": token, "startTime": "2016-12-31T23:58:00", "stopTime": "2016-12-31T23:59:59"}
    told = ask("getParameter.php", **times, parameterID="B", outputFormat="ASCII", timeFormat="ISO8601", gzip=0).json()
    text = requests.get(told["dataFileURLs"], timeout=60).text
    names = next(line for line in text.split("\n") if line.startswith("# DATA_COLUMNS : "))
    assert names.removeprefix("# DATA_COLUMNS : ").split(", ") == ["AMDA_TIME", "B[0]", "B[1]", "B[2]"]
    values = np.loadtxt(io.StringIO(text), comments="#", usecols=(1, 2, 3), dtype=np.float32)
    assert np.array_equal(values, np.where(stored["B"] == FILL, np.nan, stored["B"]), equal_nan=True)
    told = ask("getDataset.php", **times, datasetID="kinds", timeFormat="unixtime", sampling=10).json()
    table = np.loadtxt(io.StringIO(requests.get(told["dataFileURLs"], timeout=60).text), comments="#")
    assert table[0, 0] == 1483228685.0
    told = ask("getParameter.php", **times, parameterID="flag", outputFormat="CDF", gzip=1).json()
    assert "flag" in pycdfpp.load(gzip.decompress(requests.get(told["dataFileURLs"], timeout=60).content))
    assert "SharedTimeTables" in ask("getTimeTablesList.php").text


#: as the page of AMDA's interface has them, a line for each operation
CURL = (
    ("isAlive.php", '{"alive": true}'),
    ("auth.php", "open-"),
    ("getObsDataTree.php", "<LocalDataBaseParameters>http"),
    ("getTimeTablesList.php", "<SharedTimeTables>http"),
    ("getTimeTablesList.php?userID=ann&password=x", "<UserDefinedTimeTables>http"),
    ("getCatalogsList.php", "<SharedCatalogs>http"),
    ("getParameterList.php?userID=ann&password=x", "<UserDefinedParameters>http"),
    ("getTimeTable.php?ttID=sharedtimeTable_999", '"success": false'),
    ("getCatalog.php?catID=sharedcatalog_999", '"success": false'),
    (
        (
            "getParameter.php?token={token}&startTime=2016-12-31T23:58:00&stopTime=2016-12-31T23:59:00"
            "&parameterID=B(0)&outputFormat=ASCII&timeFormat=ISO8601&sampling=10&gzip=0"
        ),
        '"success": true, "dataFileURLs": "http',
    ),
    (
        "getDataset.php?token={token}&startTime=1483228690&stopTime=1483228700&datasetID=kinds&outputFormat=VOTable",
        '"success": true, "dataFileURLs": "http',
    ),
    (
        (
            "getOrbites.php?token={token}&startTime=2016-12-31T23:58:00&stopTime=2016-12-31T23:59:00&spacecraft=ACE"
            "&coordinateSystem=GSE&units=km"
        ),
        '"success": false',
    ),
    ("getStatus.php?id=process_0", '"success": false'),
)


@pytest.mark.parametrize(("line", "said"), CURL)
def test_curl_is_answered(server: Server, line: str, said: str) -> None:
    base = f"{server.base}/php/rest/"

    def curl(rest_of: str) -> str:
        done = subprocess.run(
            ["curl", "-sS", "-f", "-g", f"{base}{rest_of}"], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    assert said in curl(line.format(token=curl("auth.php") if "{token}" in line else ""))
