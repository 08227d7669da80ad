"""Documents against the schemas of the IVOA, and TAP_SCHEMA against the list of its columns in the standard."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from lxml import etree

from tests.support.server import Server

pytestmark = pytest.mark.shared

SERIALIZATIONS = ("TABLEDATA", "BINARY", "BINARY2")
QUERIES = (
    "SELECT * FROM amdadb.epn_core",
    "SELECT * FROM illu67p.epn_core",
    'SELECT table_name, "size", arraysize FROM tap_schema.columns',
    "SELECT COUNT(*) AS \"a name with 'quotes' & blanks\", AVG(c1min), POINT('', 1, 2) AS p FROM amdadb.epn_core",
)


def fetch(served: Server, **form: str) -> bytes:
    body = urllib.parse.urlencode({"LANG": "ADQL", **form}).encode()
    try:
        with urllib.request.urlopen(f"{served.tap}/sync", body, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as failure:
        with failure:
            return bytes(failure.read())


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("serialization", SERIALIZATIONS)
@pytest.mark.parametrize("maxrec", ["20000", "3", "0"])
def test_answers_are_valid_votables(served: Server, shared: Path, query: str, serialization: str, maxrec: str) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared / "standards/schemas/VOTable-v1.4.xsd")))
    wanted = f"application/x-votable+xml;serialization={serialization}"
    schema.assertValid(etree.fromstring(fetch(served, QUERY=query, RESPONSEFORMAT=wanted, MAXREC=maxrec)))


def test_errors_are_valid_votables(served: Server, shared: Path) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared / "standards/schemas/VOTable-v1.4.xsd")))
    document = etree.fromstring(fetch(served, QUERY="SELECT '<&\x01'"))
    schema.assertValid(document)
    assert document.find(".//{*}INFO[@value='ERROR']") is not None


def test_tap_schema_has_the_columns_of_the_standard(served: Server, shared: Path) -> None:
    text = (shared / "standards/tap_checklist.md").read_text()
    section = text[text.index("\n## 8. TAP_SCHEMA") : text.index("\n## 9. ")]
    wanted = re.findall(r"^\| (\w+) \| (\S+) \| (string|integer)\b[^|]*\| (yes|no) \|$", section, re.MULTILINE)
    assert len(wanted) == 32
    with urllib.request.urlopen(f"{served.tap}/tables", timeout=60) as answer:
        document = etree.fromstring(answer.read())
    ours = []
    for table in document.iter("table"):
        schema, _, name = table.findtext("name", "").partition(".")
        if schema != "tap_schema":
            continue
        for column in table.iter("column"):
            kind = column.find("dataType")
            assert kind is not None
            words = {("char", "*"): "string", ("unicodeChar", "*"): "string", ("int", None): "integer"}
            said = words[kind.text or "", kind.get("arraysize")]
            nullable = "nullable" in [flag.text for flag in column.findall("flag")]
            ours.append((name, column.findtext("name", ""), said, "no" if nullable else "yes"))
    assert sorted(ours) == sorted(wanted)


def test_size_is_the_length_of_a_column_of_one_dimension(served: Server) -> None:
    rows = fetch(served, QUERY='SELECT arraysize, "size" FROM tap_schema.columns', FORMAT="tsv").decode().splitlines()
    assert len(rows) > 100
    for row in rows[1:]:
        arraysize, size = row.split("\t")
        assert size == (arraysize if arraysize.isdigit() else ""), row


def test_every_table_and_key_refers_to_what_there_is(served: Server) -> None:
    def column(query: str) -> list[str]:
        return fetch(served, QUERY=query, FORMAT="csv").decode().splitlines()[1:]

    tables = column("SELECT table_name FROM tap_schema.tables")
    assert len(tables) == len(set(tables)) >= 8
    assert set(column("SELECT DISTINCT table_name FROM tap_schema.columns")) == set(tables)
    assert set(column("SELECT schema_name FROM tap_schema.schemas")) == {name.partition(".")[0] for name in tables}
    assert not [name for name in tables if name.lower().startswith("tap_upload")]
    for end, table in (("from", "from_table"), ("target", "target_table")):
        pairs = column(
            f"SELECT {table} || '/' || {end}_column FROM tap_schema.keys NATURAL JOIN tap_schema.key_columns"
        )
        known = column("SELECT table_name || '/' || column_name FROM tap_schema.columns")
        assert len(pairs) >= 5
        assert set(pairs) <= set(known)
