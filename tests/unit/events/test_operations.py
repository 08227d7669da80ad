"""Tables made of tables: what brute force finds, second by second."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventtables.model import EventTable, EventTableError
from eventtables.operations import (
    condition,
    difference,
    extend,
    filtered,
    intersection,
    overlapping,
    shift,
    union,
)
from tests.support.events import catalogue, cells_of, intervals

Pairs = list[tuple[int, int]]
_ENDS = st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda one: (one[0], one[0] + one[1]))
PAIRS = st.lists(_ENDS, max_size=12)


def pairs_of(table: EventTable) -> Pairs:
    ends = (getattr(table.events, end).astype(np.int64) // 1_000_000 for end in ("start", "stop"))
    return list(zip(*(one.tolist() for one in ends), strict=True))


def covered(pairs: Pairs) -> set[int]:
    """The seconds, each by its beginning, that at least one event lasts over."""
    return {second for start, stop in pairs for second in range(start, stop)}


def instants(pairs: Pairs) -> set[int]:
    return {start for start, stop in pairs if start == stop}


def touched(pairs: Pairs) -> set[int]:
    """The moments within or at the ends of an event."""
    return {moment for start, stop in pairs for moment in range(start, stop + 1)}


def is_clean(pairs: Pairs) -> bool:
    return all(stop < start for (_, stop), (start, _) in pairwise(pairs))


@given(PAIRS, PAIRS)
def test_union_covers_what_either_covers(one: Pairs, other: Pairs) -> None:
    found = pairs_of(union(intervals(one), intervals(other)))
    assert is_clean(found)
    assert covered(found) == covered(one) | covered(other)
    assert touched(found) == touched(one) | touched(other)


@given(PAIRS, PAIRS)
def test_intersection_covers_what_both_cover(one: Pairs, other: Pairs) -> None:
    found = pairs_of(intersection(intervals(one), intervals(other)))
    assert is_clean(found)
    assert covered(found) == covered(one) & covered(other)
    alone = [instants(pairs_of(union(intervals(each), intervals([])))) for each in (one, other)]
    assert touched(found) == touched([p for p in found if p[0] < p[1]]) | (
        alone[0] & touched(other)
    ) | (alone[1] & touched(one))  # fmt: skip


@given(PAIRS, PAIRS)
def test_difference_covers_what_only_the_first_covers(one: Pairs, other: Pairs) -> None:
    found = pairs_of(difference(intervals(one), intervals(other)))
    assert covered(found) == covered(one) - covered(other)
    alone = instants(pairs_of(union(intervals(one), intervals([]))))
    assert instants(found) == alone - touched(other)
    assert found == sorted(found)


@given(PAIRS, PAIRS)
def test_overlapping_keeps_what_touches_in_its_order(one: Pairs, other: Pairs) -> None:
    expected = [(a, b) for a, b in one if any(a <= d and c <= b for c, d in other)]
    assert pairs_of(overlapping(intervals(one), intervals(other))) == expected


@given(PAIRS, st.integers(-4, 4), st.integers(-4, 4))
def test_extend_and_shift_move_ends(one: Pairs, before: int, after: int) -> None:
    expected = [(a - before, b + after) for a, b in one if a - before <= b + after]
    assert pairs_of(extend(intervals(one), before, after)) == expected
    assert pairs_of(shift(intervals(one), after)) == [(a + after, b + after) for a, b in one]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("duration > 3599.5", [0, 2]),
        ("duration = 0", [1]),
        ("start >= 2001-01-02", [0, 2]),
        ("B min <= 0.5", [0, 2]),
        ("b_min <= 0.5", [0, 2]),
        ("B min != -7.25", [2]),
        ("count < 0", [2]),
        ("kind = two words\\n", [2]),
        ("peak > '2001-01-02T00:00:00'", [2]),
        ("sure = false", [2]),
    ],
)
def test_filters_keep_the_events_for_which_they_hold(text: str, rows: list[int]) -> None:
    table = catalogue()
    assert np.flatnonzero(condition(table, text)).tolist() == rows
    kept = cells_of(filtered(table, text))
    assert kept == {name: [cells[row] for row in rows] for name, cells in cells_of(table).items()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing", "expected a condition such as"),
        ("nope > 3", "There is no column 'nope' in shocks at Earth; there are duration, start, stop, B min"),
        ("B min > x", "B min: expected a number, found 'x'"),
        ("peak > x", "peak: expected a time in UTC"),
        ("v > 1", "several values in a cell"),
    ],
)
def test_what_is_no_condition_is_said(text: str, said: str) -> None:
    with pytest.raises(EventTableError, match=said):
        filtered(catalogue(), text)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e13, -1e300])
def test_nothing_is_moved_by_what_is_no_number_of_seconds(seconds: float) -> None:
    for make in (shift, lambda table, by: extend(table, by, 0), lambda table, by: extend(table, 0, by)):
        with pytest.raises(EventTableError, match="expected seconds of at most 10 000 years"):
            make(intervals([(1, 2)]), seconds)


@pytest.mark.parametrize("seconds", [-2e11, 3e11])
def test_nothing_is_moved_out_of_the_years_that_are_counted(seconds: float) -> None:
    for make in (shift, lambda table, by: extend(table, max(-by, 0), max(by, 0))):
        with pytest.raises(EventTableError, match="outside of the years 1 to 9999"):
            make(intervals([(1, 2)]), seconds)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda table: extend(table, 60, 0), "Made as shocks at Earth with events that begin 60 s earlier"),
        (lambda table: shift(table, 1.5), "Made as shocks at Earth shifted by 1.5 s."),
        (lambda table: filtered(table, "count > 1"), "Made as events of shocks at Earth with count > 1."),
        (lambda table: union(table, intervals([])), "Made as union of shocks at Earth and one."),
    ],
)
def test_history_says_how_it_was_made(make: Callable[[EventTable], EventTable], said: str) -> None:
    assert said in make(catalogue()).about.history
