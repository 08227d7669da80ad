"""The story of a query: parse, resolve, limit, count, render; and what its columns are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from epntap.adql.apart import look_apart
from epntap.adql.bound import BoundBody, BoundSelect, BoundTable, Expr, Output, is_aggregate
from epntap.adql.counted import count_from_values
from epntap.adql.functions import Features
from epntap.adql.infer import GEOMETRY, VOTABLE
from epntap.adql.narrow import read_narrow
from epntap.adql.parser import parse_with_problems
from epntap.adql.render import Statement, render
from epntap.adql.resolve import resolve
from epntap.adql.shards import PerShard, per_shard
from epntap.answer.model import ResultColumn
from epntap.catalog.model import Catalog, Form

__all__ = ["Translation", "translate"]


@dataclass(frozen=True, slots=True)
class Translation:
    """A query ready to run, and what comes out of it.

    Execute `statement` together with `params`, also when they are empty: percent signs in it are doubled.
    """

    statement: Statement
    params: dict[str, object]
    columns: tuple[ResultColumn, ...]
    #: qualified names of the published tables that the query reads
    tables: tuple[str, ...]
    #: the table of which each row becomes one row of the answer, as far as TOP goes; empty where conditions,
    #: groups or several tables make it something else
    rows_of: str = ""
    top: int | None = None
    #: how it may be asked of one shard after the other, if it reads a table that is spread
    per_shard: PerShard | None = None
    #: schema and name of what is not to be replaced while the statement runs, as the database calls it
    relations: tuple[tuple[str, str], ...] = ()


def translate(
    text: str,
    catalog: Catalog,
    *,
    base_url: str = "",
    row_limit: int | None = None,
    passed_over: int = 0,
    schemas: Mapping[str, str] = MappingProxyType({}),
    features: Features = Features(),  # noqa: B008  # frozen
) -> Translation:
    """ADQL as SQL. Raises AdqlError with all problems found, each with its place.

    `base_url` goes in front of addresses that are stored relative. Not more than `row_limit` rows come out,
    whatever TOP says, the first `passed_over` of them being left out. `schemas` says what a schema is called in the
    database where that differs from its published name, such as that of uploads, which are temporary tables.
    """
    query, problems = parse_with_problems(text)
    bound = resolve(query, catalog, features, base_url, problems)
    limited = replace(bound, body=_limited(bound.body, row_limit, passed_over))
    read = read_narrow(look_apart(count_from_values(limited, catalog)), catalog)
    statement, params, relations = render(read, schemas)
    columns = tuple(_column(output) for output in bound.body.outputs)
    return Translation(
        statement, params, columns, bound.tables, _rows_of(bound.body), bound.body.limit,
        per_shard(read, catalog, schemas),
        _replaceable(relations, catalog),
    )  # fmt: skip


def _replaceable(relations: tuple[tuple[str, str], ...], catalog: Catalog) -> tuple[tuple[str, str], ...]:
    """Those that something else may be put in the place of."""
    if any(table.is_distributed for table in catalog.tables):
        return ()  # a lock on what is spread would be asked of all servers
    # which may be what cannot be locked, or be readable in part only, which does not suffice for a lock
    by_hand = {(table.schema, table.name) for table in catalog.tables if table.is_by_hand}
    return tuple(relation for relation in relations if relation not in by_hand)


def _rows_of(body: BoundBody) -> str:
    if not isinstance(body, BoundSelect) or len(body.sources) != 1 or not isinstance(body.sources[0], BoundTable):
        return ""
    selects = body.where or body.group_by or body.having is not None or body.distinct or body.offset
    if selects or any(is_aggregate(output.value) for output in body.outputs):
        return ""
    return f"{body.sources[0].schema}.{body.sources[0].name}"


def _limited(body: BoundBody, row_limit: int | None, passed_over: int) -> BoundBody:
    if row_limit is None:
        return body
    limit = row_limit if body.limit is None else min(body.limit, row_limit)
    if not passed_over:
        return replace(body, limit=limit)
    return replace(body, limit=max(0, limit - passed_over), offset=(body.offset or 0) + passed_over)


def _column(output: Output) -> ResultColumn:
    value = output.value
    meta = value.meta
    datatype, arraysize, xtype = VOTABLE[value.type]
    if value.unicode and datatype == "char" and xtype is None:
        datatype = "unicodeChar"
    if meta.datatype is not None:
        datatype, arraysize, xtype = meta.datatype, meta.arraysize, meta.xtype
    return ResultColumn(
        output.name, datatype, arraysize, xtype, meta.unit, meta.ucd, meta.utype, meta.description,
        _pg_type(value), meta.origin,
    )  # fmt: skip


def _pg_type(value: Expr) -> str:
    if value.form in (Form.DALI_TEXT, Form.LOOSE_DALI_TEXT):
        return "text"
    if value.type in GEOMETRY:
        return "double precision[]"
    return str(value.type)
