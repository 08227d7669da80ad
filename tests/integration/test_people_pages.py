"""Pages of the service as a whole: what is here, jobs of a browser, how the service is."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from flask.testing import FlaskClient
from lxml import etree

from epntap.archive.memory import remember_files
from epntap.archive.model import ScannedFile
from epntap.db.pool import Database
from epntap.uws.model import Phase
from tests.support.browser import CHROMIUM, CURL, JAVA, client_of, page_of, strange_scripts, text_of

EVIL = """<script>alert(1)</script>"'>&<img src=x onerror=alert(1)>"""
QUERY = "SELECT TOP 3 granule_uid FROM amdadb.epn_core"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def shared_client(own_demo_database: Database, home: Path) -> Iterator[FlaskClient]:
    with client_of(own_demo_database, home) as client:
        yield client


@pytest.fixture
def client(shared_client: FlaskClient) -> FlaskClient:
    """A browser without cookies."""
    return shared_client.application.test_client()


def browse(client: FlaskClient, path: str) -> etree._Element:
    answer = client.get(path, headers=CHROMIUM)
    assert answer.status_code == 200, answer.text
    return page_of(answer.text)


def begin(client: FlaskClient, **asked: str) -> str:
    """The name of a new job of this browser."""
    answer = client.post("/tap/async", data={"LANG": "ADQL", "QUERY": QUERY, **asked}, headers=CHROMIUM)
    assert answer.status_code == 303
    return answer.headers["Location"].rpartition("/")[2]


# -- what is here


def test_the_first_page_leads_to_every_service(client: FlaskClient) -> None:
    page = browse(client, "/")
    found = {str(one.get("href")) for one in page.findall(".//{*}a")}
    assert {"/services/amdadb", "/services/illu67p", "/services/transplanet"} <= found
    assert next(text_of(one) for one in page.findall(".//{*}pre")).endswith("/tap")


def test_a_service_says_what_it_is(client: FlaskClient) -> None:
    page = browse(client, "/services/amdadb")
    text = text_of(page)
    told = client.get("/services/amdadb.json").get_json()
    assert told["table"] == "amdadb.epn_core"
    assert told["granules"] > 20
    assert f"{told['granules']:,} granules" in text
    for part in ("2016-12-29", "Mars", told["publisher"], told["tap"], "granule_uid", "phys.magField"):
        assert part in text, part
    filled = {column["name"]: column["filled"] for column in told["columns"]}
    assert filled["target_name"] == 1
    assert filled["s_region"] == 0
    with_index = {one["name"]: one for one in told["columns"]}
    assert with_index["time_min"]["unit"] == "d"


def test_counted_columns_are_filled_as_the_rows_are(client: FlaskClient, own_demo_database: Database) -> None:
    for schema in ("amdadb", "illu67p", "transplanet"):
        told = client.get(f"/services/{schema}.json").get_json()
        exact = {one["name"]: one["filled"] for one in told["columns"] if not one["filled_is_estimated"]}
        assert len(exact) > 20
        with psycopg.connect(own_demo_database.url) as connection:
            for name, share in exact.items():
                if share is None:
                    continue
                row = connection.execute(
                    f'SELECT count("{name}")::float8 / count(*) FROM "{schema}".epn_core'
                ).fetchone()
                assert row is not None
                assert share == pytest.approx(row[0], abs=1e-12), name


def test_examples_of_a_service_run(client: FlaskClient) -> None:
    page = browse(client, "/services/amdadb")
    queries = ["".join(map(str, one.itertext())) for one in page.findall(".//{*}li//{*}pre")]
    assert len(queries) >= 4
    for query in queries:
        answer = client.post("/tap/sync", data={"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv"})
        assert answer.status_code == 200
        assert answer.text.count("\n") > 1


def test_services_are_listed_for_machines_too(client: FlaskClient) -> None:
    told = client.get("/services.json").get_json()["services"]
    assert [one["schema"] for one in told] == ["amdadb", "illu67p", "transplanet"]
    assert client.get("/services/no_such.json").status_code == 404
    answer = client.get("/services/amdad", headers=CHROMIUM)
    assert answer.status_code == 404
    assert "amdadb" in text_of(page_of(answer.text))


# -- jobs


def test_jobs_of_a_browser_are_its_own(client: FlaskClient, shared_client: FlaskClient) -> None:
    assert "There are none" in text_of(browse(client, "/jobs"))
    job = begin(client, RUNID="my first")
    page = browse(client, "/jobs")
    assert [str(one.get("href")) for one in page.findall(".//{*}td/{*}a")] == [f"/jobs/{job}"]
    assert "my first" in text_of(page)
    told = client.get("/jobs.json").get_json()["jobs"]
    assert [(one["id"], one["phase"], one["kind"]) for one in told] == [(job, "PENDING", "tap")]
    other = shared_client.application.test_client()
    assert "There are none" in text_of(browse(other, "/jobs"))
    assert other.get("/jobs.json").get_json() == {"jobs": []}
    assert QUERY in text_of(browse(other, f"/jobs/{job}")), "whoever knows the name may look"


def test_people_come_to_the_page_and_programs_get_the_document(client: FlaskClient) -> None:
    job = begin(client)
    for path, page in ((f"/tap/async/{job}", f"/jobs/{job}"), ("/tap/async", "/jobs")):
        answer = client.get(path, headers=CHROMIUM)
        assert (answer.status_code, answer.headers["Location"]) == (303, page)
        assert "Accept" in answer.headers["Vary"]
        for headers in (CURL, JAVA, {}):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.mimetype) == (200, "text/xml")


def test_a_job_is_started_stopped_repeated_and_removed_by_forms(client: FlaskClient) -> None:
    job = begin(client)
    actions = [str(one.get("action")) for one in browse(client, f"/jobs/{job}").findall(".//{*}form[@method='post']")]
    assert actions == [f"/jobs/{job}/run", f"/jobs/{job}/repeat", f"/jobs/{job}/delete"]
    assert client.post(f"/jobs/{job}/run").headers["Location"] == f"/jobs/{job}"
    page = browse(client, f"/jobs/{job}")
    assert "in the queue" in text_of(page)
    assert strange_scripts(page) == []
    assert str(page.findall(".//{*}script")[-1].get("src")).endswith("/job.js")
    assert client.post(f"/jobs/{job}/abort").status_code == 303
    assert "stopped" in text_of(browse(client, f"/jobs/{job}"))
    other = client.post(f"/jobs/{job}/repeat").headers["Location"].rpartition("/")[2]
    assert other != job
    told = client.get(f"/jobs/{other}.json").get_json()
    assert told["phase"] == "QUEUED"
    assert told["parameters"] == [["LANG", "ADQL"], ["QUERY", QUERY]]
    assert len(client.get("/jobs.json").get_json()["jobs"]) == 2
    assert client.post(f"/jobs/{job}/delete").headers["Location"] == "/jobs"
    assert client.get(f"/jobs/{job}").status_code == 404
    assert [one["id"] for one in client.get("/jobs.json").get_json()["jobs"]] == [other]
    client.post(f"/jobs/{other}/delete")


def test_a_job_with_a_table_is_repeated_with_it(client: FlaskClient) -> None:
    table = "name\nMars\n"
    answer = client.post(
        "/tap/async",
        data={
            "LANG": "ADQL",
            "QUERY": "SELECT name FROM tap_upload.mine",
            "UPLOAD": "mine,param:mine",
            "mine": (io.BytesIO(table.encode()), "mine.csv"),
        },
    )
    job = answer.headers["Location"].rpartition("/")[2]
    other = client.post(f"/jobs/{job}/repeat").headers["Location"].rpartition("/")[2]
    client.post(f"/jobs/{other}/abort")
    client.post(f"/jobs/{job}/delete")
    assert client.get(f"/tap/async/{other}/parameters/mine", buffered=True).text == table


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
    ],
)
@pytest.mark.parametrize("action", ["run", "abort", "repeat", "delete"])
def test_forms_of_other_sites_are_refused(client: FlaskClient, action: str, headers: dict[str, str]) -> None:
    job = begin(client)
    assert client.post(f"/jobs/{job}/{action}", headers=headers).status_code == 403
    assert client.get(f"/jobs/{job}.json").get_json()["phase"] == "PENDING"
    ours = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post(f"/jobs/{job}/{action}", headers=ours).status_code == 303


def test_nothing_is_changed_by_looking(client: FlaskClient) -> None:
    job = begin(client)
    for action in ("run", "abort", "repeat", "delete"):
        assert client.get(f"/jobs/{job}/{action}", headers=CHROMIUM).status_code == 405
    assert client.get(f"/jobs/{job}.json").get_json()["phase"] == "PENDING"


def test_the_cookie_stays_with_this_service(client: FlaskClient) -> None:
    answer = client.post("/tap/async", data={"LANG": "ADQL", "QUERY": QUERY})
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    other = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    begun = client.post("/tap/async", data={"LANG": "ADQL", "QUERY": QUERY}, headers=other)
    assert begun.status_code == 303
    assert "Set-Cookie" not in begun.headers, "the list of this browser would be lost"
    assert client.get("/jobs").headers["Cache-Control"] == "private, no-store"


def test_what_a_job_says_is_text(client: FlaskClient, own_demo_database: Database) -> None:
    job = begin(client, RUNID=EVIL[:60], QUERY=f"SELECT '{EVIL}'", RESPONSEFORMAT=EVIL)
    with psycopg.connect(own_demo_database.url) as connection:
        connection.execute(
            "UPDATE uws.job SET phase = 'ERROR', error_message = %s, progress = %s WHERE job_id = %s",
            (EVIL, json.dumps({"done": 1, "total": 2, "doing": EVIL}), job),
        )
    for path in ("/jobs", f"/jobs/{job}"):
        page = browse(client, path)
        assert strange_scripts(page) == []
        assert not page.findall(".//{*}img")
        assert "alert(1)" in text_of(page)


def test_results_are_shown_with_rows_and_size(client: FlaskClient, own_demo_database: Database) -> None:
    job = begin(client)
    results = [
        {
            "media_type": "text/csv",
            "extension": "csv",
            "size_bytes": 123_456,
            "encoding": None,
            "name": "result",
            "file_name": None,
            "rows": 2000,
            "is_cut": True,
        }
    ]
    with psycopg.connect(own_demo_database.url) as connection:
        connection.execute(
            "UPDATE uws.job SET phase = 'COMPLETED', started = now() - interval '3 minutes', ended = now(),"
            " results = %s WHERE job_id = %s",
            (json.dumps(results), job),
        )
    page = browse(client, f"/jobs/{job}")
    text = text_of(page)
    for part in ("done", "2,000", "123 kB", "3 minutes", "more rows"):
        assert part in text, part
    links = [str(one.get("href")) for one in page.findall(".//{*}td/{*}a")]
    assert [urlsplit(one).path for one in links] == [f"/tap/async/{job}/results/result"]
    assert "2,000+" in text_of(browse(client, "/jobs"))


def test_a_job_from_elsewhere_is_opened_by_its_address(client: FlaskClient) -> None:
    job = begin(client)
    for given in (job, f"http://localhost/tap/async/{job}", f" http://localhost/jobs/{job}/ "):
        answer = client.get("/jobs/open", query_string={"job": given})
        assert answer.headers["Location"] == f"/jobs/{job}"
    for wrong in ("", "nothing", "0" * 32):
        assert client.get("/jobs/open", query_string={"job": wrong}, headers=CHROMIUM).status_code == 404


def test_everybody_sees_all_jobs_where_they_are_public(own_demo_database: Database, home: Path) -> None:
    with client_of(own_demo_database, home, public_jobs=True) as client:
        job = begin(client)
        other = client.application.test_client()
        assert job in {one["id"] for one in other.get("/jobs.json").get_json()["jobs"]}


# -- how the service is


def test_the_state_says_what_was_done_and_what_was_refused(
    shared_client: FlaskClient, own_demo_database: Database
) -> None:
    with psycopg.connect(own_demo_database.url) as connection:
        before = connection.execute(
            "SELECT count(*) FROM archive.scanned_file WHERE schema_name = 'amdadb' AND refusal IS NOT NULL"
        ).fetchone()
        assert before is not None
        refused = ScannedFile("/secret/place", "bad/<b>one.cdf", 1, 1, refusal=f"it is no CDF {EVIL}")
        remember_files(connection, "amdadb", [refused])
    page = browse(shared_client, "/status")
    text = text_of(page)
    for part in ("bad/<b>one.cdf", "it is no CDF", "new, 0 changed", "found:", "free of", "none Jobs wait"):
        assert part in text, part
    assert strange_scripts(page) == []
    told = shared_client.get("/status.json").get_json()
    assert told["database"] == "ok"
    assert "/secret/place" not in json.dumps(told) + text
    (amdadb,) = [one for one in told["services"] if one["schema"] == "amdadb"]
    assert amdadb["report"]["granules"]["inserted"] == amdadb["granules"]
    assert amdadb["report"]["files"]["found"] > 0
    assert amdadb["refused_files"] == before[0] + 1
    assert told["jobs"]["tap"].keys() <= set(Phase)


def test_no_folder_of_the_machine_is_told(shared_client: FlaskClient, home: Path) -> None:
    for path in ("/status", "/status.json", "/services.json", "/"):
        text = shared_client.get(path, headers=CHROMIUM).text
        assert "/tmp/" not in text
        assert str(home) not in text


def test_the_state_is_told_without_a_database(shared_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from epntap.errors import UnavailableError  # noqa: PLC0415
    from voweb.state import facts  # noqa: PLC0415

    def away(*_args: object) -> None:
        raise UnavailableError("The database is away.")

    monkeypatch.setattr(facts, "services", away)
    monkeypatch.setattr(facts, "_ASK_AGAIN_S", 0.0)
    page = browse(shared_client, "/status")
    assert "The database is away." in text_of(page)
    assert shared_client.get("/status.json").get_json()["database"] == "The database is away."


def test_examples_can_be_opened(client: FlaskClient) -> None:
    hrefs = [str(one.get("href")) for one in browse(client, "/services/amdadb").findall(".//{*}li//{*}a")]
    asked = [parse_qs(urlsplit(one).query) for one in hrefs]
    assert all("SELECT" in (one.get("sql") or one.get("QUERY") or [""])[0] for one in asked)
