"""The record of a service: a CatalogResource with its tables and the auxiliary TAP capability (EPN-TAP 2.0 §4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from epntap.addresses import Addresses
from epntap.archive.services import Service
from epntap.catalog.model import Column, Table
from epntap.dali.vosi import TYPE, E, Element, capability, column_element, document_root, interface, texts, to_xml
from epntap.errors import DefinitionError
from voregistry.authority import Authority
from voregistry.extent import Extent

__all__ = ["registry_record"]

#: VOResource 1.1: shortName has 16 characters at most
_LONGEST_SHORT_NAME = 16


def registry_record(
    service: Service, tables: Sequence[Table], extent: Extent, authority: Authority, addresses: Addresses
) -> bytes:
    """The record as a document, epn_core being the first of the tables.

    Raises DefinitionError when the service lacks what a record must have.
    """
    if not service.reference_url:
        raise DefinitionError(
            f"The record of {service.schema_name} needs a reference_url in [service] of its definition: a page that "
            "tells people about the service."
        )
    root = document_root("ri", "Resource", "vr", "vs")
    root.set(TYPE, "vs:CatalogResource")
    root.set("created", _stamp(service.first_ingested))
    root.set("updated", _stamp(service.last_ingested))
    root.set("status", "active")
    root.append(E.title(service.title))
    root.append(E.shortName(service.schema_name[:_LONGEST_SHORT_NAME]))
    root.append(E.identifier(authority.identifier_of(service.schema_name)))
    root.append(_curation(service, authority))
    root.append(_content(service, extent, authority))
    root.append(_capability(addresses))
    root.extend(E.facility(name) for name in extent.hosts)
    root.extend(E.instrument(name) for name in extent.instruments)
    root.append(_coverage(extent))
    root.append(_tableset(service, tables))
    return to_xml(root)


def _curation(service: Service, authority: Authority) -> Element:
    publisher = service.publisher or service.title
    curation: Element = E.curation(
        E.publisher(publisher),
        E.creator(E.name(service.creator or publisher)),
        E.date(_stamp(service.first_ingested), role="Created"),
        E.date(_stamp(service.last_ingested), role="Updated"),
        E.contact(E.name(authority.contact_name), E.email(authority.contact_email)),
    )
    return curation


def _content(service: Service, extent: Extent, authority: Authority) -> Element:
    content: Element = E.content()
    content.extend(E.subject(subject) for subject in authority.subjects)
    content.append(E.description(_description(service, extent)))
    content.append(E.referenceURL(service.reference_url or ""))
    content.append(E.type("Catalog"))
    content.append(E.contentLevel("Research"))
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


def _capability(addresses: Addresses) -> Element:
    # no tr:TableAccess: what the service can do is told in its own record
    return capability("ivo://ivoa.net/std/TAP#aux", interface(addresses.tap(), use="base", role="std", version="1.1"))


def _coverage(extent: Extent) -> Element:
    coverage: Element = E.coverage()
    for name, bounds in (("temporal", extent.time_mjd), ("spectral", extent.energy_j)):
        if bounds is not None:
            coverage.append(E(name, f"{bounds[0]!r} {bounds[1]!r}"))
    coverage.extend(E.waveband(name) for name in extent.messengers)
    return coverage


def _tableset(service: Service, tables: Sequence[Table]) -> Element:
    schema: Element = E.schema(E.name(service.schema_name), E.title(service.title))
    texts(schema, [("description", service.description)])
    schema.extend(map(_table, tables))
    tableset: Element = E.tableset(schema)
    return tableset


def _table(table: Table) -> Element:
    described: Element = E.table(type=table.kind)
    told = (
        ("name", table.qualified_name),
        ("title", table.title),
        ("description", table.description),
        ("utype", table.utype),
        ("nrows", None if table.rows is None else str(table.rows)),
    )
    texts(described, told)
    described.extend(map(_column, table.columns))
    return described


def _column(column: Column) -> Element:
    flags = (("indexed", column.indexed), ("primary", column.name == "granule_uid"))
    return column_element(column, [flag for flag, is_set in flags if is_set])


def _stamp(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat() + "Z"
