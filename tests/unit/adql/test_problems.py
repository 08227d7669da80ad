"""What a user sees when a query is refused: every problem, its place, and what to write instead."""

from __future__ import annotations

import time

import pytest

from epntap.adql import parse, translate
from epntap.catalog.model import Catalog
from epntap.errors import AdqlError, Problem
from tests.support.adql_cases import CASES
from tests.support.adql_sample import CATALOG


def problems(text: str, catalog: Catalog = CATALOG) -> tuple[Problem, ...]:
    with pytest.raises(AdqlError) as caught:
        translate(text, catalog)
    return caught.value.problems


def test_a_problem_points_to_its_place() -> None:
    (problem,) = problems("SELECT id\nFROM lab.parts\n WHERE nam = 'x'")
    assert (problem.line, problem.column) == (3, 8)
    assert problem.excerpt == " WHERE nam = 'x'\n       ^^^"


def test_carets_stay_under_the_culprit_behind_tabs() -> None:
    (problem,) = problems("SELECT\tid,\tnam FROM lab.parts")
    source, carets = problem.excerpt.split("\n")
    assert source[carets.index("^") :].startswith("nam")


def test_the_end_of_the_query_has_a_place_too() -> None:
    (problem,) = problems("SELECT id")
    assert problem.excerpt == "SELECT id\n         ^"


def test_a_long_line_is_shown_in_part() -> None:
    text = "SELECT " + ", ".join(["id"] * 500) + ", nam, " + ", ".join(["id"] * 500) + " FROM lab.parts"
    (problem,) = problems(text)
    source, carets = problem.excerpt.split("\n")
    assert len(source) < 200
    assert source.startswith("…")
    assert source.endswith("…")
    assert source[carets.index("^") :].startswith("nam")
    assert problem.column == text.index("nam") + 1


def test_all_problems_are_told_at_once_in_the_order_of_the_text() -> None:
    found = problems("SELECT foo, lowr(name) AS value FROM lab.parts WHERE id = 'a' AND name > 3 LIMIT 5")
    assert [p.message.split(":")[0] for p in found] == [
        "there is no column foo in lab.parts",
        "there is no function lowr; did you mean LOWER, POWER or FLOOR?",
        "VALUE is a reserved word",
        "cannot compare id (an integer) with text",
        "cannot compare name (text) with an integer",
        "LIMIT is not part of ADQL",
    ]


def test_an_unknown_table_does_not_make_its_columns_unknown() -> None:
    found = problems("SELECT a.x, b.y, z FROM lab.part AS a JOIN lab.parts AS b ON a.id = b.id")
    assert [p.message for p in found] == [
        "lab.parts has no column y",
        "there is no table lab.part; did you mean lab.parts?",
    ]


def test_the_same_problem_at_the_same_place_is_told_once() -> None:
    assert len(problems("SELECT POINT(1) FROM lab.parts")) == 1


def test_without_tables_the_message_still_makes_sense() -> None:
    (problem,) = problems("SELECT * FROM amdadb.epn_core", Catalog())
    assert problem.message == "there is no table amdadb.epn_core"


@pytest.mark.parametrize("text", ["", "  \n", "-- nothing"])
def test_an_empty_query_is_called_empty(text: str) -> None:
    with pytest.raises(AdqlError, match="the query is empty"):
        parse(text)


def test_messages_fit_one_line() -> None:
    for case in CASES:
        for line in case.expected:
            assert "\n" not in line
            assert len(line) < 260 or not line.startswith("!!")


LONG = "x" * 10_000


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT id FROM lab.parts '{LONG}'",
        f"SELECT IN_UNIT(weight, '{LONG}') FROM lab.parts",
        f"SELECT 1{'0' * 1000} FROM lab.parts",
        f"SELECT 1{LONG} FROM lab.parts",
        f"SELECT 0x{'1' * 1000} FROM lab.parts",
        f"SELECT _{LONG} FROM lab.parts",
        f"SELECT {LONG} FROM lab.parts",
        f"SELECT {LONG}.id FROM lab.parts",
        f"SELECT id FROM {LONG}.parts",
        f"SELECT {LONG}(id) FROM lab.parts",
        f'SELECT id FROM lab.parts AS "{LONG}", lab.parts AS "{LONG}"',
        f'SELECT id FROM lab.parts AS "{LONG}", lab.things',
        f"SELECT id FROM lab.parts LIMIT {'1' * 1000}",
        f"SELECT id FROM lab.parts ORDER BY {'1' * 1000}",
        f"SELECT CAST('{LONG}' AS INTEGER) FROM lab.parts",
        f"SELECT CAST('{LONG}' AS TIMESTAMP) FROM lab.parts",
        f"SELECT CAST('{LONG}' AS POINT) FROM lab.parts",
        f"SELECT ivo_to_jd('{LONG}') FROM lab.parts",
        f"SELECT id AS {LONG} FROM lab.parts UNION SELECT name FROM lab.parts",
        f"SELECT id FROM lab.things WHERE taken > '{LONG}'",
        f"SELECT id FROM amdadb.epn_core WHERE time_min > '2024-01-{LONG}'",
        f"SELECT {LONG}, COUNT(*) FROM (SELECT id AS {LONG} FROM lab.parts) AS q",
    ],
)
def test_what_is_long_is_shortened_in_a_message(text: str) -> None:
    for problem in problems(text):
        assert len(problem.message) < 200


@pytest.mark.parametrize("unit", ["10**9999999m", "10**(99999999)m", "m**-999999999", "10**9m" * 100])
def test_a_unit_takes_no_time(unit: str) -> None:
    started = time.monotonic()
    (problem,) = problems(f"SELECT IN_UNIT(x, '{unit}') FROM lab.things")
    assert "is no unit of VOUnit" in problem.message
    assert time.monotonic() - started < 5  # astropy would compute for minutes


def test_a_unit_without_a_finite_factor_is_refused() -> None:
    (problem,) = problems("SELECT IN_UNIT(x, '1e99999m') FROM lab.things")
    assert "cannot be converted" in problem.message


def test_a_column_that_needs_a_cast_is_named_where_it_is_not_grouped() -> None:
    (problem,) = problems("SELECT exact, COUNT(*) FROM lab.things")
    assert problem.message.startswith("exact is neither in GROUP BY")
    assert problem.column == len("SELECT ") + 1


def accepted(text: str, problem: Problem) -> str:
    """The query with the likeliest suggestion in the place of what is wrong."""
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: problem.line - 1]) + problem.column - 1
    return text[:start] + problem.suggestions[0] + text[start + problem.length :]


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("SELECT id\nFROM lab.parts\nWHERE nam = 'x'", "SELECT id\nFROM lab.parts\nWHERE name = 'x'"),
        ("SELECT p.nam FROM lab.parts AS p", "SELECT p.name FROM lab.parts AS p"),
        ("SELECT id FROM lab.part", "SELECT id FROM lab.parts"),
        ("SELECT id FROM party", "SELECT id FROM parts"),
        ("SELECT time_min FROM epn_core", "SELECT time_min FROM amdadb.epn_core"),
        ("SELECT ROUNT(x) FROM lab.things", "SELECT ROUND(x) FROM lab.things"),
    ],
)
def test_a_suggestion_put_in_its_place_mends_the_query(text: str, mended: str) -> None:
    (problem,) = problems(text)
    assert accepted(text, problem) == mended
    translate(mended, CATALOG)


def test_a_problem_without_a_better_name_suggests_nothing() -> None:
    (problem,) = problems("SELECT quite_something_else FROM lab.parts")
    assert (problem.suggestions, problem.length) == ((), len("quite_something_else"))
