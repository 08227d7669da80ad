"""The queries that VESPA's portal, notebooks and scripts are known to send, taken from the page that quotes them."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.parse
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from tests.support.places import shared_directory
from tests.support.server import Server

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

#: words by which a quotation is a query or a part of one
_QUERY_WORDS = re.compile(r"\b(SELECT|WHERE|LIKE|INTERSECTS|TOP|ivo_\w+\()|='", re.IGNORECASE)
_WORDS = ("LIMIT", "OFFSET", "ILIKE", "GROUP BY", "||")
#: quotations that look like a query and are none for us
NOT_OURS = {
    "table_utype LIKE 'ivo://vopdc.obspm/std/epncore%' OR … 'ivo://ivoa.net/std/epntap#table-2.%'": "asks a registry",
}
#: what makes a quotation a whole query over the table that is here, one step after the other
_STEPS = (
    (r'"apis"\."epn_core"', '"amdadb"."epn_core"'),
    (r"\b(apis|vvex|bass2000|s)\.epn_core", "amdadb.epn_core"),
    (r'(?<![.\w"])epn_core', "amdadb.epn_core"),
    (r"\bchannel_id\b", "instrument_name"),  # a column of that service
    (r"\bspatial_origin\b", "spatial_frame_type"),  # an optional column that is not here
    (r"\bTOP n\b", "TOP 5"),
    (r"150, 5, …", "150, 5, 155, 5, 155, 0"),
    (r"FROM …$", "FROM amdadb.epn_core"),
    (r"^(SELECT DISTINCT instrument_name) …$", r"\1 FROM amdadb.epn_core"),
    (r"… WHERE", "FROM amdadb.epn_core WHERE"),
    (r"^TOP 5 … ", "SELECT TOP 5 * FROM amdadb.epn_core "),
    (r"^f-text_query=", ""),
    (r"^LIKE ", "granule_uid LIKE "),
    (r"^WHERE ", ""),
    (r"^(?!SELECT\b|GET\b)", "SELECT TOP 5 * FROM amdadb.epn_core WHERE "),
    (r"\bJD\b", "2457754.5"),
)


@cache
def quotations() -> tuple[str, ...]:
    """Everything in back quotes in the two sections about the portal and the scripts; empty without the material."""
    page = shared_directory() / "peers" / "client_behaviour.md"
    if not page.is_file():
        return ()
    text = page.read_text()
    section = text[text.index("\n## 3. ") : text.index("\n## 5. ")]
    return tuple(dict.fromkeys(re.findall(r"`([^`\n]+)`", section)))


def quoted_queries() -> list[str]:
    return [text for text in quotations() if _QUERY_WORDS.search(text) and text not in NOT_OURS]


def whole(quoted: str) -> str:
    """The quotation as a query, or as an address when it is one."""
    for pattern, replacement in _STEPS:
        quoted = re.sub(pattern, replacement, quoted, flags=re.IGNORECASE if "SELECT" in pattern else 0)
    return quoted


def curl(*arguments: str) -> tuple[int, bytes]:
    command = ["curl", "--silent", "--show-error", "--max-time", "60", "--write-out", "\n%{http_code}", *arguments]
    done = subprocess.run(command, capture_output=True, check=True)
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


def ask(served: Server, query: str) -> tuple[int, bytes]:
    return curl(
        "--get", f"{served.tap}/sync", "--data-urlencode", f"QUERY={query}", "--data", "REQUEST=doQuery&LANG=ADQL"
    )


def assert_answered(status: int, body: bytes) -> int:
    """A VOTable with an answer; the number of its rows."""
    assert status == 200, body.decode()
    document = etree.fromstring(body)
    assert document.find(".//{*}INFO[@name='QUERY_STATUS']").get("value") == "OK"  # type: ignore[union-attr]
    return len(document.findall(".//{*}TR"))


def test_the_page_is_there_and_quotes_queries(shared: Path) -> None:
    assert (shared / "peers" / "client_behaviour.md").is_file()
    assert len(quoted_queries()) >= 14
    assert set(NOT_OURS) <= set(quotations())
    assert set(_WORDS) <= set(quotations())


@pytest.mark.parametrize("quoted", quoted_queries())
def test_a_quoted_query_is_answered(served: Server, quoted: str) -> None:
    query = whole(quoted)
    assert "…" not in query.removeprefix("GET …").replace("granule_uid='…'", "")
    if query.startswith("GET …"):  # the address of an old installation, typed with blanks
        address = urllib.parse.quote(query.removeprefix("GET …"), safe="/?&=")
        status, body = curl(served.base + address)
        assert status == 200, body.decode()
        assert body.startswith(b"# access_url")
        return
    status, body = ask(served, query)
    rows = assert_answered(status, body)
    if "COUNT" in query:
        assert b"<TD>63</TD>" in body
    elif query.startswith("SELECT TOP 5 * FROM amdadb.epn_core ORDER"):
        assert rows == 5


@pytest.mark.parametrize("quoted", [text for text in quoted_queries() if text.startswith("INTERSECTS")])
def test_the_same_with_contains(served: Server, quoted: str) -> None:
    assert_answered(*ask(served, whole(quoted.replace("INTERSECTS", "CONTAINS"))))


def test_limit_is_refused_with_advice(served: Server) -> None:
    status, body = ask(served, "SELECT * FROM amdadb.epn_core LIMIT 5")
    assert status == 400
    said = etree.fromstring(body).findtext(".//{*}INFO[@name='QUERY_STATUS']")
    assert said == "LIMIT is not part of ADQL: use TOP 5 after SELECT (line 1, column 31)"


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT granule_uid FROM amdadb.epn_core ORDER BY granule_uid OFFSET 60", 3),
        ("SELECT DISTINCT target_name FROM amdadb.epn_core WHERE target_name ILIKE 'EARTH'", 1),
        (
            "SELECT target_class, COUNT(*) AS n FROM amdadb.epn_core WHERE target_name = 'Earth' GROUP BY target_class",
            1,
        ),
        ("SELECT TOP 2 target_name || '/' || granule_uid AS label FROM amdadb.epn_core", 2),
    ],
)
def test_what_else_the_portal_is_seen_to_use(served: Server, query: str, rows: int) -> None:
    assert assert_answered(*ask(served, query)) == rows


def test_the_address_of_download_votable_keeps_working(served: Server) -> None:
    query = "SELECT * FROM amdadb.epn_core WHERE 1 = ivo_hashlist_has(lower(target_name), lower('Earth'))"
    saved = urllib.parse.urlencode({"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": query, "FORMAT": "votable"})
    for prefix in ("/tap", "/__system__/tap/run"):
        assert assert_answered(*curl(f"{served.base}{prefix}/sync?{saved}")) > 0
    status, packed = curl("--compressed", f"{served.tap}/sync?{saved}")
    assert assert_answered(status, packed) > 0
