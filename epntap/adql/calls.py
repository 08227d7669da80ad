"""Binds calls: functions by their table, aggregates, COALESCE and NULLIF."""

from __future__ import annotations

from typing import cast

from epntap.adql import functions, nodes
from epntap.adql.binder import keep_unit, no_timestamp, predicate
from epntap.adql.bound import (
    NO_META,
    Application,
    ColumnValue,
    Expr,
    Meta,
    Numeral,
    Parameter,
    Type,
    joined,
    pieces,
    walk,
)
from epntap.adql.functions import Function, Result, Unit, Wanted
from epntap.adql.geometry import GEOMETRY_FUNCTIONS, GeometryBinder, flag
from epntap.adql.infer import GEOMETRY, as_type, common_type, describe, is_numeric, unlike
from epntap.adql.meeting import met_meta, met_unicode
from epntap.adql.scope import Scope, likely
from epntap.adql.shapes import shape_problem
from epntap.adql.tokens import Span
from epntap.catalog.model import Form
from epntap.units.convert import UnitProblem, exact_factor

_AGGREGATE_CLAUSES = ("SELECT", "HAVING", "ORDER BY")

__all__ = ["CallBinder"]


class CallBinder(GeometryBinder):
    """The part of the resolver that knows functions."""

    def call(self, node: nodes.Call, scope: Scope) -> Expr:  # noqa: PLR0911  # one answer for each case
        """A function or an aggregate."""
        name = node.name.text.upper()
        if node.star:
            return self._count_rows(node, scope)
        if name in GEOMETRY_FUNCTIONS:
            return self.geometry_call(node, scope)
        if shape_problem(node) is not None:  # the parser has said so
            return Numeral(type=Type.WRONG, span=node.span, text="0")
        if name in ("COALESCE", "NULLIF", "IN_UNIT"):
            return {"COALESCE": self._coalesce, "NULLIF": self._nullif, "IN_UNIT": self._in_unit}[name](node, scope)
        candidates = functions.overloads(name)
        if not candidates:
            for argument in node.arguments:
                self.stored(argument, scope)
            close = likely(node.name.text, functions.known_names())
            return self.wrong(f"there is no function {node.name}{close}", node.name.span, close.names)
        if name == "RAND" and len(node.arguments) == 1:
            # The argument has no defined meaning (ADQL 2.1 §2.3.2), so it has none here.
            if not isinstance(node.arguments[0], nodes.Number):
                return self.wrong("the argument of RAND is an integer literal", node.arguments[0].span)
            return self._apply(node, candidates[0], [])
        if candidates[0].aggregate:
            return self._aggregate(node, candidates, scope)
        arguments = [self.stored(argument, scope) for argument in node.arguments]
        return self._overloaded(node, candidates, arguments)

    def _overloaded(self, node: nodes.Call, candidates: tuple[Function, ...], arguments: list[Expr]) -> Expr:
        fitting = [c for c in candidates if len(c.parameters) == len(arguments)]
        if not fitting:
            counts = functions.argument_counts(candidates[0].name.upper())
            return self.wrong(functions.wrong_count(node, counts), node.span)
        complaint: tuple[str, Span] | None = None
        for function in fitting:
            converted = []
            for index, (parameter, argument) in enumerate(zip(function.parameters, arguments, strict=True)):
                value = self._argument(argument, parameter.takes)
                if value is None and parameter.takes is Type.TIMESTAMP and isinstance(argument, Parameter):
                    complaint = (no_timestamp(str(argument.value)), argument.span)
                    break
                if value is None:
                    wanted = parameter.takes if isinstance(parameter.takes, Wanted) else describe(parameter.takes)
                    ordinal = f"argument {index + 1} of {node.name}" if len(arguments) > 1 else f"{node.name}"
                    complaint = (f"{ordinal} needs {wanted}, not {self.describe(argument)}", argument.span)
                    break
                converted.append(value)
            else:
                return self._apply(node, function, converted)
        assert complaint is not None
        return self.wrong(*complaint)

    def _argument(self, argument: Expr, takes: Type | Wanted) -> Expr | None:  # noqa: PLR0911  # one answer for each case
        """The argument as the parameter takes it, None when it does not."""
        if takes is Type.TEXT:
            return self.text(argument)
        if takes is Wanted.ANY:
            return argument
        value = self.plain(argument)
        if value.type is Type.WRONG:
            return value
        if takes is Wanted.NUMBER:
            if value.type is Type.NULL:
                return as_type(value, Type.DOUBLE)
            return value if is_numeric(value.type) else None
        if takes in (Wanted.INTEGER, Type.INTEGER) and value.type not in (Type.SMALLINT, Type.INTEGER, Type.BIGINT):
            return None
        if takes is Wanted.INTEGER:
            return value
        assert isinstance(takes, Type)
        if is_numeric(takes) and value.type is Type.BOOLEAN:
            return None
        return as_type(value, takes)

    def _apply(self, node: nodes.Call, function: Function, args: list[Expr]) -> Expr:
        mistake = function.check and function.check([_literal(arg) for arg in args])
        if mistake:
            return self.wrong(mistake, node.span)
        if function.condition:
            condition = predicate(node.span, function.name, function.condition, *args)
            return flag(function.name, condition, node.span)
        kind = _result_type(function, args)
        sql = function.sql
        first = args[0] if args else None
        form = Form.PLAIN
        if function.aggregate:
            if function.result is Result.SUM and first is not None and first.type is Type.BIGINT:
                sql += "::bigint"  # PostgreSQL sums bigint in numeric
            elif function.result is Result.SUM and first is not None and first.type is Type.REAL:
                sql = sql.replace("{0}", "({0})::double precision")  # which it would sum in single precision
            elif function.name == "AVG" and first is not None and first.type is not Type.REAL:
                sql += "::double precision"
            if node.distinct:
                sql = sql.replace("(", "(DISTINCT ", 1)
            if function.result is Result.FIRST and first is not None:
                form = first.form
        return Application(
            type=kind, span=node.span, meta=_result_meta(function, first), form=form,
            unicode=kind is Type.TEXT and any(a.unicode for a in args), name=function.name, pieces=pieces(sql),
            args=tuple(args), aggregate=function.aggregate,
        )  # fmt: skip

    def _count_rows(self, node: nodes.Call, scope: Scope) -> Expr:
        self._check_aggregate(node, scope)
        return Application(
            type=Type.BIGINT, span=node.span, meta=Meta(ucd="meta.number"), name="COUNT", pieces=("count(*)",),
            aggregate=True,
        )  # fmt: skip

    def _check_aggregate(self, node: nodes.Call, scope: Scope) -> None:
        if scope.clause not in _AGGREGATE_CLAUSES:
            advice = ": write HAVING after GROUP BY" if scope.clause == "WHERE" else ""
            self.note(f"{node.name.text.upper()} cannot stand in {scope.clause}{advice}", node.span)

    def _aggregate(self, node: nodes.Call, candidates: tuple[Function, ...], scope: Scope) -> Expr:
        self._check_aggregate(node, scope)
        arguments = [self.stored(argument, scope) for argument in node.arguments]
        for argument in arguments:
            for part in walk(argument):
                if isinstance(part, Application) and part.aggregate:
                    return self.wrong(f"{node.name.text.upper()} of another aggregate makes no sense", part.span)
        columns = [part for a in arguments for part in walk(a) if isinstance(part, ColumnValue)]
        own = {source.alias for source in scope.relation.sources()}
        if columns and not any(column.alias in own for column in columns):
            return self.wrong(f"{node.name.text.upper()} of columns of the outer query cannot stand here", node.span)
        if node.distinct:
            arguments = [self.array(self.sortable(argument)) for argument in arguments]
        if candidates[0].name in ("MIN", "MAX") and len(arguments) == 1:
            arguments = [self._extreme(candidates[0].name, arguments[0], node.span)]
        return self._overloaded(node, candidates, arguments)

    def _extreme(self, name: str, argument: Expr, span: Span) -> Expr:
        """What MIN and MAX look at."""
        if argument.type in (Type.BOOLEAN, Type.BYTES, *GEOMETRY, Type.DOUBLES, Type.LONGS):
            return self.wrong(f"{name} needs numbers, text or timestamps, not {self.describe(argument)}", span)
        if argument.type is Type.NULL:
            return as_type(argument, Type.TEXT) or argument
        return self.plain(argument) if argument.form is Form.RELATIVE_URL else self.sortable(argument)

    def _coalesce(self, node: nodes.Call, scope: Scope) -> Expr:
        args, kind = self.alike([self.value(a, scope) for a in node.arguments], "the arguments of COALESCE")
        return Application(
            type=kind, span=node.span, meta=unlike(met_meta(args, kind)), unicode=met_unicode(args),
            name="COALESCE", pieces=joined("COALESCE(", ", ", ")", len(args)),
            args=tuple(args),
        )  # fmt: skip

    def _nullif(self, node: nodes.Call, scope: Scope) -> Expr:
        given = [self.value(a, scope) for a in node.arguments]
        args, _ = self.alike(given, "the arguments of NULLIF")
        return Application(
            type=args[0].type, span=node.span, meta=keep_unit(args[0]), unicode=args[0].unicode, name="NULLIF",
            pieces=pieces("NULLIF({0}, {1})"), args=tuple(args),
        )  # fmt: skip

    def _in_unit(self, node: nodes.Call, scope: Scope) -> Expr:
        """IN_UNIT(value, 'unit') (ADQL 2.1 §4.8)."""
        value = self.value(node.arguments[0], scope)
        target = node.arguments[1]
        assert isinstance(target, nodes.Text)
        if value.type is Type.WRONG:
            return value
        if not is_numeric(value.type):
            return self.wrong(f"IN_UNIT needs a number, not {self.describe(value)}", value.span)
        if not value.meta.unit:
            what = value.name if isinstance(value, ColumnValue) else "this value"
            return self.wrong(f"IN_UNIT: the unit of {what} is not known, so it cannot be converted", value.span)
        try:
            operator, factor = exact_factor(value.meta.unit, target.value)
        except UnitProblem as exc:
            return self.wrong(f"IN_UNIT: {exc}", target.span)
        number = Numeral(type=Type.DOUBLE, span=node.span, text=repr(factor))
        return Application(
            type=Type.DOUBLE, span=node.span, meta=Meta(unit=target.value), name="IN_UNIT",
            pieces=pieces(f"({{0}} {operator} {{1}})"),
            args=(as_type(value, Type.DOUBLE) or value, number),
        )  # fmt: skip


def _literal(value: Expr) -> float | None:
    """The number that was written here, None for any other value."""
    if isinstance(value, Numeral):
        return float(value.text)
    if isinstance(value, Application) and value.name in ("+", "-", "CAST") and len(value.args) == 1:
        number = _literal(cast("Expr", value.args[0]))
        return -number if number is not None and value.name == "-" else number
    return None


def _result_type(function: Function, args: list[Expr]) -> Type:
    if isinstance(function.result, Type):
        return function.result
    first = args[0].type
    if function.result is Result.FIRST:
        return first
    if function.result is Result.SUM:
        return Type.BIGINT if first in (Type.SMALLINT, Type.INTEGER, Type.BIGINT) else Type.DOUBLE
    kind = first
    for arg in args[1:]:
        kind = common_type(kind, arg.type) or Type.WRONG
    return kind


def _result_meta(function: Function, first: Expr | None) -> Meta:
    match function.unit:
        case Unit.NONE:
            return NO_META
        case Unit.COUNT:
            return Meta(ucd="meta.number")
        case Unit.FIRST:
            return keep_unit(first) if first is not None else NO_META
        case Unit.FIRST_WITH_UCD:
            return unlike(first.meta) if first is not None else NO_META
        case _:
            return Meta(unit=str(function.unit))
