"""What the parser makes of a query: values that say what was written and where, nothing about tables that exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from epntap.adql.tokens import Span
from epntap.hints import shortened

__all__ = [
    "And",
    "Arithmetic",
    "Between",
    "Body",
    "Call",
    "Case",
    "Cast",
    "CastTarget",
    "ColumnRef",
    "CommonTable",
    "Comparison",
    "Concatenation",
    "Condition",
    "DerivedTable",
    "Exists",
    "Expression",
    "InList",
    "InQuery",
    "IsNull",
    "Item",
    "Join",
    "Like",
    "Name",
    "Not",
    "Null",
    "Number",
    "Or",
    "OrderTerm",
    "Query",
    "Select",
    "SetOperation",
    "Sign",
    "Star",
    "TableRef",
    "TableSource",
    "Text",
    "Value",
]


# longer than the names of a database can be; messages need not repeat it
_LONG_NAME = 64


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier. Regular ones are compared without regard to case, delimited ones exactly (ADQL 2.1 §2.1.7)."""

    span: Span
    text: str
    delimited: bool

    @property
    def folded(self) -> str:
        """The spelling to look up first."""
        return self.text if self.delimited else self.text.lower()

    def __str__(self) -> str:
        text = self.text if len(self.text) < _LONG_NAME else shortened(self.text)
        return '"' + text.replace('"', '""') + '"' if self.delimited else text


@dataclass(frozen=True, slots=True)
class Number:
    """An unsigned numeric literal as it was written."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal without its quotes."""

    span: Span
    value: str


@dataclass(frozen=True, slots=True)
class Null:
    """The word NULL."""

    span: Span


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """[[[catalog.]schema.]table.]column; the last part is the column."""

    span: Span
    parts: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Sign:
    """+x or -x."""

    span: Span
    operator: str
    operand: Value


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A chain of + and -, or of * and /, evaluated from the left: operators[i] stands before operands[i + 1]."""

    span: Span
    operands: tuple[Value, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Texts joined by ||."""

    span: Span
    operands: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an aggregate. COUNT(*) has `star` and no arguments."""

    span: Span
    name: Name
    arguments: tuple[Value, ...]
    distinct: bool = False
    star: bool = False


@dataclass(frozen=True, slots=True)
class CastTarget:
    """A type name in upper case, DOUBLE PRECISION with one blank, and its length if one was given."""

    span: Span
    name: str
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """CAST(value AS type)."""

    span: Span
    operand: Value
    target: CastTarget


@dataclass(frozen=True, slots=True)
class Case:
    """CASE [operand] WHEN … THEN … [ELSE …] END; with an operand the first of each pair is a value."""

    span: Span
    operand: Value | None
    branches: tuple[tuple[Expression, Value], ...]
    otherwise: Value | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """left operator right; the operator is one of = <> < > <= >= (!= is read as <>)."""

    span: Span
    operator: str
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Between:
    """operand [NOT] BETWEEN low AND high."""

    span: Span
    operand: Value
    low: Value
    high: Value
    negated: bool


@dataclass(frozen=True, slots=True)
class InList:
    """operand [NOT] IN (items)."""

    span: Span
    operand: Value
    items: tuple[Value, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class InQuery:
    """operand [NOT] IN (subquery)."""

    span: Span
    operand: Value
    query: Body
    negated: bool


@dataclass(frozen=True, slots=True)
class Like:
    """operand [NOT] LIKE or ILIKE pattern."""

    span: Span
    operand: Value
    pattern: Value
    negated: bool
    ignore_case: bool


@dataclass(frozen=True, slots=True)
class IsNull:
    """operand IS [NOT] NULL."""

    span: Span
    operand: Value
    negated: bool


@dataclass(frozen=True, slots=True)
class Exists:
    """EXISTS (subquery)."""

    span: Span
    query: Body


@dataclass(frozen=True, slots=True)
class Not:
    """NOT condition."""

    span: Span
    operand: Condition


@dataclass(frozen=True, slots=True)
class And:
    """Conditions that must all hold."""

    span: Span
    operands: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Conditions of which one must hold."""

    span: Span
    operands: tuple[Condition, ...]


Value: TypeAlias = Number | Text | Null | ColumnRef | Sign | Arithmetic | Concatenation | Call | Cast | Case
Condition: TypeAlias = Comparison | Between | InList | InQuery | Like | IsNull | Exists | Not | And | Or
Expression: TypeAlias = Value | Condition


@dataclass(frozen=True, slots=True)
class Star:
    """* or qualifier.* in a SELECT list."""

    span: Span
    qualifier: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a SELECT list with its name, if it was given one."""

    span: Span
    value: Value
    alias: Name | None = None


@dataclass(frozen=True, slots=True)
class TableRef:
    """[[catalog.]schema.]table [[AS] alias]."""

    span: Span
    parts: tuple[Name, ...]
    alias: Name | None = None


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """(subquery) [AS] alias."""

    span: Span
    query: Body
    alias: Name


@dataclass(frozen=True, slots=True)
class Join:
    """left [NATURAL] kind JOIN right [ON condition or USING (columns)]; kind is INNER, LEFT, RIGHT or FULL."""

    span: Span
    left: TableSource
    right: TableSource
    kind: str
    natural: bool = False
    using: tuple[Name, ...] = ()
    condition: Condition | None = None


TableSource: TypeAlias = TableRef | DerivedTable | Join


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One term of ORDER BY."""

    span: Span
    value: Value
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT … FROM … with all its clauses."""

    span: Span
    distinct: bool
    top: int | None
    items: tuple[Item | Star, ...]
    sources: tuple[TableSource, ...]
    where: Condition | None = None
    group_by: tuple[Value, ...] = ()
    having: Condition | None = None
    order_by: tuple[OrderTerm, ...] = ()
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class SetOperation:
    """left UNION, EXCEPT or INTERSECT [ALL] right."""

    span: Span
    operator: str
    all_rows: bool
    left: Body
    right: Body
    order_by: tuple[OrderTerm, ...] = ()
    offset: int | None = None


Body: TypeAlias = Select | SetOperation


@dataclass(frozen=True, slots=True)
class CommonTable:
    """name [(columns)] AS (query) in a WITH clause."""

    span: Span
    name: Name
    columns: tuple[Name, ...]
    query: Body


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query."""

    text: str
    common_tables: tuple[CommonTable, ...]
    body: Body
