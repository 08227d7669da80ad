"""Binds conditions: what compares with what, and lists of literals as arrays."""

from __future__ import annotations

import re
from typing import assert_never

from epntap.adql import nodes
from epntap.adql.binder import Binder, as_number, predicate
from epntap.adql.bound import Application, Expr, Numeral, Parameter, Type, joined, pieces
from epntap.adql.infer import GEOMETRY, common_type, is_numeric, to_timestamp
from epntap.adql.nodes import Condition, Value
from epntap.adql.rewrite import implied_by_all, searched, strengthened
from epntap.adql.scope import Scope
from epntap.adql.tokens import Span

__all__ = ["ConditionBinder"]


class ConditionBinder(Binder):
    """The part of the resolver that knows predicates."""

    def condition(self, node: Condition, scope: Scope) -> Expr:  # noqa: C901, PLR0911  # one case for each node
        """A search condition."""
        match node:
            case nodes.Comparison():
                return self._comparison(node, scope)
            case nodes.And():
                return self._connected(node.operands, "AND", node.span, scope)
            case nodes.Or():
                return self._connected(node.operands, "OR", node.span, scope)
            case nodes.Not():
                operand = self.condition(node.operand, scope)
                return predicate(node.span, "NOT", "(NOT {0})", operand)
            case nodes.Between():
                return self._between(node, scope)
            case nodes.InList():
                return self._in_list(node, scope)
            case nodes.InQuery():
                return self._in_query(node, scope)
            case nodes.Like():
                return self._like(node, scope)
            case nodes.IsNull():
                return self._is_null(node, scope)
            case nodes.Exists():
                query = self.subquery(node.query, scope)
                return Application(
                    type=Type.CONDITION, span=node.span, name="EXISTS", pieces=pieces("EXISTS ({0})"), args=(query,)
                )
            case _:
                assert_never(node)

    def _connected(self, operands: tuple[Condition, ...], word: str, span: Span, scope: Scope) -> Expr:
        args = tuple(self.condition(operand, scope) for operand in operands)
        if word == "AND":
            args = (*implied_by_all(args, scope.clause), *args)
        return Application(
            type=Type.CONDITION, span=span, name=word, pieces=joined("(", f" {word} ", ")", len(args)), args=args
        )

    def _comparison(self, node: nodes.Comparison, scope: Scope) -> Expr:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return strengthened(self.compared(node.operator, left, right, node.span), scope.clause)

    def compared(self, operator: str, left: Expr, right: Expr, span: Span) -> Expr:
        """The comparison of two values, in the types in which they meet."""
        condition = _unflagged(operator, left, right, span)
        if condition is not None:
            return condition
        left, right = self.comparable(left, right, span)
        return predicate(span, operator, f"({{0}} {operator} {{1}})", left, right)

    def comparable(self, left: Expr, right: Expr, span: Span) -> tuple[Expr, Expr]:
        """Two values in types that the database compares; a problem when there are none."""
        if Type.WRONG in (left.type, right.type):
            return left, right
        if Type.NULL in (left.type, right.type):
            kind = common_type(left.type, right.type)
            kind = Type.TEXT if kind in (None, Type.NULL) else kind
            return self.converted(left, kind), self.converted(right, kind)
        if Type.TIMESTAMP in (left.type, right.type):
            if isinstance(left, Parameter):
                left = self.converted(left, Type.TIMESTAMP)
            if isinstance(right, Parameter):
                right = self.converted(right, Type.TIMESTAMP)
        kind = common_type(left.type, right.type)
        if left.type in GEOMETRY or right.type in GEOMETRY:
            return self.wrong("geometries are not compared; use CONTAINS, INTERSECTS or DISTANCE", span), right
        if kind is None:
            return self._not_comparable(left, right, span), right
        if is_numeric(kind):  # the database compares numbers of different types by itself
            return as_number(left), as_number(right)
        return left, right

    def _not_comparable(self, left: Expr, right: Expr, span: Span) -> Expr:
        hint = ""
        kinds = {left.type, right.type}
        literal = next((e for e in (left, right) if isinstance(e, Parameter)), None)
        if Type.TEXT in kinds and any(is_numeric(kind) for kind in kinds):
            if literal is not None:
                hint = _hint(str(literal.value), right if literal is left else left)
            elif any(isinstance(e, Numeral) for e in (left, right)):
                hint = ": write the literal in single quotes"
            else:
                hint = ": write CAST(… AS DOUBLE PRECISION)"
        elif Type.TEXT in kinds and Type.TIMESTAMP in kinds:
            hint = ": write CAST(… AS TIMESTAMP)"
        elif Type.TIMESTAMP in kinds and any(is_numeric(kind) for kind in kinds):
            hint = ": write the time as a string such as '2024-01-31T00:00:00'"
        return self.wrong(f"cannot compare {self.describe(left)} with {self.describe(right)}{hint}", span)

    def _between(self, node: nodes.Between, scope: Scope) -> Expr:
        operand = self.value(node.operand, scope)
        low, high = self.value(node.low, scope), self.value(node.high, scope)
        if operand.type is Type.NULL:
            (low, high), kind = self.alike([low, high], "the ends of BETWEEN")
            operand = self.converted(operand, kind)
        first, low = self.comparable(operand, low, node.span)
        second, high = self.comparable(operand, high, node.span)
        operand = first if first.type is not Type.WRONG else second
        word = "NOT BETWEEN" if node.negated else "BETWEEN"
        condition = predicate(node.span, word, f"({{0}} {word} {{1}} AND {{2}})", operand, low, high)
        return strengthened(condition, scope.clause)

    def _in_list(self, node: nodes.InList, scope: Scope) -> Expr:
        operand = self.value(node.operand, scope)
        listed = self._literal_list(operand, node.items)
        if listed is not None:
            sql = "({0} <> ALL ({1}))" if node.negated else "({0} = ANY ({1}))"
            condition = predicate(node.span, "NOT IN" if node.negated else "IN", sql, operand, listed)
            return strengthened(condition, scope.clause)
        args = [operand]
        for item in node.items:
            left, right = self.comparable(operand, self.value(item, scope), item.span)
            args[0] = left
            args.append(right)
            if Type.WRONG in (left.type, right.type):
                break
        word = "NOT IN" if node.negated else "IN"
        sql_pieces = list(joined("", ", ", "))", len(args)))
        sql_pieces[0:3] = ["(", 0, f" {word} ("]
        return Application(type=Type.CONDITION, span=node.span, name=word, pieces=tuple(sql_pieces), args=tuple(args))

    def _literal_list(self, operand: Expr, items: tuple[Value, ...]) -> Expr | None:  # noqa: PLR0911  # one answer for each case
        """A list of literals of one kind as one array parameter: a list of thousands costs little more than of two."""
        if len(items) < 2:
            return None
        if operand.type in (Type.TEXT, Type.TIMESTAMP):
            texts = [item.value for item in items if isinstance(item, nodes.Text)]
            if len(texts) < len(items):
                return None
            if operand.type is Type.TEXT:
                return Parameter(type=Type.TEXT, value=tuple(texts), cast="text[]")
            times = [to for to in map(to_timestamp, texts) if to is not None]
            if len(times) < len(items):
                return None
            return Parameter(type=Type.TIMESTAMP, value=tuple(times), cast="timestamp[]")
        if not is_numeric(operand.type):
            return None
        numbers = [text for text in map(_numeral, items) if text is not None]
        if len(numbers) < len(items) or any(_out_of_range(number) for number in numbers):
            return None
        is_integer = all(number.lstrip("-").isdigit() and len(number) < 19 for number in numbers)
        kind = Type.BIGINT if is_integer and operand.type not in (Type.REAL, Type.DOUBLE) else Type.DOUBLE
        return Parameter(type=kind, value=tuple(numbers), cast=f"{kind}[]")

    def _in_query(self, node: nodes.InQuery, scope: Scope) -> Expr:
        operand = self.value(node.operand, scope)
        query = self.subquery(node.query, scope)
        if len(query.outputs) != 1:
            return self.wrong(
                f"the subquery of IN gives {len(query.outputs)} columns, but one is compared", node.query.span
            )
        output = query.outputs[0].value
        value = self.plain(output)
        left, right = self.comparable(operand, value, node.span)
        if right is not output:
            query = self.retyped(query, [right.type])
        word = "NOT IN" if node.negated else "IN"
        return Application(
            type=Type.CONDITION, span=node.span, name=word, pieces=pieces(f"({{0}} {word} ({{1}}))"), args=(left, query)
        )

    def _like(self, node: nodes.Like, scope: Scope) -> Expr:
        args = []
        for value in (node.operand, node.pattern):
            expr = self.stored(value, scope)
            text = self.text(expr)
            if text is None:
                text = self.wrong(f"LIKE compares text, not {self.describe(expr)}", value.span)
            args.append(text)
        args[0] = searched(*args)
        word = ("NOT " if node.negated else "") + ("ILIKE" if node.ignore_case else "LIKE")
        # a backslash has no meaning in patterns of ADQL, in PostgreSQL it escapes unless told otherwise
        return predicate(node.span, word, f"({{0}} {word} {{1}} ESCAPE '')", *args)

    def _is_null(self, node: nodes.IsNull, scope: Scope) -> Expr:
        operand = self.stored(node.operand, scope)
        word = "IS NOT NULL" if node.negated else "IS NULL"
        return predicate(node.span, word, f"({{0}} {word})", operand)


_DATE = re.compile(r"\s*\d{4}-\d\d?(-|\b)", re.ASCII)

#: (operator, number) of comparisons that hold when a 1-or-0 function says 1, and when it says 0
_SAYS_ONE = {("=", "1"), ("<>", "0"), (">", "0"), (">=", "1")}
_SAYS_ZERO = {("=", "0"), ("<>", "1"), ("<", "1"), ("<=", "0")}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _unflagged(operator: str, left: Expr, right: Expr, span: Span) -> Expr | None:
    """`1 = CONTAINS(…)` as the bare condition, which an index can serve; None for any other comparison."""
    if isinstance(left, Numeral):
        left, right, operator = right, left, _MIRRORED.get(operator, operator)
    if not isinstance(right, Numeral) or not isinstance(left, Application) or len(left.args) != 1:
        return None
    condition = left.args[0]
    if not isinstance(condition, Expr) or condition.type is not Type.CONDITION:
        return None
    if (operator, right.text) in _SAYS_ONE:
        return condition
    return predicate(span, "NOT", "(NOT {0})", condition) if (operator, right.text) in _SAYS_ZERO else None


def _hint(text: str, number: Expr) -> str:
    """How this text is written where it is compared with this number."""
    if _looks_numeric(text):
        return ": write the number without quotes"
    meta = number.meta
    if _DATE.match(text) and (meta.unit == "d" or (not meta.unit and (meta.ucd or "").startswith("time"))):
        function = "ivo_to_mjd" if meta.xtype == "mjd" else "ivo_to_jd"
        return f": write {function}('{text if to_timestamp(text) else '2024-01-31T23:59:59'}')"
    return ""


def _looks_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numeral(item: Value) -> str | None:
    if isinstance(item, nodes.Number):
        return item.text
    if isinstance(item, nodes.Sign) and isinstance(item.operand, nodes.Number):
        return item.operand.text if item.operator == "+" else f"-{item.operand.text}"
    return None


def _out_of_range(text: str) -> bool:
    number = abs(float(text))
    return number == float("inf") or (number == 0.0 and any(c in "123456789" for c in text.lower().split("e")[0]))
