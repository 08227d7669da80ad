"""What statements of our own read of a published table. No I/O here."""

from __future__ import annotations

from psycopg import sql

from epntap.catalog.model import Table
from epntap.catalog.narrow.layout import DATASETS, IS_NUMBERED, JOINED, NUMBER

__all__ = ["of_dataset", "rows_of"]


def rows_of(table: Table) -> sql.Identifier:
    """What has the rows of the table as whoever asks may see them."""
    return sql.Identifier(table.schema, JOINED if table.narrow else table.seen_as or table.name)


def of_dataset(table: Table) -> sql.Composable:
    """A condition on `rows_of` the table with one parameter, a dataset_id; its rows come in the order of their times.

    They would come so of the view of granules and datasets only if the database saw that it has one such dataset.
    """
    if not table.narrow:
        return sql.SQL("dataset_id = %s")
    number = sql.Identifier(NUMBER)
    return sql.SQL("{numbered} AND {number} = (SELECT {number} FROM {datasets} WHERE dataset_id = %s)").format(
        numbered=sql.SQL(IS_NUMBERED).format(number),
        number=number,
        datasets=sql.Identifier(table.schema, DATASETS),
    )
