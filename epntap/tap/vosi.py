"""/tap/capabilities, /tap/tables, /tap/availability (VOSI 1.1, TAPRegExt 1.0)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import flask

from epntap import adql
from epntap.addresses import BULK, DAS2, DATA, FILES, HAPI_SERVER, LINKS, PLOT, PREVIEW, SODA_ASYNC, SODA_SYNC
from epntap.catalog.model import Catalog, Column, ForeignKey, Table
from epntap.catalog.names import table_named
from epntap.dali.params import single
from epntap.dali.vosi import (
    TYPE,
    E,
    Element,
    availability,
    capability,
    column_element,
    document_root,
    interface,
    texts,
    to_xml,
)
from epntap.errors import EpnTapError, NotFoundError
from epntap.formats.negotiate import FORMATS
from epntap.http.documents import Documents, to_conditional_response
from epntap.http.request import params
from epntap.tap.query.pipeline import TapService

__all__ = ["capabilities", "table_document", "tableset", "vosi_blueprint"]

_CONTENT_TYPE = "text/xml; charset=utf-8"
_NOTHING = Catalog()
#: what else answers for granules; taplint 3.4 wants an identifier of each capability, so those without a standard of
#: the IVOA have one all the same
_BESIDE = (
    ("ivo://ivoa.net/std/DataLink#links-1.1", LINKS),
    ("ivo://ivoa.net/std/SODA#sync-1.0", SODA_SYNC),
    ("ivo://ivoa.net/std/SODA#async-1.0", SODA_ASYNC),
    ("http://hapi-server.org", HAPI_SERVER),
    ("https://das2.org", DAS2),
    *((f"urn:epntap{path.replace('/', ':')}", path) for path in (BULK, DATA, FILES, PREVIEW, PLOT)),
)
#: TAPRegExt 1.0 §2.4
_OUTPUT_IDS = {
    "application/x-votable+xml": "ivo://ivoa.net/std/TAPRegExt#output-votable-td",
    "application/x-votable+xml;serialization=binary": "ivo://ivoa.net/std/TAPRegExt#output-votable-binary",
    "application/x-votable+xml;serialization=binary2": "ivo://ivoa.net/std/TAPRegExt#output-votable-binary2",
}


def capabilities(service: TapService) -> bytes:
    """What the service can do and where its parts are."""
    tap = service.settings.addresses.tap
    root = document_root("vosi", "capabilities", "vr", "vs", "tr")
    root.append(_table_access(tap(), service))
    for standard, path in (
        ("capabilities", "capabilities"),
        ("availability", "availability"),
        ("tables-1.1", "tables"),
    ):
        root.append(capability(f"ivo://ivoa.net/std/VOSI#{standard}", interface(tap(path), use="full")))
    page = E.interface({TYPE: "vr:WebBrowser"}, E.accessURL(tap("examples"), use="full"))
    root.append(capability("ivo://ivoa.net/std/DALI#examples", page))
    if service.pages.has_accounts():
        root.extend(_beside(service))
    return to_xml(root)


def _beside(service: TapService) -> Iterator[Element]:
    """Servers beside TAP, where one may sign in as well: pyvo sends credentials to what this document names, only."""
    addresses = service.settings.addresses
    for standard, path in _BESIDE:
        yield capability(standard, interface(addresses.at(path), use="base", signs_in=True))


def _table_access(base: str, service: TapService) -> Element:
    settings = service.settings
    # TAPRegExt 1.0 §2.6 has one place for the limits and means those of jobs (docs/decisions/006)
    sync = f"Limits of time are those of jobs; a synchronous answer has {settings.sync_timeout_s:g} seconds."
    signs_in = service.pages.has_accounts()
    address = interface(base, use="base", signs_in=signs_in, role="std", version="1.1")
    access = capability("ivo://ivoa.net/std/TAP", address, description=sync)
    access.set(TYPE, "tr:TableAccess")
    language = E.language(
        E.name("ADQL"),
        E.version("2.1", {"ivo-id": "ivo://ivoa.net/std/ADQL#v2.1"}),
        E.version("2.0", {"ivo-id": "ivo://ivoa.net/std/ADQL#v2.0"}),
        E.description("Astronomical Data Query Language"),
    )
    for feature_type, forms in adql.optional_features(service.features).items():
        features = E.languageFeatures(type=_spelled(feature_type))
        for name in forms:
            features.append(E.feature(E.form(name)))
        language.append(features)
    access.append(language)
    for form in FORMATS:
        output = E.outputFormat(E.mime(form.media_type))
        if form.media_type in _OUTPUT_IDS and form.content_encoding is None:
            output.set("ivo-id", _OUTPUT_IDS[form.media_type])
        for name in form.names:
            output.append(E.alias(name))
        access.append(output)
    for method in ("inline", "http", "https"):
        access.append(E.uploadMethod({"ivo-id": f"ivo://ivoa.net/std/TAPRegExt#upload-{method}"}))
    kept = str(settings.job_lifetime_s)
    access.append(E.retentionPeriod(E.default(kept), E.hard(kept)))
    access.append(
        E.executionDuration(E.default(str(settings.async_timeout_s)), E.hard(str(settings.async_timeout_hard_s)))
    )
    access.append(
        E.outputLimit(
            E.default(str(settings.maxrec_default), unit="row"), E.hard(str(settings.maxrec_hard), unit="row")
        )
    )
    # both are hard limits, but TAPRegExt 1.0 §2.6 has one place of each kind
    access.append(
        E.uploadLimit(E.default(str(settings.upload_bytes), unit="byte"), E.hard(str(settings.upload_rows), unit="row"))
    )
    return access


def _spelled(feature_type: str) -> str:
    # ADQL 2.1 §4.1 writes these in lower case, TAPRegExt 1.0 with capitals. IVOIDs compare without regard to case, but
    # STILTS 3.4 and TOPCAT 4.8 know the capitals only; of the one feature that TAPRegExt lacks they know neither.
    if feature_type.endswith("-conditional"):
        return feature_type
    return feature_type.replace("/tapregext#", "/TAPRegExt#")


def tableset(catalog: Catalog, *, detail: bool = True) -> bytes:
    """All published tables; without `detail` only their names (VOSI 1.1 §2.1)."""
    root = document_root("vtm", "tableset", "vs")
    for schema in catalog.schemas:
        element = E.schema(E.name(schema.name))
        texts(element, (("title", schema.title), ("description", schema.description), ("utype", schema.utype)))
        for table in catalog.tables:
            if table.schema == schema.name:
                element.append(_fill_table(E.table(type=_role(table)), table, catalog.keys, detail=detail))
        root.append(element)
    return to_xml(root)


def table_document(table: Table, keys: Iterable[ForeignKey]) -> bytes:
    """One table with its columns."""
    root = document_root("vtm", "table", "vs")
    root.set("type", _role(table))
    return to_xml(_fill_table(root, table, keys, detail=True))


def _role(table: Table) -> str:
    # the word of VODataService 1.2 §3.3; TAP_SCHEMA has another for the same
    return "base_table" if table.kind == "table" else table.kind


def _fill_table(element: Element, table: Table, keys: Iterable[ForeignKey], *, detail: bool) -> Element:
    rows = str(table.rows) if table.rows is not None else None
    texts(element, (("name", table.qualified_name), ("title", table.title), ("description", table.description)))
    texts(element, (("utype", table.utype), ("nrows", rows)))
    if not detail:
        return element
    for column in table.columns:
        element.append(_column(column, table))
    for key in keys:
        if key.from_table == table.qualified_name:
            element.append(_foreign_key(key))
    return element


def _column(column: Column, table: Table) -> Element:
    flags = (("indexed", column.indexed), ("primary", column.name in table.primary_key), ("nullable", column.nullable))
    return column_element(column, [flag for flag, is_set in flags if is_set])


def _foreign_key(key: ForeignKey) -> Element:
    element: Element = E.foreignKey(E.targetTable(key.target_table))
    for source, target in key.columns:
        element.append(E.fkColumn(E.fromColumn(source), E.targetColumn(target)))
    texts(element, (("description", key.description), ("utype", key.utype)))
    return element


def vosi_blueprint(service: TapService) -> flask.Blueprint:
    """The routes of the metadata documents."""
    blueprint = flask.Blueprint("vosi", __name__)

    documents, fixed = Documents(service.started), Documents(service.started)

    def document(name: str, catalog: Catalog, make: Callable[[Catalog], bytes]) -> flask.Response:
        return to_conditional_response(documents.get(name, catalog, make), _CONTENT_TYPE)

    def answer(body: bytes) -> flask.Response:
        return flask.Response(body, content_type=_CONTENT_TYPE, headers={"Cache-Control": "no-store"})

    @blueprint.get("/capabilities")
    def get_capabilities() -> flask.Response:
        # needs no catalogue, and so no database
        name = f"capabilities at {service.settings.base_url}{' with accounts' * service.pages.has_accounts()}"
        made = fixed.get(name, _NOTHING, lambda _catalog: capabilities(service))
        return to_conditional_response(made, _CONTENT_TYPE)

    @blueprint.get("/tables")
    def get_tables() -> flask.Response:
        given = params()
        # the second is how astroquery asks for names; for columns it asks for an attribute of ESA's own, which
        # VODataService 1.2 admits for no column
        detail = "min" not in (single(given, "DETAIL") or "").lower() and not single(given, "ONLY_TABLES")
        name = "tables" if detail else "tables in short"
        return document(name, service.catalog(), lambda catalog: tableset(catalog, detail=detail))

    @blueprint.get("/tables/<name>")
    def get_table(name: str) -> flask.Response:
        catalog = service.catalog()
        table = table_named(catalog, name)
        if table is None:
            raise NotFoundError(
                f"There is no table {name[:200]!r}; {service.settings.addresses.tap('tables')} lists them all."
            )
        return document(f"table {table.qualified_name}", catalog, lambda known: table_document(table, known.keys))

    @blueprint.get("/availability")
    def get_availability() -> flask.Response:
        try:
            service.refuse_when_away()
        except EpnTapError as exc:
            return answer(availability(available=False, note=exc.message))
        return answer(availability(available=True, since=service.started))

    return blueprint
