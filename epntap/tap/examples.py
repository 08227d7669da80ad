"""/tap/examples: queries to begin with, for people and for clients that fill them in (DALI 1.1 §2.3, TAP 1.1 §2.6)."""

from __future__ import annotations

from dataclasses import dataclass

import flask

from epntap.catalog.model import Catalog, Table
from epntap.tap.documents import Documents, to_conditional_response
from epntap.tap.pipeline import TapService

__all__ = ["Example", "examples_blueprint", "examples_for"]


@dataclass(frozen=True, slots=True)
class Example:
    """A query that runs on the published tables."""

    key: str
    name: str
    text: str
    query: str
    table: str


#: key, name, what it shows, query over {table}
_TEMPLATES = (
    (
        "latest",
        "Latest granules",
        "The ten granules that begin last.",
        "SELECT TOP 10 * FROM {table} ORDER BY time_min DESC",
    ),
    (
        "interval",
        "Granules that overlap an interval",
        "Times are Julian days; ivo_to_jd turns a date into one.",
        (
            "SELECT granule_uid, target_name, time_min, time_max, access_url FROM {table}\n"
            "WHERE time_min < ivo_to_jd('2017-01-01') AND time_max > ivo_to_jd('2016-12-31')"
        ),
    ),
    (
        "target",
        "Granules of a target",
        "A target_name may hold several names separated by #; ivo_hashlist_has looks for one, whatever its case.",
        (
            "SELECT granule_uid, target_name, instrument_name FROM {table}\n"
            "WHERE 1 = ivo_hashlist_has(target_name, 'Earth')"
        ),
    ),
    (
        "quantity",
        "Granules that hold a magnetic field",
        "measurement_type lists the UCDs of the measured quantities.",
        (
            "SELECT granule_uid, measurement_type, access_url FROM {table}\n"
            "WHERE 1 = ivo_hashlist_has(measurement_type, 'phys.magField')"
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


def _examples_of(table: Table) -> list[Example]:
    name = table.qualified_name
    offers_data = table.column("access_url") is not None
    return [
        Example(f"{table.schema}_{key}", f"{title} ({name})", text, query.format(table=name), name)
        for key, title, text, query in _TEMPLATES
        if offers_data or "access_url" not in query
    ]


def examples_blueprint(service: TapService) -> flask.Blueprint:
    """The route of /examples."""
    blueprint = flask.Blueprint("examples", __name__)
    documents = Documents(service.started)

    def page(catalog: Catalog) -> bytes:
        examples = examples_for(catalog)
        return flask.render_template("examples.xhtml", base_url=service.settings.base_url, examples=examples).encode()

    @blueprint.get("/examples")
    def examples() -> flask.Response:
        document = documents.get("examples", service.catalog(), page)
        return to_conditional_response(document, "application/xhtml+xml; charset=utf-8")

    return blueprint
