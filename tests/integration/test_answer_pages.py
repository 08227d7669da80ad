"""Answers as pages: so many rows each, with a way on, dates beside Julian dates, pictures."""

from __future__ import annotations

import csv
import io
import re
import tracemalloc
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from lxml import etree

from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.db.pool import Database
from epntap.formats.base import AnswerFacts
from epntap.formats.paging import MOST_PAGES, ROWS_ON_A_PAGE
from epntap.formats.textual.html import Html
from tests.support.browser import CHROMIUM, client_of, page_of, text_of

ALL = "SELECT granule_uid FROM illu67p.epn_core ORDER BY granule_uid"
EVIL = """<script>alert(1)</script>"'>&<img src=x onerror=alert(1)>"""


@pytest.fixture(scope="module")
def client(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with client_of(demo_database, tmp_path_factory.mktemp("answers")) as client:
        yield client


def ask(client: FlaskClient, query: str, **params: str) -> etree._Element:
    asked = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "html", **params}
    answer = client.get("/tap/sync", query_string=asked, headers=CHROMIUM, buffered=True)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/html;charset=utf-8"
    return page_of(answer.text)


def rows_of(page: etree._Element) -> list[list[str]]:
    return [[text_of(cell) for cell in row] for row in page.findall(".//{*}tbody/{*}tr")]


def buttons(page: etree._Element) -> dict[str, str]:
    return {text_of(one): str(one.get("href")) for one in page.findall(".//{*}a[@class]")}


def csv_of(client: FlaskClient, query: str, **params: str) -> list[list[str]]:
    asked = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv", **params}
    return list(csv.reader(io.StringIO(client.post("/tap/sync", data=asked, buffered=True).text)))[1:]


def test_pages_together_are_the_answer(client: FlaskClient) -> None:
    expected = csv_of(client, ALL)
    assert len(expected) > 2 * ROWS_ON_A_PAGE
    found: list[list[str]] = []
    page = ask(client, ALL)
    for number in range(1, 10):
        rows = rows_of(page)
        assert 0 < len(rows) <= ROWS_ON_A_PAGE
        found += rows
        way_on = buttons(page).get("Next page")
        assert ("Previous page" in buttons(page)) is (number > 1)
        if way_on is None:
            break
        page = page_of(client.get(way_on, headers=CHROMIUM, buffered=True).text)
    assert found == expected
    assert "complete" in text_of(page.find(".//{*}p[@id='end']"))  # type: ignore[arg-type]  # it is there


def test_way_back_leads_back(client: FlaskClient) -> None:
    second = ask(client, ALL, PAGE="2")
    first = page_of(client.get(buttons(second)["Previous page"], headers=CHROMIUM, buffered=True).text)
    assert rows_of(first) == rows_of(ask(client, ALL))


@pytest.mark.parametrize(
    ("maxrec", "top"), [(300, None), (None, 300), (300, 400), (400, 300), (250, None), (None, 250)]
)
def test_maxrec_and_top_bound_all_pages_together(client: FlaskClient, maxrec: int | None, top: int | None) -> None:
    query = ALL.replace("SELECT", f"SELECT TOP {top}") if top else ALL
    params = {"MAXREC": str(maxrec)} if maxrec else {}
    expected = csv_of(client, query, **params)
    first = ask(client, query, **params)
    found = rows_of(first)
    way_on = buttons(first).get("Next page")
    last = first
    if way_on:
        last = page_of(client.get(way_on, headers=CHROMIUM, buffered=True).text)
        found += rows_of(last)
        assert "Next page" not in buttons(last)
    assert found == expected
    end = text_of(last.find(".//{*}p[@id='end']"))  # type: ignore[arg-type]  # it is there
    cut_by_maxrec = maxrec is not None and (top is None or maxrec < top)
    assert ("OVERFLOW" in end) is cut_by_maxrec
    assert ("complete" in end) is not cut_by_maxrec


def test_offset_of_the_query_comes_first(client: FlaskClient) -> None:
    query = f"{ALL} OFFSET 7"
    assert rows_of(ask(client, query, PAGE="2")) == csv_of(client, query)[ROWS_ON_A_PAGE : 2 * ROWS_ON_A_PAGE]


@pytest.mark.parametrize("page", ["0", "-1", "x", str(MOST_PAGES + 1), "1e3", "9" * 30])
def test_a_page_that_is_not_given_is_an_error(client: FlaskClient, page: str) -> None:
    asked = {"LANG": "ADQL", "QUERY": ALL, "RESPONSEFORMAT": "html", "PAGE": page}
    answer = client.get("/tap/sync", query_string=asked, headers=CHROMIUM)
    assert answer.status_code == 400
    assert f"from 1 to {MOST_PAGES}" in text_of(page_of(answer.text))


def test_a_page_after_the_last_is_empty_or_said_to_be_none(client: FlaskClient) -> None:
    page = ask(client, ALL, PAGE="9")
    assert rows_of(page) == []
    assert "No row is left" in text_of(page)
    asked = {"LANG": "ADQL", "QUERY": ALL, "RESPONSEFORMAT": "html", "PAGE": "9", "MAXREC": "300"}
    assert client.get("/tap/sync", query_string=asked).status_code == 400


def test_pages_end_somewhere_and_say_so(client: FlaskClient) -> None:
    query = (
        "SELECT a.granule_uid FROM illu67p.epn_core AS a, illu67p.epn_core AS b WHERE a.granule_uid <> b.granule_uid"
    )
    page = ask(client, query, PAGE=str(MOST_PAGES), MAXREC="100000")
    assert len(rows_of(page)) == ROWS_ON_A_PAGE
    assert "Next page" not in buttons(page)
    assert "pages end here" in text_of(page)


def test_other_formats_have_no_pages(client: FlaskClient) -> None:
    assert csv_of(client, ALL, PAGE="2") == csv_of(client, ALL)


def test_dates_stand_beside_julian_dates(client: FlaskClient) -> None:
    page = ask(client, "SELECT TOP 1 time_min, time_max FROM amdadb.epn_core ORDER BY time_min")
    ((first, _),) = rows_of(page)
    assert first == "2457751.5 2016-12-29T00:00:00"
    assert next(cell.text for cell in page.findall(".//{*}tbody//{*}td")) == "2457751.5 ", "sorted as the number"
    plain = ask(client, "SELECT TOP 1 time_min + 0 AS t FROM amdadb.epn_core ORDER BY time_min")
    assert rows_of(plain) == [["2457751.5"]]


def test_thumbnails_are_pictures_and_identifiers_lead_to_links(client: FlaskClient) -> None:
    page = ask(client, "SELECT TOP 2 granule_uid, thumbnail_url FROM illu67p.epn_core WHERE thumbnail_url IS NOT NULL")
    pictures = page.findall(".//{*}td//{*}img")
    assert len(pictures) == 2
    assert all(str(one.get("src")).startswith("http") and one.get("loading") == "lazy" for one in pictures)
    links = [str(one.get("href")) for one in page.findall(".//{*}td/{*}a") if "/datalink/links" in str(one.get("href"))]
    assert len(links) == 2
    granule = page_of(client.get(links[0], headers=CHROMIUM).text)
    assert rows_of(page)[0][0] in text_of(granule)


def test_the_same_as_a_file_is_a_link_away(client: FlaskClient) -> None:
    page = ask(client, ALL, MAXREC="300")
    answer = client.get(buttons(page)["CSV"], buffered=True)
    assert answer.mimetype == "text/csv"
    assert answer.text.count("\n") == 301


def test_an_uploaded_table_is_escaped_and_has_no_next_page(client: FlaskClient) -> None:
    lines = "\n".join(f'"{EVIL.replace(chr(34), chr(34) * 2)}",{number}' for number in range(600))
    asked = {
        "LANG": "ADQL",
        "QUERY": "SELECT * FROM tap_upload.mine",
        "RESPONSEFORMAT": "html",
        "UPLOAD": "mine,param:mine",
        "mine": (io.BytesIO(f"what,number\n{lines}\n".encode()), "mine.csv"),
    }
    answer = client.post("/tap/sync", data=asked, headers=CHROMIUM, buffered=True)
    assert answer.status_code == 200, answer.text
    page = page_of(answer.text)
    assert len(rows_of(page)) == ROWS_ON_A_PAGE
    assert rows_of(page)[0] == [EVIL, "0"]
    assert not page.findall(".//{*}tbody//{*}script")
    assert not page.findall(".//{*}img")
    assert "Next page" not in text_of(page)
    assert "run it as a job" in text_of(page)


def test_a_long_query_goes_on_by_a_form(client: FlaskClient) -> None:
    names = ", ".join(f"'{number:06d}'" for number in range(1_200))
    query = f"SELECT granule_uid FROM illu67p.epn_core WHERE granule_uid NOT IN ({names}) ORDER BY granule_uid"
    assert len(query) > 10_000
    asked = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "html"}
    page = page_of(client.post("/tap/sync", data=asked, headers=CHROMIUM, buffered=True).text)
    (form,) = [one for one in page.findall(".//{*}form") if text_of(one) == "Next page"]
    fields = {str(one.get("name")): str(one.get("value")) for one in form.findall(".//{*}input")}
    page = page_of(client.post("/tap/sync", data=fields, headers=CHROMIUM, buffered=True).text)
    assert rows_of(page) == csv_of(client, query)[ROWS_ON_A_PAGE : 2 * ROWS_ON_A_PAGE]


def test_a_page_of_all_columns_weighs_less_than_a_megabyte(client: FlaskClient) -> None:
    asked = {"LANG": "ADQL", "QUERY": "SELECT * FROM illu67p.epn_core", "RESPONSEFORMAT": "html"}
    answer = client.get("/tap/sync", query_string=asked, headers=CHROMIUM, buffered=True)
    assert 100_000 < len(answer.data) < 1_000_000


def test_what_is_in_a_query_and_a_column_is_text(client: FlaskClient) -> None:
    page = ask(client, f"""SELECT TOP 1 '{EVIL.replace("'", "''")}' AS "<b>" FROM amdadb.epn_core""")
    assert rows_of(page) == [[EVIL]]
    assert not page.findall(".//{*}img")
    assert not page.findall(".//{*}b")
    assert [text_of(one) for one in page.findall(".//{*}th/{*}button")] == ["<b>"]


@pytest.mark.parametrize("name", ["time_min", "plain"])
def test_a_million_rows_take_no_more_memory_than_one_block(name: str) -> None:
    column = (
        ResultColumn("time_min", "double", unit="d", ucd="time.start", origin=("amdadb.epn_core", "time_min"))
        if name == "time_min"
        else ResultColumn("value", "double")
    )
    block = b"".join(b"%.5f\n" % (2_400_000.5 + number / 7) for number in range(10_000))
    writer = Html().writer([column], AnswerFacts())
    size = len(writer.header())
    size += len(writer.rows(block))
    tracemalloc.start()
    try:
        for _ in range(100 if name == "plain" else 10):
            size += len(writer.rows(block))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    count = 1_010_000 if name == "plain" else 110_000
    end = b"".join(writer.trailer(Outcome(OutcomeStatus.OK, count))).decode()
    writer.close()
    assert f"{count:,} rows" in re.sub(r"\s+", " ", end)
    assert size > 20 * count
    assert peak < 12_000_000
