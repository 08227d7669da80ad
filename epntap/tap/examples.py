"""/tap/examples: queries to begin with, for people and for clients that fill them in (DALI 1.1 §2.3, TAP 1.1 §2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import flask

from epntap.catalog.model import Catalog, Holdings, Table
from epntap.http.documents import Documents, to_conditional_response
from epntap.instants.julian import datetime_from_jd
from epntap.pages import Pages
from epntap.tap.query.pipeline import TapService

__all__ = ["Example", "examples_blueprint", "examples_for"]


@dataclass(frozen=True, slots=True)
class Example:
    """A query that runs on the published tables."""

    key: str
    name: str
    text: str
    query: str
    table: str


#: key, name, what it shows, query; {table} is the table, the other places are filled with what its rows hold
_TEMPLATES = (
    (
        "latest",
        "Latest granules",
        "The ten granules that begin last.",
        "SELECT TOP 10 * FROM {table} WHERE time_min < ivo_to_jd('{next_day}') ORDER BY time_min DESC",
    ),
    (
        "interval",
        "Granules that overlap an interval",
        "Times are Julian days; ivo_to_jd turns a date into one.",
        (
            "SELECT granule_uid, target_name, time_min, time_max, access_url FROM {table}\n"
            "WHERE time_min < ivo_to_jd('{next_day}') AND time_max > ivo_to_jd('{last_day}')"
        ),
    ),
    (
        "target",
        "Granules of a target",
        "A target_name may hold several names separated by #; ivo_hashlist_has looks for one, whatever its case.",
        (
            "SELECT granule_uid, target_name, instrument_name FROM {table}\n"
            "WHERE 1 = ivo_hashlist_has(target_name, '{target_name}')"
        ),
    ),
    (
        "quantity",
        "Granules that hold a quantity",
        "measurement_type lists the UCDs of the quantities, separated by #.",
        (
            "SELECT granule_uid, measurement_type, access_url FROM {table}\n"
            "WHERE 1 = ivo_hashlist_has(measurement_type, '{measurement_type}')"
        ),
    ),
    (
        "count",
        "Granules per instrument",
        "How many granules each instrument has, and from when to when.",
        (
            "SELECT instrument_host_name, instrument_name, COUNT(*) AS n, MIN(time_min) AS first_day,\n"
            "MAX(time_max) AS last_day\n"
            "FROM {table} GROUP BY instrument_host_name, instrument_name ORDER BY n DESC"
        ),
    ),
)
_PLACE = re.compile(r"\{(\w+)\}")
#: quantities that readers know, in the order in which one is taken
_WELL_KNOWN = ("phys.magField", "phys.density;phys.plasma")
_SCHEMA_EXAMPLE = Example(
    "columns",
    "What columns there are",
    "TAP_SCHEMA describes every published table.",
    "SELECT table_name, column_name, unit, ucd, description FROM tap_schema.columns\n"
    "WHERE table_name NOT LIKE 'tap_schema.%' ORDER BY table_name, column_index",
    "tap_schema.columns",
)


def examples_for(catalog: Catalog) -> list[Example]:
    """Examples for every epn_core that is published, and one for TAP_SCHEMA."""
    tables = [table for table in catalog.tables if table.name == "epn_core"]
    return [*(example for table in tables for example in _examples_of(table)), _SCHEMA_EXAMPLE]


def _examples_of(table: Table) -> Iterator[Example]:
    """Those that the columns and the rows of the table allow; each finds something."""
    name = table.qualified_name
    fillings = {"table": name, **(_fillings(table.holdings) if table.holdings else {})}
    for key, title, text, query in _TEMPLATES:
        if set(_PLACE.findall(query)) <= fillings.keys() and ("access_url" not in query or table.column("access_url")):
            yield Example(f"{table.schema}_{key}", f"{title} ({name})", text, query.format(**fillings), name)


def _fillings(holdings: Holdings) -> dict[str, str]:
    fillings = {}
    if holdings.time_max is not None:
        # a granule that ends at midnight is of the day before
        last = datetime_from_jd(holdings.time_max) - timedelta(milliseconds=1)
        fillings["last_day"] = last.date().isoformat()
        fillings["next_day"] = (last.date() + timedelta(days=1)).isoformat()
    for column, items in (("target_name", holdings.target_names), ("measurement_type", holdings.measurement_types)):
        if items:
            chosen = next((item for item in _WELL_KNOWN if item in items), items[0])
            fillings[column] = chosen.replace("'", "''")
    return fillings


def examples_blueprint(service: TapService, pages: Pages) -> flask.Blueprint:
    """The route of /examples."""
    blueprint = flask.Blueprint("examples", __name__)
    documents = Documents(service.started)

    def page(catalog: Catalog) -> bytes:
        examples = examples_for(catalog)
        return pages.render(
            "epntap.tap/examples.xhtml", tap=service.settings.addresses.tap(), examples=examples
        ).encode()

    @blueprint.get("/examples")
    def examples() -> flask.Response:
        document = documents.get(f"examples at {service.settings.base_url}", service.catalog(), page)
        return to_conditional_response(document, "application/xhtml+xml; charset=utf-8")

    return blueprint
