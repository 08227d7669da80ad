"""Script and markup in whatever pages say: titles, descriptions, columns, links, forms, jobs, reports."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from lxml import etree

from datalink.links.descriptors import Descriptor, InputParam
from datalink.links.page import Page
from datalink.links.request import LinksRequest
from datalink.links.rows import Link
from epntap.answer.model import Outcome, OutcomeStatus
from epntap.archive.kept.counts import Coverage
from epntap.archive.kept.told import RefusedFile
from epntap.archive.services import Service
from epntap.catalog.model import Column, Schema, Table
from epntap.pages import Pages
from epntap.settings import Settings
from epntap.tap.examples import Example
from tests.support.browser import page_of, text_of
from tests.support.places import ROOT
from tests.support.project import shipped
from voweb.holdings.facts import Holding
from voweb.site import pages_of
from voweb.state.facts import Ingested, Queue, State

EVIL = """</script><script>alert(1)</script>"'>&<img src=x onerror=alert(1)>{{ 7 * 7 }}\x00\ud800"""
NOW = datetime(2026, 1, 2, tzinfo=UTC)
TEMPLATES = [path for package in shipped() for path in sorted((ROOT / package).rglob("templates/*"))]
#: where text counts as markup, each for a reason that is said there
MARKUP = {"epntap/pages/render.py", "epntap/http/browsers/faultpage.py", "voweb/datasets/linked.py", "voweb/views.py"}


@pytest.fixture(scope="module")
def pages() -> Pages:
    return pages_of(Settings())


def harmless(text: str) -> etree._Element:
    """The page, in which what was filled in is text only."""
    page = page_of(text)
    scripts = [str(one.get("src")) for one in page.iter("{*}script")]
    assert all(re.fullmatch(r"/static/[0-9a-f]{12}/[\w./-]+", one) for one in scripts)
    assert not [one for one in page.iter("{*}img") if one.get("src") == "x"]
    assert not [one for one in page.iter("{*}a") if str(one.get("href")).lower().startswith(("javascript", "data"))]
    assert "alert(1)" in text_of(page)
    assert "49" not in text_of(page), "what is filled in is no template"
    return page


def test_there_are_templates_and_none_trusts_what_it_is_given() -> None:
    assert len(TEMPLATES) >= 12
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape", text), path
        # attributes have quotes around what is filled in
        assert not re.search(r"=\{\{", text), path


def test_text_becomes_markup_in_few_places() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for package in shipped()
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\bMarkup\(", path.read_text(encoding="utf-8"))
    }
    assert found <= MARKUP


def test_a_service(pages: Pages) -> None:
    column = Column(EVIL, "double", unit=EVIL, ucd=EVIL, description=EVIL)
    table = Table(EVIL, "epn_core", (column,), title=EVIL, description=EVIL, rows=3)
    one = Holding(
        schema=Schema(EVIL, EVIL, title=EVIL, publisher=EVIL, creator=EVIL, reference_url="javascript:alert(1)"),
        table=table,
        others=[table],
        covered=Coverage(1.0, 2.0, *[(EVIL,)] * 6),
        shares={EVIL: 0.5},
        estimated=frozenset(),
        datasets=1,
        datasets_with_rows=1,
        dois=[EVIL],
        examples=[Example(EVIL, EVIL, EVIL, EVIL, EVIL)],
    )
    harmless(pages.render("voweb.holdings/service.html", one=one, tap=EVIL, citation=one.citation(EVIL)))
    harmless(pages.render("voweb.holdings/services.html", services=[one]))
    facts = {"services": [one], "targets": [EVIL], "tap": EVIL, "maxrec": 1, "unknown_host": EVIL}
    harmless(pages.render("voweb.holdings/home.html", **facts))
    examples = pages.render("epntap.tap/examples.xhtml", tap=EVIL, examples=one.examples)
    harmless(examples.partition("?>")[2])


def test_the_state(pages: Pages) -> None:
    report = {
        "seconds": 1.0,
        "files_opened": 1,
        "granules": dict.fromkeys(("inserted", "updated", "unchanged", "deleted", "refused"), 1),
        "files": dict.fromkeys(("found", "indexed", "superseded", "unclaimed", "refused"), 1),
        "values": [EVIL],
        "lists": [{"title": EVIL, "count": 2, "first": [EVIL]}],
        "findings": [{"rule": EVIL, "severity": EVIL, "count": 1, "expected": EVIL}],
    }
    service = Service(EVIL, EVIL, NOW, NOW)
    state = State(
        NOW,
        ingested=[Ingested(service, report, [RefusedFile(EVIL, EVIL)], 1, 1)],
        queue=Queue({EVIL: {"QUEUED": 1}}, 1.0, 0, 0),
    )
    harmless(pages.render("voweb.state/status.html", state=state, most_refused=100))
    harmless(pages.render("voweb.state/status.html", state=State(NOW, EVIL), most_refused=100))


def test_links(pages: Pages) -> None:
    link = Link(
        ID=EVIL,
        access_url="javascript:alert(1)",
        service_def=None,
        error_message=None,
        description=EVIL,
        semantics="#thumbnail",
        content_type=EVIL,
        content_length=1,
    )
    params = (
        InputParam(EVIL, EVIL),
        InputParam("PARAMETERS", EVIL, options=((EVIL, EVIL),)),
        InputParam("FORMAT", EVIL, options=((EVIL, EVIL),)),
        InputParam("ID", ref="ID"),
        InputParam("HIDDEN", value=EVIL),
    )
    form = Descriptor(EVIL, "/soda", params, EVIL, EVIL)
    request = LinksRequest([EVIL], EVIL, filled=[(EVIL, EVIL), ("FORMAT", EVIL)])
    page = Page(request, pages)
    rows = page.rows([link]).decode()
    end = page.trailer(Outcome(OutcomeStatus.ERROR, 1, EVIL), [form]).decode()
    harmless(page.header().decode() + rows + end)


def test_reports_of_checks() -> None:
    from epntap.epncore.rules.all_rules import Severity  # noqa: PLC0415
    from ingest.findings import Finding  # noqa: PLC0415
    from ingest.validation.page import to_html  # noqa: PLC0415
    from ingest.validation.report import CheckReport  # noqa: PLC0415

    finding = Finding(EVIL, Severity.WARN, 1, EVIL, EVIL, EVIL, EVIL, details=(EVIL,))
    page = etree.fromstring(to_html([CheckReport(EVIL, EVIL, 1, True, 1, (finding,), 1.0)]).encode())
    assert not list(page.iter("{*}script"))
    assert not list(page.iter("{*}img"))
