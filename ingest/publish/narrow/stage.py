"""What datasets share, put aside in the transaction that writes it."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from epntap.catalog.ddl import sql_name
from epntap.catalog.narrow.layout import NUMBER, Layout
from epntap.connection import Connection
from ingest.publish.narrow.contents import NarrowRows
from ingest.publish.rows.block import copy_text

__all__ = ["DATASETS_TO_BE", "names", "stage_datasets"]

#: datasets as they shall be
DATASETS_TO_BE = sql.Identifier("staged_datasets")


def stage_datasets(connection: Connection, rows: NarrowRows, layout: Layout) -> None:
    """COPY what datasets share into a temporary table like that of datasets; columns without a value are NULL."""
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT * FROM {} WITH NO DATA").format(
            DATASETS_TO_BE, sql_name(layout.datasets)
        )
    )
    columns = rows.layout.of_dataset
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(DATASETS_TO_BE, names((NUMBER, *columns)))) as copy,
    ):
        for number, values in enumerate(rows.datasets, 1):
            line = "\t".join(copy_text(values.get(name)) for name in columns)
            copy.write(f"{number}\t{line}\n")
    connection.execute(sql.SQL("ANALYZE {}").format(DATASETS_TO_BE))


def names(columns: Iterable[str], alias: str = "") -> sql.Composed:
    """A list of columns."""
    return sql.SQL(", ").join(sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in columns)
