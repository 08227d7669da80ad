"""Whatever text there is, XML can be read again; one module knows how, one makes the elements."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from datalink.links.descriptors import InputParam
from datalink.soda.vosi import soda_capabilities
from epntap.catalog.model import Column
from epntap.dali.vosi import E, availability, capability, column_element, interface, maker, to_xml
from epntap.formats import votable
from epntap.settings import Settings
from epntap.xml import attribute, is_ncname, xml_legal, xml_text
from tests.support.source import imports, modules

HOSTILE = "a\x00\x0b\ud800\ufffe\uffff<&>\"'\r\n\té\U0001f680"
LEGAL = "a\ufffd\ufffd\ufffd\ufffd\ufffd<&>\"'\r\n\té\U0001f680"


def test_every_character_is_legal_or_replaced() -> None:
    # the production Char of XML 1.0 §2.2, written out again
    allowed = {0x9, 0xA, 0xD, *range(0x20, 0xD800), *range(0xE000, 0xFFFE), *range(0x10000, 0x110000)}
    every = [chr(code) for code in range(0x110000)]
    assert [char for char in every if xml_legal(char) != (char if ord(char) in allowed else "\ufffd")] == []


def test_texts_and_attributes_are_read_again_as_they_were() -> None:
    root = etree.fromstring(f"<a b={attribute(HOSTILE)}>{xml_text(HOSTILE)}</a>".encode())
    assert root.get("b") == LEGAL
    assert root.text == LEGAL.replace("\r\n", "\n")


def test_elements_take_any_text() -> None:
    element = E.outer(HOSTILE, E.inner({"name": HOSTILE}, note=HOSTILE), HOSTILE)
    assert (element.text, element[0].tail) == (LEGAL, LEGAL)
    assert (element[0].get("name"), element[0].get("note")) == (LEGAL, LEGAL)
    etree.fromstring(to_xml(element))


def test_elements_of_a_namespace() -> None:
    assert maker("uws").jobId("x").tag == "{http://www.ivoa.net/xml/UWS/v1.0}jobId"


@pytest.mark.parametrize(
    "document",
    [
        availability(available=False, note=HOSTILE),
        to_xml(capability(HOSTILE, interface(HOSTILE, use="full"), description=HOSTILE)),
        to_xml(column_element(Column("size", "int", description=HOSTILE, unit=HOSTILE), ["indexed"])),
        votable.error_document(HOSTILE),
        InputParam(HOSTILE, HOSTILE, HOSTILE, unit=HOSTILE, minimum=HOSTILE, options=((HOSTILE, HOSTILE),))
        .xml()
        .encode(),
    ],
    ids=["availability", "capability", "column", "error", "descriptor"],
)
def test_documents_can_be_read_whatever_they_say(document: bytes) -> None:
    etree.fromstring(document)


def test_a_column_says_what_is_known_of_it_in_the_order_of_the_schema() -> None:
    element = column_element(
        Column("size", "char", arraysize="*", xtype="timestamp", ucd="time"), ["indexed", "primary"]
    )
    assert [(child.tag, child.text) for child in element] == [
        ("name", '"size"'),  # a reserved word
        ("ucd", "time"),
        ("dataType", "char"),
        ("flag", "indexed"),
        ("flag", "primary"),
    ]
    assert (element.get("std"), element[2].get("extendedType")) == ("false", "timestamp")


@pytest.mark.shared
def test_the_capabilities_of_cut_outs_are_valid(shared: Path) -> None:
    schema = etree.XMLSchema(etree.parse(shared / "standards/schemas/local/umbrella-vosi.xsd"))
    document = etree.fromstring(soda_capabilities(Settings(public_url="https://data.example.org/a&b")))
    schema.assertValid(document)
    address = document.findtext("capability[@standardID='ivo://ivoa.net/std/SODA#sync-1.0']/interface/accessURL")
    assert address == "https://data.example.org/a&b/datalink/soda/sync"


@pytest.mark.parametrize(("text", "is_one"), [("a.b-1", True), ("_", True), ("1a", False), ("a b", False), ("", False)])
def test_what_can_be_an_id(text: str, is_one: bool) -> None:
    assert is_ncname(text) is is_one


def test_nobody_else_escapes_or_builds_elements() -> None:
    users: dict[str, list[str]] = {"xml.sax.saxutils": [], "lxml.builder": []}
    for path, text in modules():
        for name in imports(text):
            library = name.rpartition(".")[0]
            if library in users and path not in users[library]:
                users[library].append(path)
    assert users == {"xml.sax.saxutils": ["epntap/xml.py"], "lxml.builder": ["epntap/dali/vosi.py"]}


def test_nobody_else_says_which_characters_are_illegal() -> None:
    assert [path for path, text in modules() if "ud7ff" in text.lower()] == ["epntap/xml.py"]
