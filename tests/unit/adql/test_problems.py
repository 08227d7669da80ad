"""What a user sees when a query is refused: every problem, its place, and what to write instead."""

from __future__ import annotations

import pytest

from epntap.adql import parse, translate
from epntap.catalog.model import Catalog
from epntap.errors import AdqlError, Problem
from tests.unit.adql.sample import CATALOG
from tests.unit.adql.test_cases import CASES


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


def test_a_long_literal_is_shortened_in_a_message() -> None:
    (problem,) = problems("SELECT id FROM lab.parts '" + "x" * 1000 + "'")
    assert len(problem.message) < 120
