"""Joins of uploaded intervals with rows of which a few last long: the short and the long rows are looked for apart.

With an OR of both the database reads every row that it finds, because the long ones need another index; apart, the
short ones are found by an index that holds all that a count needs. UNION ALL of the two stands beside the intervals as
LATERAL: in no other way does PostgreSQL hand conditions of a join to branches that have conditions. So the intervals
come first, which is why this is done for uploads only, of which there are fewer than rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from epntap.adql.bound import (
    Application,
    BoundApart,
    BoundBody,
    BoundDerived,
    BoundJoin,
    BoundQuery,
    BoundSelect,
    BoundSet,
    BoundSource,
    BoundTable,
    ColumnValue,
    Expr,
    Type,
    pieces,
    walk,
)
from epntap.adql.rewrite import APART

__all__ = ["look_apart"]

_UPLOADS = "tap_upload"
_TRUE = Application(type=Type.CONDITION, name="TRUE", pieces=pieces("TRUE"), args=())


def look_apart(query: BoundQuery) -> BoundQuery:
    """The query with such joins put so; it gives the same rows."""
    common_tables = tuple((name, _body(body)) for name, body in query.common_tables)
    return replace(query, body=_body(query.body), common_tables=common_tables)


def _body(body: BoundBody) -> BoundBody:
    if isinstance(body, BoundSet):
        return replace(body, left=_body(body.left), right=_body(body.right))
    sources = [
        BoundDerived(_body(one.query), one.alias) if isinstance(one, BoundDerived) else one for one in body.sources
    ]
    return _select(replace(body, sources=tuple(sources)))


def _select(select: BoundSelect) -> BoundSelect:
    found = _pair(select.sources)
    if found is None:
        return select
    upload, table, condition = found
    where = [*([condition] if condition is not None else ()), *select.where]
    overlap = next((one for one in _conjuncts(where) if _is_of(one, table.alias, upload.alias)), None)
    if overlap is None:
        return select
    short, long = (
        Application(type=Type.CONDITION, name="apart", pieces=pieces(template), args=overlap.args)
        for template in APART[overlap.name]
    )
    return replace(
        select,
        sources=(upload, BoundApart(table.schema, table.name, table.alias, (short, long), table.seen_as)),
        where=tuple(_without(one, overlap) for one in where),
    )


def _pair(sources: tuple[BoundSource, ...]) -> tuple[BoundTable, BoundTable, Expr | None] | None:
    """An upload and a published table with rows that may last long, and on what they are joined."""
    match sources:
        case (BoundTable() as left, BoundTable() as right):
            condition = None
        case (BoundJoin(kind="INNER", left=BoundTable() as left, right=BoundTable() as right) as join,):
            condition = join.condition
        case _:
            return None
    for upload, table in ((left, right), (right, left)):
        if upload.schema == _UPLOADS and table.schema != _UPLOADS and not table.is_short:
            return upload, table, condition
    return None


def _conjuncts(conditions: list[Expr]) -> Iterator[Application]:
    for condition in conditions:
        if isinstance(condition, Application):
            if condition.name == "AND":
                yield from _conjuncts([arg for arg in condition.args if isinstance(arg, Expr)])
            else:
                yield condition


def _is_of(condition: Application, table: str, upload: str) -> bool:
    """Whether it says that rows of the table meet intervals of the upload."""
    if condition.name not in APART or len(condition.args) != 4:
        return False
    start, end, *interval = condition.args
    if not all(isinstance(one, ColumnValue) and one.alias == table for one in (start, end)):
        return False
    aliases = {
        part.alias for one in interval if isinstance(one, Expr) for part in walk(one) if isinstance(part, ColumnValue)
    }
    return aliases == {upload}


def _without(condition: Expr, overlap: Application) -> Expr:
    """The condition without what is looked for in the branches."""
    if condition is overlap:
        return _TRUE
    if isinstance(condition, Application) and condition.name == "AND":
        args = tuple(_without(arg, overlap) if isinstance(arg, Expr) else arg for arg in condition.args)
        return replace(condition, args=args)
    return condition
