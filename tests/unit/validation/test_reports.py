"""Findings as text, JSON and a page."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from epntap.epncore.rules.all_rules import Severity
from ingest.findings import Example, Finding
from ingest.validation.page import to_html
from ingest.validation.report import CheckReport

ROWS = Finding(
    rule="B6-time",
    severity=Severity.REFUSE,
    count=1200,
    expected="time_min is not above time_max.",
    hint="Exchange them.",
    section="1.2",
    taplint="E_PNMM",
    examples=(Example("a<b", {"granule_uid": "a<b", "time_min": "3", "time_max": None}),),
)
TABLE = Finding("A5", Severity.WARN, 1, "Names are lower case.", "Rename.", "1.1", details=("'Odd' is not",))
REPORT = CheckReport("odd.epn_core", "https://example.org/tap", 5000, True, 300, (TABLE, ROWS), 1.25)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.attributes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_startendtag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_most_serious_comes_first_in_text() -> None:
    lines = REPORT.to_text().splitlines()
    assert lines[0] == (
        "odd.epn_core at https://example.org/tap: 5,000 rows (not the whole table), 300 rules, broken: 1 refuse, 1 warn"
    )
    assert lines[1] == "  refuse     B6-time  1,200 rows  (EPN-TAP §1.2, taplint E_PNMM)"
    assert lines[2].strip() == "time_min is not above time_max. Exchange them."
    assert lines[3].strip() == "a<b: time_min='3', time_max=NULL"
    assert lines[4] == "  warn       A5  table  (EPN-TAP §1.1)"


def test_json_has_everything() -> None:
    document = json.loads(json.dumps(REPORT.to_json()))
    assert [one["rule"] for one in document["findings"]] == ["B6-time", "A5"]
    assert document["findings"][0]["granules"][0]["values"]["time_max"] is None
    assert document["findings"][1]["details"] == ["'Odd' is not"]


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    page = to_html([REPORT])
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "a<b: time_min='3', time_max=NULL" in tags.text
    assert {"src", "href"}.isdisjoint(tags.attributes)
    assert "url(" not in page
    assert "@import" not in page
