"""Days of UTC that hold instants, compared with what cdflib makes of the same TT2000."""

from __future__ import annotations

from datetime import date

import cdflib
import numpy as np
import numpy.typing as npt
import pytest

from epntap.instants.days import MOST_RUNS, Days, day_of, days_of
from epntap.instants.tt2000 import parse_utc

DAY_NS = 86_400 * 10**9


def days_by_cdflib(instants: npt.NDArray[np.int64]) -> list[int]:
    parts = np.atleast_2d(cdflib.cdfepoch.breakdown_tt2000(instants))
    return sorted({date(*(int(number) for number in one[:3])).toordinal() for one in parts})


@pytest.mark.parametrize("span_days", [0.5, 1.5, 3, 400, 20_000])
def test_days_are_those_that_another_library_tells(span_days: float) -> None:
    random = np.random.default_rng(7)
    for _ in range(20):
        start = random.integers(parse_utc("1975-01-01"), parse_utc("2030-01-01"))
        instants = start + random.integers(0, int(span_days * DAY_NS), 50)
        assert days_of(instants, instants.min(), instants.max()).tolist() == days_by_cdflib(instants)
        assert [day_of(int(one)) for one in instants[:5]] == [days_by_cdflib(one)[0] for one in instants[:5]]


def test_a_leap_second_is_of_the_day_it_ends_and_midnight_of_the_next() -> None:
    instants = [parse_utc(text) for text in ("2016-12-29", "2016-12-31T23:59:60.5", "2017-01-01", "2017-01-03")]
    expected = [date(2016, 12, 29), date(2016, 12, 31), date(2017, 1, 1), date(2017, 1, 3)]
    assert [
        date.fromordinal(day) for day in days_of(np.array(instants), instants[0], instants[-1]).tolist()
    ] == expected
    assert [date.fromordinal(day_of(one)) for one in instants] == expected


def test_days_are_written_as_runs_and_read_again() -> None:
    first = date(2020, 2, 28).toordinal()
    days = Days.of(np.array([first, first + 1, first + 2, first + 9]))
    assert str(days) == "2020-02-28/2020-03-01 2020-03-08"
    assert Days.parse(str(days)) == days
    assert list(days) == [first, first + 1, first + 2, first + 9]
    assert len(days) == 4
    assert str(Days.of(np.empty(0, np.int64))) == str(Days.parse("")) == ""


@pytest.mark.parametrize(("first", "last", "meets"), [(0, 9, False), (0, 10, True), (13, 19, False), (12, 30, True)])
def test_whether_days_meet_others(first: int, last: int, meets: bool) -> None:
    assert Days(((10, 12), (20, 20))).meets(first, last) is meets


def test_runs_are_bounded_and_no_day_is_lost() -> None:
    """Where there are too many, the shortest gaps are taken for days with records."""
    days = 700_000 + np.cumsum(np.where(np.arange(MOST_RUNS + 100) % 50 == 0, 9, 2))
    bounded = Days.of(days)
    assert len(bounded.runs) == MOST_RUNS
    assert set(days.tolist()) <= set(bounded)
    assert len(bounded) == len(days) + 100
    kept = {after[0] - before[1] for before, after in zip(bounded.runs, bounded.runs[1:], strict=False)}
    assert kept == {2, 9}
    assert sum(after[0] - before[1] == 9 for before, after in zip(bounded.runs, bounded.runs[1:], strict=False)) == sum(
        np.diff(days) == 9
    )
