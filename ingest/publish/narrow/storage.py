"""Which way the rows of a service are kept, and which way they shall be."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from epntap.catalog import ddl
from epntap.catalog.model import Column, Table
from epntap.catalog.narrow.layout import Layout
from epntap.catalog.narrow.tables import keeps_files
from epntap.connection import Connection
from epntap.errors import SetupError
from ingest.facts import Remark
from ingest.ingestion import Ingestion
from ingest.publish.contents import Contents
from ingest.publish.narrow.change import narrow_down, prepare_narrow, remove_left_over, widen
from ingest.publish.narrow.contents import NarrowRows
from ingest.publish.stock import Stock

__all__ = ["narrow_if_wanted", "prepare", "stored_layout"]


def prepare(ingestion: Ingestion, contents: Contents, table: Table, stock: Stock) -> Stock:
    """Make the published table one that the contents can be merged into; what it is then.

    In transactions of its own, because readers wait for it: not for as long as the rows take.
    """
    connection, narrow = ingestion.connection, contents.narrow
    if stock.is_new:
        return stock
    if stock.is_narrow and (narrow is None or not _has_room(connection, narrow.layout)):
        widen(connection, _view_layout(connection, table), ingestion.progress)
        stock = replace(stock, is_narrow=False)
    if stock.is_narrow and narrow is not None:
        prepare_narrow(connection, stored_layout(connection, narrow, stock))
    else:
        ddl.add_columns(connection, table)
    return stock


def narrow_if_wanted(ingestion: Ingestion, contents: Contents, table: Table, stock: Stock) -> Iterator[Remark]:
    """Keep granules and datasets apart where that is wanted and was not so; a remark where it cannot be."""
    if contents.narrow is None or stock.is_new or stock.is_narrow:
        return
    layout = _with_unused(ingestion.connection, contents.narrow.layout, stock)
    still_wide = "storage is still wide: {}"
    try:
        if not remove_left_over(ingestion.connection, table.schema):
            said = "Queries are still using what was kept apart before."
            yield Remark(table.qualified_name, still_wide.format(said))
            return
        seconds = narrow_down(ingestion.connection, contents.narrow, layout, ingestion.progress)
    except SetupError as exc:
        yield Remark(table.qualified_name, still_wide.format(exc))
    else:
        yield Remark(
            table.qualified_name,
            f"storage is narrow now; it was put in place within {seconds * 1000:.0f} ms, deleting old files included",
        )


def stored_layout(connection: Connection, narrow: NarrowRows, stock: Stock) -> Layout:
    """The layout of the tables that are there, with what is needed and what is needed no more."""
    layout = _with_unused(connection, narrow.layout, stock)
    return replace(layout, has_files=keeps_files(connection, layout))


def _has_room(connection: Connection, layout: Layout) -> bool:
    """Whether the tables that are there can hold what these rows have of their own."""
    return keeps_files(connection, layout) or not layout.has_files


def _with_unused(connection: Connection, layout: Layout, stock: Stock) -> Layout:
    return replace(layout, table=_with(connection, layout.table, stock.unused))


def _view_layout(connection: Connection, table: Table) -> Layout:
    """The layout of the view that is there, to be read only."""
    stored = ddl.stored_columns(connection, table)
    whole = _with(connection, table, [name for name in stored if table.column(name) is None])
    columns = tuple(column for column in whole.columns if column.name in stored)
    return Layout(replace(whole, columns=columns), {}, has_files=False)


def _with(connection: Connection, table: Table, unused: Collection[str]) -> Table:
    stored = ddl.stored_columns(connection, table)
    return replace(table, columns=(*table.columns, *(Column(name, "", pg_type=stored[name]) for name in unused)))
