"""Counts of rows by value, and what a service covers: written with the rows, read where a scan would be too slow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from psycopg import sql
from sqlalchemy import ARRAY, Text, all_, bindparam, delete, select

from epntap.catalog.closed import has_closed_table
from epntap.catalog.distributed import is_distributed
from epntap.catalog.indexes import CLOSED, CLOSED_LONGEST, DURATION, LONGEST
from epntap.catalog.narrow.tables import row_tables
from epntap.connection import Connection
from epntap.schema import tables
from epntap.schema.statements import compiled, upsert

__all__ = [
    "ALL_ROWS",
    "COUNTED_TABLE",
    "Coverage",
    "coverage",
    "forget_when_written",
    "is_as_ingested",
    "row_count",
    "value_counts",
    "write_coverage",
    "write_value_counts",
]


#: the table of a schema that is counted
COUNTED_TABLE = "epn_core"
#: stands for the rows themselves where the name of a column stands else; its value is NULL
ALL_ROWS = "*"
_TRIGGER = "forget_counts"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the rows of a service cover as a whole; lists hold single items in alphabetical order."""

    #: Julian dates (UTC); None when no row has a time
    time_min: float | None = None
    time_max: float | None = None
    target_names: Sequence[str] = ()
    target_classes: Sequence[str] = ()
    dataproduct_types: Sequence[str] = ()
    measurement_types: Sequence[str] = ()
    instrument_host_names: Sequence[str] = ()
    instrument_names: Sequence[str] = ()


_count = tables.value_count.c
_OF_COLUMN = [_count.schema_name == bindparam("schema"), _count.column_name == bindparam("column")]
_FORGET = compiled(
    delete(tables.value_count).where(
        _count.schema_name == bindparam("schema"), _count.column_name != all_(bindparam("kept", type_=ARRAY(Text)))
    )
)
_HOLD_SERVICE = compiled(
    select(tables.service.c.schema_name).where(tables.service.c.schema_name == bindparam("schema")).with_for_update()
)
_ROWS = compiled(select(tables.service.c.granule_count).where(tables.service.c.schema_name == bindparam("schema")))
_VALUES = compiled(select(_count.value, _count.rows).where(*_OF_COLUMN))
_WRITE_COVERAGE = upsert(tables.coverage)
_COVERAGE = compiled(
    select(*(tables.coverage.c[field.name] for field in fields(Coverage))).where(
        tables.coverage.c.schema_name == bindparam("schema")
    )
)


# -- writing: part of the caller's transaction ------------------------------------------------------------------------


def write_value_counts(
    connection: Connection,
    schema: str,
    rows: int,
    counts: Mapping[str, Mapping[str | None, int]],
    *,
    by_row: Sequence[str] = (),
    most: int = 0,
) -> None:
    """Make the counts of a service exactly these: column name -> value as text, None for NULL -> rows.

    The columns `by_row` are counted in the table, where they have no more than `most` values, unless nothing was
    written since that was done; likewise what no row lasts longer than. From here to the next call all counts go as
    soon as anything is written to the table.
    """
    forget_when_written(connection, schema)
    is_kept = value_counts(connection, schema, ALL_ROWS) is not None
    counts = {**counts, ALL_ROWS: {None: rows}, **({} if is_kept else _count_by_row(connection, schema, by_row, most))}
    kept = list(by_row) if is_kept else []
    if is_kept and value_counts(connection, schema, LONGEST) is not None:
        kept += [LONGEST, CLOSED_LONGEST]
    else:
        counts[LONGEST] = {repr(_longest(connection, schema, COUNTED_TABLE)): rows}
        if has_closed_table(connection, schema):
            counts[CLOSED_LONGEST] = {repr(_longest(connection, schema, CLOSED)): 1}
    _FORGET.run(connection, schema=schema, kept=kept)
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY archive.value_count (schema_name, column_name, value, rows) FROM STDIN") as copy,
    ):
        for column, values in counts.items():
            for value, number in values.items():
                if number:
                    copy.write_row((schema, column, value, number))


def _longest(connection: Connection, schema: str, table: str) -> float:
    """What no row lasts longer than, in days: infinite where an end is. Read from an index."""
    duration = sql.SQL(DURATION).format(sql.Identifier("time_min"), sql.Identifier("time_max"))
    row = connection.execute(
        sql.SQL("SELECT max({}) FROM {}").format(duration, sql.Identifier(schema, table))
    ).fetchone()
    if row is None or row[0] is None:
        return 0.0
    # the difference is rounded to the nearest number, so this is no less than the true one; NaN is the greatest of all
    return math.inf if math.isnan(row[0]) else math.nextafter(row[0], math.inf)


def is_as_ingested(connection: Connection, schema: str) -> bool:
    """Whether nobody has written to the table since its rows were counted.

    Within a transaction it stays so until its end: whoever wants to write by hand waits for that.
    """
    _HOLD_SERVICE.run(connection, schema=schema)
    return value_counts(connection, schema, ALL_ROWS) is not None


def forget_when_written(connection: Connection, schema: str) -> None:
    """Make the triggers that take counts back, where there are none. Readers do not wait for it.

    Tables that are spread have none: Citus knows no triggers there, and rows are written by ingestions alone.
    """
    for name in row_tables(connection, schema):
        if is_distributed(connection, schema, name):
            continue
        table = sql.Identifier(schema, name)
        found = connection.execute(
            "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = %s",
            (table.as_string(None), _TRIGGER),
        )
        if found.fetchone() is None:
            connection.execute(
                sql.SQL(
                    "CREATE TRIGGER {} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {} "
                    "FOR EACH STATEMENT EXECUTE FUNCTION archive.forget_counts()"
                ).format(sql.Identifier(_TRIGGER), table)
            )


def _count_by_row(
    connection: Connection, schema: str, columns: Sequence[str], most: int
) -> dict[str, dict[str | None, int]]:
    """Rows by each value of columns that are set row by row, but mostly to few values; reads the table once."""
    counts: dict[str, Counter[str | None]] = {column: Counter() for column in columns}
    if not columns:
        return {}
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with connection.cursor(name="by_row") as cursor:
        cursor.execute(
            sql.SQL("SELECT {names}, count(*) FROM {table} GROUP BY {names}").format(
                names=names, table=sql.Identifier(schema, COUNTED_TABLE)
            )
        )
        for *values, rows in cursor:
            for column, value in zip(columns, values, strict=True):
                if column in counts:
                    counts[column][value] += rows
                    if len(counts[column]) > most:
                        del counts[column]
            if not counts:
                break
    return {column: dict(counter) for column, counter in counts.items()}


def write_coverage(connection: Connection, schema: str, covered: Coverage) -> None:
    """Record what a service covers."""
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(covered).items()}
    _WRITE_COVERAGE.run(connection, schema_name=schema, **values)


# -- reading ----------------------------------------------------------------------------------------------------------


def row_count(connection: Connection, schema: str) -> int | None:
    """Rows of the epn_core of a service, or None when there is no such service."""
    row = _ROWS.run(connection, schema=schema).fetchone()
    return None if row is None else int(row[0])


def value_counts(connection: Connection, schema: str, column: str) -> Mapping[str | None, int] | None:
    """Rows by each value of a column (as text, None for NULL), or None when they are not counted."""
    rows = _VALUES.run(connection, schema=schema, column=column).fetchall()
    return dict(rows) if rows else None


def coverage(connection: Connection, schema: str) -> Coverage | None:
    """What a service covers, or None when nothing of it was ever published."""
    row = _COVERAGE.run(connection, schema=schema).fetchone()
    if row is None:
        return None
    time_min, time_max, *lists = row
    return Coverage(time_min, time_max, *map(tuple, lists))
