"""Whatever the text: it is translated or refused, never anything else; and it never becomes SQL of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pglast
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pglast import ast
from pglast.visitors import Visitor
from psycopg import sql

from epntap.adql import Translation, parse, translate
from epntap.adql.functions import known_names, overloads
from epntap.errors import AdqlError
from tests.support.adql_cases import CASES, Case
from tests.support.adql_sample import BASE_URL, CATALOG
from tests.support.examples import examples

_WORDS = """
SELECT DISTINCT ALL TOP 5 FROM WHERE GROUP BY HAVING ORDER OFFSET UNION INTERSECT EXCEPT WITH AS JOIN NATURAL LEFT FULL
OUTER USING ON AND OR NOT IN EXISTS BETWEEN LIKE ILIKE IS NULL CASE WHEN THEN ELSE END CAST COUNT MAX LOWER ROUND POINT
CIRCLE CONTAINS COALESCE ivo_hashlist_has lab.parts lab.things amdadb.epn_core a b a.id id name weight x target_name
creation_date access_url * , ( ) = <> < + - / || . ; 1 2.5 1e3 'x' '2024-01-01' "id" --
"""
FRAGMENTS = [*_WORDS.split(), "\n"]

anything = st.text(max_size=80)
soup = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map(" ".join)
literals = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


def as_sql(result: Translation) -> str:
    """The statement with its parameters in place, as the driver would send it."""
    values = {name: sql.Literal(value).as_string(None) for name, value in result.params.items()}
    return result.statement.as_string(None) % values


@given(st.one_of(anything, soup, soup.map(lambda tail: f"SELECT id FROM lab.parts {tail}")))
@settings(max_examples=examples(400))
def test_any_text_is_translated_or_refused(text: str) -> None:
    try:
        result = translate(text, CATALOG, base_url=BASE_URL)
    except AdqlError as exc:
        for problem in exc.problems:
            assert problem.line >= 1
            assert problem.column >= 1
            assert problem.message
    else:
        pglast.parse_sql(as_sql(result))


@given(literals)
def test_a_literal_arrives_unchanged_whatever_it_holds(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    result = translate(f"SELECT {quoted} FROM lab.parts WHERE name = {quoted}", CATALOG)
    assert result.params == {"p0": text}
    assert text in list(_strings(pglast.parse_sql(as_sql(result))))


@given(literals.filter(bool))
def test_a_name_arrives_as_a_name_whatever_it_holds(text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    result = translate(f"SELECT {quoted}.id AS {quoted} FROM lab.parts AS {quoted}", CATALOG)
    assert result.columns[0].name == text
    (statement,) = pglast.parse_sql(as_sql(result))
    assert isinstance(statement.stmt, ast.SelectStmt)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0))
def test_a_number_keeps_all_its_digits(number: float) -> None:
    statement = translate(f"SELECT {number!r} FROM lab.parts", CATALOG).statement.as_string(None)
    assert float(statement.removeprefix("SELECT ").split("::")[0]) == number


@given(soup)
def test_parsing_is_repeatable(text: str) -> None:
    def outcome() -> object:
        try:
            return parse(text)
        except AdqlError as exc:
            return exc.problems

    assert outcome() == outcome()


ALLOWED_FUNCTIONS = {
    "array_agg",
    "btrim",
    "dali_timestamp",
    "distance",
    "extract",
    "interval_overlaps",
    "like_escape",
    "make_interval",
    "geometry",
    "plainto_tsquery",
    "random",
    "region",
    "regexp_split_to_array",
    "replace",
    "starts_with",
    "string_to_array",
    "time_span",
    "timezone",
    "to_tsvector",
    "width_bucket",
    "area",
    "box",
    "centroid",
    "contained",
    "histogram",
    "overlaps",
    "ceil",
    "trunc",
    "ln",
    "max",
    "lower",
    "string_agg",
} | {f.sql.split("(")[0].removeprefix("udf.") for name in known_names() for f in overloads(name.upper())}


class _Inspector(Visitor):
    """Collects what a statement touches."""

    def __init__(self) -> None:
        self.tables: set[tuple[str | None, str]] = set()
        self.functions: set[tuple[str, ...]] = set()
        self.common: set[str] = set()

    def visit_RangeVar(self, _ancestors: object, node: Any) -> None:  # noqa: N802  # a name of pglast; it has no types
        self.tables.add((node.schemaname, node.relname))

    def visit_FuncCall(self, _ancestors: object, node: Any) -> None:  # noqa: N802  # a name of pglast; it has no types
        self.functions.add(tuple(part.sval for part in node.funcname))

    def visit_CommonTableExpr(self, _ancestors: object, node: Any) -> None:  # noqa: N802  # as above
        self.common.add(node.ctename)


def _strings(node: object) -> Iterator[str]:
    if isinstance(node, tuple):
        for part in node:
            yield from _strings(part)
    elif isinstance(node, ast.String):
        yield str(node.sval)
    elif isinstance(node, ast.Node):
        for name in node:
            yield from _strings(getattr(node, name))


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.is_refused], ids=lambda case: f"{case.file}:{case.line}"
)
def test_statements_read_published_tables_with_known_functions(case: Case) -> None:
    result = translate(case.query, CATALOG, base_url=BASE_URL)
    (statement,) = pglast.parse_sql(as_sql(result))
    assert isinstance(statement.stmt, ast.SelectStmt)
    inspector = _Inspector()
    inspector(statement)
    read = {f"{schema}.{name}" for schema, name in inspector.tables if schema is not None}
    assert read == set(result.tables)
    assert {name for schema, name in inspector.tables if schema is None} <= inspector.common
    for function in inspector.functions:
        assert function[0] in ("udf", "pg_catalog") if len(function) > 1 else len(function) == 1
        assert function[-1] in ALLOWED_FUNCTIONS
