"""Blocks of VOSI documents (VOSI 1.1), which every service has."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from epntap.xml import xml_legal

__all__ = ["TYPE", "E", "Element", "availability", "document_root", "interface", "texts", "to_xml"]


_XSI = "http://www.w3.org/2001/XMLSchema-instance"


_NS = {
    "xsi": _XSI,
    "vosi": "http://www.ivoa.net/xml/VOSICapabilities/v1.0",
    "vtm": "http://www.ivoa.net/xml/VOSITables/v1.0",
    "avl": "http://www.ivoa.net/xml/VOSIAvailability/v1.0",
    "vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "tr": "http://www.ivoa.net/xml/TAPRegExt/v1.0",
}


TYPE = f"{{{_XSI}}}type"


E: Any = ElementMaker()  # lxml carries no types for it


Element = etree._Element  # noqa: SLF001  # lxml has no public name for it


def document_root(prefix: str, name: str, *also: str) -> Element:
    """The root element of a document, with the namespaces that it uses."""
    used = {p: _NS[p] for p in ("xsi", prefix, *also)}
    return etree.Element(f"{{{_NS[prefix]}}}{name}", nsmap=used)


def to_xml(root: Element) -> bytes:
    """The document as bytes."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def interface(address: str, use: str, **attributes: str) -> Element:
    """An interface that takes parameters over HTTP (VODataService 1.1 §3.1)."""
    interface: Element = E.interface({TYPE: "vs:ParamHTTP", **attributes})
    interface.append(E.accessURL(address, use=use))
    return interface


def texts(parent: Element, pairs: Iterable[tuple[str, str | None]]) -> None:
    """Append an element for each name that has a text."""
    for name, text in pairs:
        if text:
            child = etree.SubElement(parent, name)
            child.text = xml_legal(text)


def availability(*, available: bool, since: datetime | None = None, note: str = "") -> bytes:
    """Whether queries can be answered now, and since when the service runs."""
    root = document_root("avl", "availability")
    namespace = _NS["avl"]
    etree.SubElement(root, f"{{{namespace}}}available").text = "true" if available else "false"
    if since is not None:
        etree.SubElement(root, f"{{{namespace}}}upSince").text = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    if note:
        etree.SubElement(root, f"{{{namespace}}}note").text = note
    return to_xml(root)
