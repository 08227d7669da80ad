"""The record of one epn_core table: a CatalogResource with the auxiliary TAP capability (EPN-TAP 2.0 §4.1)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from epntap.archive.services import Service
from epntap.catalog.model import Column, Table
from epntap.catalog.names import RESERVED
from epntap.errors import DefinitionError
from voregistry.authority import Authority
from voregistry.extent import Extent

__all__ = ["registry_record"]

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NS = {
    "ri": "http://www.ivoa.net/xml/RegistryInterface/v1.0",
    "vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "xsi": _XSI,
}
_TYPE = f"{{{_XSI}}}type"
#: VOResource 1.1: shortName has 16 characters at most
_LONGEST_SHORT_NAME = 16
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

E: Any = ElementMaker()  # lxml carries no types for it
Element = etree._Element  # noqa: SLF001  # lxml has no public name for it


def registry_record(service: Service, table: Table, extent: Extent, authority: Authority, base_url: str) -> bytes:
    """The record as a document. Raises DefinitionError when the service lacks what a record must have."""
    if not service.reference_url:
        raise DefinitionError(
            f"The record of {service.schema_name} needs a reference_url in [service] of its definition: a page that "
            "tells people about the service."
        )
    root = etree.Element(f"{{{_NS['ri']}}}Resource", nsmap=_NS)
    root.set(_TYPE, "vs:CatalogResource")
    root.set("created", _stamp(service.first_ingested))
    root.set("updated", _stamp(service.last_ingested))
    root.set("status", "active")
    root.append(_text("title", service.title))
    root.append(_text("shortName", service.schema_name[:_LONGEST_SHORT_NAME]))
    root.append(_text("identifier", authority.identifier_of(service.schema_name)))
    root.append(_curation(service, authority))
    root.append(_content(service, extent, authority))
    root.append(_capability(base_url))
    root.extend(_text("facility", name) for name in extent.hosts)
    root.extend(_text("instrument", name) for name in extent.instruments)
    root.append(_coverage(extent))
    root.append(_tableset(service, table))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _curation(service: Service, authority: Authority) -> Element:
    publisher = service.publisher or service.title
    curation: Element = E.curation(
        _text("publisher", publisher),
        E.creator(_text("name", service.creator or publisher)),
        E.date(_stamp(service.first_ingested), role="Created"),
        E.date(_stamp(service.last_ingested), role="Updated"),
        E.contact(_text("name", authority.contact_name), _text("email", authority.contact_email)),
    )
    return curation


def _content(service: Service, extent: Extent, authority: Authority) -> Element:
    content: Element = E.content()
    content.extend(_text("subject", subject) for subject in authority.subjects)
    content.append(_text("description", _description(service, extent)))
    content.append(_text("referenceURL", service.reference_url or ""))
    content.append(_text("type", "Catalog"))
    content.append(_text("contentLevel", "Research"))
    content.append(
        E.relationship(
            E.relationshipType("IsServedBy"),
            E.relatedResource("TAP service", {"ivo-id": authority.tap_identifier}),
        )
    )
    return content


def _description(service: Service, extent: Extent) -> str:
    """What the service says of itself; targets have no place of their own in VODataService."""
    text = (service.description or service.title).strip()
    return f"{text}\n\nTargets: {', '.join(extent.targets)}." if extent.targets else text


def _capability(base_url: str) -> Element:
    interface: Element = E.interface({_TYPE: "vs:ParamHTTP"}, role="std", version="1.1")
    interface.append(E.accessURL(f"{base_url}/tap", use="base"))
    # no tr:TableAccess: what the service can do is told in its own record
    capability: Element = E.capability(interface, standardID="ivo://ivoa.net/std/TAP#aux")
    return capability


def _coverage(extent: Extent) -> Element:
    coverage: Element = E.coverage()
    for name, bounds in (("temporal", extent.time_mjd), ("spectral", extent.energy_j)):
        if bounds is not None:
            coverage.append(_text(name, f"{bounds[0]!r} {bounds[1]!r}"))
    coverage.extend(_text("waveband", name) for name in extent.messengers)
    return coverage


def _tableset(service: Service, table: Table) -> Element:
    described: Element = E.table(type="table")
    _append(
        described,
        ("name", table.qualified_name),
        ("title", table.title),
        ("description", table.description),
        ("utype", table.utype),
        ("nrows", None if table.rows is None else str(table.rows)),
    )
    described.extend(map(_column, table.columns))
    schema: Element = E.schema(_text("name", table.schema), _text("title", service.title))
    _append(schema, ("description", service.description))
    schema.append(described)
    tableset: Element = E.tableset(schema)
    return tableset


def _column(column: Column) -> Element:
    element: Element = E.column(std="true" if column.std else "false")
    name = f'"{column.name}"' if column.name.upper() in RESERVED or not column.name.isidentifier() else column.name
    _append(
        element,
        ("name", name),
        ("description", column.description),
        ("unit", column.unit),
        ("ucd", column.ucd),
        ("utype", column.utype),
    )
    datatype = E.dataType(column.datatype, {_TYPE: "vs:VOTableType"})
    if column.arraysize:
        datatype.set("arraysize", column.arraysize)
    if column.xtype:
        datatype.set("extendedType", column.xtype)
    element.append(datatype)
    flags = (("indexed", column.indexed), ("primary", column.name == "granule_uid"))
    element.extend(_text("flag", flag) for flag, is_set in flags if is_set)
    return element


def _append(parent: Element, *children: tuple[str, str | None]) -> None:
    parent.extend(_text(name, text) for name, text in children if text)


def _text(name: str, text: str) -> Element:
    element: Element = E(name)
    element.text = _NOT_XML.sub(" ", text)
    return element


def _stamp(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat() + "Z"
