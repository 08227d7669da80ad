"""Intervals as people write them: ends beyond what is counted are open, and what is wrong is said."""

from __future__ import annotations

import numpy as np
import pytest

from cutouts.interval import Interval, check_ends, instant_or_end
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc, parse_utc
from epntap.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("0001-01-01", MIN_TT2000),
        ("1707-12-31T23:59:59", MIN_TT2000),
        ("1708-01-01", MIN_TT2000),
        ("2291-12-31T23:59:59.999999999", MAX_TT2000),
        ("2292-01-01", MAX_TT2000),
        ("2292-001", MAX_TT2000),
        ("9999-12-31", MAX_TT2000),
    ],
)
def test_years_that_are_not_counted_are_open_ends(text: str, instant: int) -> None:
    assert instant_or_end(text, "START") == instant


def test_the_bounds_are_those_of_the_instants() -> None:
    assert format_utc(MIN_TT2000) == "1708-01-01T00:00:00.000000000"
    assert format_utc(MAX_TT2000) == "2291-12-31T23:59:59.999999999"


def _refusal(start: str, stop: str) -> str:
    ends = instant_or_end(start, "START"), instant_or_end(stop, "STOP")
    with pytest.raises(ParameterError) as raised:
        check_ends(ends, (start, stop), ("START", "STOP"))
    return str(raised.value)


@pytest.mark.parametrize(("start", "stop"), [("1600-01-01", "1700-01-01"), ("2300-01-01", "2400-01-01")])
def test_an_interval_beyond_all_times_is_told_from_one_that_is_turned_round(start: str, stop: str) -> None:
    said = _refusal(start, stop)
    assert "must bound an interval within the years 1708 to 2291" in said
    assert said.endswith(f"but are {start} and {stop}.")
    assert _refusal("2001-01-02", "2001-01-01") == (
        "STOP must be later than START, but START is 2001-01-02 and STOP is 2001-01-01."
    )


def test_an_interval_that_reaches_into_what_is_counted_is_right() -> None:
    check_ends((instant_or_end("1600-01-01", "START"), parse_utc("2001-01-01")), ("", ""), ("START", "STOP"))


def random_pieces(random: np.random.Generator) -> list[tuple[int, int]]:
    starts = random.integers(0, 100, size=random.integers(1, 12))
    return [
        (int(start), int(start + length))
        for start, length in zip(starts, random.integers(1, 12, len(starts)), strict=True)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_pieces_are_the_instants_that_brute_force_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    given = random_pieces(random)
    whole = Interval.covering(given)
    instants = np.arange(whole.start_tt2000, whole.stop_tt2000)
    inside = np.array([any(start <= one < stop for start, stop in given) for one in instants])
    assert np.array_equal(whole.holds(instants), inside)
    assert all(one[1] < other[0] for one, other in zip(whole.pieces, whole.pieces[1:], strict=False))
    for _ in range(20):
        first, last = sorted(random.integers(-5, 120, 2).tolist())
        part = whole.intersect(Interval(first, last))
        assert part == Interval(first, last).intersect(whole)
        expected = set(instants[inside]) & set(range(first, last))
        assert part.is_empty == (not expected)
        assert whole.reaches(first, last - 1) == bool(expected)
        if expected:
            kept = np.arange(part.start_tt2000, part.stop_tt2000)
            assert set(kept[part.holds(kept)]) == expected
            assert (part.start_tt2000, part.stop_tt2000) == (min(expected), max(expected) + 1)
