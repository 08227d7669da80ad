"""What browsers and other clients say that they accept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient
from lxml import etree

from epntap.db.pool import Database
from epntap.settings import Settings
from voserver.app import create_app
from voserver.house import House, build_house
from voserver.routes import wings

__all__ = ["CHROMIUM", "CURL", "JAVA", "SAFARI", "client_of", "close_pools", "page_of", "strange_scripts", "text_of"]

CHROMIUM = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
}
SAFARI = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CURL = {"Accept": "*/*"}
#: java.net.HttpURLConnection, and so TOPCAT and STILTS
JAVA = {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}

_XHTML = "{http://www.w3.org/1999/xhtml}"


def page_of(text: str) -> etree._Element:
    """A page, which is well-formed and has the frame; raises AssertionError otherwise."""
    page = etree.fromstring(text.strip().encode())
    assert page.tag == f"{_XHTML}html"
    assert page.get("lang") == "en"
    head = page.find(f"{_XHTML}head")
    assert head is not None
    viewport = [one.get("content") for one in head.iter(f"{_XHTML}meta") if one.get("name") == "viewport"]
    assert viewport == ["width=device-width, initial-scale=1"]
    assert [one.text for one in head.iter(f"{_XHTML}title")] != [""]
    assert not list(page.iter(f"{_XHTML}style")), "styles are files: the policy allows nothing else"
    scripts = [one for one in page.iter(f"{_XHTML}script") if one.get("type") != "application/ld+json"]
    assert all(one.get("src") and not one.text for one in scripts), "so are scripts"
    attributes = {str(name) for one in page.iter() for name in one.attrib}
    assert not {name for name in attributes if name == "style" or name.startswith("on")}
    for name in ("header", "nav", "main", "footer", "h1"):
        assert page.find(f".//{_XHTML}{name}") is not None, f"the page has no {name}"
    return page


@contextmanager
def client_of(database: Database, home: Path, **settings: object) -> Iterator[FlaskClient]:
    """The whole application in this process, on this database."""
    made = Settings(home=home, threads=8, **settings)  # type: ignore[arg-type]  # of any field
    house = build_house(made, database)
    try:
        yield create_app(wings(house), made, house.pages).test_client()
    finally:
        close_pools(house)


def close_pools(house: House) -> None:
    """End the connections of a process that was made by hand."""
    for _, pool in house.pools.to_tell():
        pool.close()


def strange_scripts(page: etree._Element) -> list[str]:
    """Scripts of a page that are no files of ours."""
    scripts = [(str(one.get("src")), one.text or "") for one in page.iter(f"{_XHTML}script")]
    return [source + text for source, text in scripts if text.strip() or not source.startswith("/static/")]


def text_of(element: etree._Element) -> str:
    """What is to be read in it, white space as one blank."""
    return " ".join("".join(map(str, element.itertext())).split())
