"""What a service holds before an ingestion writes to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from epntap.archive.kept.counts import is_as_ingested
from epntap.archive.services import services
from epntap.catalog import ddl, publish
from epntap.catalog.model import Table
from epntap.catalog.narrow.tables import is_narrow
from epntap.connection import Connection
from epntap.errors import SetupError
from ingest.publish.rows.block import DATASET_ID
from ingest.publish.rows.closing import rows_closed_by_dataset

__all__ = ["Stock", "take_stock"]


@dataclass(frozen=True, slots=True)
class Stock:
    """The published table as it is."""

    #: there is no table yet
    is_new: bool = True
    rows: int = 0
    #: rows of each dataset, where the table has datasets
    by_dataset: Mapping[str, int] | None = None
    #: whether some of the rows are closed
    is_closed: bool = False
    #: nobody but ingestions has written to it
    is_as_ingested: bool = False
    #: stored columns that are needed no more
    unused: tuple[str, ...] = ()
    #: columns that are needed and not stored
    missing: tuple[str, ...] = ()
    #: granules and datasets are kept apart
    is_narrow: bool = False


def take_stock(connection: Connection, table: Table) -> Stock:
    """Look at the table that is there. Raises SetupError when it is not one that an ingestion has made."""
    stored = ddl.stored_columns(connection, table)
    if not stored:
        return Stock()
    if table.schema not in {service.schema_name for service in services(connection)}:
        raise SetupError(
            f"The database holds a table {table.qualified_name} that was not made by an ingestion; "
            "choose another schema name in the definition."
        )
    by_dataset = publish.rows_by_dataset(connection, table) if DATASET_ID.name in stored else None
    closed = rows_closed_by_dataset(connection, table)
    if by_dataset is not None:
        by_dataset = {one: by_dataset.get(one, 0) + closed.get(one, 0) for one in {**by_dataset, **closed}}
    return Stock(
        is_new=False,
        rows=_count(connection, table) + sum(closed.values()) if by_dataset is None else sum(by_dataset.values()),
        is_closed=bool(closed),
        by_dataset=by_dataset,
        is_as_ingested=is_as_ingested(connection, table.schema),
        unused=tuple(name for name in stored if table.column(name) is None),
        missing=tuple(column.name for column in table.columns if column.name not in stored),
        is_narrow=is_narrow(connection, table.schema),
    )


def _count(connection: Connection, table: Table) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(ddl.sql_name(table))).fetchone()
    assert row is not None
    return int(row[0])
