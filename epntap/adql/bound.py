"""The resolved query: every name is a catalogue object, every value has a type and a form in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

from epntap.adql.tokens import Span
from epntap.catalog.model import Form

__all__ = [
    "Application",
    "BoundApart",
    "BoundBody",
    "BoundCommonTable",
    "BoundCounts",
    "BoundDerived",
    "BoundJoin",
    "BoundOrder",
    "BoundQuery",
    "BoundSelect",
    "BoundSet",
    "BoundSource",
    "BoundTable",
    "ColumnValue",
    "Expr",
    "Meta",
    "Numeral",
    "Output",
    "Parameter",
    "Pieces",
    "Type",
    "is_aggregate",
    "joined",
    "pieces",
    "size",
    "source_size",
    "walk",
]


class Type(StrEnum):
    """Type of a value; the word is that of PostgreSQL where there is one."""

    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    REAL = "real"
    DOUBLE = "double precision"
    TEXT = "text"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    BYTES = "bytea"
    DOUBLES = "double precision[]"
    LONGS = "bigint[]"
    POINT = "point"
    CIRCLE = "circle"
    POLYGON = "polygon"
    #: a geometry whose shape only its value tells
    REGION = "region"
    #: the word NULL before anything says what it stands for
    NULL = "null"
    #: a search condition; never a column
    CONDITION = "condition"
    #: stands where a problem was found, and goes with everything
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Meta:
    """What a FIELD says beyond the type."""

    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    datatype: str | None = None
    arraysize: str | None = None
    xtype: str | None = None
    origin: tuple[str, str] | None = None


NO_META = Meta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr:
    """A typed value. Two are equal when they would be the same SQL, wherever they stand."""

    type: Type
    span: Span = field(default=(0, 0), compare=False)
    meta: Meta = field(default=NO_META, compare=False)
    #: how the database holds it, where that differs from what it means
    form: Form = Form.PLAIN
    #: a geometry that pgSphere holds; without it a geometry is an array of degrees
    sphere: bool = False
    #: may hold characters beyond ASCII
    unicode: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnValue(Expr):
    """A column of a table in FROM, by the alias that stands for the table in SQL."""

    alias: str
    name: str
    #: how large the expression behind it is, when the table is a subquery; see `size`
    size: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeral(Expr):
    """A numeric literal in the lexer's own characters."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Expr):
    """A value that travels beside the statement; `cast` is the PostgreSQL type it is read as."""

    value: str | tuple[str, ...]
    cast: str


#: fixed SQL with the places of the arguments
Pieces: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Application(Expr):
    """An operator, function or predicate applied to its arguments. `name` is its ADQL name."""

    name: str
    pieces: Pieces
    args: tuple[Expr | BoundBody, ...] = ()
    aggregate: bool = False


@lru_cache(maxsize=512)
def pieces(template: str) -> Pieces:
    """'ln({0})' → ('ln(', 0, ')'). Templates are ours, never the user's."""
    result: list[str | int] = []
    for part in template.split("{"):
        index, brace, rest = part.partition("}")
        if brace:
            result.append(int(index))
            if rest:
                result.append(rest)
        elif part:
            result.append(part)
    return tuple(result)


def joined(before: str, separator: str, after: str, count: int) -> Pieces:
    """As many places as there are arguments, with the separator between them."""
    result: list[str | int] = [before]
    for index in range(count):
        if index:
            result.append(separator)
        result.append(index)
    result.append(after)
    return tuple(result)


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all below it, without subqueries."""
    yield expr
    if isinstance(expr, Application):
        for arg in expr.args:
            if isinstance(arg, Expr):
                yield from walk(arg)


def is_aggregate(value: Expr) -> bool:
    """Whether an aggregate stands in it, so that it says something of several rows."""
    return any(isinstance(part, Application) and part.aggregate for part in walk(value))


def size(value: Expr | BoundBody) -> int:
    """How many parts PostgreSQL makes of a value when it plans a query.

    It puts the expression behind a column of a subquery in place of each mention of that column, and copies the left
    side of BETWEEN and IN for each comparison: sizes can double with every level of a query.
    """
    if isinstance(value, ColumnValue):
        return value.size
    if isinstance(value, Application):
        sizes = list(map(size, value.args))
        if value.name in ("BETWEEN", "NOT BETWEEN", "IN", "NOT IN"):
            sizes[0] *= max(1, len(sizes) - 1)
        return 1 + sum(sizes[piece] for piece in value.pieces if isinstance(piece, int))
    return value.size if isinstance(value, (BoundSelect, BoundSet)) else 1


def source_size(source: BoundSource) -> int:
    """The same of what stands in FROM."""
    if isinstance(source, BoundDerived):
        return source.query.size
    if isinstance(source, BoundJoin):
        condition = 0 if source.condition is None else size(source.condition)
        return source_size(source.left) + source_size(source.right) + condition
    return 1


@dataclass(frozen=True, slots=True)
class Output:
    """One column that a query gives. `name` is for the reader, `sql_name` unique within the query."""

    name: str
    delimited: bool
    value: Expr
    sql_name: str
    #: where it was asked for
    span: Span
    #: of the value, or of the larger one where a set operation has two
    size: int

    def with_value(self, value: Expr) -> Output:
        """Another expression behind the same name."""
        if value is self.value:
            return self
        return Output(self.name, self.delimited, value, self.sql_name, self.span, max(self.size, size(value)))


@dataclass(frozen=True, slots=True)
class BoundTable:
    """A published table in FROM."""

    schema: str
    name: str
    alias: str
    #: as far as is known, no row lasts long: what overlaps an interval begins shortly before it
    is_short: bool = False
    #: what is read in its place, in the same schema; empty: the table itself
    seen_as: str = ""


@dataclass(frozen=True, slots=True)
class BoundCounts:
    """The values of one column of a published table, each once, and how many rows have it; or all rows as one.

    With `most` each value comes as often as there are rows that have it, but not oftener than that.
    """

    schema: str
    name: str
    alias: str
    #: which column, `*` for none
    column: str
    pg_type: str = ""
    collation: str | None = None
    most: int | None = None
    #: whether there are closed rows too, which are counted apart
    has_closed: bool = False
    #: the counts are always there, as nobody can take them back
    are_kept: bool = False

    @property
    def rows(self) -> str:
        """What the number of rows is called; no column is."""
        return f"{self.column} rows"


@dataclass(frozen=True, slots=True)
class BoundApart:
    """A published table beside the intervals of another source: its rows are the union of these classes."""

    schema: str
    name: str
    alias: str
    #: conditions that no two of which a row fulfils
    classes: tuple[Expr, ...]
    #: as that of a table
    seen_as: str = ""


@dataclass(frozen=True, slots=True)
class BoundDerived:
    """A subquery in FROM."""

    query: BoundBody
    alias: str


@dataclass(frozen=True, slots=True)
class BoundCommonTable:
    """A table of the WITH clause in FROM."""

    name: str
    alias: str


@dataclass(frozen=True, slots=True)
class BoundJoin:
    """Two sources joined on a condition; NATURAL and USING have become conditions. No condition: all pairs."""

    kind: str
    left: BoundSource
    right: BoundSource
    condition: Expr | None


BoundSource: TypeAlias = BoundTable | BoundCounts | BoundApart | BoundDerived | BoundCommonTable | BoundJoin


@dataclass(frozen=True, slots=True)
class BoundOrder:
    """One term of ORDER BY: a 1-based position in the SELECT list or a value."""

    by: int | Expr
    descending: bool


@dataclass(frozen=True, slots=True, eq=False)
class BoundSelect:
    """A resolved SELECT."""

    outputs: tuple[Output, ...]
    sources: tuple[BoundSource, ...]
    distinct: bool = False
    where: tuple[Expr, ...] = ()
    group_by: tuple[Expr, ...] = ()
    having: Expr | None = None
    order_by: tuple[BoundOrder, ...] = ()
    limit: int | None = None
    offset: int | None = None
    #: of all that stands in it, subqueries included
    size: int = 1
    #: how often PostgreSQL copies a condition on its columns: once for each side of the set operations it reads
    copies: int = 1

    def with_values(self, values: list[Expr]) -> BoundSelect:
        """The same query with other expressions behind the same names."""
        outputs = tuple(o.with_value(v) for o, v in zip(self.outputs, values, strict=True))
        return replace(self, outputs=outputs)


@dataclass(frozen=True, slots=True, eq=False)
class BoundSet:
    """A resolved UNION, EXCEPT or INTERSECT."""

    outputs: tuple[Output, ...]
    operator: str
    left: BoundBody
    right: BoundBody
    order_by: tuple[BoundOrder, ...] = ()
    limit: int | None = None
    offset: int | None = None

    @property
    def size(self) -> int:
        """Of all that stands in it."""
        return self.left.size + self.right.size

    @property
    def copies(self) -> int:
        """How often PostgreSQL copies a condition on its columns."""
        return self.left.copies + self.right.copies


BoundBody: TypeAlias = BoundSelect | BoundSet


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A whole resolved query with the tables of its WITH clause."""

    body: BoundBody
    common_tables: tuple[tuple[str, BoundBody], ...] = ()
    tables: tuple[str, ...] = ()
