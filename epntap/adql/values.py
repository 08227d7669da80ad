"""Binds values and conditions: names to columns, calls to functions, and checks what goes with what."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from epntap.adql import functions, nodes
from epntap.adql.bound import (
    NO_META,
    Application,
    BoundBody,
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
from epntap.adql.functions import Features, Function, Result, Unit, Wanted
from epntap.adql.infer import (
    GEOMETRY,
    arithmetic_type,
    arithmetic_unit,
    as_type,
    common_type,
    describe,
    is_numeric,
    to_timestamp,
    unlike,
)
from epntap.adql.nodes import Condition, Expression, Value
from epntap.adql.scope import NotFoundError, Scope, did_you_mean
from epntap.adql.tokens import Source, Span
from epntap.catalog.model import Form
from epntap.errors import Problem

__all__ = ["ValueBinder"]

_AGGREGATE_CLAUSES = ("SELECT", "HAVING", "ORDER BY")


class ValueBinder:
    """The part of the resolver that binds expressions. Problems are noted; what is wrong becomes Type.WRONG."""

    def __init__(self, source: Source, problems: list[Problem], features: Features, base_url: str) -> None:
        self.source = source
        self.problems = problems
        self.features = features
        self.base_url = base_url

    def subquery(self, body: nodes.Body, scope: Scope) -> BoundBody:
        """A query inside a condition; it sees the columns around it."""
        raise NotImplementedError

    def note(self, message: str, span: Span) -> None:
        """Remember a problem."""
        self.problems.append(self.source.problem(message, span))

    def wrong(self, message: str, span: Span) -> Expr:
        """Remember a problem and give what goes with everything."""
        self.note(message, span)
        return Numeral(type=Type.WRONG, span=span, text="0")

    # -- forms

    def plain(self, expr: Expr) -> Expr:
        """The value as it is meant, whatever way it is stored."""
        if expr.form is Form.PLAIN:
            return expr
        if expr.form is Form.DALI_TEXT:
            return Application(
                type=Type.TIMESTAMP, span=expr.span, meta=unlike(expr.meta), name="dali_timestamp",
                pieces=pieces("udf.dali_timestamp({0})"), args=(expr,),
            )  # fmt: skip
        base = Parameter(type=Type.TEXT, value=self.base_url, cast="text")
        return Application(
            type=Type.TEXT, span=expr.span, meta=expr.meta, unicode=expr.unicode, name="address",
            pieces=pieces("({0} || {1})"), args=(base, expr),
        )  # fmt: skip

    def text(self, expr: Expr) -> Expr | None:
        """The value as text, None when it is none. A timestamp that is stored as text is text where text is wanted."""
        if expr.form is Form.DALI_TEXT:
            return replace(expr, type=Type.TEXT, form=Form.PLAIN)
        return as_type(self.plain(expr), Type.TEXT)

    # -- values

    def value(self, node: Value, scope: Scope) -> Expr:
        """The value as it is meant."""
        return self.plain(self.stored(node, scope))

    def stored(self, node: Value, scope: Scope) -> Expr:
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
                return self._call(node, scope)
            case nodes.Arithmetic():
                return self._arithmetic(node, scope)
            case nodes.Sign():
                return self._sign(node, scope)
            case nodes.Concatenation():
                return self._concatenation(node, scope)
            case nodes.Null():
                return Application(type=Type.NULL, span=node.span, name="NULL", pieces=("NULL",))
            case nodes.Cast():
                return self._cast(node, scope)
            case nodes.Case():
                return self._case(node, scope)
            case _:
                assert_never(node)

    def _column(self, node: nodes.ColumnRef, scope: Scope) -> Expr:
        try:
            value = scope.column(node.parts)
        except NotFoundError as exc:
            return self.wrong(str(exc), node.span)
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
            return self.wrong(f"{node.text} is outside the range of a double precision number", node.span)
        return Numeral(type=Type.DOUBLE, span=node.span, text=text)

    def _sign(self, node: nodes.Sign, scope: Scope) -> Expr:
        operand = self._numeric(self.value(node.operand, scope), f"the sign {node.operator}")
        return Application(
            type=operand.type, span=node.span, meta=_keep_unit(operand), name=node.operator,
            pieces=("(", node.operator, " ", 0, ")"), args=(operand,),
        )  # fmt: skip

    def _numeric(self, expr: Expr, where: str) -> Expr:
        if expr.type is Type.NULL:
            return as_type(expr, Type.DOUBLE) or expr
        if not is_numeric(expr.type) and expr.type is not Type.WRONG:
            hint = ": write CAST(… AS DOUBLE PRECISION)" if expr.type is Type.TEXT else ""
            return self.wrong(f"{where} needs a number, not {self.describe(expr)}{hint}", expr.span)
        return expr

    def _arithmetic(self, node: nodes.Arithmetic, scope: Scope) -> Expr:
        left = self._numeric(self.value(node.operands[0], scope), node.operators[0])
        args, sql, unit_of, kind = [left], ["(", 0], left, left.type
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            right = self._numeric(self.value(operand, scope), operator)
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

    def describe(self, expr: Expr) -> str:
        """A value in a message: 'target_name, which is text'."""
        if isinstance(expr, ColumnValue):
            return f"{expr.name}, which is {describe(expr.type)}"
        return describe(expr.type)

    # -- calls

    def _call(self, node: nodes.Call, scope: Scope) -> Expr:
        name = node.name.text.upper()
        if node.star:
            return self._count_rows(node, scope)
        if name == "COALESCE":
            return self._coalesce(node, scope)
        if name == "NULLIF":
            return self._nullif(node, scope)
        candidates = functions.overloads(name, self.features)
        if not candidates:
            for argument in node.arguments:
                self.stored(argument, scope)
            known = functions.known_names(self.features)
            return self.wrong(f"there is no function {node.name}{did_you_mean(node.name.text, known)}", node.name.span)
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
            return self.wrong(_wrong_count(node, candidates), node.span)
        complaint: tuple[str, Span] | None = None
        for function in fitting:
            converted = []
            for index, (parameter, argument) in enumerate(zip(function.parameters, arguments, strict=True)):
                value = self._argument(argument, parameter.takes)
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

    def _argument(self, argument: Expr, takes: Type | Wanted) -> Expr | None:
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
        if takes is Wanted.INTEGER or takes is Type.INTEGER:
            return value if value.type in (Type.SMALLINT, Type.INTEGER, Type.BIGINT) else None
        if takes is Type.BIGINT:
            return as_type(value, takes) if value.type in (Type.SMALLINT, Type.INTEGER, Type.BIGINT) else None
        assert isinstance(takes, Type)
        if is_numeric(takes) and value.type is Type.BOOLEAN:
            return None
        return as_type(value, takes)

    def _apply(self, node: nodes.Call, function: Function, args: list[Expr]) -> Expr:
        kind = _result_type(function, args)
        sql = function.sql
        first = args[0] if args else None
        form = Form.PLAIN
        if function.aggregate:
            if function.result is Result.SUM and first is not None and first.type is Type.BIGINT:
                sql += "::bigint"  # PostgreSQL sums bigint in numeric
            elif function.name == "AVG" and first is not None and first.type is not Type.REAL:
                sql += "::double precision"
            if node.distinct:
                sql = sql.replace("{0}", "DISTINCT {0}")
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
        name = candidates[0].name
        if name in ("MIN", "MAX") and len(arguments) == 1:
            argument = arguments[0]
            if argument.form is Form.RELATIVE_URL:
                arguments = [self.plain(argument)]
            if argument.type in (Type.BOOLEAN, Type.BYTES, *GEOMETRY, Type.DOUBLES, Type.LONGS):
                return self.wrong(f"{name} needs numbers, text or timestamps, not {self.describe(argument)}", node.span)
            if argument.type is Type.NULL:
                arguments = [as_type(argument, Type.TEXT) or argument]
        return self._overloaded(node, candidates, arguments)

    def _coalesce(self, node: nodes.Call, scope: Scope) -> Expr:
        if not node.arguments:
            return self.wrong("COALESCE needs at least one argument", node.span)
        args, kind = self._alike([self.value(a, scope) for a in node.arguments], "the arguments of COALESCE")
        unit = args[0].meta.unit if len({a.meta.unit for a in args}) == 1 else None
        return Application(
            type=kind, span=node.span, meta=Meta(unit=unit) if unit else NO_META,
            unicode=any(a.unicode for a in args), name="COALESCE", pieces=joined("COALESCE(", ", ", ")", len(args)),
            args=tuple(args),
        )  # fmt: skip

    def _nullif(self, node: nodes.Call, scope: Scope) -> Expr:
        if len(node.arguments) != 2:
            return self.wrong(f"NULLIF takes 2 arguments but was given {len(node.arguments)}", node.span)
        given = [self.value(a, scope) for a in node.arguments]
        args, _ = self._alike(given, "the arguments of NULLIF")
        return Application(
            type=args[0].type, span=node.span, meta=_keep_unit(args[0]), unicode=args[0].unicode, name="NULLIF",
            pieces=pieces("NULLIF({0}, {1})"), args=tuple(args),
        )  # fmt: skip

    def _alike(self, values: list[Expr], what: str) -> tuple[list[Expr], Type]:
        """The values in the one type in which they meet."""
        kind = Type.NULL
        for value in values:
            # a literal takes the type of what it stands beside, so it does not decide
            if isinstance(value, Parameter) and any(v.type is Type.TIMESTAMP for v in values):
                continue
            met = common_type(kind, value.type)
            if met is None:
                return values, self.wrong(
                    f"{what} must be of one type, but {describe(kind)} and {self.describe(value)} stand here", value.span
                ).type
            kind = met
        if kind is Type.NULL:
            kind = Type.TEXT
        return [self._converted(value, kind) for value in values], kind

    def _converted(self, value: Expr, kind: Type) -> Expr:
        converted = as_type(value, kind)
        if converted is not None:
            return converted
        if kind is Type.TIMESTAMP and isinstance(value, Parameter):
            return self.wrong(
                f"'{value.value}' is no timestamp: write it as '2024-01-31T23:59:59'", value.span
            )
        return self.wrong(f"expected {describe(kind)} but found {self.describe(value)}", value.span)

    def _case(self, node: nodes.Case, scope: Scope) -> Expr:
        args: list[Expr] = []
        sql: list[str | int] = ["CASE"]
        subject = None if node.operand is None else node.operand
        conditions = []
        for when, _ in node.branches:
            if subject is None:
                conditions.append(self.condition(_as_condition(when), scope))
            else:
                equal = nodes.Comparison(when.span, "=", subject, _as_value(when))
                conditions.append(self.condition(equal, scope))
        results = [self.value(result, scope) for _, result in node.branches]
        if node.otherwise is not None:
            results.append(self.value(node.otherwise, scope))
        results, kind = self._alike(results, "the results of CASE")
        for index, condition in enumerate(conditions):
            sql += [" WHEN ", len(args), " THEN ", len(args) + 1]
            args += [condition, results[index]]
        if node.otherwise is not None:
            sql += [" ELSE ", len(args)]
            args.append(results[-1])
        sql.append(" END")
        unit = results[0].meta.unit if len({r.meta.unit for r in results}) == 1 else None
        return Application(
            type=kind, span=node.span, meta=Meta(unit=unit) if unit else NO_META,
            unicode=any(r.unicode for r in results), name="CASE", pieces=tuple(sql), args=tuple(args),
        )  # fmt: skip

    # -- CAST (ADQL 2.1 §4.6)

    def _cast(self, node: nodes.Cast, scope: Scope) -> Expr:
        expr = self.stored(node.operand, scope)
        target = node.target
        if target.name in ("CHAR", "VARCHAR"):
            return self._cast_to_text(expr, node)
        if target.name == "TIMESTAMP":
            return self._cast_to_timestamp(expr, node)
        if target.name in ("POINT", "CIRCLE", "POLYGON"):
            return self.wrong(f"CAST to {target.name} is not available here", target.span)
        kind = Type(target.name.lower())
        value = self.plain(expr)
        if value.type is Type.NULL:
            return as_type(value, kind) or value
        if not is_numeric(value.type) and value.type not in (Type.TEXT, Type.BOOLEAN, Type.WRONG):
            return self.wrong(f"{describe(value.type)} cannot be cast to {target.name}", node.span)
        if value.type is Type.BOOLEAN:
            value = as_type(value, Type.INTEGER) or value
        return self._as(value, kind, f")::{kind}", node.span)

    def _as(self, value: Expr, kind: Type, suffix: str, span: Span) -> Expr:
        return Application(
            type=kind, span=span, meta=unlike(value.meta), unicode=value.unicode, name="CAST",
            pieces=("(", 0, suffix), args=(value,),
        )  # fmt: skip

    def _cast_to_text(self, expr: Expr, node: nodes.Cast) -> Expr:
        length = node.target.length
        suffix = ")::text"
        if length is not None:
            # varchar(n) of PostgreSQL cuts to n characters when it is asked to; text after it drops the padding
            kind = "char" if node.target.name == "CHAR" else "varchar"
            if not 0 < length <= 10_485_760:
                return self.wrong("the length of a string is between 1 and 10485760", node.target.span)
            suffix = f")::{kind}({length})::text"
        text = self.text(expr)
        if text is not None:
            return self._as(text, Type.TEXT, suffix, node.span) if length is not None else replace(text, meta=NO_META)
        value = self.plain(expr)
        if value.type is Type.TIMESTAMP:
            sql = f"(replace(({{0}})::text, ' ', 'T'){suffix}"
            return Application(type=Type.TEXT, span=node.span, name="CAST", pieces=pieces(sql), args=(value,))
        if not is_numeric(value.type) and value.type not in (Type.BOOLEAN, Type.WRONG):
            return self.wrong(f"{describe(value.type)} cannot be cast to {node.target.name}", node.span)
        return self._as(value, Type.TEXT, suffix, node.span)

    def _cast_to_timestamp(self, expr: Expr, node: nodes.Cast) -> Expr:
        value = self.plain(expr)
        if value.type in (Type.TIMESTAMP, Type.NULL) or isinstance(value, Parameter):
            return replace(self._converted(value, Type.TIMESTAMP), span=node.span)
        text = as_type(value, Type.TEXT)
        if text is None:  # only strings become timestamps (ADQL 2.1 §4.6.3)
            return self.wrong(f"only text can be cast to TIMESTAMP, not {self.describe(value)}", node.span)
        return Application(
            type=Type.TIMESTAMP, span=node.span, name="CAST", pieces=pieces("udf.dali_timestamp({0})"), args=(text,)
        )

    # -- conditions

    def condition(self, node: Condition, scope: Scope) -> Expr:
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
                return _condition(node.span, "NOT", "(NOT {0})", operand)
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
        return Application(
            type=Type.CONDITION, span=span, name=word, pieces=joined("(", f" {word} ", ")", len(args)), args=args
        )

    def _comparison(self, node: nodes.Comparison, scope: Scope) -> Expr:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return self.compared(node.operator, left, right, node.span)

    def compared(self, operator: str, left: Expr, right: Expr, span: Span) -> Expr:
        """The comparison of two values, in the types in which they meet."""
        left, right = self._comparable(left, right, span)
        return _condition(span, operator, f"({{0}} {operator} {{1}})", left, right)

    def _comparable(self, left: Expr, right: Expr, span: Span) -> tuple[Expr, Expr]:
        if Type.WRONG in (left.type, right.type):
            return left, right
        if Type.NULL in (left.type, right.type):
            kind = common_type(left.type, right.type)
            kind = Type.TEXT if kind in (None, Type.NULL) else kind
            return self._converted(left, kind), self._converted(right, kind)
        if Type.TIMESTAMP in (left.type, right.type):
            if isinstance(left, Parameter):
                left = self._converted(left, Type.TIMESTAMP)
            if isinstance(right, Parameter):
                right = self._converted(right, Type.TIMESTAMP)
        kind = common_type(left.type, right.type)
        if left.type in GEOMETRY or right.type in GEOMETRY:
            return self.wrong("geometries are not compared; use CONTAINS, INTERSECTS or DISTANCE", span), right
        if kind is None:
            return self._not_comparable(left, right, span), right
        if is_numeric(kind):  # the database compares numbers of different types by itself
            return tuple(as_type(e, Type.INTEGER) or e if e.type is Type.BOOLEAN else e for e in (left, right))
        return left, right

    def _not_comparable(self, left: Expr, right: Expr, span: Span) -> Expr:
        hint = ""
        kinds = {left.type, right.type}
        literal = next((e for e in (left, right) if isinstance(e, Parameter)), None)
        if Type.TEXT in kinds and any(is_numeric(kind) for kind in kinds):
            if literal is not None:
                hint = ": write the number without quotes" if _looks_numeric(str(literal.value)) else ""
            elif any(isinstance(e, Numeral) for e in (left, right)):
                hint = ": write the literal in single quotes"
            else:
                hint = ": write CAST(… AS DOUBLE PRECISION)"
        elif Type.TEXT in kinds and Type.TIMESTAMP in kinds:
            hint = ": write CAST(… AS TIMESTAMP)"
        elif Type.TIMESTAMP in kinds and any(is_numeric(kind) for kind in kinds):
            hint = ": write the time as a string such as '2024-01-31T00:00:00'"
        return self.wrong(f"cannot compare {self.describe(left)}, with {self.describe(right)}{hint}"
                          if isinstance(left, ColumnValue)
                          else f"cannot compare {self.describe(left)} with {self.describe(right)}{hint}", span)

    def _between(self, node: nodes.Between, scope: Scope) -> Expr:
        operand = self.value(node.operand, scope)
        low, high = self.value(node.low, scope), self.value(node.high, scope)
        first, low = self._comparable(operand, low, node.span)
        second, high = self._comparable(operand, high, node.span)
        operand = first if first.type is not Type.WRONG else second
        word = "NOT BETWEEN" if node.negated else "BETWEEN"
        return _condition(node.span, word, f"({{0}} {word} {{1}} AND {{2}})", operand, low, high)

    def _in_list(self, node: nodes.InList, scope: Scope) -> Expr:
        operand = self.value(node.operand, scope)
        listed = self._literal_list(operand, node.items)
        if listed is not None:
            sql = "({0} <> ALL ({1}))" if node.negated else "({0} = ANY ({1}))"
            return _condition(node.span, "NOT IN" if node.negated else "IN", sql, operand, listed)
        args = [operand]
        for item in node.items:
            left, right = self._comparable(operand, self.value(item, scope), item.span)
            args[0] = left
            args.append(right)
            if Type.WRONG in (left.type, right.type):
                break
        word = "NOT IN" if node.negated else "IN"
        sql_pieces = list(joined("", ", ", "))", len(args)))
        sql_pieces[0:3] = ["(", 0, f" {word} ("]
        return Application(
            type=Type.CONDITION, span=node.span, name=word, pieces=tuple(sql_pieces), args=tuple(args)
        )

    def _literal_list(self, operand: Expr, items: tuple[Value, ...]) -> Expr | None:
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
        left, right = self._comparable(operand, value, node.span)
        if right is not output:
            query = self.retyped(query, [right.type])
        word = "NOT IN" if node.negated else "IN"
        return Application(
            type=Type.CONDITION, span=node.span, name=word, pieces=pieces(f"({{0}} {word} ({{1}}))"), args=(left, query)
        )

    def retyped(self, body: BoundBody, kinds: list[Type]) -> BoundBody:
        """The query with its columns in these types and free of forms."""
        raise NotImplementedError

    def _like(self, node: nodes.Like, scope: Scope) -> Expr:
        args = []
        for value in (node.operand, node.pattern):
            expr = self.stored(value, scope)
            text = self.text(expr)
            if text is None:
                text = self.wrong(f"LIKE compares text, not {self.describe(expr)}", value.span)
            args.append(text)
        word = ("NOT " if node.negated else "") + ("ILIKE" if node.ignore_case else "LIKE")
        # a backslash has no meaning in patterns of ADQL, in PostgreSQL it escapes unless told otherwise
        return _condition(node.span, word, f"({{0}} {word} {{1}} ESCAPE '')", *args)

    def _is_null(self, node: nodes.IsNull, scope: Scope) -> Expr:
        operand = self.stored(node.operand, scope)
        word = "IS NOT NULL" if node.negated else "IS NULL"
        return _condition(node.span, word, f"({{0}} {word})", operand)


def _condition(span: Span, name: str, template: str, *args: Expr) -> Expr:
    return Application(type=Type.CONDITION, span=span, name=name, pieces=pieces(template), args=args)


def _as_condition(node: Expression) -> Condition:
    return node  # type: ignore[return-value]  # the parser put it there


def _as_value(node: Expression) -> Value:
    return node  # type: ignore[return-value]  # the parser put it there


def _keep_unit(expr: Expr) -> Meta:
    return Meta(unit=expr.meta.unit) if expr.meta.unit else NO_META


def _wrong_count(node: nodes.Call, candidates: tuple[Function, ...]) -> str:
    counts = sorted({len(c.parameters) for c in candidates} | ({1} if candidates[0].name == "RAND" else set()))
    takes = " or ".join(map(str, counts))
    plural = "" if counts == [1] else "s"
    return f"{node.name} takes {takes} argument{plural} but was given {len(node.arguments)}"


def _result_type(function: Function, args: list[Expr]) -> Type:
    if isinstance(function.result, Type):
        return function.result
    first = args[0].type
    if function.result is Result.FIRST:
        return first
    if function.result is Result.SUM:
        return Type.BIGINT if first in (Type.SMALLINT, Type.INTEGER, Type.BIGINT) else first
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
            return _keep_unit(first) if first is not None else NO_META
        case Unit.FIRST_WITH_UCD:
            return unlike(first.meta) if first is not None else NO_META
        case _:
            return Meta(unit=str(function.unit))


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
