"""Errors of every protocol: a page for people, and for machines what the protocol says, as ever."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from lxml import etree

from epntap.db.pool import Database
from tests.support.browser import CHROMIUM, CURL, JAVA, SAFARI, client_of, page_of, strange_scripts, text_of

WRONG = "SELECT granule_uid, targetname FROM amdadb.epn_core"
EVIL = """<script>alert(1)</script>"'>&<img src=x onerror=alert(1)>"""
#: a wrong request of each protocol, its status, and what curl gets of it
FAULTS = {
    "tap sync": (f"/tap/sync?{urlencode({'LANG': 'ADQL', 'QUERY': WRONG})}", 400, "application/x-votable+xml"),
    "tap sync as text": (
        f"/tap/sync?{urlencode({'LANG': 'ADQL', 'QUERY': WRONG, 'RESPONSEFORMAT': 'csv'})}",
        400,
        "text/plain; charset=utf-8",
    ),
    "tap without a query": ("/tap/sync?LANG=ADQL", 400, "application/x-votable+xml"),
    "a table": ("/tap/tables/no_such", 404, "text/plain; charset=utf-8"),
    "a job": ("/tap/async/0123", 404, "text/plain; charset=utf-8"),
    "a cut-out job": ("/datalink/soda/async/0123", 404, "text/plain; charset=utf-8"),
    "links": ("/datalink/links?ID=x&SCHEMA=no_such", 400, "application/x-votable+xml"),
    "a cut-out": ("/datalink/soda/sync?ID=no_such", 404, "text/plain; charset=utf-8"),
    "a cut-out of no format": ("/datalink/soda/sync?ID=syna-mag_20161231&FORMAT=xls", 400, "text/plain; charset=utf-8"),
    "data": ("/data/amdadb/no_such.cdf", 404, "text/plain; charset=utf-8"),
    "a file": ("/files/amdadb/no_such.txt", 404, "text/plain; charset=utf-8"),
    "bulk": ("/datalink/bulk", 400, "text/plain; charset=utf-8"),
    "hapi": ("/hapi/info?dataset=no_such", 404, "application/json"),
    "hapi data": ("/hapi/data?dataset=no_such", 404, "application/json"),
    "nothing": ("/no/such/page", 404, "text/plain; charset=utf-8"),
    "an asset": ("/static/x/no_such.css", 404, "text/plain; charset=utf-8"),
}


@pytest.fixture(scope="module")
def client(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with client_of(demo_database, tmp_path_factory.mktemp("pages")) as client:
        yield client


@pytest.mark.parametrize("name", FAULTS)
def test_people_get_a_page_and_machines_what_they_know(client: FlaskClient, name: str) -> None:
    address, status, media_type = FAULTS[name]
    for headers in (CHROMIUM, SAFARI, {"Accept": "text/html"}):
        answer = client.get(address, headers=headers)
        assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8")
        page = page_of(answer.text)
        assert answer.headers["X-Request-Id"] in answer.text
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        alert = page.find(".//{*}div[@role='alert']")
        assert alert is not None
        assert len(text_of(alert)) > 20
    for headers in (CURL, JAVA, {}, {"Accept": "application/x-votable+xml"}):
        answer = client.get(address, headers=headers)
        assert (answer.status_code, answer.content_type) == (status, media_type), headers
        assert b"<html" not in answer.data
    assert "Accept" in answer.headers["Vary"]


def test_the_sentence_is_the_same(client: FlaskClient) -> None:
    for address, _, media_type in FAULTS.values():
        if media_type.startswith("text/plain"):
            sentence = client.get(address).text.strip()
            said = sentence.partition(": ")[2] if sentence.split(":")[0].endswith("Error") else sentence
            page = text_of(page_of(client.get(address, headers=CHROMIUM).text)).lower()
            for part in said.split("; ")[:1]:
                assert part.partition(" (line")[0].lower() in page, address


def test_a_wrong_query_is_shown_with_its_place(client: FlaskClient) -> None:
    page = page_of(client.get(FAULTS["tap sync"][0], headers=CHROMIUM).text)
    assert [text_of(one) for one in page.findall(".//{*}mark")] == ["targetname"]
    shown = page.find(".//{*}pre")
    assert shown is not None
    assert text_of(shown) == WRONG
    assert "target_name" in text_of(page), "what exists with a similar name"
    assert "line 1, column 21" in text_of(page)


def test_all_problems_of_a_query_are_marked_on_their_lines(client: FlaskClient) -> None:
    query = "SELECT granule_id,\n  no_such\nFROM amdadb.epn_core\nWHERE tim_min > 2"
    address = f"/tap/sync?{urlencode({'LANG': 'ADQL', 'QUERY': query})}"
    page = page_of(client.get(address, headers=CHROMIUM).text)
    assert [text_of(one) for one in page.findall(".//{*}mark")] == ["granule_id", "no_such", "tim_min"]


def test_what_users_send_is_text_on_the_page(client: FlaskClient) -> None:
    wrong = (
        f"/tap/sync?{urlencode({'LANG': 'ADQL', 'QUERY': f'SELECT {EVIL} FROM x'})}",
        f"/tap/sync?{urlencode({'LANG': EVIL, 'QUERY': 'SELECT 1'})}",
        f"/datalink/soda/sync?{urlencode({'ID': EVIL, EVIL: EVIL})}",
        f"/datalink/links?{urlencode({'ID': 'x', 'SCHEMA': EVIL})}",
        f"/tap/tables/{quote(EVIL)}",
        f"/tap/async/{quote(EVIL)}",
        f"/hapi/info?{urlencode({'dataset': EVIL, EVIL: 'x'})}",
        f"/data/{quote(EVIL)}.cdf",
        f"/no/{quote(EVIL)}",
    )
    for address in wrong:
        answer = client.get(address, headers=CHROMIUM)
        assert answer.status_code >= 400
        page = page_of(answer.text)
        assert strange_scripts(page) == []
        assert not page.findall(".//{*}img")
    assert "alert(1)" in client.get(wrong[0], headers=CHROMIUM).text


def test_a_query_of_ten_thousand_characters_is_said_in_a_page(client: FlaskClient) -> None:
    names = ", ".join(f"no_such_{number:04d}" for number in range(800))
    query = f"SELECT {names} FROM amdadb.epn_core"
    assert len(query) > 10_000
    answer = client.post("/tap/sync", data={"LANG": "ADQL", "QUERY": query}, headers=CHROMIUM)
    assert answer.status_code == 400
    assert len(answer.data) < 1_000_000
    marks = page_of(answer.text).findall(".//{*}mark")
    assert text_of(marks[0]) == "no_such_0000"


def test_a_cut_out_without_data_says_so_and_keeps_its_fields(client: FlaskClient) -> None:
    asked = {
        "ID": "syna-mag_20161231",
        "SCHEMA": "amdadb",
        "START": "1999-01-01T00:00:00Z",
        "STOP": "1999-01-02T00:00:00Z",
        "FORMAT": "csv",
    }
    address = f"/datalink/soda/sync?{urlencode(asked)}"
    assert client.get(address).status_code == 204
    assert client.get(address, headers=JAVA).status_code == 204
    answer = client.get(address, headers=CHROMIUM)
    assert answer.status_code == 200, "a browser shows nothing of a 204"
    page = page_of(answer.text)
    assert "no data" in text_of(page)
    (back,) = [str(one.get("href")) for one in page.findall(".//{*}main//{*}a") if text_of(one) == "Change the request"]
    assert dict(parse_qsl(urlsplit(back).query)) == asked
    form = page_of(client.get(back, headers=CHROMIUM).text)
    fields = {str(one.get("name")): one.get("value") for one in form.findall(".//{*}form//{*}input[@type='text']")}
    assert fields["START"] == asked["START"]
    assert fields["STOP"] == asked["STOP"]
    chosen = [one.get("value") for one in form.findall(".//{*}option[@selected]")]
    assert "csv" in {str(one).lower() for one in chosen}


def test_a_wrong_method_is_a_page_too(client: FlaskClient) -> None:
    answer = client.delete("/tap/sync", headers=CHROMIUM)
    assert (answer.status_code, answer.content_type) == (405, "text/html; charset=utf-8")
    assert "DELETE" in text_of(page_of(answer.text))
    assert "GET" in answer.headers["Allow"]


def test_the_service_gone_is_said_to_people(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from epntap.errors import UnavailableError  # noqa: PLC0415
    from epntap.tap.query.pipeline import TapService  # noqa: PLC0415

    def gone(*_args: object, **_kwargs: object) -> None:
        raise UnavailableError("The database is away; please try again in a few seconds.", 7)

    monkeypatch.setattr(TapService, "answer", gone)
    address = f"/tap/sync?{urlencode({'LANG': 'ADQL', 'QUERY': 'SELECT 1 AS a FROM amdadb.epn_core'})}"
    answer = client.get(address, headers=CHROMIUM)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert "try again in 7 seconds" in text_of(page_of(answer.text))
    assert client.get(address, headers=JAVA).content_type == "application/x-votable+xml"


def test_errors_in_votable_stay_as_they_are(client: FlaskClient) -> None:
    document = etree.fromstring(client.get(FAULTS["tap sync"][0], headers=JAVA).data)
    (info,) = document.findall(".//{*}INFO[@name='QUERY_STATUS']")
    assert info.get("value") == "ERROR"
    assert "targetname" in str(info.text)
