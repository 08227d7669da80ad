"""The datasets of a service, their parameters and gaps as published tables: views of the archive beside epn_core."""

from __future__ import annotations

import hashlib

import psycopg
from psycopg import sql

from epntap.catalog import ddl
from epntap.catalog.model import Column, Form, Schema, Table
from epntap.catalog.publish import publish_table
from epntap.connection import Connection
from epntap.errors import SetupError
from ingest.definition.model import Definition

__all__ = ["catalogue_tables", "publish_catalogue"]


def _text(name: str, description: str, ucd: str | None = None, *, principal: bool = False) -> Column:
    return Column(name, "unicodeChar", "*", ucd=ucd, description=description, principal=principal, nullable=True)


def _time(name: str, description: str, ucd: str) -> Column:
    return Column(
        name,
        "char",
        "*",
        xtype="timestamp",
        ucd=ucd,
        description=description,
        principal=True,
        form=Form.DALI_TEXT,
    )


def _number(name: str, datatype: str, pg_type: str, description: str, ucd: str, unit: str | None = None) -> Column:
    return Column(name, datatype, unit=unit, ucd=ucd, description=description, pg_type=pg_type)


_DATASET_ID = _text("dataset_id", "Dataset, as epn_core names it", "meta.id;meta.main", principal=True)

#: column -> where it is in the archive; `f` are the files that are held
_DATASET: dict[Column, str] = {
    _DATASET_ID: "d.dataset_id",
    _text("public_id", "Its name where no service is named; given once", "meta.id"): "d.public_id",
    _text("title", "What the dataset is called", "meta.title", principal=True): "d.title",
    _text("description", "What the dataset holds", "meta.note"): "d.description",
    _text("resource_id", "SPASE ResourceID", "meta.id"): "d.resource_id",
    _time("start_time", "First instant described, UTC", "time.start"): (
        "to_char(d.start_time, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')"
    ),
    _time("stop_time", "Last instant described, UTC", "time.end"): (
        "to_char(d.stop_time, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')"
    ),
    _number("cadence_min", "double", "double precision", "Shortest time between two records", "time.resolution", "s"): (
        "d.cadence_min_s"
    ),
    _number("cadence_max", "double", "double precision", "Longest time between two records", "time.resolution", "s"): (
        "d.cadence_max_s"
    ),
    _text("granule", "What one row of epn_core stands for: day, month or file", "meta.code"): "d.granule",
    _number("granule_count", "long", "bigint", "Rows of epn_core", "meta.number"): (
        "coalesce((SELECT v.rows FROM archive.value_count v WHERE v.schema_name = d.schema_name "
        "AND v.column_name = 'dataset_id' AND v.value = d.dataset_id), d.granule_count)"
    ),
    _number("parameter_count", "long", "bigint", "Rows of the table of parameters", "meta.number"): (
        "(SELECT count(*) FROM archive.parameter p WHERE p.schema_name = d.schema_name AND p.dataset_id = d.dataset_id)"
    ),
    _number("file_count", "long", "bigint", "Files that are held here", "meta.number;meta.file"): (
        "coalesce(f.files, 0)"
    ),
    _number("file_kilobytes", "double", "double precision", "Size of all of them", "phys.size;meta.file", "kbyte"): (
        "coalesce(f.bytes, 0) / 1000.0::float8"
    ),
    _text("access_rights", "SPASE AccessRights; Open lets everybody cut data", "meta.code"): "d.access_rights",
    _text("landing_url", "Page about the dataset", "meta.ref.url"): "d.landing_url",
    _text("information_url", "Page about what it is made from", "meta.ref.url"): "d.information_url",
    _text("hapi_url", "HAPI service that holds it too", "meta.ref.url"): "d.hapi_url",
    _text("hapi_id", "Its identifier there", "meta.id"): "d.hapi_id",
    _text("doi", "DOI, without resolver", "meta.ref.doi"): "d.doi",
}

_PARAMETER: dict[Column, str] = {
    _DATASET_ID: "p.dataset_id",
    _text("name", "Key of the parameter within the dataset", "meta.id", principal=True): "p.name",
    _text("public_id", "Its name within the service; given once", "meta.id"): "p.public_id",
    _number("parameter_index", "int", "integer", "Place in the description", "meta.number"): "p.position",
    _text("title", "What the parameter is called", "meta.title", principal=True): "p.title",
    _text("description", "What the parameter is", "meta.note"): "p.description",
    _text("unit", "Unit as the description spells it", "meta.unit", principal=True): "p.units",
    _text("ucd", "UCD1+ of the quantity", "meta.ucd", principal=True): "p.ucd",
    _text("shape", "Of one record, such as 3 or 3x32; empty for a scalar", "meta.code"): (
        "array_to_string(p.shape, 'x')"
    ),
    _text("fill_value", "What stands for a missing value", "meta.code"): "p.fill_value",
    _text("coordinate_system", "As the description spells it", "meta.note"): "p.coordinate_system",
    _text("variable", "CDF variable that holds it, where known", "meta.id"): "p.variable",
    _number(
        "value_min", "double", "double precision", "Least of all values that are held", "obs.param;stat.min"
    ): "s.value_min",
    _number("value_max", "double", "double precision", "Greatest of all values that are held", "obs.param;stat.max"): (
        "s.value_max"
    ),
    _number(
        "filled_share", "double", "double precision", "Share of the values that are neither fill nor NaN", "stat.value"
    ): "s.filled_share",
    _time("first_time", "First record with a value, UTC", "time.start"): "s.first_time",
    _time("last_time", "Last record with a value, UTC", "time.end"): "s.last_time",
}

_GAP: dict[Column, str] = {
    _DATASET_ID: "g.dataset_id",
    _text("time_axis", "Epoch variable of the files", "meta.id"): "g.axis",
    _time("start_time", "Last record before the gap, UTC", "time.start"): "g.start_time",
    _time("stop_time", "First record after the gap, UTC", "time.end"): "g.stop_time",
    _number(
        "time_min", "double", "double precision", "Last record before the gap, as in epn_core", "time.start", "d"
    ): "g.time_min",
    _number(
        "time_max", "double", "double precision", "First record after the gap, as in epn_core", "time.end", "d"
    ): "g.time_max",
    _number("duration", "double", "double precision", "How long it lasts", "time.duration", "s"): (
        "(g.tt2000_max - g.tt2000_min) / 1e9::float8"
    ),
}

# whoever asks is in the setting that these functions of ours look at (sql/0022); views read as their owner does
_MAY_HAVE = "archive.may_have(d.access_rights, d.embargoed_until, d.groups)"
_IS_SEEN = f"(NOT d.hidden OR {_MAY_HAVE})"
_FROM_DATASET = f"""
archive.dataset d LEFT JOIN (
    SELECT schema_name, dataset_id, count(*) AS files, sum(size_bytes)::float8 AS bytes
    FROM archive.file o JOIN archive.dataset h USING (schema_name, dataset_id)
    -- files of hidden rows are hidden too
    WHERE NOT h.hidden OR archive.may_have('Open', o.embargoed_until, h.groups)
    GROUP BY schema_name, dataset_id
) f USING (schema_name, dataset_id) WHERE {_IS_SEEN} AND d.schema_name = {{}}
"""  # noqa: S608  # our own text
# what is said of the inside of files is as open as they are
_FROM_PARAMETER = f"""
archive.parameter p JOIN archive.dataset d USING (schema_name, dataset_id) LEFT JOIN LATERAL (
    -- descriptions that name no variable mean the one that is called as the parameter is, or entitled (described.py)
    SELECT * FROM archive.parameter_fact s
    WHERE s.schema_name = p.schema_name AND s.dataset_id = p.dataset_id
    AND s.variable = ANY (CASE WHEN p.variable IS NULL THEN ARRAY[p.name, p.title] ELSE ARRAY[p.variable] END)
    ORDER BY s.variable <> p.name LIMIT 1
) s ON {_MAY_HAVE} WHERE {_IS_SEEN} AND p.schema_name = {{}}
"""  # noqa: S608  # our own text
_FROM_GAP = f"""
archive.gap g JOIN archive.dataset d USING (schema_name, dataset_id) WHERE {_MAY_HAVE} AND g.schema_name = {{}}
"""

#: no condition of a query is tried on rows that its caller may not see: its failing would tell of them
_BARRIER = sql.SQL("WITH (security_barrier)")

#: name -> columns, what follows FROM, description
_VIEWS = {
    "dataset": (_DATASET, _FROM_DATASET, "Datasets whose granules are in {}.epn_core"),
    "parameter": (_PARAMETER, _FROM_PARAMETER, "Quantities that the datasets of {}.epn_core hold"),
    "gap": (_GAP, _FROM_GAP, "Times without records in the files of {}.epn_core, longer than five usual steps"),
}


def catalogue_tables(definition: Definition) -> tuple[Table, ...]:
    """The tables of datasets, parameters and gaps, as they are published."""
    return tuple(
        Table(
            schema=definition.schema,
            name=name,
            columns=tuple(columns),
            title=definition.title,
            description=description.format(definition.schema),
            kind="view",
        )
        for name, (columns, _, description) in _VIEWS.items()
    )


def publish_catalogue(connection: Connection, definition: Definition) -> bool:
    """Make the views that are missing or were made otherwise, and describe them; whether there were any.

    Part of the caller's transaction. TAP_SCHEMA must have the schema of the service. Views that are as they should be
    are left alone, so that their readers are not hindered.
    """
    schema = Schema(definition.schema, definition.description or definition.title, title=definition.title)
    made = False
    for table in catalogue_tables(definition):
        select = _select(table)
        made_of = f"{_BARRIER.as_string(connection)} {select.as_string(connection)}\n{table}"
        digest = hashlib.sha256(made_of.encode()).hexdigest()[:16]
        if _digest_of(connection, table) != digest:
            _make_view(connection, table, select, digest)
            publish_table(connection, schema, table)
            made = True
    return made


def _select(table: Table) -> sql.Composed:
    columns, source, _ = _VIEWS[table.name]
    # expressions are constants of this module; the schema is a value
    selected = sql.SQL(", ").join(
        sql.SQL("({})::{}{} AS {}").format(
            sql.SQL(expression),
            sql.SQL(column.pg_type),
            sql.SQL(' COLLATE "C"' if column.datatype == "char" else ""),
            sql.Identifier(column.name),
        )
        for column, expression in columns.items()
    )
    return sql.SQL("SELECT {} FROM {}").format(selected, sql.SQL(source).format(sql.Literal(table.schema)))


def _digest_of(connection: Connection, table: Table) -> str | None:
    """Of what a view was made from and described as, which is its comment; None where there is no view or no comment.

    PostgreSQL tells a definition in words of its own, which differ from release to release.
    """
    row = connection.execute(
        """
        SELECT obj_description(c.oid, 'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relname = %s
        """,
        (table.schema, table.name),
    ).fetchone()
    return None if row is None else row[0]


def _make_view(connection: Connection, table: Table, select: sql.Composed, digest: str) -> None:
    name = ddl.sql_name(table)
    try:
        with connection.transaction():
            # what an operator has built upon the view stays
            connection.execute(sql.SQL("CREATE OR REPLACE VIEW {} {} AS {}").format(name, _BARRIER, select))
    except psycopg.errors.InvalidTableDefinition:  # other columns than before
        _drop_view(connection, table)
        connection.execute(sql.SQL("CREATE VIEW {} {} AS {}").format(name, _BARRIER, select))
    connection.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(name, sql.Literal(digest)))
    connection.execute("SELECT archive.grant_published(%s, %s)", (table.schema, table.name))


def _drop_view(connection: Connection, table: Table) -> None:
    try:
        connection.execute(sql.SQL("DROP VIEW {}").format(ddl.sql_name(table)))
    except psycopg.errors.DependentObjectsStillExist as exc:
        raise SetupError(
            f"{table.schema}.{table.name} has other columns in this release, and something is built upon it "
            f"({exc.diag.message_detail}); drop that and ingest again."
        ) from exc
