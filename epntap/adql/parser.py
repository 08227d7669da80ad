"""Tokens → nodes, by recursive descent over the clauses of ADQL 2.1. The grammar is an allow-list."""

from __future__ import annotations

from epntap.adql import nodes
from epntap.adql.expressions import ExpressionParser
from epntap.adql.nodes import Body, Name, TableSource
from epntap.adql.stream import MAX_CHAIN, MAX_TABLES
from epntap.adql.tokens import Kind
from epntap.errors import AdqlError, Problem
from epntap.hints import shortened

__all__ = ["parse", "parse_with_problems"]

_SET_WORDS = ("UNION", "EXCEPT", "INTERSECT")
_JOIN_WORDS = ("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "NATURAL", "CROSS")


def parse(text: str) -> nodes.Query:
    """The query as nodes. Raises AdqlError that holds every problem found, each with its place."""
    query, problems = parse_with_problems(text)
    if problems:
        raise AdqlError(problems)
    return query


def parse_with_problems(text: str) -> tuple[nodes.Query, list[Problem]]:
    """The query and what is wrong with it although its shape is clear; raises AdqlError when it is not."""
    parser = _Parser(text)
    return parser.query(), parser.problems


class _Parser(ExpressionParser):
    """The part of the parser that reads clauses."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._tables = 0

    def query(self) -> nodes.Query:
        if len(self.tokens) == 1 and not self.problems:
            self.fail("the query is empty", (0, len(self.source.text)))
        common = self._common_tables() if self.accept("WITH") else ()
        body = self._body()
        self._limit()
        self.accept(";")
        if self.token.kind is not Kind.END:
            self._fail_at_end()
        return nodes.Query(self.source.text, common, body)

    def _fail_at_end(self) -> None:
        word = self.token.word
        advice = ""
        if self.tokens[self.index - 1].word == ";":
            advice = "only one query can be sent at a time"
        elif word in ("WHERE", "GROUP", "HAVING", "ORDER", "OFFSET"):
            advice = "the clauses stand in the order WHERE, GROUP BY, HAVING, ORDER BY, OFFSET"
        elif word in _SET_WORDS:
            advice = "a query with ORDER BY or OFFSET needs parentheses to stand before " + word
        elif word == "FETCH":
            advice = "use TOP n after SELECT"
        self.fail_expected("the end of the query", advice)

    def _limit(self) -> None:
        if not self.at_limit():
            return
        start = self.advance()
        count = self.advance()
        text = shortened(count.text)
        self.note(f"LIMIT is not part of ADQL: use TOP {text} after SELECT", (start.start, count.end))
        if self.accept("OFFSET"):
            self.unsigned_integer("a number of rows after OFFSET")

    def _common_tables(self) -> tuple[nodes.CommonTable, ...]:
        tables: list[nodes.CommonTable] = []
        if self.token.word == "RECURSIVE":
            self.fail("WITH RECURSIVE is not part of ADQL", self.token.span)
        while True:
            self._count(len(tables), "tables of WITH")
            start = self.token.start
            name = self.name("a name after WITH" if not tables else "a name after the comma")
            columns = self._name_list() if self.token.word == "(" else ()
            self.expect("AS")
            query = self.subquery()
            tables.append(nodes.CommonTable(self.since(start), name, columns, query))
            if not self.accept(","):
                return tuple(tables)

    def _name_list(self) -> tuple[Name, ...]:
        self.expect("(")
        names = [self.name("a column name")]
        while self.accept(","):
            names.append(self.name("a column name"))
        self.expect(")", "a comma or )")
        return tuple(names)

    # -- query expressions

    def at_subquery(self) -> bool:
        if self.token.word != "(":
            return False
        index = self.index + 1
        while self.tokens[index].word == "(":
            index += 1
        return self.tokens[index].word in ("SELECT", "WITH")

    def subquery(self) -> Body:
        self.expect("(", "( and a query")
        if self.token.word == "WITH":
            self.fail("WITH stands only at the beginning of the whole query", self.token.span)
        with self.nested():
            body = self._body()
        self._limit()
        if self.token.word in _SET_WORDS:
            self._fail_at_end()
        self.expect(")")
        return body

    def _body(self) -> Body:
        start = self.token.start
        body = self._set_term()
        chain = 0
        while self.token.word in ("UNION", "EXCEPT"):
            chain = self._count(chain, "set operations")
            operator = self.advance().word
            all_rows = self._set_quantifier()
            right = self._set_term()
            body = nodes.SetOperation(self.since(start), operator, all_rows, body, right)
        order_by = self._order_by() if self.accept("ORDER") else ()
        offset = self.unsigned_integer("a number of rows after OFFSET") if self.accept("OFFSET") else None
        return self._with_order(body, order_by, offset, start)

    def _with_order(self, body: Body, order_by: tuple[nodes.OrderTerm, ...], offset: int | None, start: int) -> Body:
        if not order_by and offset is None:
            return body
        if body.order_by or body.offset is not None:
            self.fail("ORDER BY and OFFSET stand both inside and outside of these parentheses", self.since(start))
        if isinstance(body, nodes.Select):
            return nodes.Select(
                self.since(start), body.distinct, body.top, body.items, body.sources, body.where, body.group_by,
                body.having, order_by, offset,
            )  # fmt: skip
        return nodes.SetOperation(
            self.since(start), body.operator, body.all_rows, body.left, body.right, order_by, offset
        )

    def _set_term(self) -> Body:
        # INTERSECT binds tighter than UNION and EXCEPT (ADQL 2.1 §4.7)
        start = self.token.start
        body = self._set_primary()
        chain = 0
        while self.accept("INTERSECT"):
            chain = self._count(chain, "set operations")
            all_rows = self._set_quantifier()
            right = self._set_primary()
            body = nodes.SetOperation(self.since(start), "INTERSECT", all_rows, body, right)
        return body

    def _set_quantifier(self) -> bool:
        return bool(self.accept("ALL"))

    def _set_primary(self) -> Body:
        if self.at_subquery():
            return self.subquery()
        if self.token.word == "WITH":
            self.fail("WITH stands only at the beginning of the whole query", self.token.span)
        return self._select()

    def _count(self, chain: int, what: str) -> int:
        if chain >= MAX_CHAIN:
            self.fail(f"more than {MAX_CHAIN} {what} beside each other; split the query", self.token.span)
        return chain + 1

    # -- SELECT

    def _select(self) -> nodes.Select:
        start = self.expect("SELECT").start
        distinct = bool(self.accept("DISTINCT"))
        if not distinct:
            self.accept("ALL")
        top = None
        if self.token.word == "TOP" and self.following().word not in (",", "FROM", "AS", "."):
            self.advance()
            top = self.unsigned_integer("the number of rows after TOP")
            if self.token.word in ("DISTINCT", "ALL"):
                self.fail(f"{self.token.word} stands before TOP", self.token.span)
        items = self._items()
        self.expect("FROM", "a comma or FROM" if self.token.kind is Kind.NAME else "FROM")
        sources = [self._table_source()]
        chain = 0
        while self.accept(","):
            chain = self._count(chain, "tables")
            sources.append(self._table_source())
        where = self.condition() if self.accept("WHERE") else None
        group_by = self._group_by() if self.accept("GROUP") else ()
        having = self.condition() if self.accept("HAVING") else None
        return nodes.Select(self.since(start), distinct, top, items, tuple(sources), where, group_by, having)

    def _items(self) -> tuple[nodes.Item | nodes.Star, ...]:
        items = [self._item()]
        while self.accept(","):
            items.append(self._item())
        return tuple(items)

    def _item(self) -> nodes.Item | nodes.Star:
        start = self.token.start
        if self.accept("*"):
            return nodes.Star(self.since(start))
        length = self._qualified_star()
        if length:
            qualifier = []
            for _ in range(length):
                qualifier.append(self.name("a table"))
                self.expect(".")
            self.expect("*")
            return nodes.Star(self.since(start), tuple(qualifier))
        value = self.value()
        alias = self.optional_alias()
        if alias is not None and self.token.word == ".":
            self.fail(f"expected a comma or FROM but found '{alias}.'", alias.span)
        return nodes.Item(self.since(start), value, alias)

    def _qualified_star(self) -> int:
        """How many names stand before the asterisk of name.name.*; 0 where no such thing begins."""
        for length in (1, 2, 3):
            if self.following(2 * length - 1).word != "." or self.following(2 * length - 2).kind not in (
                Kind.WORD,
                Kind.NAME,
            ):
                return 0
            if self.following(2 * length).word == "*":
                return length
        return 0

    def _group_by(self) -> tuple[nodes.Value, ...]:
        self.expect("BY", "BY after GROUP")
        terms = [self.value()]
        while self.accept(","):
            terms.append(self.value())
        return tuple(terms)

    def _order_by(self) -> tuple[nodes.OrderTerm, ...]:
        self.expect("BY", "BY after ORDER")
        terms = [self._order_term()]
        while self.accept(","):
            terms.append(self._order_term())
        return tuple(terms)

    def _order_term(self) -> nodes.OrderTerm:
        start = self.token.start
        value = self.value()
        descending = bool(self.accept("DESC"))
        if not descending:
            self.accept("ASC")
        if self.token.word == "NULLS":
            self.fail("NULLS FIRST and NULLS LAST are not part of ADQL", self.token.span)
        return nodes.OrderTerm(self.since(start), value, descending)

    # -- FROM

    def _table_source(self) -> TableSource:
        with self.nested():
            source = self._table_primary()
            chain = 0
            while self.token.word in _JOIN_WORDS:
                chain = self._count(chain, "joins")
                source = self._join(source)
            return source

    def _join(self, left: TableSource) -> TableSource:
        natural = bool(self.accept("NATURAL"))
        kind = "INNER"
        if self.token.word == "CROSS":
            self.fail("CROSS JOIN is not part of ADQL: write a comma between the tables", self.token.span)
        if self.token.word in ("LEFT", "RIGHT", "FULL"):
            kind = self.advance().word
            self.accept("OUTER")
        else:
            self.accept("INNER")
        self.expect("JOIN")
        right = self._table_primary()
        if natural:
            return nodes.Join(self.since(left.span[0]), left, right, kind, natural=True)
        with self.nested():  # a JOIN b JOIN c ON … ON …
            while self.token.word in _JOIN_WORDS:
                right = self._join(right)
        if self.accept("USING"):
            return nodes.Join(self.since(left.span[0]), left, right, kind, using=self._name_list())
        self.expect("ON", "ON or USING and the condition of the join")
        condition = self.condition()
        return nodes.Join(self.since(left.span[0]), left, right, kind, condition=condition)

    def _table_primary(self) -> TableSource:
        start = self.token.start
        self._tables += 1
        if self._tables > MAX_TABLES:
            self.fail(f"the query has more than {MAX_TABLES} tables and subqueries in FROM; split it", self.token.span)
        if self.token.word == "(":
            if self._at_derived_table():
                query = self.subquery()
                alias = self.optional_alias()
                if alias is None:
                    self.fail("a subquery in FROM needs a name: write (SELECT …) AS q", (start, start + 1))
                return nodes.DerivedTable(self.since(start), query, alias)
            self.advance()
            source = self._table_source()
            self.expect(")", "JOIN or )")
            return source
        parts = [self.name("a table")]
        while self.accept("."):
            parts.append(self.name("a name after the period"))
        if len(parts) > 3:
            self.fail("a table has at most three parts: catalog.schema.table", self.since(start))
        if self.token.word == "(":
            self.fail("tables that are functions are not part of ADQL", self.since(start))
        alias = self.optional_alias()
        return nodes.TableRef(self.since(start), tuple(parts), alias)

    def _at_derived_table(self) -> bool:
        """Whether these parentheses hold a query, and not a join whose first table is a query."""
        if not self.at_subquery():
            return False
        index = self.index
        if self.tokens[index + 1].word != "(":
            return True
        depth = 0
        for position in range(index + 1, len(self.tokens)):
            word = self.tokens[position].word
            depth += (word == "(") - (word == ")")
            if depth == 0:
                return self.tokens[position + 1].word in (*_SET_WORDS, "ORDER", "OFFSET", ")")
        return False
