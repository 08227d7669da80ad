"""Binds values: literals, columns, arithmetic, CASE."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from epntap.adql import nodes
from epntap.adql.binder import keep_unit
from epntap.adql.bound import NO_META, Application, Expr, Meta, Numeral, Parameter, Type, joined
from epntap.adql.calls import CallBinder
from epntap.adql.casts import CastBinder
from epntap.adql.conditions import ConditionBinder
from epntap.adql.infer import arithmetic_type, arithmetic_unit, as_type, is_numeric, unlike
from epntap.adql.meeting import met_meta, met_unicode
from epntap.adql.nodes import Condition, Expression, Value
from epntap.adql.scope import NotFoundError, Scope
from epntap.hints import shortened

__all__ = ["ValueBinder"]

_LARGEST = str(2**63)


class ValueBinder(CallBinder, CastBinder, ConditionBinder):
    """The part of the resolver that binds expressions."""

    def stored(self, node: Value, scope: Scope) -> Expr:  # noqa: C901, PLR0911  # one case for each node
        """The value as it is stored: columns with a form keep it."""
        match node:
            case nodes.ColumnRef():
                return self._column(node, scope)
            case nodes.Text():
                return Parameter(
                    type=Type.TEXT, span=node.span, value=node.value, cast="text", unicode=not node.value.isascii()
                )
            case nodes.Number():
                return self._number(node)
            case nodes.Call():
                return self.call(node, scope)
            case nodes.Arithmetic():
                return self._arithmetic(node, scope)
            case nodes.Sign():
                return self._sign(node, scope)
            case nodes.Concatenation():
                return self._concatenation(node, scope)
            case nodes.Null():
                return Application(type=Type.NULL, span=node.span, name="NULL", pieces=("NULL",))
            case nodes.Cast():
                return self.cast(node, scope)
            case nodes.Case():
                return self._case(node, scope)
            case _:
                assert_never(node)

    def _column(self, node: nodes.ColumnRef, scope: Scope) -> Expr:
        try:
            value = scope.column(node.parts).value
        except NotFoundError as exc:
            return self.wrong(str(exc), node.span, exc.suggestions)
        return replace(value, span=node.span)

    def _number(self, node: nodes.Number) -> Expr:
        text = node.text
        if text.isdigit():
            digits = text.lstrip("0") or "0"
            if len(digits) < 19 or (len(digits) == 19 and int(digits) < 2**63):
                kind = Type.INTEGER if len(digits) < 10 or int(digits) < 2**31 else Type.BIGINT
                return Numeral(type=kind, span=node.span, text=digits)
        mantissa, exponent_sign, exponent = text.lower().partition("e")
        whole, _, fraction = mantissa.partition(".")
        text = f"{whole or '0'}.{fraction or '0'}{exponent_sign}{exponent}"
        number = float(text)
        if number in (float("inf"), 0.0) and mantissa.strip("0."):
            return self.wrong(f"{shortened(node.text)} is outside the range of a double precision number", node.span)
        return Numeral(type=Type.DOUBLE, span=node.span, text=text)

    def _sign(self, node: nodes.Sign, scope: Scope) -> Expr:
        if (
            node.operator == "-"
            and isinstance(node.operand, nodes.Number)
            and node.operand.text.lstrip("0") == _LARGEST
        ):
            return Application(
                type=Type.BIGINT, span=node.span, name="-", pieces=(f"('-{_LARGEST}'::bigint)",)
            )  # its absolute value is no bigint
        operand = self._numeric(self.value(node.operand, scope), f"the sign {node.operator}")
        return Application(
            type=operand.type, span=node.span, meta=keep_unit(operand), name=node.operator,
            pieces=("(", node.operator, " ", 0, ")"), args=(operand,),
        )  # fmt: skip

    def _numeric(self, expr: Expr, where: str) -> Expr:
        if expr.type is Type.NULL:
            return as_type(expr, Type.DOUBLE) or expr
        if not is_numeric(expr.type) and expr.type is not Type.WRONG:
            hint = {
                Type.TEXT: ": write CAST(… AS DOUBLE PRECISION)",
                Type.TIMESTAMP: ": write ivo_to_jd(…)",
            }.get(expr.type, "")
            return self.wrong(f"{where} needs a number, not {self.describe(expr)}{hint}", expr.span)
        return expr

    def _arithmetic(self, node: nodes.Arithmetic, scope: Scope) -> Expr:
        left = self._numeric(self.value(node.operands[0], scope), node.operators[0])
        args, unit_of, kind = [left], left, left.type
        sql: list[str | int] = ["(", 0]
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            right = self._numeric(self.value(operand, scope), operator)
            if kind is right.type is Type.SMALLINT:  # 255 * 255 is no smallint
                kind = Type.INTEGER
                right = as_type(right, kind) or right
            kind = arithmetic_type(kind, right.type) or Type.WRONG
            unit = arithmetic_unit(operator, unit_of, right)
            unit_of = Application(type=kind, meta=Meta(unit=unit) if unit else NO_META, name=operator, pieces=())
            sql += [f" {operator} ", len(args)]
            args.append(right)
        sql.append(")")
        return Application(
            type=kind, span=node.span, meta=unit_of.meta, name=node.operators[0], pieces=tuple(sql), args=tuple(args)
        )

    def _concatenation(self, node: nodes.Concatenation, scope: Scope) -> Expr:
        args = []
        for operand in node.operands:
            expr = self.stored(operand, scope)
            text = self.text(expr)
            if text is None:
                text = self.wrong(
                    f"|| joins text, but {self.describe(expr)} stands here: write CAST(… AS VARCHAR)", operand.span
                )
            args.append(text)
        return Application(
            type=Type.TEXT, span=node.span, unicode=any(a.unicode for a in args), name="||",
            pieces=joined("(", " || ", ")", len(args)), args=tuple(args),
        )  # fmt: skip

    def _case(self, node: nodes.Case, scope: Scope) -> Expr:
        results = [self.value(result, scope) for _, result in node.branches]
        if node.otherwise is not None:
            results.append(self.value(node.otherwise, scope))
        results, kind = self.alike(results, "the results of CASE")
        args: list[Expr] = []
        sql: list[str | int] = ["CASE"]
        if node.operand is None:
            tests = [self.condition(_as_condition(when), scope) for when, _ in node.branches]
        else:
            values = [
                self.value(value, scope) for value in (node.operand, *(_as_value(when) for when, _ in node.branches))
            ]
            (subject, *tests), _ = self.alike(values, "the values of CASE")
            sql += [" ", 0]
            args.append(subject)
        for test, result in zip(tests, results, strict=False):
            sql += [" WHEN ", len(args), " THEN ", len(args) + 1]
            args += [test, result]
        if node.otherwise is not None:
            sql += [" ELSE ", len(args)]
            args.append(results[-1])
        sql.append(" END")
        return Application(
            type=kind, span=node.span, meta=unlike(met_meta(results, kind)), unicode=met_unicode(results),
            name="CASE", pieces=tuple(sql), args=tuple(args),
        )  # fmt: skip


def _as_condition(node: Expression) -> Condition:
    return node  # type: ignore[return-value]  # the parser put it there


def _as_value(node: Expression) -> Value:
    return node  # type: ignore[return-value]  # the parser put it there
