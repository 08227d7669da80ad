"""Blocks of XML documents of the IVOA (VOSI 1.1, VODataService 1.2), which every service has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from epntap.catalog.model import Column
from epntap.catalog.names import written_name
from epntap.xml import xml_legal

__all__ = [
    "NIL",
    "TYPE",
    "E",
    "Element",
    "availability",
    "capability",
    "column_element",
    "data_type",
    "document_root",
    "interface",
    "maker",
    "qualified",
    "texts",
    "to_xml",
]


_NS = {
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xlink": "http://www.w3.org/1999/xlink",
    "vosi": "http://www.ivoa.net/xml/VOSICapabilities/v1.0",
    "vtm": "http://www.ivoa.net/xml/VOSITables/v1.0",
    "avl": "http://www.ivoa.net/xml/VOSIAvailability/v1.0",
    "ri": "http://www.ivoa.net/xml/RegistryInterface/v1.0",
    "vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "tr": "http://www.ivoa.net/xml/TAPRegExt/v1.0",
    "uws": "http://www.ivoa.net/xml/UWS/v1.0",
}


Element = etree._Element  # noqa: SLF001  # lxml has no public name for it


def qualified(prefix: str, name: str) -> str:
    """A name in one of the namespaces, as lxml writes it."""
    return f"{{{_NS[prefix]}}}{name}"


TYPE = qualified("xsi", "type")
NIL = qualified("xsi", "nil")


def _add_text(element: Element, text: str) -> None:
    legal = xml_legal(text)
    if len(element):
        element[-1].tail = (element[-1].tail or "") + legal
    else:
        element.text = (element.text or "") + legal


def _add_attributes(element: Element, attributes: Mapping[str, str]) -> None:
    for name, value in attributes.items():
        element.set(name, xml_legal(value))


def maker(prefix: str | None = None) -> Any:  # lxml carries no types for it
    """What makes elements of one namespace, or of none: `E.name(text, child, {"id": value})`; any text may be given."""
    known = {"typemap": {str: _add_text, dict: _add_attributes}}
    return (
        ElementMaker(**known)
        if prefix is None
        else ElementMaker(namespace=_NS[prefix], nsmap={prefix: _NS[prefix]}, **known)
    )


E: Any = maker()  # lxml carries no types for it


def document_root(prefix: str, name: str, *also: str) -> Element:
    """The root element of a document, with the namespaces that it uses."""
    return etree.Element(qualified(prefix, name), nsmap={p: _NS[p] for p in ("xsi", prefix, *also)})


def to_xml(root: Element) -> bytes:
    """The document as bytes."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def texts(parent: Element, pairs: Iterable[tuple[str, str | None]]) -> None:
    """Append an element for each name that has a text."""
    parent.extend(E(name, text) for name, text in pairs if text)


def interface(address: str, use: str, *, signs_in: bool = False, **attributes: str) -> Element:
    """An interface that takes parameters over HTTP (VODataService 1.1 §3.1), and how one may sign in there.

    Clients want one interface with all ways, and first of all the one without: pyvo goes without credentials where no
    other is told, and taplint complains of several interfaces of one standard.
    """
    interface: Element = E.interface({TYPE: "vs:ParamHTTP", **attributes})
    interface.append(E.accessURL(address, use=use))
    if signs_in:
        interface.append(E.securityMethod())
        interface.extend(E.securityMethod(standardID=f"ivo://ivoa.net/sso#{way}") for way in ("BasicAA", "cookie"))
    return interface


def capability(standard_id: str, *interfaces: Element, description: str | None = None) -> Element:
    """Something that a service can do, and where."""
    element: Element = E.capability(standardID=standard_id)
    texts(element, [("description", description)])
    element.extend(interfaces)
    return element


def data_type(datatype: str, arraysize: str | None = None, xtype: str | None = None) -> Element:
    """A datatype of VOTable (VODataService 1.1 §3.5)."""
    element: Element = E.dataType(datatype, {TYPE: "vs:VOTableType"})
    for name, value in (("arraysize", arraysize), ("extendedType", xtype)):
        if value:
            element.set(name, value)
    return element


def column_element(column: Column, flags: Iterable[str]) -> Element:
    """A column of a table (VODataService 1.2 §3.3.3)."""
    element: Element = E.column(std="true" if column.std else "false")
    told = (
        ("name", written_name(column.name)),
        ("description", column.description),
        ("unit", column.unit),
        ("ucd", column.ucd),
        ("utype", column.utype),
    )
    texts(element, told)
    element.append(data_type(column.datatype, column.arraysize, column.xtype))
    texts(element, (("flag", flag) for flag in flags))
    return element


def availability(*, available: bool, since: datetime | None = None, note: str = "") -> bytes:
    """Whether a service can answer now, and since when it runs."""
    avl = maker("avl")
    root = document_root("avl", "availability")
    root.append(avl.available("true" if available else "false"))
    if since is not None:
        root.append(avl.upSince(since.strftime("%Y-%m-%dT%H:%M:%SZ")))
    if note:
        root.append(avl.note(note))
    return to_xml(root)
