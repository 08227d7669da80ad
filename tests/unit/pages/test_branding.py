"""The folder of an operator: name, logo, colours and texts on all pages, or a sentence that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from epntap.errors import SetupError
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.wing import Wing
from epntap.settings import Settings
from tests.support.browser import page_of, text_of
from voserver.app import create_app
from voweb.branding import read_branding
from voweb.site import pages_of
from voweb.views import assets_blueprint, texts_blueprint

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script></svg>'
FACTS = """
name = "Plasma <b>Centre</b>"
tagline = "Fields & particles"
contact = "mailto:help@example.org"
[colours]
accent = "#7a1f5c"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "branding.toml").write_text(FACTS)
    (tmp_path / "logo.svg").write_bytes(LOGO)
    (tmp_path / "about.md").write_text(
        "# Who we are\n\nWe *measure*. <script>alert(1)</script> [x](javascript:alert(1))\n"
    )
    (tmp_path / "legal.md").write_text("Cookies: one.\n\n---\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    return tmp_path


def test_pages_bear_what_the_folder_has(folder: Path) -> None:
    pages = pages_of(Settings(branding=str(folder)))
    app = create_app(
        [Wing(name="web", blueprints=(assets_blueprint(pages), texts_blueprint(pages)))], Settings(), pages
    )
    client = app.test_client()
    page = page_of(client.get("/about").text)
    header = page.find(".//{*}header/{*}a")
    assert header is not None
    assert text_of(header) == "Plasma <b>Centre</b>"
    (logo,) = header.findall("{*}img")
    answer = client.get(str(logo.get("src")))
    assert (answer.data, answer.mimetype) == (LOGO, "image/svg+xml")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    colours = [str(one.get("href")) for one in page.findall(".//{*}link") if "colours" in str(one.get("href"))]
    assert "--accent: #7a1f5c" in client.get(colours[0]).text
    footer = page.find(".//{*}footer")
    assert footer is not None
    assert {one.get("href") for one in footer.iter("{*}a")} == {"/about", "/legal", "mailto:help@example.org"}


def test_texts_are_markdown_without_markup_of_their_own(folder: Path) -> None:
    pages = pages_of(Settings(branding=str(folder)))
    client = create_app([Wing(name="web", blueprints=(texts_blueprint(pages),))], Settings(), pages).test_client()
    page = page_of(client.get("/about").text)
    assert [text_of(one) for one in page.findall(".//{*}h1")] == ["Who we are"]
    assert not page.findall(".//{*}main//{*}script")
    assert "<script>" in text_of(page)
    assert not [one for one in page.iter("{*}a") if "javascript" in str(one.get("href"))]
    legal = page_of(client.get("/legal").text)
    assert [text_of(one) for one in legal.findall(".//{*}h1")] == ["Legal"]
    assert legal.find(".//{*}main//{*}table") is not None


def test_without_a_folder_pages_are_plain() -> None:
    pages = pages_of(Settings())
    client = create_app([Wing(name="web", blueprints=(texts_blueprint(pages),))], Settings(), pages).test_client()
    assert client.get("/about").status_code == 404
    assert pages.site.name == "EPN-TAP service"
    assert FaultPages(pages).pages.others == {}


def test_an_empty_folder_changes_nothing(tmp_path: Path) -> None:
    assert read_branding(str(tmp_path)).files == {}
    assert pages_of(Settings(branding=str(tmp_path))).asset("site.css") == pages_of(Settings()).asset("site.css")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ('nam = "x"', "Did you mean"),
        ("name = 1", "must be text"),
        ("name = ", "cannot be read"),
        ('contact = "javascript:alert(1)"', "mailto: or https://"),
        ('[colours]\naccent = "red"', "#1a5ca8"),
        ('[colours]\naccent = "#ffff00"', "can hardly be read"),
        ('[dark]\naccent = "#202020"', "can hardly be read"),
        ('[colours]\nground-header = "#ffffff"', "can hardly be read"),
        ('[colours]\naccents = "#000000"', "accent"),
        ('[colours]\naccent = "#000000;} body{background:url(//x)"', "must be a colour"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, facts: str, said: str) -> None:
    (tmp_path / "branding.toml").write_text(facts)
    with pytest.raises(SetupError, match=r"branding\.toml") as caught:
        read_branding(str(tmp_path))
    assert said in caught.value.message


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="is no folder"):
        read_branding(str(tmp_path / "none"))


def test_a_logo_that_is_too_large_is_said(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(bytes(600_000))
    with pytest.raises(SetupError, match="at most 500,000"):
        read_branding(str(tmp_path))
