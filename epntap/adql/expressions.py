"""Values and conditions: operator precedence by one table of binding powers."""

from __future__ import annotations

from typing import NoReturn

from epntap.adql import nodes
from epntap.adql.nodes import Condition, Expression, Value
from epntap.adql.shapes import shape_problem
from epntap.adql.stream import TokenStream
from epntap.adql.tokens import FUNCTION_WORDS, STRUCTURE, Kind, Token
from epntap.catalog.names import RESERVED

__all__ = ["ExpressionParser"]

# What binds tighter has the higher number. NOT stands between AND and the predicates (ADQL 2.1 §2.2.3).
_OR, _AND, _NOT, _PREDICATE, _CONCATENATION, _SUM, _PRODUCT = 10, 20, 30, 40, 50, 60, 70
_POWER = {
    "OR": _OR,
    "AND": _AND,
    "=": _PREDICATE,
    "<>": _PREDICATE,
    "!=": _PREDICATE,
    "<": _PREDICATE,
    ">": _PREDICATE,
    "<=": _PREDICATE,
    ">=": _PREDICATE,
    "BETWEEN": _PREDICATE,
    "IN": _PREDICATE,
    "LIKE": _PREDICATE,
    "ILIKE": _PREDICATE,
    "IS": _PREDICATE,
    "NOT": _PREDICATE,  # x NOT BETWEEN, NOT IN, NOT LIKE
    "||": _CONCATENATION,
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
}

_AGGREGATES = frozenset(
    ("COUNT", "SUM", "AVG", "MIN", "MAX", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP")
)

# type names of CAST and whether a length may follow (ADQL 2.1 §4.6.1)
_CAST_TARGETS = {
    "SMALLINT": False,
    "INTEGER": False,
    "BIGINT": False,
    "REAL": False,
    "CHAR": True,
    "VARCHAR": True,
    "TIMESTAMP": False,
    "POINT": False,
    "CIRCLE": False,
    "POLYGON": False,
}

_NOT_FUNCTIONS = {
    "TRUE": "ADQL has no TRUE and FALSE; compare with the stored value",
    "FALSE": "ADQL has no TRUE and FALSE; compare with the stored value",
    "CURRENT_TIMESTAMP": "ADQL has no current time; write it as a string in single quotes",
    "CURRENT_DATE": "ADQL has no current date; write it as a string in single quotes",
    "DATE": "write a time as a string in single quotes, or CAST('2024-01-01' AS TIMESTAMP)",
    "INTERVAL": "ADQL has no interval literals",
    "TIMESTAMP": "write CAST('2024-01-01T00:00:00' AS TIMESTAMP)",
}

_CONDITIONS = (
    nodes.Comparison,
    nodes.Between,
    nodes.InList,
    nodes.InQuery,
    nodes.Like,
    nodes.IsNull,
    nodes.Exists,
    nodes.Not,
    nodes.And,
    nodes.Or,
)


class ExpressionParser(TokenStream):
    """The part of the parser that reads values and conditions."""

    def subquery(self) -> nodes.Body:
        """( query ), from the opening to the closing parenthesis."""
        raise NotImplementedError

    def at_subquery(self) -> bool:
        """Whether an opening parenthesis and a query stand here."""
        raise NotImplementedError

    def value(self) -> Value:
        """One value expression."""
        return self._as_value(self.expression(_CONCATENATION))

    def condition(self) -> Condition:
        """One search condition."""
        return self._as_condition(self.expression(_OR))

    def expression(self, minimum: int) -> Expression:
        """Everything from here whose operators bind at least this tightly."""
        self.enter()
        start = self.token.start
        left = self._prefix()
        while (power := _POWER.get(self.token.word, 0)) >= minimum:
            left = self._infix(left, power, start)
        self.leave()
        return left

    def _infix(self, left: Expression, power: int, start: int) -> Expression:
        word = self.token.word
        if power == _OR:
            return nodes.Or(*self._conditions(left, "OR", _AND, start))
        if power == _AND:
            return nodes.And(*self._conditions(left, "AND", _NOT, start))
        if power == _PREDICATE:
            return self._predicate(self._as_value(left), start)
        if power == _CONCATENATION:
            operands = [self._as_value(left)]
            while self.accept("||"):
                operands.append(self._operand(_SUM))
            return nodes.Concatenation(self.since(start), tuple(operands))
        operands = [self._as_value(left)]
        operators = []
        while _POWER.get(word) == power:
            operators.append(self.advance().word)
            operands.append(self._operand(power + 1))
            word = self.token.word
        return nodes.Arithmetic(self.since(start), tuple(operands), tuple(operators))

    def _conditions(
        self, left: Expression, word: str, minimum: int, start: int
    ) -> tuple[tuple[int, int], tuple[Condition, ...]]:
        operands = [self._as_condition(left)]
        while self.accept(word):
            operands.append(self._as_condition(self.expression(minimum)))
        return self.since(start), tuple(operands)

    def _operand(self, minimum: int) -> Value:
        return self._as_value(self.expression(minimum))

    def _predicate(self, left: Value, start: int) -> Condition:
        negated = bool(self.accept("NOT"))
        word = self.token.word
        if not negated and self.token.kind is Kind.SYMBOL:
            return self._comparison(left, start)
        if not negated and word == "IS":
            return self._is_null(left, start)
        if word == "BETWEEN":
            self.advance()
            low = self._operand(_CONCATENATION)
            self.expect("AND", "AND and the upper end of BETWEEN")
            high = self._operand(_CONCATENATION)
            return nodes.Between(self.since(start), left, low, high, negated)
        if word in ("LIKE", "ILIKE"):
            self.advance()
            pattern = self._operand(_CONCATENATION)
            if self.token.word == "ESCAPE":
                self.fail("LIKE has no ESCAPE in ADQL 2.1", self.token.span)
            return nodes.Like(self.since(start), left, pattern, negated, word == "ILIKE")
        if word != "IN":
            self.fail_expected("BETWEEN, IN, LIKE or ILIKE after NOT")
        self.advance()
        return self._in(left, negated, start)

    def _comparison(self, left: Value, start: int) -> Condition:
        operator = self.advance().word
        if self.token.word in ("ANY", "ALL", "SOME"):
            self.fail(f"{self.token.word} comparisons are not part of ADQL; use IN or EXISTS", self.token.span)
        right = self._operand(_CONCATENATION)
        if _POWER.get(self.token.word) == _PREDICATE and self.token.kind is Kind.SYMBOL:
            self.fail("comparisons cannot be chained; join two of them with AND", self.token.span)
        return nodes.Comparison(self.since(start), "<>" if operator == "!=" else operator, left, right)

    def _is_null(self, left: Value, start: int) -> Condition:
        self.expect("IS")
        negated = bool(self.accept("NOT"))
        self.expect("NULL", "NULL after IS NOT" if negated else "NULL or NOT NULL after IS")
        return nodes.IsNull(self.since(start), left, negated)

    def _in(self, left: Value, negated: bool, start: int) -> Condition:
        if self.at_subquery():
            query = self.subquery()
            return nodes.InQuery(self.since(start), left, query, negated)
        self.expect("(", "( and a list or a subquery after IN")
        items: list[Value] = []
        while True:
            items.append(self._list_item())
            if not self.accept(","):
                break
        self.expect(")", "a comma or ) in the list")
        return nodes.InList(self.since(start), left, tuple(items), negated)

    def _list_item(self) -> Value:
        # Lists of thousands of literals are common: they take the short way.
        token = self.token
        if (token.kind is Kind.TEXT or token.kind is Kind.NUMBER) and self.following().word in (",", ")"):
            self.advance()
            span = (token.start, token.end)
            return nodes.Text(span, token.text) if token.kind is Kind.TEXT else nodes.Number(span, token.text)
        return self.value()

    def _prefix(self) -> Expression:
        token = self.token
        if token.word == "NOT":
            self.advance()
            operand = self._as_condition(self.expression(_NOT))
            return nodes.Not(self.since(token.start), operand)
        if token.word == "EXISTS":
            self.advance()
            if not self.at_subquery():
                self.fail_expected("( and a subquery after EXISTS")
            query = self.subquery()
            return nodes.Exists(self.since(token.start), query)
        if token.word in ("+", "-"):
            self.advance()
            operand_value = self._as_value(self._primary())
            return nodes.Sign(self.since(token.start), token.word, operand_value)
        return self._primary()

    def _primary(self) -> Expression:
        token = self.token
        if token.kind is Kind.TEXT:
            self.advance()
            return nodes.Text(token.span, token.text)
        if token.kind is Kind.NUMBER:
            self.advance()
            return nodes.Number(token.span, token.text)
        if token.kind is Kind.NAME:
            return self._column()
        if token.kind is Kind.WORD:
            return self._word()
        if token.word != "(":
            self._fail_no_value()
        return self._parenthesised()

    def _parenthesised(self) -> Expression:
        if self.at_subquery():
            self.fail("a subquery cannot stand for a value in ADQL; use IN, EXISTS or a join", self.token.span)
        self.expect("(")
        inner = self.expression(_OR)
        self.expect(")")
        return inner

    def _word(self) -> Value:
        token = self.token
        if token.word == "NULL":
            self.advance()
            return nodes.Null(token.span)
        if token.word == "CASE":
            return self._case()
        is_called = self.following().word == "("
        if token.word == "CAST" and is_called:
            return self._cast()
        if token.word not in RESERVED:
            return self._call() if is_called else self._column()
        if token.word in STRUCTURE:
            self._fail_no_value()
        if token.word in FUNCTION_WORDS and is_called:
            return self._call()
        if token.word in _NOT_FUNCTIONS:
            self.fail(f"unexpected {token.word}: {_NOT_FUNCTIONS[token.word]}", token.span)
        if is_called:
            self.fail(f"ADQL has no function {token.word}, although the word is reserved", token.span)
        return self._column()

    def _column(self) -> Value:
        start = self.token.start
        parts = [self.name("a column")]
        while self.token.word == ".":
            self.advance()
            if self.token.word == "*":
                self.fail("* stands only alone in the list after SELECT", self.token.span)
            parts.append(self.name("a name after the period"))
        if len(parts) > 4:
            self.fail("a column has at most four parts: catalog.schema.table.column", self.since(start))
        if self.token.word == "(":
            self.fail(
                f"functions have plain names without quotes or periods; {'.'.join(map(str, parts))} is none",
                self.since(start),
            )
        return nodes.ColumnRef(self.since(start), tuple(parts))

    def _call(self) -> Value:
        token = self.advance()
        name = nodes.Name(token.span, token.text, delimited=False)
        self.expect("(")
        distinct = star = False
        arguments: list[Value] = []
        if token.word in _AGGREGATES:
            star = token.word == "COUNT" and bool(self.accept("*"))
            if not star:
                distinct = bool(self.accept("DISTINCT"))
                if not distinct:
                    self.accept("ALL")
        elif self.token.word in ("DISTINCT", "ALL"):
            self.fail(f"{self.token.word} stands only in COUNT, SUM, AVG, MIN and MAX", self.token.span)
        if not star and self.token.word != ")":
            arguments.append(self.value())
            while self.accept(","):
                arguments.append(self.value())
        self.expect(")", "a comma or )" if arguments else ")")
        if self.token.word == "OVER" and self.following().word == "(":
            self.fail("window functions are not part of ADQL", self.token.span)
        call = nodes.Call(self.since(token.start), name, tuple(arguments), distinct, star)
        complaint = shape_problem(call)
        if complaint:
            self.note(complaint, call.span)
        return call

    def _cast(self) -> Value:
        start = self.advance().start
        self.expect("(")
        operand = self.value()
        self.expect("AS", "AS and a type in CAST")
        target = self._cast_target()
        self.expect(")")
        return nodes.Cast(self.since(start), operand, target)

    def _cast_target(self) -> nodes.CastTarget:
        token = self.token
        name = token.word
        if name == "DOUBLE":
            self.advance()
            self.expect("PRECISION", "PRECISION after DOUBLE")
            return nodes.CastTarget(self.since(token.start), "DOUBLE PRECISION")
        if name not in _CAST_TARGETS:
            self.fail_expected("a type after AS", "the types are DOUBLE PRECISION, " + ", ".join(sorted(_CAST_TARGETS)))
        self.advance()
        length = None
        if _CAST_TARGETS[name] and self.accept("("):
            length = self.unsigned_integer("the length of the string")
            self.expect(")")
        return nodes.CastTarget(self.since(token.start), name, length)

    def unsigned_integer(self, what: str) -> int:
        """Take an integer without sign; absurdly large ones are read as the largest that the database knows."""
        token = self.token
        if token.kind is not Kind.NUMBER or not token.text.isdigit():
            self.fail_expected(f"{what}, an integer without sign,")
        self.advance()
        digits = token.text.lstrip("0") or "0"
        return int(digits) if len(digits) <= 18 else 2**63 - 1

    def _case(self) -> Value:
        start = self.advance().start
        operand = None if self.token.word == "WHEN" else self.value()
        branches: list[tuple[Expression, Value]] = []
        while self.accept("WHEN"):
            when: Expression = self.condition() if operand is None else self.value()
            self.expect("THEN")
            branches.append((when, self.value()))
        if not branches:
            self.fail_expected("WHEN")
        otherwise = self.value() if self.accept("ELSE") else None
        self.expect("END", "WHEN, ELSE or END")
        return nodes.Case(self.since(start), operand, tuple(branches), otherwise)

    def _as_value(self, node: Expression) -> Value:
        if isinstance(node, _CONDITIONS):
            self.fail("expected a value but found a condition", node.span)
        return node

    def _as_condition(self, node: Expression) -> Condition:
        if not isinstance(node, _CONDITIONS):
            self._fail_no_condition(node)
        return node

    def _fail_no_condition(self, node: Value) -> NoReturn:
        called = f"{node.name}(…)" if isinstance(node, nodes.Call) else "x"
        advice = f"compare it with something, as in {called} = 1"
        if self.token.kind in (Kind.SYMBOL, Kind.END) or self.token.word in STRUCTURE:
            self.fail(f"expected a condition but found a value: {advice}", node.span)
        self.fail_expected("an operator such as = or LIKE")

    def _fail_no_value(self) -> NoReturn:
        token: Token = self.token
        advice = ""
        if token.word in STRUCTURE and token.word not in ("FROM", "WHERE", "SELECT"):
            advice = f'{token.word} is a reserved word; as a name it is written "{token.text}"'
        previous = self.tokens[self.index - 1].word if self.index else ""
        if token.word in ("FROM", ")") and previous == ",":
            advice = "there is a comma too many"
        self.fail_expected("a value", advice)
