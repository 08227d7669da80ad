"""Stored epochs: their instants, fills, and exact bounds."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pycdfpp
import pytest
from cdflib import cdfepoch
from hypothesis import given
from hypothesis import strategies as st

from epntap.cdf import (
    FILL_TT2000,
    MAX_TT2000,
    MIN_TT2000,
    CdfType,
    bound_in,
    format_utc,
    is_fill,
    parse_utc,
    select,
    to_tt2000,
)

EPOCH, EPOCH16, TT2000 = CdfType.CDF_EPOCH, CdfType.CDF_EPOCH16, CdfType.CDF_TIME_TT2000
S0 = 63_113_904_000
# UTC has whole leap seconds since 1972, the last one came before 2017
modern = st.integers(parse_utc("1972-01-01"), parse_utc("2100-01-01"))
leap = parse_utc("2016-12-31T23:59:60")
near_leap = st.integers(leap - 10**9, leap + 2 * 10**9)
milliseconds = st.floats((S0 - 900_000_000) * 1e3, (S0 + 3_000_000_000) * 1e3)
pairs = st.tuples(st.integers(S0 - 800_000_000, S0 + 3_000_000_000), st.integers(0, 10**12 - 1))


def _exact_instant(value: float) -> Fraction:
    """A CDF_EPOCH in nanoseconds, leap seconds added from whole milliseconds only."""
    whole = int(value // 1)
    floor = int(to_tt2000(np.array([float(whole)]), EPOCH)[0])
    return floor + (Fraction(value) - whole) * 10**6


@given(milliseconds, modern | near_leap)
def test_a_bound_divides_milliseconds_exactly(value: float, bound: int) -> None:
    low = bound_in(EPOCH, bound)
    assert isinstance(low, float)
    assert (value >= low) == (_exact_instant(value) >= bound)
    for near in (low, np.nextafter(low, 0), np.nextafter(low, np.inf)):
        assert (near >= low) == (_exact_instant(float(near)) >= bound)


@given(pairs, modern | near_leap)
def test_a_bound_divides_picoseconds_exactly(pair: tuple[int, int], bound: int) -> None:
    low = bound_in(EPOCH16, bound)
    stored = np.array([pair], float)
    whole = int(to_tt2000(np.array([[pair[0], 0.0]]), EPOCH16)[0])
    assert isinstance(low, tuple)
    assert ((float(pair[0]), float(pair[1])) >= low) == (whole + Fraction(pair[1], 1000) >= bound)
    assert select(stored, EPOCH16, bound, MAX_TT2000)[0] == ((float(pair[0]), float(pair[1])) >= low)


@given(modern | near_leap, modern | near_leap)
def test_bounds_rise_with_the_instant(one: int, other: int) -> None:
    first, second = sorted((one, other))
    for cdf_type in (EPOCH, EPOCH16, TT2000):
        low, high = bound_in(cdf_type, first), bound_in(cdf_type, second)
        assert low <= high  # type: ignore[operator]


@given(st.lists(milliseconds, max_size=30), modern | near_leap, modern | near_leap)
def test_selecting_stored_values_is_selecting_their_instants(values: list[float], one: int, other: int) -> None:
    epochs = np.array(values)
    start, stop = sorted((one, other))
    instants = to_tt2000(epochs, EPOCH)
    np.testing.assert_array_equal(select(epochs, EPOCH, start, stop), (instants >= start) & (instants < stop))
    closed = select(epochs, EPOCH, start, stop, closed=True)
    np.testing.assert_array_equal(closed, (instants >= start) & (instants <= stop))


@given(st.lists(pairs, max_size=30), modern | near_leap, modern | near_leap)
def test_the_same_for_picoseconds(values: list[tuple[int, int]], one: int, other: int) -> None:
    epochs = np.array(values, float).reshape(-1, 2)
    start, stop = sorted((one, other))
    instants = to_tt2000(epochs, EPOCH16)
    np.testing.assert_array_equal(select(epochs, EPOCH16, start, stop), (instants >= start) & (instants < stop))
    closed = select(epochs, EPOCH16, start, stop, closed=True)
    np.testing.assert_array_equal(closed, (instants >= start) & (instants <= stop))


def test_a_fraction_of_a_millisecond_decides() -> None:
    epochs = np.array([63_808_231_683_473.25, 63_808_231_683_473.5, 63_808_231_683_473.75])
    start = parse_utc("2022-01-01T04:48:03.4735")
    assert select(epochs, EPOCH, start, start + 250_000).tolist() == [False, True, False]
    assert select(epochs, EPOCH, start, start + 250_000, closed=True).tolist() == [False, True, True]


def test_a_bound_in_a_leap_second_is_midnight_where_it_cannot_be_said() -> None:
    midnight = 63_650_448_000_000.0
    assert bound_in(EPOCH, leap) == bound_in(EPOCH, leap + 999_999_999) == midnight
    assert bound_in(EPOCH16, leap + 1) == (midnight / 1000, 0.0)
    assert bound_in(EPOCH, leap - 1_000_000) == midnight - 1
    assert bound_in(TT2000, leap) == leap


@given(st.lists(st.integers(parse_utc("1972-01-01"), parse_utc("2200-01-01")) | near_leap, min_size=1, max_size=10))
def test_tt2000_is_the_instant(values: list[int]) -> None:
    np.testing.assert_array_equal(to_tt2000(np.array(values), TT2000), values)


@given(st.integers(S0 - 800_000_000, S0 + 3_000_000_000), st.integers(0, 999))
def test_whole_milliseconds_agree_with_cdflib_and_pycdfpp(seconds: int, ms: int) -> None:
    epoch = float(seconds * 1000 + ms)
    instant = int(to_tt2000(np.array([epoch]), EPOCH)[0])
    assert format_utc(instant, 3) == cdfepoch.encode_epoch(epoch)[:23]
    parts = cdfepoch.breakdown_epoch(epoch)
    assert instant == int(cdfepoch.compute_tt2000([*parts, 0, 0]))
    assert format_utc(instant) == str(pycdfpp.epoch(epoch)).removesuffix("Z")


@given(pairs)
def test_picoseconds_agree_with_cdflib(pair: tuple[int, int]) -> None:
    instant = int(to_tt2000(np.array([pair], float), EPOCH16)[0])
    assert format_utc(instant) == cdfepoch.encode_epoch16(complex(*pair))[:29]


@pytest.mark.parametrize("value", [-1e31, -1e30, 0.0, 315_569_519_999_999.0, np.nan, np.inf, -np.inf, 1.0])
def test_fills_of_milliseconds(value: float) -> None:
    good = bound_in(EPOCH, 0)
    epochs = np.array([value, good])
    assert is_fill(epochs, EPOCH).tolist() == [True, False]
    assert to_tt2000(epochs, EPOCH).tolist()[0] == FILL_TT2000
    assert select(epochs, EPOCH, MIN_TT2000, MAX_TT2000, closed=True).tolist() == [False, True]


@pytest.mark.parametrize("value", [-(2**63), -(2**63) + 1, -(2**63) + 3, 2**63 - 1])
def test_fills_of_tt2000(value: int) -> None:
    epochs = np.array([value, 0])
    assert is_fill(epochs, TT2000).tolist() == [True, False]
    assert to_tt2000(epochs, TT2000).tolist() == [FILL_TT2000, 0]


@pytest.mark.parametrize("value", [(-1e31, -1e31), (0.0, 0.0), (np.nan, 0.0), (6.3e10, np.nan), (6.3e10, -1.0)])
def test_fills_of_picoseconds(value: tuple[float, float]) -> None:
    epochs = np.array([value, (6.3e10, 5.0)])
    assert is_fill(epochs, EPOCH16).tolist() == [True, False]
    assert to_tt2000(epochs, EPOCH16)[0] == FILL_TT2000


def test_the_file_may_name_its_own_fill() -> None:
    assert is_fill(np.array([5.0e13, 6.3e13, 6.4e13]), EPOCH, np.float64(6.3e13)).tolist() == [True, True, False]
    assert is_fill(np.array([7, 8]), TT2000, np.int64(7)).tolist() == [True, False]
    assert is_fill(np.array([[6.3e10, 1.0]]), EPOCH16, np.complex128(6.3e10 + 1j)).tolist() == [True]


def test_other_types_hold_no_instants() -> None:
    with pytest.raises(ValueError, match="CDF_REAL8 holds no instants"):
        bound_in(CdfType.CDF_REAL8, 0)
