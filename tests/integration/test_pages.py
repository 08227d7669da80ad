"""Pages as browsers get them: in the frame, with their policy, light, and only for those who want pages."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from epntap.db.pool import Database
from tests.support.browser import CHROMIUM, client_of, page_of

MOST_BYTES = 1_000_000
#: every page that needs nothing to be filled in
PAGES = (
    "/",
    "/tap",
    "/tap/examples",
    "/services",
    "/services/amdadb",
    "/services/illu67p",
    "/query",
    "/query?sql=SELECT+TOP+10+*+FROM+amdadb.epn_core&do=run",
    "/jobs",
    "/status",
    "/hapi",
    "/hapi?dataset=SYNA-MAG",
    "/datalink/links?ID=syna-mag_20161231",
)


@pytest.fixture(scope="module")
def client(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with client_of(demo_database, tmp_path_factory.mktemp("pages")) as client:
        yield client


def browse(client: FlaskClient, path: str) -> TestResponse:
    return client.get(path, headers=CHROMIUM)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_the_frame_and_its_policy(client: FlaskClient, path: str) -> None:
    answer = browse(client, path)
    assert answer.status_code == 200
    page_of(answer.text)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_weighs_less_than_a_megabyte_with_all_that_it_loads(client: FlaskClient, path: str) -> None:
    answer = browse(client, path)
    page = page_of(answer.text)
    loaded = {str(one.get("href")) for one in page.findall(".//{*}link")}
    loaded |= {str(one.get("src")) for one in page.findall(".//{*}script")}
    assert loaded
    weight = len(answer.data)
    for address in loaded:
        asset = client.get(address)
        assert asset.status_code == 200, address
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        weight += len(asset.data)
    assert weight < MOST_BYTES


def test_the_first_page_leads_to_the_targets_with_most_granules(client: FlaskClient) -> None:
    counts: Counter[str] = Counter()
    for schema in ("amdadb", "illu67p", "transplanet"):
        query = f"SELECT target_name, COUNT(*) AS n FROM {schema}.epn_core GROUP BY target_name"  # ADQL
        text = client.get("/tap/sync", query_string={"LANG": "ADQL", "FORMAT": "csv", "QUERY": query}).text
        for row in csv.DictReader(text.splitlines()):
            counts.update(dict.fromkeys(row["target_name"].split("#"), int(row["n"])))
    page = page_of(browse(client, "/").text)
    links = [str(one.get("href")) for one in page.findall(".//{*}a")]
    named = [parse_qs(link.partition("?")[2])["target"][0] for link in links if link.startswith("/search?target=")]
    assert named == sorted(counts, key=lambda name: (-counts[name], name))[:12]


def test_the_navigation_leads_somewhere(client: FlaskClient) -> None:
    for anchor in page_of(browse(client, "/").text).findall(".//{*}header//{*}a"):
        answer = client.get(str(anchor.get("href")), headers=CHROMIUM, follow_redirects=True)
        assert answer.status_code == 200


def test_assets_of_another_version_are_not_kept(client: FlaskClient) -> None:
    answer = client.get("/static/000000000000/site.css")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "name", ["nothing.css", "../render.py", "%2e%2e/render.py", "..%2frender.py", "/etc/passwd", "."]
)
def test_only_assets_are_assets(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/x/{name}").status_code == 404
