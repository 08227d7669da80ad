"""/query as the service writes it, without scripts, and what its script asks for."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from lxml import etree

from epntap.db.pool import Database
from tests.support.browser import CHROMIUM, client_of, page_of

EVIL = "<script>window.evil = 1</script><img src=x onerror=window.evil=1>\"'"


@pytest.fixture(scope="module")
def client(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with client_of(demo_database, tmp_path_factory.mktemp("query")) as client:
        yield client


def ask(client: FlaskClient, status: int = 200, **form: object) -> etree._Element:
    answer = client.post("/query", data=form, headers=CHROMIUM)
    assert answer.status_code == status, answer.text
    return page_of(answer.text)


def text_of(page: etree._Element, path: str) -> str:
    return " ".join("".join(map(str, one.itertext())) for one in page.findall(path))


def rows_of(page: etree._Element) -> list[list[str]]:
    rows = page.findall(".//{*}tbody/{*}tr")
    return [["".join(map(str, cell.itertext())).strip() for cell in row] for row in rows]


def test_a_link_fills_the_form_and_runs_nothing(client: FlaskClient) -> None:
    page = page_of(client.get("/query?sql=SELECT+1%0AFROM+x", headers=CHROMIUM).text)
    assert text_of(page, ".//{*}textarea") == "SELECT 1\nFROM x"
    assert rows_of(page) == []


def test_a_query_is_answered_in_pages(client: FlaskClient) -> None:
    query = "SELECT granule_uid FROM illu67p.epn_core ORDER BY granule_uid"
    page = ask(client, query=query, do="run")
    assert len(rows_of(page)) == 100
    (after,) = (one for one in page.iter("{*}a") if one.text == "Rows after")
    second = page_of(client.get(str(after.get("href")), headers=CHROMIUM).text)
    assert len(rows_of(second)) == 100
    assert rows_of(page)[-1] < rows_of(second)[0]
    assert "Rows 101 to 200; there are more." in text_of(second, ".//{*}section/{*}p")


def test_no_page_goes_beyond_the_rows_that_are_wanted(client: FlaskClient) -> None:
    page = ask(client, query="SELECT granule_uid FROM illu67p.epn_core", do="run", maxrec="100")
    assert len(rows_of(page)) == 100
    assert not [one for one in page.iter("{*}a") if one.text == "Rows after"]


def test_times_have_their_dates_beside_them(client: FlaskClient) -> None:
    query = "SELECT time_min FROM amdadb.epn_core WHERE granule_uid = 'syna-mag_20161231'"
    ((cell,),) = rows_of(ask(client, query=query, do="run"))
    assert cell.endswith("2016-12-31 00:00:00")


def test_a_mistake_has_its_place_and_a_link_that_mends_it(client: FlaskClient) -> None:
    page = ask(client, 400, query="SELECT granule_uid,\r\n tagret_name FROM amdadb.epn_core", do="run")
    assert "(line 2, column 2)" in text_of(page, ".//{*}ul[@class='problems']")
    (mend,) = (one for one in page.iter("{*}a") if one.text == "Write target_name")
    mended = page_of(client.get(str(mend.get("href")), headers=CHROMIUM).text)
    assert text_of(mended, ".//{*}textarea") == "SELECT granule_uid,\n target_name FROM amdadb.epn_core"


def test_explain_tells_the_cost_and_runs_nothing(client: FlaskClient) -> None:
    query = "SELECT 1/(1 - COUNT(*)/63) AS boom FROM amdadb.epn_core"
    page = ask(client, query=query, do="explain")
    assert "It reads the counts that ingestion keeps" in text_of(page, ".//{*}div[@class='note']")
    assert "value_count" in text_of(page, ".//{*}details/{*}pre")
    ask(client, 400, query=query, do="run")


def test_an_upload_is_joined(client: FlaskClient) -> None:
    content = b"uid,remark\nsyna-mag_20161231,mine\n"
    query = (
        "SELECT t.remark, e.target_name FROM amdadb.epn_core AS e JOIN TAP_UPLOAD.marks AS t ON e.granule_uid = t.uid"
    )
    form: dict[str, Any] = {"query": query, "do": "run", "name": "marks"}
    page = ask(client, **form, table=(io.BytesIO(content), "marks.csv"))
    assert rows_of(page)[0][0] == "mine"
    assert "name_marks" not in text_of(page, ".//{*}pre")
    assert "UPLOAD=marks,param:table" in text_of(page, ".//{*}details[@id='code']")
    assert "TAP_UPLOAD" in text_of(ask(client, 400, **form), ".//{*}ul[@class='problems']")


def test_markup_stays_text_wherever_it_is(client: FlaskClient) -> None:
    quoted = EVIL.replace("'", "''")
    content = f'name\n"{EVIL.replace(chr(34), chr(34) * 2)}"\n'.encode()
    pages = [
        ask(client, query=f"SELECT TOP 1 '{quoted}' AS a FROM amdadb.epn_core", do="run"),
        ask(client, 400, query=EVIL, do="run"),
        ask(client, 400, query="SELECT 1", name=EVIL, do="run", table=(io.BytesIO(content), "x.csv")),
        ask(client, 400, query="SELECT 1", do=EVIL),
        ask(client, query="SELECT name FROM TAP_UPLOAD.mine", do="run", table=(io.BytesIO(content), "x.csv")),
        page_of(client.get(f"/query?{urlencode({'sql': EVIL, 'show': EVIL})}", headers=CHROMIUM).text),
    ]
    for page in pages:
        assert [
            one.get("src") for one in page.findall(".//{*}script") if not str(one.get("src")).startswith("/static/")
        ] == []
        assert page.findall(".//{*}img") == []
    assert rows_of(pages[0]) == rows_of(pages[4]) == [[EVIL]]


def test_long_queries_are_answered_too(client: FlaskClient) -> None:
    query = "SELECT TOP 1 granule_uid FROM amdadb.epn_core WHERE granule_uid <> '" + "x" * 10_000 + "'"
    assert len(rows_of(ask(client, query=query, do="run"))) == 1
    page = ask(client, 400, query=query + " AND", do="run")
    assert text_of(page, ".//{*}textarea") == query + " AND"


def test_a_page_grows_no_faster_than_its_query(client: FlaskClient) -> None:
    short, long = (len(client.post("/query", data={"query": "a" * size}).data) for size in (1, 300_001))
    assert long - short < 7 * 300_000, "the field, the three programs and the form of downloads"


@pytest.mark.parametrize("wrong", [{"do": "job"}, {"page": "0"}, {"page": "99"}, {"maxrec": "many"}, {"do": "drop"}])
def test_what_is_not_offered_is_said(client: FlaskClient, wrong: dict[str, str]) -> None:
    answer = client.get(f"/query?{urlencode({'sql': 'SELECT 1 FROM amdadb.epn_core', **wrong})}", headers=CHROMIUM)
    assert answer.status_code == 400
    assert text_of(page_of(answer.text), ".//{*}div[@class='fault']").strip()


def test_a_job_is_begun_by_the_form(client: FlaskClient) -> None:
    answer = client.post(
        "/query", data={"query": "SELECT granule_uid FROM illu67p.epn_core", "do": "job"}, headers=CHROMIUM
    )
    assert answer.status_code == 303
    assert re.fullmatch(r"/jobs/\w+", answer.headers["Location"])
    other = {**CHROMIUM, "Origin": "https://evil.example"}
    assert client.post("/query", data={"query": "SELECT 1", "do": "job"}, headers=other).status_code == 403


def test_the_schema_tells_all_tables_once_for_each_publication(client: FlaskClient) -> None:
    answer = client.get("/query/schema.json")
    services = {one["name"]: one for one in json.loads(answer.data)["services"]}
    assert {"amdadb", "illu67p", "transplanet", "tap_schema"} == services.keys()
    tables = {one["name"]: one for one in services["amdadb"]["tables"]}
    (time_min,) = (one for one in tables["amdadb.epn_core"]["columns"] if one["name"] == "time_min")
    assert time_min["unit"] == "d"
    assert time_min["ucd"] == "time.start;obs"
    assert len(answer.data) < 100_000
    again = client.get("/query/schema.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_datasets_and_parameters_come_when_they_are_looked_for(client: FlaskClient) -> None:
    datasets = client.get("/query/schema.json?schema=amdadb").json["datasets"]  # type: ignore[index]  # JSON
    assert "syna-mag" in [one["dataset_id"] for one in datasets]
    parameters = client.get("/query/schema.json?schema=amdadb&dataset=syna-mag").json["parameters"]  # type: ignore[index]  # JSON
    assert {one.get("unit") for one in parameters} >= {"nT"}
    for path in ("schema=nothing", "schema=tap_schema", "schema=amdadb&dataset=it's"):
        assert client.get(f"/query/schema.json?{path}").status_code == 404


def test_a_check_tells_where_and_what(client: FlaskClient) -> None:
    found = client.post("/query/check.json", data={"query": "SELECT tagret_name FROM amdadb.epn_core"})
    assert found.status_code == 200
    (problem,) = json.loads(found.data)["problems"]
    assert (problem["line"], problem["column"], problem["length"]) == (1, 8, 11)
    assert problem["suggestions"][0] == "target_name"
    assert client.post("/query/check.json", data={"query": "SELECT 1 AS a FROM amdadb.epn_core"}).json["problems"] == []  # type: ignore[index]  # JSON


def test_an_explanation_is_json_for_the_script(client: FlaskClient) -> None:
    found = client.post("/query/explain.json", data={"query": "SELECT * FROM amdadb.epn_core", "maxrec": "10"})
    told = json.loads(found.data)
    assert told["sentences"][0] == "More than 10 rows are expected: the answer ends there (MAXREC)."
    assert told["sql"].startswith("SELECT")
    assert client.post("/query/explain.json", data={"query": "SELECT"}).status_code == 400
