"""The ADQL test suite of the IVOA: what it calls valid parses, what it calls invalid is refused."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pytest

from epntap.adql import parse
from epntap.errors import AdqlError
from tests.support.places import SHARED

SUITE = SHARED / "conformance" / "adql-ivoa"

#: queries about which we differ from the suite, by uuid, with the reason
ARGUED = {
    "29c75d48-e525-4e92-af3f-c5e8f3e5f26c": "a function that is not defined is well-formed; translate() refuses it",
}

pytestmark = pytest.mark.shared


@dataclass(frozen=True)
class Query:
    file: str
    uuid: str
    valid: bool
    text: str


def _queries() -> list[Query]:
    return [
        Query(path.stem, query.get("uuid", ""), adql.get("valid") == "true", adql.text or "")
        for path in sorted(SUITE.glob("*.xml"))
        for query in ET.parse(path).getroot().iter("query")
        for adql in query.iter("adql")
    ]


@pytest.mark.parametrize("query", _queries(), ids=lambda q: f"{q.file}-{q.uuid[:8]}")
def test_the_parser_agrees_with_the_suite(query: Query) -> None:
    if query.valid != (query.uuid in ARGUED):
        parse(query.text)
    else:
        with pytest.raises(AdqlError):
            parse(query.text)
