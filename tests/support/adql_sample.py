"""A small catalogue with every kind of column, and the tables that hold it."""

from __future__ import annotations

from epntap.catalog.model import Catalog, Column, Form, Table

BASE_URL = "https://data.example.org"


def _text(name: str, **more: object) -> Column:
    return Column(name, "char", "*", **more)  # type: ignore[arg-type]


def _double(name: str, unit: str | None = None, ucd: str | None = None) -> Column:
    return Column(name, "double", unit=unit, ucd=ucd, pg_type="double precision")


def _epn_core(schema: str) -> Table:
    return Table(
        schema,
        "epn_core",
        (
            _text("granule_uid", ucd="meta.id", description="Row identifier"),
            _text("granule_gid", ucd="meta.id"),
            _text("obs_id", ucd="meta.id;obs"),
            _text("dataproduct_type", ucd="meta.code.class"),
            Column("processing_level", "int", ucd="meta.calibLevel", pg_type="integer"),
            _text("target_name", ucd="meta.id;src"),
            _text("target_class", ucd="src.class"),
            _double("time_min", "d", "time.start;obs"),
            _double("time_max", "d", "time.end;obs"),
            Column("time_sampling_step_min", "float", unit="s", pg_type="real"),
            _double("c1min", "deg"),
            _double("c1max", "deg"),
            _double("c2min", "deg"),
            _double("c2max", "deg"),
            Column("s_region", "char", "*", "adql:REGION", ucd="pos.outline;obs.field"),
            _text("instrument_host_name"),
            Column("creation_date", "char", "*", "timestamp", ucd="time.creation", form=Form.DALI_TEXT),
            Column("modification_date", "char", "*", "timestamp", ucd="time.processing", form=Form.DALI_TEXT),
            _text("access_url", ucd="meta.ref.url;meta.file", utype="Access.Reference", form=Form.RELATIVE_URL),
            Column("access_estsize", "long", unit="kbyte", pg_type="bigint"),
        ),
        primary_key=("granule_uid",),
    )


_THINGS = Table(
    "lab",
    "things",
    (
        Column("id", "int", pg_type="integer"),
        Column("tiny", "short", pg_type="smallint"),
        Column("huge", "long", pg_type="bigint"),
        Column("small_real", "float", unit="m", pg_type="real"),
        Column("x", "double", unit="m", pg_type="double precision"),
        Column("t", "double", unit="s", pg_type="double precision"),
        Column("exact", "double", pg_type="numeric(10,2)"),
        Column("name", "char", "20*", pg_type="character varying(20)"),
        Column("label", "unicodeChar", "*", pg_type="text"),
        Column("taken", "char", "*", "timestamp", pg_type="timestamp without time zone"),
        Column("valid", "boolean", pg_type="boolean"),
        Column("size", "int", pg_type="integer"),
        Column("per%cent", "int", pg_type="integer"),
        Column("place", "double", "2", "point", pg_type="double precision[]"),
        Column("outline", "double", "*", "polygon", pg_type="double precision[]"),
    ),
)

_PARTS = Table(
    "lab",
    "parts",
    (
        Column("id", "int", pg_type="integer"),
        Column("name", "char", "*", pg_type="text"),
        Column("weight", "double", unit="kg", pg_type="double precision"),
    ),
)

_UPLOAD = Table(
    "tap_upload",
    "mine",
    (
        Column("RA", "double", unit="deg", pg_type="double precision"),
        Column("Dec", "double", unit="deg", pg_type="double precision"),
        Column("my name", "char", "*", pg_type="text"),
    ),
)

_TAP_SCHEMA = (
    Table("tap_schema", "tables", (_text("schema_name"), _text("table_name"), _text("description"))),
    Table(
        "tap_schema",
        "columns",
        (_text("table_name"), _text("column_name"), _text("datatype"), Column("size", "int", pg_type="integer")),
    ),
)

CATALOG = Catalog(tables=(_epn_core("amdadb"), _epn_core("illu67p"), _THINGS, _PARTS, _UPLOAD, *_TAP_SCHEMA))
