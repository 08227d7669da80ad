"""What all binders share: where problems go, and how a stored value becomes what it means."""

from __future__ import annotations

from dataclasses import replace

from epntap.adql import nodes
from epntap.adql.bound import NO_META, Application, BoundBody, ColumnValue, Expr, Meta, Numeral, Parameter, Type, pieces
from epntap.adql.functions import Features
from epntap.adql.infer import as_type, common_type, describe, unlike
from epntap.adql.nodes import Condition, Value
from epntap.adql.scope import Scope
from epntap.adql.tokens import Source, Span
from epntap.catalog.model import Form
from epntap.errors import AdqlError, Problem
from epntap.hints import shortened

__all__ = ["SPELLING", "Binder", "as_number", "keep_unit", "no_timestamp", "predicate"]

# A generated query can repeat one mistake thousands of times.
_ENOUGH = 50


#: name of the text of a timestamp as it was uploaded
SPELLING = "spelling"


class Binder:
    """Notes problems; what is wrong becomes Type.WRONG, which goes with everything."""

    def __init__(self, source: Source, problems: list[Problem], features: Features, base_url: str) -> None:
        self.source = source
        self.problems = problems
        self.features = features
        self.base_url = base_url

    def note(self, message: str, span: Span, suggestions: tuple[str, ...] = ()) -> None:
        """Remember a problem; gives up when there are more than anybody reads."""
        self.problems.append(self.source.problem(message, span, suggestions))
        if len(self.problems) >= _ENOUGH:
            raise AdqlError(self.problems)

    def wrong(self, message: str, span: Span, suggestions: tuple[str, ...] = ()) -> Expr:
        """Remember a problem and give what goes with everything."""
        self.note(message, span, suggestions)
        return Numeral(type=Type.WRONG, span=span, text="0")

    # -- what the rest of the resolver adds

    def value(self, node: Value, scope: Scope) -> Expr:
        """The value as it is meant."""
        return self.plain(self.stored(node, scope))

    def stored(self, node: Value, scope: Scope) -> Expr:
        """The value as it is stored: columns with a form keep it."""
        raise NotImplementedError

    def condition(self, node: Condition, scope: Scope) -> Expr:
        """A search condition."""
        raise NotImplementedError

    def subquery(self, body: nodes.Body, scope: Scope) -> BoundBody:
        """A query inside a condition; it sees the columns around it."""
        raise NotImplementedError

    def retyped(self, body: BoundBody, kinds: list[Type]) -> BoundBody:
        """The query with its columns in these types and free of forms."""
        raise NotImplementedError

    def plain(self, expr: Expr) -> Expr:
        """The value as it is meant, whatever way it is stored."""
        if expr.form is Form.PLAIN:
            return expr
        if expr.form in (Form.DALI_TEXT, Form.LOOSE_DALI_TEXT):
            return Application(
                type=Type.TIMESTAMP, span=expr.span, meta=unlike(expr.meta), name="dali_timestamp",
                pieces=pieces("udf.dali_timestamp({0})"), args=(expr,),
            )  # fmt: skip
        base = Parameter(type=Type.TEXT, value=self.base_url, cast="text")
        return Application(
            type=Type.TEXT, span=expr.span, meta=expr.meta, unicode=expr.unicode, name="address",
            pieces=pieces("(CASE WHEN starts_with({1}, '/') THEN {0} ELSE '' END || {1})"), args=(base, expr),
        )  # fmt: skip

    def sortable(self, expr: Expr) -> Expr:
        """The value as it can be ordered, grouped and told apart; one spelling of an instant is as good as another."""
        return self.plain(expr) if expr.form is Form.LOOSE_DALI_TEXT else expr

    def text(self, expr: Expr) -> Expr | None:
        """The value as text, None when it is none. A timestamp that is stored as text is text where text is wanted."""
        if expr.form is Form.DALI_TEXT:
            return replace(expr, type=Type.TEXT, form=Form.PLAIN)
        if expr.form is Form.LOOSE_DALI_TEXT:
            return Application(type=Type.TEXT, span=expr.span, name=SPELLING, pieces=pieces("{0}"), args=(expr,))
        return as_type(self.plain(expr), Type.TEXT)

    def array(self, expr: Expr) -> Expr:
        """The geometry as an array of degrees."""
        if not expr.sphere:
            return expr
        return Application(
            type=expr.type, span=expr.span, meta=expr.meta, name="ARRAY",
            pieces=pieces("udf.sphere_array(({0})::text)"), args=(expr,),
        )  # fmt: skip

    def describe(self, expr: Expr) -> str:
        """A value in a message: 'target_name (text)'."""
        name = expr.name if isinstance(expr, ColumnValue) else expr.meta.origin and expr.meta.origin[1]
        return f"{name} ({describe(expr.type)})" if name else describe(expr.type)

    def converted(self, value: Expr, kind: Type) -> Expr:
        """The value in this type, or a problem."""
        converted = as_type(value, kind)
        if converted is not None:
            return converted
        if kind is Type.TIMESTAMP and isinstance(value, Parameter):
            return self.wrong(no_timestamp(str(value.value)), value.span)
        return self.wrong(f"expected {describe(kind)} but found {self.describe(value)}", value.span)

    def alike(self, values: list[Expr], what: str) -> tuple[list[Expr], Type]:
        """The values in the one type in which they meet."""
        kind = Type.NULL
        for value in values:
            # a literal takes the type of what it stands beside, so it does not decide
            if isinstance(value, Parameter) and any(v.type is Type.TIMESTAMP for v in values):
                continue
            met = common_type(kind, value.type)
            if met is None:
                return values, self.wrong(
                    f"{what} must be of one type, but {describe(kind)} and {self.describe(value)} stand here",
                    value.span,
                ).type
            kind = met
        if kind is Type.NULL:
            kind = Type.TEXT
        return [self.array(self.converted(value, kind)) for value in values], kind


def no_timestamp(text: str) -> str:
    """What to say about a text that should be a timestamp."""
    return f"'{shortened(text)}' is no timestamp: write it as '2024-01-31T23:59:59'"


def predicate(span: Span, name: str, template: str, *args: Expr) -> Expr:
    """A condition made of a template and its arguments."""
    return Application(type=Type.CONDITION, span=span, name=name, pieces=pieces(template), args=args)


def keep_unit(expr: Expr) -> Meta:
    """The unit alone."""
    return Meta(unit=expr.meta.unit) if expr.meta.unit else NO_META


def as_number(expr: Expr) -> Expr:
    """A boolean as 1 or 0, anything else as it is."""
    return (as_type(expr, Type.INTEGER) or expr) if expr.type is Type.BOOLEAN else expr
