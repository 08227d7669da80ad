"""Queries whose answer is that of all parts of one spread table, one after the other, in any order.

Each row of the answer has to be made of one row of the table alone, and of nothing else: then it does not matter on
which server that is, and the answer can be read part by part, while the server that knows all of them would gather
them first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from epntap.adql.bound import (
    Application,
    BoundQuery,
    BoundSelect,
    BoundTable,
    ColumnValue,
    Expr,
    is_aggregate,
    walk,
)
from epntap.adql.render import Shard, Statement, render
from epntap.catalog.model import Catalog, Table

__all__ = ["PerShard", "per_shard"]


@dataclass(frozen=True, slots=True)
class PerShard:
    """A query that may be asked of each shard of a table, for at most `most` rows of all together."""

    schema: str
    table: str
    most: int | None
    _query: BoundQuery
    _schemas: Mapping[str, str]
    _longest: float | None

    def on(self, relation: str) -> tuple[Statement, dict[str, object]]:
        """The statement on a shard, which is a relation in the schema of the table; and its parameters.

        It holds for the state of what is published by which the query was understood.
        """
        rendered = render(self._query, self._schemas, Shard(relation, self._longest))
        return rendered.statement, rendered.params


def per_shard(query: BoundQuery, catalog: Catalog, schemas: Mapping[str, str]) -> PerShard | None:
    """How to ask shard after shard; None where that would be another answer, or where one shard has it all."""
    body = query.body
    if query.common_tables or not isinstance(body, BoundSelect) or len(body.sources) != 1:
        return None
    source = body.sources[0]
    table = catalog.table(source.schema, source.name) if isinstance(source, BoundTable) else None
    if table is None or not table.is_distributed or table.seen_as or table.narrow is not None:
        return None
    if body.distinct or body.group_by or body.having is not None or body.order_by or body.offset:
        return None
    values = [*(output.value for output in body.outputs), *body.where]
    if any(is_aggregate(value) or _reads_more(value) for value in values) or _is_looked_up(body.where, table):
        return None
    return PerShard(table.schema, table.name, body.limit, query, schemas, table.longest)


def _reads_more(value: Expr) -> bool:
    """Whether a subquery stands in it."""
    return any(
        isinstance(part, Application) and not all(isinstance(arg, Expr) for arg in part.args) for part in walk(value)
    )


def _is_looked_up(conditions: Iterable[Expr], table: Table) -> bool:
    """Whether rows are named by their key, and so are few, on few shards."""
    return any(
        one.name in ("=", "IN")
        and any(isinstance(arg, ColumnValue) and arg.name in table.primary_key for arg in one.args)
        for one in _conjuncts(conditions)
    )


def _conjuncts(conditions: Iterable[Expr]) -> Iterator[Application]:
    for condition in conditions:
        if isinstance(condition, Application):
            if condition.name == "AND":
                yield from _conjuncts(arg for arg in condition.args if isinstance(arg, Expr))
            else:
                yield condition
