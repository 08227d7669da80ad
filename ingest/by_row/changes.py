"""Counts of rows by value when a part of the rows is replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from psycopg import sql

from epntap.archive.kept.counts import value_counts
from epntap.catalog.model import Table
from epntap.connection import Connection
from ingest.facts import Value
from ingest.publish.coverage import MOST_VALUES, as_counts

__all__ = ["changed_counts"]


def changed_counts(
    connection: Connection, table: Table, replaced: Collection[str], added: Mapping[str, Mapping[str | None, int]]
) -> dict[str, dict[str | None, int]]:
    """The counts of the published rows without those `replaced` (granule_uids), and with those of the rows `added`.

    Only for a table to which ingestions alone have written. A column that is not counted stays so.
    """
    gone = as_counts(table, _stored_values(connection, table, tuple(added), replaced))
    counts: dict[str, dict[str | None, int]] = {}
    for name, more in added.items():
        before = value_counts(connection, table.schema, name)
        if before is None or name not in gone:
            continue
        after = Counter(before)
        after.subtract(gone[name])
        after.update(more)
        if min(after.values(), default=0) >= 0 and len(after) <= MOST_VALUES:
            counts[name] = {value: rows for value, rows in after.items() if rows}
    return counts


def _stored_values(
    connection: Connection, table: Table, names: tuple[str, ...], replaced: Collection[str]
) -> Mapping[str, Mapping[Value, int]]:
    counters: dict[str, Counter[Value]] = {name: Counter() for name in names}
    rows = connection.execute(
        sql.SQL("SELECT {} FROM {} WHERE granule_uid = ANY (%s)").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(table.schema, table.name)
        ),
        (list(replaced),),
    )
    for row in rows:
        for name, value in zip(names, row, strict=True):
            counters[name][value] += 1
    return counters
