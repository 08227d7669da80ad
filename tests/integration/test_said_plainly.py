"""What used to be silent or misunderstood: answers that were cut, hosts, encodings, parameters in other clothes."""

from __future__ import annotations

import http.client
import json
import time

import pytest
import requests
from lxml import etree

from tests.support.multipart import post, query
from tests.support.server import Server

E = "amdadb.epn_core"
ALL = f"SELECT granule_uid FROM {E}"


def get(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """An answer to a request that no library has improved."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def csv_of(server: Server, text: str, **params: str) -> requests.Response:
    wanted = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": text, **params}
    return requests.get(f"{server.tap}/sync", wanted, timeout=30)


# -- answers that are cut


def test_every_answer_says_its_limit(served: Server) -> None:
    assert csv_of(served, ALL).headers["X-Maxrec"] == "20000"
    assert csv_of(served, ALL, MAXREC="7").headers["X-Maxrec"] == "7"


@pytest.mark.parametrize(
    ("text", "maxrec", "is_cut"),
    [
        (ALL, "7", True),
        (ALL, "20000", False),
        (f"SELECT TOP 3 * FROM {E}", "7", False),
        (f"SELECT TOP 9 * FROM {E}", "7", True),
        (f"SELECT COUNT(*) AS n FROM {E}", "7", False),
        (f"SELECT * FROM {E} ORDER BY time_min", "7", True),
    ],
)
def test_overflow_is_said_before_the_first_row(served: Server, text: str, maxrec: str, is_cut: bool) -> None:
    answer = csv_of(served, text, MAXREC=maxrec)
    assert (answer.headers.get("X-Overflow") == "true") == is_cut
    assert (len(answer.text.splitlines()) - 1 == int(maxrec)) == is_cut


@pytest.mark.parametrize(("maxrec", "status"), [("5", "OVERFLOW"), ("100000", "OK")])
def test_a_job_says_whether_its_result_was_cut(served: Server, maxrec: str, status: str) -> None:
    fields = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": ALL, "MAXREC": maxrec, "PHASE": "RUN"}
    job = requests.post(f"{served.tap}/async", fields, timeout=30).url
    deadline = time.monotonic() + 60
    while (phase := requests.get(f"{job}/phase", {"WAIT": "5"}, timeout=30).text) != "COMPLETED":
        assert phase in {"PENDING", "QUEUED", "EXECUTING"}
        assert time.monotonic() < deadline
    root = etree.fromstring(requests.get(job, timeout=30).content)
    (rows,) = root.iterfind("{*}jobInfo/{*}rows")
    lines = requests.get(f"{job}/results/result", timeout=30).text.splitlines()
    assert (rows.get("QUERY_STATUS"), rows.text) == (status, str(len(lines) - 1))


def test_parameters_of_a_job_can_be_read_one_by_one(served: Server) -> None:
    job = requests.post(f"{served.tap}/async", {"LANG": "ADQL", "QUERY": ALL}, timeout=30).url
    assert requests.get(f"{job}/parameters/query", timeout=30).text == ALL
    missing = requests.get(f"{job}/parameters/FORMAT", timeout=30)
    assert missing.status_code == 404
    assert "it has LANG, QUERY" in missing.text


# -- where the service is


@pytest.mark.parametrize("host", ["localhost:1234", "127.0.0.1:9", "[::1]:8080"])
def test_addresses_are_those_that_were_reached(served: Server, host: str) -> None:
    status, _, body = get(served, "/tap/capabilities", Host=host)
    assert status == 200
    assert f"http://{host}/tap" in body
    assert "leads to" not in get(served, "/", Host=host)[2]


@pytest.mark.parametrize("host", ["evil.example.org", "10.1.2.3:8080", 'x"><script>', "127.0.0.1.example.org", ""])
def test_a_host_that_is_not_ours_is_not_believed(served: Server, host: str) -> None:
    _, _, body = get(served, "/tap/capabilities", Host=host)
    assert "example.org" not in body
    assert "10.1.2.3" not in body
    page = get(served, "/", Host=host)[2]
    assert "EPNTAP_PUBLIC_URL" in page
    assert "<script>" not in page


# -- encodings


def test_what_is_not_utf8_is_refused(served: Server) -> None:
    text = "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+%27caf{}%27+AS+a+FROM+tap_schema.schemas"
    status, _, body = get(served, text.format("%E9"))
    assert status == 400
    assert "is not in UTF-8" in body
    status, _, body = get(served, text.format("%C3%A9"))
    assert status == 200
    assert "café" in body


@pytest.mark.parametrize("charset", ["", "; charset=ISO-8859-1", "; charset=utf-8"])
@pytest.mark.parametrize("letter", [b"%E9", b"\xe9"])
def test_what_is_posted_in_another_encoding_is_refused(served: Server, charset: str, letter: bytes) -> None:
    body = b"LANG=ADQL&FORMAT=csv&QUERY=SELECT+'caf" + letter + b"'+AS+a+FROM+tap_schema.schemas"
    headers = {"Content-Type": f"application/x-www-form-urlencoded{charset}"}
    answer = requests.post(f"{served.tap}/sync", body, headers=headers, timeout=30)
    assert answer.status_code == 400
    assert "UTF-8" in answer.text


# -- requests in other clothes


@pytest.mark.parametrize("form", ["application/x-votable xml", "application/x-votable xml;serialization=BINARY2"])
def test_a_plus_sign_that_became_a_blank(served: Server, form: str) -> None:
    answer = csv_of(served, f"SELECT TOP 1 granule_uid FROM {E}", FORMAT=form)
    assert answer.status_code == 200
    assert "<VOTABLE" in answer.text


def test_a_query_that_is_posted_as_a_file(served: Server) -> None:
    reply = post(
        served, "/tap/sync", [("LANG", "ADQL"), ("FORMAT", "csv")], {"QUERY": f"SELECT TOP 1 * FROM {E}".encode()}
    )
    assert reply.status == 200
    reply = post(served, "/tap/sync", [("LANG", "ADQL"), ("FORMAT", "csv")], {"QUERY": b"SELECT '\xe9'"})
    assert reply.status == 400
    assert b"UTF-8" in reply.body


def test_a_body_in_json_hears_what_is_taken(served: Server) -> None:
    body = json.dumps({"LANG": "ADQL", "QUERY": ALL})
    answer = requests.post(f"{served.tap}/sync", body, headers={"Content-Type": "application/json"}, timeout=30)
    assert answer.status_code == 400
    assert "The body is JSON" in answer.text


@pytest.mark.parametrize("upload", ["t,param:t;", " t,param:t ", "t,param:t; "])
def test_uploads_may_end_with_a_separator(served: Server, upload: str) -> None:
    params = [("LANG", "ADQL"), ("QUERY", "SELECT a FROM TAP_UPLOAD.t"), ("FORMAT", "csv"), ("UPLOAD", upload)]
    reply = post(served, "/tap/sync", params, {"t": b"a\n1\n"})
    assert (reply.status, reply.body) == (200, b"a\n1\n")


@pytest.mark.parametrize(("extension", "start"), [("csv", b"granule_uid"), ("parquet", b"PAR1"), ("vot", b"<?xml")])
def test_the_extension_of_the_address_names_a_format(served: Server, extension: str, start: bytes) -> None:
    answer = requests.get(f"{served.tap}/sync.{extension}", {"LANG": "ADQL", "QUERY": ALL}, timeout=30)
    assert answer.status_code == 200
    assert answer.content.startswith(start)


@pytest.mark.parametrize(("text", "status"), [("SELECT nothing FROM nowhere", 400), (ALL, 200)])
def test_head_says_what_get_would(served: Server, text: str, status: int) -> None:
    params = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": text}
    head = requests.head(f"{served.tap}/sync", params=params, timeout=30)
    assert head.status_code == requests.get(f"{served.tap}/sync", params, timeout=30).status_code == status
    assert head.headers.get("Content-Length") != "0"


@pytest.mark.parametrize(
    ("path", "target"),
    [("/__system__/adql/query/form", "/query"), (f"/tableinfo/{E}", f"/tap/tables/{E}")],
)
def test_addresses_of_dachs_lead_on(served: Server, path: str, target: str) -> None:
    answer = requests.get(f"{served.base}{path}", timeout=30, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, f"{served.base}{target}")


def test_files_are_open_to_pages_of_other_sites(served: Server) -> None:
    address = "/files/illu67p/votable/votable-090-051.vot"
    assert requests.get(f"{served.base}{address}", timeout=30).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT NULL AS granule_uid FROM tap_schema.schemas",
        f"SELECT e.granule_uid FROM tap_schema.schemas AS s LEFT JOIN {E} AS e ON e.granule_uid = s.schema_name",
        f"SELECT MAX(granule_uid) AS granule_uid FROM {E} WHERE dataset_id = 'nope'",
    ],
)
def test_bulk_takes_queries_without_values(served: Server, text: str) -> None:
    answer = requests.post(f"{served.base}/datalink/bulk", {"QUERY": text, "FORMAT": "CSV"}, timeout=30)
    assert answer.status_code == 400
    assert "The query finds no granule" in answer.text


def test_robots_and_types(served: Server) -> None:
    assert "Disallow: /tap/" in requests.get(f"{served.base}/robots.txt", timeout=30).text
    assert query(served, ALL).headers["X-Content-Type-Options"] == "nosniff"


def test_jobs_are_where_they_were_asked_for(served: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    headers = {"Host": "localhost:4321", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/tap/async", "LANG=ADQL&QUERY=SELECT+1+AS+a+FROM+tap_schema.schemas", headers)
    assert (connection.getresponse().getheader("Location") or "").startswith("http://localhost:4321/tap/async/")
    connection.close()
