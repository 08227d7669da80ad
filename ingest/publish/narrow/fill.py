"""A first load of granules and datasets."""

from __future__ import annotations

from collections.abc import Callable

from psycopg import sql

from epntap.catalog.ddl import sql_name
from epntap.catalog.narrow.layout import NUMBER
from epntap.catalog.narrow.tables import create_tables
from epntap.connection import Connection
from ingest.publish.narrow.contents import NarrowRows
from ingest.publish.narrow.stage import DATASETS_TO_BE, names, stage_datasets
from ingest.publish.rows.copy import Merged, copy_blocks
from ingest.publish.rows.promises import make_promises

__all__ = ["fill_narrow"]


def fill_narrow(connection: Connection, rows: NarrowRows, advance: Callable[[int], None]) -> Merged:
    """COPY the rows into tables that this transaction makes; indexes and views are to follow."""
    layout = rows.layout
    create_tables(connection, layout)
    stage_datasets(connection, rows, layout)
    connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(sql_name(layout.datasets), DATASETS_TO_BE))
    # FREEZE: the rows need no later pass of VACUUM to be marked as visible to all
    target = sql.SQL("COPY {} ({}) FROM STDIN (FREEZE)").format(sql_name(layout.granules), names((NUMBER, *layout.own)))
    merged = Merged(inserted=copy_blocks(connection, target, rows.blocks(), advance), datasets=None)
    for table in (layout.granules, layout.datasets):
        make_promises(connection, table)
    return merged
