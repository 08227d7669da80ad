"""Granules by all that people search by, and by month: written with the rows, read where a scan would be too slow."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import sql
from psycopg.rows import class_row

from epntap.archive.kept.counts import ALL_ROWS
from epntap.catalog.model import Table
from epntap.catalog.narrow.tables import row_tables
from epntap.connection import Connection
from epntap.schema import tables

__all__ = [
    "FIRST_MONTH",
    "GROUPED",
    "LAST_MONTH",
    "GranuleGroup",
    "are_grouped",
    "ends_in_month",
    "granule_groups",
    "group_columns",
    "group_granules",
    "grouped_services",
    "jd_of_month",
    "month_of_jd",
]

#: columns of epn_core that make a group, in order; `has_access` follows them
GROUPED = (
    "dataset_id",
    "target_name",
    "target_class",
    "target_region",
    "measurement_type",
    "instrument_host_name",
    "instrument_name",
    "dataproduct_type",
    "processing_level",
)
_ACCESS = "access_url"
FIRST_MONTH = 12
LAST_MONTH = 9999 * 12 + 11
#: JD of the midnight before day 1 of the calendar of `datetime.date`
_JD_OF_ORDINAL_ZERO = 1_721_424.5


@dataclass(frozen=True, slots=True)
class GranuleGroup:
    """Rows of a service that have the same values in all columns of `GROUPED`; None where a row has none."""

    schema_name: str
    dataset_id: str | None
    target_name: str | None
    target_class: str | None
    target_region: str | None
    measurement_type: str | None
    instrument_host_name: str | None
    instrument_name: str | None
    dataproduct_type: str | None
    #: as text
    processing_level: str | None
    #: whether the rows have an access_url
    has_access: bool
    granule_count: int
    #: Julian dates (UTC); None when no row has a time
    time_min: float | None
    time_max: float | None
    #: months (see `month_of_jd`) in which granules begin and end, and how many these are; those whose times are not
    #: both known and in order are in none
    first_months: Sequence[int]
    last_months: Sequence[int]
    granules: Sequence[int]

    @property
    def values(self) -> tuple[str | bool | None, ...]:
        """What the rows have in common, as `group_columns` selects it."""
        return (*(getattr(self, name) for name in GROUPED), self.has_access)


def jd_of_month(month: int) -> float:
    """When a month begins, as a Julian date (UTC): 12 times the year, and 0 for January."""
    if month > LAST_MONTH:
        return _JD_OF_ORDINAL_ZERO + date.max.toordinal() + 1
    year, index = divmod(month, 12)
    return _JD_OF_ORDINAL_ZERO + date(year, index + 1, 1).toordinal()


def month_of_jd(jd: float) -> int:
    """The month of a Julian date; those before year 1 and after year 9999 are in the first and the last month."""
    if math.isnan(jd) or jd >= jd_of_month(LAST_MONTH):
        return LAST_MONTH
    if jd < jd_of_month(FIRST_MONTH):
        return FIRST_MONTH
    day = date.fromordinal(math.floor(jd - _JD_OF_ORDINAL_ZERO))
    return day.year * 12 + day.month - 1


# -- writing: part of the caller's transaction ------------------------------------------------------------------------


def are_grouped(connection: Connection, schema: str) -> bool:
    """Whether the groups of a service were ever written; a service without a row has none."""
    return bool(
        connection.execute("SELECT 1 FROM archive.granule_group WHERE schema_name = %s LIMIT 1", (schema,)).fetchone()
    )


def group_granules(connection: Connection, table: Table, datasets: Collection[str] | None = None) -> None:
    """Make the groups of a service those of its rows; of these datasets only, where their rows alone have changed."""
    only = sql.SQL("")
    if datasets is not None:
        if not datasets:
            return
        only = sql.SQL(" WHERE dataset_id = ANY (%(datasets)s)")
    values = {"schema": table.schema, "datasets": list(datasets or ())}
    row = connection.execute(
        sql.SQL("SELECT min(time_min), max(time_min), min(time_max), max(time_max) FROM {}").format(
            sql.Identifier(table.schema, row_tables(connection, table.schema)[0])
        )
    ).fetchone()
    times = [month_of_jd(jd) for jd in row or () if jd is not None]
    months = range(min(times), max(times) + 1) if times else range(FIRST_MONTH, FIRST_MONTH + 1)
    connection.execute(
        sql.SQL("DELETE FROM archive.granule_group WHERE schema_name = %(schema)s{}").format(
            sql.SQL(" AND dataset_id = ANY (%(datasets)s)") if datasets is not None else only
        ),
        values,
    )
    connection.execute(
        sql.SQL(_GROUP).format(names=sql.SQL(", ").join(map(sql.Identifier, GROUPED)), rows=_rows(table), only=only),
        {**values, "starts": [jd_of_month(month) for month in months], "before": months[0] - 1},
    )


#: a granule that ends when a month begins has nothing of that month, unless it begins there too
_GROUP = """
    INSERT INTO archive.granule_group (
        schema_name, {names}, has_access, granule_count, time_min, time_max, first_months, last_months, granules
    )
    SELECT %(schema)s, {names}, has_access, sum(rows), min(time_min), max(time_max),
           coalesce(array_agg(first ORDER BY first, last) FILTER (WHERE first IS NOT NULL), '{{}}'),
           coalesce(array_agg(last ORDER BY first, last) FILTER (WHERE first IS NOT NULL), '{{}}'),
           coalesce(array_agg(rows ORDER BY first, last) FILTER (WHERE first IS NOT NULL), '{{}}')
    FROM (
        SELECT {names}, has_access, first, last, count(*) AS rows, min(time_min) AS time_min, max(time_max) AS time_max
        FROM (
            SELECT {names}, has_access, time_min, time_max,
                   CASE WHEN time_min <= time_max THEN %(before)s + greatest(starting, 1) END AS first,
                   CASE WHEN time_min <= time_max THEN %(before)s + greatest(
                       ending - (ending > 1 AND time_min < time_max AND time_max = (%(starts)s::float8[])[ending])::int,
                       1
                   ) END AS last
            FROM (
                SELECT *, width_bucket(time_min, %(starts)s::float8[]) AS starting,
                       width_bucket(time_max, %(starts)s::float8[]) AS ending
                FROM ({rows}) AS plain{only}
            ) AS placed
        ) AS dated
        GROUP BY {names}, has_access, first, last
    ) AS counted
    GROUP BY {names}, has_access
"""


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def _rows(table: Table) -> sql.Composed:
    return sql.SQL("SELECT {}, time_min, time_max FROM {}").format(group_columns(table), _name(table))


def group_columns(table: Table) -> sql.Composed:
    """The columns of `GROUPED` and `has_access`, as text, from the table of a service."""
    parts = [
        sql.SQL("{0}::text AS {0}" if table.column(name) is not None else "NULL::text AS {0}").format(
            sql.Identifier(name)
        )
        for name in GROUPED
    ]
    has = sql.SQL("access_url IS NOT NULL" if table.column(_ACCESS) is not None else "false")
    return sql.SQL("{}, ({}) AS has_access").format(sql.SQL(", ").join(parts), has)


def ends_in_month() -> sql.SQL:
    """Condition: a row has its times in order and ends from the start of a month on, but before an instant."""
    return sql.SQL(
        "time_min <= time_max AND time_max >= %(start)s AND time_max <= %(jd)s"
        " AND (time_max > %(start)s OR time_min = time_max) AND (time_max < %(jd)s OR time_min < time_max)"
    )


# -- reading ----------------------------------------------------------------------------------------------------------


def grouped_services(connection: Connection) -> frozenset[str]:
    """Services whose groups are those of their rows: they were written, and nobody has changed a row by hand since.

    One whose ingestion found no row has no group, and nothing that a count of rows could be kept in.
    """
    return frozenset(
        str(row[0])
        for row in connection.execute(
            "SELECT schema_name FROM archive.service s WHERE granule_count = 0 OR ("
            "EXISTS (SELECT FROM archive.value_count v WHERE v.schema_name = s.schema_name AND v.column_name = %s) "
            "AND EXISTS (SELECT FROM archive.granule_group g WHERE g.schema_name = s.schema_name))",
            (ALL_ROWS,),
        )
    )


def granule_groups(connection: Connection) -> list[GranuleGroup]:
    """All groups of all services, by service and dataset."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in tables.granule_group.columns)
    with connection.cursor(row_factory=class_row(GranuleGroup)) as cursor:
        return cursor.execute(
            sql.SQL("SELECT {} FROM archive.granule_group ORDER BY schema_name, dataset_id").format(names)
        ).fetchall()
