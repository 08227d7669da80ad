"""Wrong TOML is answered with one sentence."""

from __future__ import annotations

import datetime as dt

import pytest

from epntap.errors import DefinitionError
from tests.support.mappings import strict


def test_an_unknown_key_is_named_with_the_likeliest() -> None:
    table = strict("duraton_s = 3")
    table.number("duration_s")
    with pytest.raises(DefinitionError, match=r"here: unknown key 'duraton_s'; known are duration_s\. Did you mean 'd"):
        table.finish()


def test_a_missing_key_is_named_with_what_may_be_meant() -> None:
    with pytest.raises(DefinitionError, match=r"here: planet is missing\. Did you mean 'plannet'\?"):
        strict("plannet = 'Mars'").needed_text("planet")


@pytest.mark.parametrize(
    ("text", "ask", "expected"),
    [
        ("a = 1", "text", "a must be text, but it is a whole number"),
        ("a = ' '", "text", "a is empty"),
        ("a = 'x'", "number", "a must be a number, but it is text"),
        ("a = true", "number", "a must be a number, but it is true or false"),
        ("a = inf", "number", "a must be a finite number, but it is inf"),
        ("a = 1.5", "whole", "a must be a whole number, but it is a number"),
        ("a = 'yes'", "flag", "a must be true or false, but it is text"),
        ("a = 'soon'", "moment", "a must be a time such as"),
        ("a = 5", "moment", "a must be a time, but it is a whole number"),
        ("a = ['x', '']", "texts", "a must be a text or a list of texts"),
        ("a = 1", "table", "a must be a table, but it is a whole number"),
        ("[a]", "tables", "a must be written as [[a]] tables"),
    ],
)
def test_a_wrong_type_is_said(text: str, ask: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        getattr(strict(text), ask)("a")
    assert expected in str(caught.value)


def test_ranges() -> None:
    assert strict("a = 3").number("a", 0, 3) == 3.0
    with pytest.raises(DefinitionError, match="a must be from 0 to 3, but it is 4"):
        strict("a = 4").number("a", 0, 3)
    with pytest.raises(DefinitionError, match="a must be 0 or more, but it is -1"):
        strict("a = -1").number("a", low=0)


def test_times_are_utc_without_tzinfo() -> None:
    table = strict("a = 2020-01-01T02:00:00+02:00\nb = 2020-01-01\nc = '2020-01-01T00:00:00Z'")
    midnight = dt.datetime.fromisoformat("2020-01-01")
    assert [table.moment(key) for key in "abc"] == [midnight] * 3


def test_places_tell_the_table() -> None:
    with pytest.raises(DefinitionError, match=r"here: \[\[result\]\] 2: x is missing"):
        strict("[[result]]\n[[result]]").tables("result")[1].needed_text("x")
