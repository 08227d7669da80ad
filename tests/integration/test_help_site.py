"""The site of the help, as it is built: every link leads somewhere, and nothing in a page needs a laxer policy."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html

from tests.support.help_site import built_site
from tests.support.places import ROOT

#: in one page of each sort
ANCHORS = "@id | @name"


@pytest.fixture(scope="module")
def site() -> Path:
    return built_site()


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, html.HtmlElement]:
    return {path: html.fromstring(path.read_bytes()) for path in site.rglob("*.html")}


def test_every_page_of_the_folder_is_in_it(site: Path) -> None:
    docs = ROOT / "docs"
    written = [path for path in docs.rglob("*") if path.suffix in {".md", ".ipynb"} and "_site" not in path.parts]
    assert len(written) > 35
    missing = [path for path in written if not (site / path.relative_to(docs)).with_suffix(".html").is_file()]
    assert missing == []


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, html.HtmlElement]) -> None:
    known = {path: set(page.xpath("//@id | //@name")) for path, page in pages.items()}
    wrong, checked = [], 0
    for path, page in pages.items():
        for link in page.xpath("//@href | //@src"):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target == site.parent:
                continue  # the service, one folder up from the help
            checked += 1
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in known.get(target, {""})):
                wrong.append(f"{path.relative_to(site)} → {link}")
    assert checked > 1_000
    # what scripts begin with: the top of a page, a search
    assert [one for one in wrong if not one.endswith(("→ #", "→ #top"))] == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, html.HtmlElement]) -> None:
    loads = "//script/@src | //img/@src | //link[@rel='stylesheet' or @rel='icon' or @rel='preload']/@href"
    for path, page in pages.items():
        elsewhere = [one for one in page.xpath(loads) if urlsplit(one).netloc]
        assert elsewhere == [], path


def test_the_policy_that_is_written_down_lets_every_page_work(site: Path, pages: dict[Path, html.HtmlElement]) -> None:
    policy = json.loads((site / "site.json").read_text(encoding="utf-8"))["policy"]
    for path, page in pages.items():
        for directive, query in (("script-src", "//script[not(@src)]"), ("style-src", "//style")):
            for one in page.xpath(query):
                digest = base64.b64encode(hashlib.sha256((one.text or "").encode()).digest()).decode()
                assert f"'sha256-{digest}'" in policy[directive], path
        assert page.xpath("//@style") == [], path
        assert [name for one in page.iter() for name in one.attrib if name.startswith("on")] == [], path
    assert all(1 <= len(hashes) <= 5 for hashes in policy.values())
