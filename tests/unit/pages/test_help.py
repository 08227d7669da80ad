"""/help: files of a built site, with a policy that lets its pages work and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from epntap.pages import Pages, Site
from epntap.settings import Settings
from voserver.app import create_app
from voweb.help import routes
from voweb.help.routes import is_built
from voweb.site import pages_of

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def client_of(site: Path, prefix: str = "") -> FlaskClient:
    pages = Pages(Site(prefix=prefix))
    return create_app([routes(pages, site)], Settings(), pages).test_client()


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    site = tmp_path / "site"
    (site / "_static").mkdir(parents=True)
    (site / "index.html").write_text("<p>first</p>")
    (site / "_static" / "a.css").write_text("p {}")
    (site / "site.json").write_text(json.dumps({"policy": {"script-src": ["'sha256-abc='"], "style-src": []}}))
    (tmp_path / "secret.html").write_text("secret")
    return client_of(site)


@pytest.mark.parametrize("prefix", ["", "/epn"])
def test_the_name_leads_to_the_folder_below_the_public_address(tmp_path: Path, prefix: str) -> None:
    answer = client_of(tmp_path, prefix).get("/help", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{prefix}/help/")


@pytest.mark.parametrize("address", ["/help/", "/help/index.html"])
def test_pages_are_asked_about_each_time_and_sent_once(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.text == "<p>first</p>"
    assert answer.content_type == "text/html; charset=utf-8"
    assert "no-cache" in answer.headers["Cache-Control"]
    again = client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.head(address).headers["ETag"] == answer.headers["ETag"]


def test_what_bears_a_digest_may_be_kept(client: FlaskClient) -> None:
    assert "immutable" in client.get("/help/_static/a.css?v=12ab").headers["Cache-Control"]
    assert "no-cache" in client.get("/help/_static/a.css").headers["Cache-Control"]
    assert "no-cache" in client.get("/help/index.html?v=12ab").headers["Cache-Control"]


def test_the_policy_allows_what_was_built_and_no_other_page_has_it(client: FlaskClient) -> None:
    policy = client.get("/help/").headers["Content-Security-Policy"]
    assert "script-src 'self' 'sha256-abc='" in policy
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    other = client.get("/help/nothing.html", headers=BROWSER)
    assert (other.status_code, "sha256" in other.headers["Content-Security-Policy"]) == (404, False)


@pytest.mark.parametrize(
    "name", ["nothing.html", "../secret.html", "%2e%2e/secret.html", "_static", "_static/", "a\x00b", "x" * 3000]
)
def test_what_is_not_in_the_site_is_not_there(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/help/{name}")
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.html", "")
    assert len(answer.text) < 500


def test_where_nothing_is_built_it_says_what_to_do(tmp_path: Path) -> None:
    answer = client_of(tmp_path / "nowhere").get("/help/", headers=BROWSER)
    assert answer.status_code == 404
    assert "&#39;make docs&#39; builds it" in answer.text


def test_names_that_nobody_has_are_not_kept(client: FlaskClient, tmp_path: Path) -> None:
    for name in ("later.html", "x" * 100_000):
        assert client.get(f"/help/{name}").status_code == 404
    (tmp_path / "site" / "later.html").write_text("here")
    assert client.get("/help/later.html").text == "here"


def test_pages_lead_to_the_help_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_built(tmp_path)
    (tmp_path / "index.html").write_text("<p>first</p>")
    assert is_built(tmp_path)
    for is_there in (True, False):
        monkeypatch.setattr("voweb.site.is_built", lambda is_there=is_there: is_there)
        assert pages_of(Settings()).site.has("/help") is is_there
