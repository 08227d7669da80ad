"""A row of epn_core with those before and after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from epntap.access import ANONYMOUS, Caller
from epntap.archive.finding.former import successors_of
from epntap.archive.finding.likely import hint_at_granule
from epntap.catalog.model import Catalog, Column, Table
from epntap.catalog.narrow.reading import of_dataset, rows_of
from epntap.connection import Connection
from epntap.db.caller import seen_by
from epntap.errors import NotFoundError

__all__ = ["Granule", "Granules"]


@dataclass(frozen=True, slots=True)
class Granule:
    """One row, and its neighbours in time within its dataset."""

    schema: str
    granule_uid: str
    #: columns that have a value, with it, in the order of the table
    values: Sequence[tuple[Column, Any]]
    before: str = ""
    after: str = ""

    def get(self, name: str) -> Any:  # of any column
        """The value of a column, None without one."""
        return next((value for column, value in self.values if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Granules:
    """Finds rows by granule_uid."""

    catalog: Callable[[], Catalog]
    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]

    def get(self, schema: str, granule_uid: str, caller: Caller = ANONYMOUS) -> Granule:
        """The granule, or that which came in the place of one that was called so, as the caller sees it.

        Raises NotFoundError.
        """
        table = self.catalog().table(schema, "epn_core")
        if table is None or "\x00" in granule_uid:
            raise NotFoundError(f"There is no granule {granule_uid[:100]!r} in a service {schema[:100]!r}.")
        with self.connect() as connection, seen_by(connection, caller):
            found = _row(connection, table, granule_uid)
            if found is None:
                successors = successors_of(connection, [granule_uid], [schema]).get(granule_uid, ())
                found = next((row for _, uid in successors if (row := _row(connection, table, uid))), None)
            if found is None:
                hint = hint_at_granule(connection, granule_uid, [schema] if table.column("dataset_id") else [])
                raise NotFoundError(
                    f"There is no granule {granule_uid[:100]!r} in {schema}; its datasets have those that exist.{hint}"
                )
            dataset, time = found.get("dataset_id"), found.get("time_min")
            if dataset is None or time is None:
                return found
            before = _neighbour(connection, table, dataset, time, found.granule_uid, is_later=False)
            after = _neighbour(connection, table, dataset, time, found.granule_uid, is_later=True)
        return Granule(schema, found.granule_uid, found.values, before, after)


def _row(connection: Connection, table: Table, granule_uid: str) -> Granule | None:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    row = connection.execute(
        sql.SQL("SELECT {} FROM {} WHERE granule_uid = %s").format(columns, rows_of(table)),
        (granule_uid,),
    ).fetchone()
    if row is None:
        return None
    values = [(column, value) for column, value in zip(table.columns, row, strict=True) if value not in {None, ""}]
    return Granule(table.schema, granule_uid, values)


def _neighbour(
    connection: Connection, table: Table, dataset: str, time: float, granule_uid: str, *, is_later: bool
) -> str:
    row = connection.execute(
        sql.SQL(
            "SELECT granule_uid FROM {} WHERE {} AND (time_min, granule_uid) {} (%s, %s) "
            "ORDER BY time_min {}, granule_uid {} LIMIT 1"
        ).format(
            rows_of(table),
            of_dataset(table),
            sql.SQL(">" if is_later else "<"),
            *[sql.SQL("ASC" if is_later else "DESC")] * 2,
        ),
        (dataset, time, granule_uid),
    ).fetchone()
    return str(row[0]) if row else ""
