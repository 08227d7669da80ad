"""The resolved query as SQL. User text becomes an Identifier or a parameter; all other characters are ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias, assert_never

from psycopg import sql

from epntap.adql.bound import (
    Application,
    BoundApart,
    BoundBody,
    BoundCommonTable,
    BoundCounts,
    BoundDerived,
    BoundJoin,
    BoundQuery,
    BoundSelect,
    BoundSet,
    BoundSource,
    BoundTable,
    ColumnValue,
    Expr,
    Numeral,
    Output,
    Parameter,
    Type,
    pieces,
)
from epntap.adql.rewrite import SHORT_OVERLAPS
from epntap.catalog.indexes import CLOSED_LONGEST, LONGEST

__all__ = ["Shard", "Statement", "render"]

Statement: TypeAlias = sql.Composed


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of the one table of a query, on a server that has nothing but such parts."""

    relation: str
    #: days that no row of the table lasts longer than; None: nobody knows
    longest: float | None


class Rendered(NamedTuple):
    """A statement; it is to be executed with its parameters, even when there are none."""

    statement: Statement
    params: dict[str, object]
    #: schema and name of each table and view that it names
    relations: tuple[tuple[str, str], ...]


def render(query: BoundQuery, schemas: Mapping[str, str], shard: Shard | None = None) -> Rendered:
    """The query as SQL.

    `schemas` says what a schema is called in the database where that differs from its published name. With a `shard`
    that is read in the place of the table.
    """
    writer = _Writer(schemas, shard)
    writer.query(query)
    return Rendered(writer.statement(), writer.params, tuple(writer.relations))


def _known(days: float | None) -> str:
    return "NULL" if days is None or math.isinf(days) else repr(days)


@lru_cache(maxsize=2048)
def _identifier(*names: str) -> sql.Identifier:
    # the statement goes through the placeholders of psycopg, where a single % begins one
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


@lru_cache(maxsize=256)
def _fixed(text: str) -> sql.SQL:
    # fixed text, numerals of the lexer and names of parameters: nothing a user could shape
    return sql.SQL(text)


class _Writer:
    """Collects pieces of SQL; runs of fixed text become one piece."""

    def __init__(self, schemas: Mapping[str, str], shard: Shard | None) -> None:
        self._schemas = schemas
        self._shard = shard
        self.params: dict[str, object] = {}
        self.relations: dict[tuple[str, str], None] = {}
        self._names: dict[tuple[str | tuple[str, ...], str], str] = {}
        self._parts: list[sql.Composable] = []
        self._text: list[str] = []
        #: alias -> schema of the tables that were written so far and of which no row is known to last long, and under
        #: which names that is kept
        self._short: dict[str, tuple[str, tuple[str, ...]]] = {}

    def statement(self) -> Statement:
        self._flush()
        return sql.Composed(self._parts)

    def _flush(self) -> None:
        if self._text:
            self._parts.append(_fixed("".join(self._text)))
            self._text.clear()

    def write(self, fixed: str) -> None:
        self._text.append(fixed)

    def name(self, *names: str) -> None:
        self._flush()
        self._parts.append(_identifier(*names))

    # -- queries

    def query(self, query: BoundQuery) -> None:
        for index, (name, body) in enumerate(query.common_tables):
            self.write(", " if index else "WITH ")
            self.name(name)
            self.write(" AS (")
            self.body(body)
            self.write(")")
        if query.common_tables:
            self.write(" ")
        self.body(query.body)

    def body(self, body: BoundBody) -> None:
        if isinstance(body, BoundSelect):
            self._select(body)
        else:
            self._set(body)
        for index, term in enumerate(body.order_by):
            self.write(", " if index else " ORDER BY ")
            if isinstance(term.by, int):
                self.write(str(term.by))
            else:
                self.expr(term.by)
            if term.descending:
                self.write(" DESC")
        if body.limit is not None:
            self.write(f" LIMIT {body.limit:d}")
        if body.offset is not None:
            self.write(f" OFFSET {body.offset:d}")

    def _set(self, body: BoundSet) -> None:
        self.write("(")
        self.body(body.left)
        self.write(f") {body.operator} (")
        self.body(body.right)
        self.write(")")

    def _select(self, body: BoundSelect) -> None:
        self.write("SELECT DISTINCT " if body.distinct else "SELECT ")
        for index, output in enumerate(body.outputs):
            if index:
                self.write(", ")
            self._output(output)
        for index, source in enumerate(body.sources):
            self.write(", " if index else " FROM ")
            self._source(source)
        for index, condition in enumerate(body.where):
            self.write(" AND " if index else " WHERE ")
            self.expr(condition)
        for index, key in enumerate(body.group_by):
            self.write(", " if index else " GROUP BY ")
            self.expr(key)
        if body.having is not None:
            self.write(" HAVING ")
            self.expr(body.having)

    def _output(self, output: Output) -> None:
        self.expr(output.value)
        if not (isinstance(output.value, ColumnValue) and output.value.name == output.sql_name):
            self.write(" AS ")
            self.name(output.sql_name)

    def _source(self, source: BoundSource) -> None:
        match source:
            case BoundTable():
                relation = self._shard.relation if self._shard is not None else source.seen_as or source.name
                schema = self._schemas.get(source.schema, source.schema)
                self.name(schema, relation)
                self.relations[schema, relation] = None
                if source.is_short:
                    longest = (LONGEST, CLOSED_LONGEST) if source.seen_as else (LONGEST,)
                    self._short[source.alias] = source.schema, longest
                if source.alias != relation:
                    self.write(" AS ")
                    self.name(source.alias)
            case BoundCommonTable():
                self.name(source.name)
                if source.alias != source.name:
                    self.write(" AS ")
                    self.name(source.alias)
            case BoundCounts():
                self._counts(source)
            case BoundApart():
                self._apart(source)
            case BoundDerived():
                self.write("(")
                self.body(source.query)
                self.write(") AS ")
                self.name(source.alias)
            case BoundJoin():
                self._join(source)
            case _:
                assert_never(source)

    def _join(self, source: BoundJoin) -> None:
        self.write("(")
        self._source(source.left)
        self.write(f" {source.kind} JOIN ")
        self._source(source.right)
        self.write(" ON ")
        if source.condition is None:
            self.write("TRUE")
        else:
            self.expr(source.condition)
        self.write(")")

    def _apart(self, source: BoundApart) -> None:
        for index, rows in enumerate(source.classes):
            self.write(" UNION ALL SELECT * FROM " if index else "LATERAL (SELECT * FROM ")
            self.name(source.schema, source.seen_as or source.name)
            self.write(" AS ")
            self.name(source.alias)
            self.write(" WHERE ")
            self.expr(rows)
        self.write(") AS ")
        self.name(source.alias)

    def _counts(self, source: BoundCounts) -> None:
        """Counted values, or the rows one by one where the counts were taken back.

        Both in one statement, so that no ingestion comes between. LIMIT 0 lets the database not even begin with the
        rows, where a condition would make it start parallel workers first; LIMIT NULL is none. Where nobody can take
        counts back they stand alone: Citus takes no subquery in LIMIT.
        """
        has_column = source.column != "*"
        self.write("(SELECT ")
        if has_column:
            self._value(source)
            self.write(" AS ")
            self.name(source.column)
            self.write(", ")
        self.write("rows AS ")
        self.name(source.rows)
        self._counted(source, source.most)
        if not source.are_kept:
            self.write(" UNION ALL (SELECT ")
            if has_column:
                self.name(source.column)
                self.write(", ")
            self.write("1 FROM ")
            self.name(source.schema, source.name)
            self.write(" LIMIT (SELECT 0")
            self._counted(source)
            self.write(" LIMIT 1))")
        if source.has_closed:
            self.write(" UNION ALL SELECT ")
            if has_column:
                self._value(source)
                self.write(", ")
            self.write("rows")
            self._counted(source, source.most, "udf.closed_count")
        self.write(") AS ")
        self.name(source.alias)

    def _value(self, source: BoundCounts) -> None:
        # types and collations are those of the catalogue
        self.write(f"value::{source.pg_type}" + (f' COLLATE "{source.collation}"' if source.collation else ""))

    def _counted(self, source: BoundCounts, most: int | None = None, counts: str = "udf.value_count") -> None:
        beside = "" if most is None else f" CROSS JOIN generate_series(1, least(rows, {most:d}))"
        self._values_counted(source.schema, source.column, counts=f"{counts}{beside}")

    def _values_counted(self, schema: str, *columns: str, counts: str = "udf.value_count") -> None:
        self.write(f" FROM {counts} WHERE schema_name = ")
        self.expr(Parameter(type=Type.TEXT, value=schema, cast="text"))
        self.write(" AND column_name ")
        for index, column in enumerate(columns):
            self.write(", " if index else "= " if len(columns) == 1 else "IN (")
            self.expr(Parameter(type=Type.TEXT, value=column, cast="text"))
        if len(columns) > 1:
            self.write(")")

    # -- values

    def expr(self, expr: Expr) -> None:
        match expr:
            case ColumnValue():
                self.name(expr.alias, expr.name)
            case Parameter():
                self.write(f"%({self._parameter(expr)})s::{expr.cast}")
            case Numeral():
                self.write(expr.text)
                if expr.type is Type.DOUBLE:
                    self.write("::double precision")
            case Application(name="overlaps" | "contained", args=(ColumnValue() as start, *_)) if (
                start.alias in self._short
            ):
                self._short_overlap(expr, *self._short[start.alias])
            case Application():
                self._application(expr)
            case _:
                raise TypeError(f"{type(expr).__name__} has no form in SQL")

    def _short_overlap(self, expr: Application, schema: str, longest: Sequence[str]) -> None:
        """By the start of a row alone, from what no row lasts longer than.

        That is read in the statement itself, so that no ingestion comes between. Where it was taken back, rows may
        begin at any time.
        """
        self.write("(")
        for piece in pieces(SHORT_OVERLAPS[expr.name]):
            if isinstance(piece, str):
                self.write(piece)
            elif piece < len(expr.args):
                arg = expr.args[piece]
                assert isinstance(arg, Expr)
                self.expr(arg)
            elif self._shard is not None:
                self.write(f"{_known(self._shard.longest)}::double precision")
            else:
                self.write("(SELECT nullif(max(value::double precision), 'Infinity')")
                self._values_counted(schema, *longest)
                self.write(")")
        self.write(")")

    def _application(self, expr: Application) -> None:
        for piece in expr.pieces:
            if isinstance(piece, str):
                self.write(piece)
                continue
            arg = expr.args[piece]
            if isinstance(arg, Expr):
                self.expr(arg)
            else:
                self.body(arg)

    def _parameter(self, parameter: Parameter) -> str:
        key = (parameter.value, parameter.cast)
        name = self._names.get(key)
        if name is None:
            # equal values share a parameter, so that equal expressions stay equal to the database
            name = self._names[key] = f"p{len(self._names)}"
            value = parameter.value
            self.params[name] = list(value) if isinstance(value, tuple) else value
        return name
