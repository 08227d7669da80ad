"""Queries about the values of one column, answered from the counts that ingestion keeps.

How many rows, how many with this value, which values there are: such a query sees the rows only through one column, or
through none. It gives the same when each value stands there once, with the number of its rows beside it. So the table
in FROM becomes the list of its counted values, COUNT becomes a sum, and all else stays: conditions, functions,
grouping, order. A query for the first rows with a wrong value, as validators ask, gets each value as often as it comes,
or as often as it is wanted. Where the counts were taken back, the statement itself reads the rows (`render`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from epntap.adql.bound import (
    Application,
    BoundBody,
    BoundCounts,
    BoundDerived,
    BoundOrder,
    BoundQuery,
    BoundSelect,
    BoundSet,
    BoundSource,
    BoundTable,
    ColumnValue,
    Expr,
    Type,
    pieces,
)
from epntap.catalog.model import Catalog, Table

__all__ = ["ALL_ROWS", "count_from_values"]

#: what the catalogue calls the count of all rows
ALL_ROWS = "*"

# types of which the text in the counts is the value, and nothing else
_TYPES = frozenset(("smallint", "integer", "bigint", "real", "double precision", "text"))
# of which a random one would be drawn for each value and not for each row
_BY_ROW = frozenset(("RAND",))
# aggregates that do not mind how often a value comes
_ANY_NUMBER = frozenset(("MIN", "MAX"))

_COUNT_ROWS = pieces("count(*)")
_COUNT_VALUES = pieces("count({0})")
_COUNT_DISTINCT = pieces("count(DISTINCT {0})")
_SUM_ROWS = pieces("coalesce(sum({0}), 0)::bigint")
_SUM_VALUES = pieces("coalesce(sum({1}) FILTER (WHERE {0} IS NOT NULL), 0)::bigint")


def count_from_values(query: BoundQuery, catalog: Catalog) -> BoundQuery:
    """The query with those parts answered from counts that can be; it gives the same rows."""
    if not any(table.counted for table in catalog.tables):
        return query
    common_tables = tuple((name, _body(body, catalog)) for name, body in query.common_tables)
    return replace(query, body=_body(query.body, catalog), common_tables=common_tables)


def _body(body: BoundBody, catalog: Catalog) -> BoundBody:
    if isinstance(body, BoundSet):
        return replace(body, left=_body(body.left, catalog), right=_body(body.right, catalog))
    counts = _counts(body, catalog)
    if counts is not None:
        return _on_counts(body, counts)
    return replace(body, sources=tuple(_source(source, catalog) for source in body.sources))


def _source(source: BoundSource, catalog: Catalog) -> BoundSource:
    # not below joins: what is joined is mostly looked up by key
    return BoundDerived(_body(source.query, catalog), source.alias) if isinstance(source, BoundDerived) else source


# -- which queries


def _counts(select: BoundSelect, catalog: Catalog) -> BoundCounts | None:
    """The counted values that can stand for the table of a query; None where they cannot."""
    match select.sources:
        case (BoundTable() as source,):
            table = catalog.table(source.schema, source.name)
        case _:
            return None
    if table is None or not table.counted:
        return None
    seen = _Seen()
    if not all(map(seen.takes, _values(select))) or seen.aliases - {source.alias} or len(seen.names) > 1:
        return None
    name = next(iter(seen.names), ALL_ROWS)
    if select.distinct or select.group_by or select.having is not None or seen.has_aggregate:
        return _counts_of(table, source.alias, name)
    if select.limit is None or not select.where or not seen.names:
        return None
    return _counts_of(table, source.alias, name, select.limit + (select.offset or 0))


def _counts_of(table: Table, alias: str, name: str, most: int | None = None) -> BoundCounts | None:
    if name not in table.counted:
        return None
    has_closed, kept = bool(table.seen_as), table.is_distributed
    if name == ALL_ROWS:
        return BoundCounts(
            table.schema, table.name, alias, ALL_ROWS, has_closed=has_closed, are_kept=table.is_distributed
        )
    column = table.column(name)
    if column is None or column.pg_type not in _TYPES or column.collation not in (None, "C"):
        return None
    return BoundCounts(table.schema, table.name, alias, name, column.pg_type, column.collation, most, has_closed, kept)


@dataclass(slots=True)
class _Seen:
    """What the expressions of a query look at."""

    names: set[str]
    aliases: set[str]
    has_aggregate: bool

    def __init__(self) -> None:
        self.names, self.aliases, self.has_aggregate = set(), set(), False

    def takes(self, value: Expr | BoundBody) -> bool:
        """Whether the value, which is noted, would be the same of values with their counts."""
        if isinstance(value, ColumnValue):
            self.names.add(value.name)
            self.aliases.add(value.alias)
            return True
        if not isinstance(value, Application):
            return isinstance(value, Expr)  # a subquery may look at anything
        if value.name in _BY_ROW or (value.aggregate and not _is_countable(value)):
            return False
        self.has_aggregate = self.has_aggregate or value.aggregate
        return all(map(self.takes, value.args))


def _is_countable(aggregate: Application) -> bool:
    return aggregate.name in _ANY_NUMBER or aggregate.pieces in (_COUNT_ROWS, _COUNT_VALUES, _COUNT_DISTINCT)


def _values(select: BoundSelect) -> Iterator[Expr]:
    yield from (output.value for output in select.outputs)
    yield from (*select.where, *select.group_by)
    if select.having is not None:
        yield select.having
    yield from _ordered(select.order_by)


def _ordered(terms: Iterable[BoundOrder]) -> Iterator[Expr]:
    yield from (term.by for term in terms if isinstance(term.by, Expr))


# -- the same query on counts


def _on_counts(select: BoundSelect, counts: BoundCounts) -> BoundSelect:
    rows = ColumnValue(type=Type.BIGINT, alias=counts.alias, name=counts.rows)
    return replace(
        select,
        sources=(counts,),
        outputs=tuple(replace(output, value=_summed(output.value, rows)) for output in select.outputs),
        having=None if select.having is None else _summed(select.having, rows),
        order_by=tuple(
            term if isinstance(term.by, int) else replace(term, by=_summed(term.by, rows)) for term in select.order_by
        ),
    )


def _summed(value: Expr, rows: ColumnValue) -> Expr:
    """The value with sums of rows in place of their count."""
    if not isinstance(value, Application):
        return value
    if value.pieces == _COUNT_ROWS:
        return replace(value, pieces=_SUM_ROWS, args=(rows,))
    if value.pieces == _COUNT_VALUES:
        return replace(value, pieces=_SUM_VALUES, args=(*value.args, rows))
    if value.aggregate:
        return value
    return replace(value, args=tuple(_summed(arg, rows) if isinstance(arg, Expr) else arg for arg in value.args))
