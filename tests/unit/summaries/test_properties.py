"""Whatever records files have, bins of every width hold what brute force says, however they were put together."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cutouts.interval import Interval
from epntap.archive.model import ArchiveFile
from epntap.cdf import parse_utc
from summaries.coverage import gaps_between
from summaries.gather import gather
from summaries.grid import DAY_NS, STORED_NS, bins_within, instants_of, levels_from, shown_at, width_for
from summaries.levels import read_level, write_level
from summaries.statistics import Bins, Described, joined, of_values
from tests.support.cdf_builder import CdfBuilder
from tests.support.examples import examples
from tests.support.known_truth import midnight_tt2000
from tests.support.summary_truth import check_one

SECOND = 10**9
#: a minute before the leap second of 2016-12-31
EVE = parse_utc("2016-12-31T23:59:00")
FILLS = {"f4": np.float32(-1e31), "f8": np.float64(-1e31), "i2": np.int16(-32768), "i4": np.int32(-(2**31))}


@dataclass(frozen=True)
class File:
    """What one file has: whole seconds after EVE, in any order and again and again, and a value for each."""

    seconds: tuple[int, ...]
    values: tuple[int | None, ...]
    dtype: str

    def stored(self) -> npt.NDArray[Any]:
        if self.dtype.startswith("f"):
            plain = [float("nan") if one == 13 else one for one in self.values]
        else:
            plain = list(self.values)
        return np.array([FILLS[self.dtype] if one is None else one for one in plain], self.dtype)


@st.composite
def files(draw: st.DrawFn) -> list[File]:
    dtype = draw(st.sampled_from(sorted(FILLS)))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(-200, 200))
        steps = draw(st.lists(st.integers(-3, 30), min_size=1, max_size=25))
        seconds = tuple((begin + np.cumsum(steps)).tolist())
        count = len(seconds)
        values = draw(st.lists(st.none() | st.integers(-3000, 3000), min_size=count, max_size=count))
        # types may differ between files, as long as they are of one kind
        other = draw(st.sampled_from([one for one in sorted(FILLS) if one[0] == dtype[0]]))
        found.append(File(seconds, tuple(values), other))
    return found


def archived(folder: Path, some: Sequence[File]) -> list[ArchiveFile]:
    found = []
    for number, one in enumerate(some):
        path = folder / f"file_{number}.cdf"
        instants = np.array([EVE + second * SECOND for second in one.seconds])
        (
            CdfBuilder()
            .axis("Epoch", instants)
            .variable("x", one.stored(), DEPEND_0="Epoch", VAR_TYPE="data", FILLVAL=FILLS[one.dtype])
            .write(path)
        )
        about = path.stat()
        found.append(
            ArchiveFile(
                "d",
                str(folder),
                path.name,
                about.st_size,
                about.st_mtime_ns,
                int(instants.min()),
                int(instants.max()),
                len(instants),
            )
        )
    return found


def records(some: Sequence[File]) -> list[tuple[int, Any]]:
    """Instant and value, None for none, of all that the files hold together; an earlier one is not repeated."""
    found: list[tuple[int, Any]] = []
    order = sorted(range(len(some)), key=lambda number: (min(some[number].seconds), f"file_{number}.cdf"))
    for number in order:
        known = set(found)
        one = some[number]
        for second, value, stored in zip(one.seconds, one.values, one.stored(), strict=True):
            is_nan = one.dtype.startswith("f") and value == 13
            record = EVE + second * SECOND, None if value is None or is_nan else stored.item()
            if record not in known:
                found.append(record)
    return found


def bin_of(instant: int, width: int) -> int:
    """By the clock of the tests: counted from 2000, the leap second in the last bin of 2016."""
    new_year = midnight_tt2000(date(2017, 1, 1))
    days = (new_year - midnight_tt2000(date(2016, 12, 31)) - SECOND) // DAY_NS
    assert days == 1
    midnight = 6210 * DAY_NS  # 2017-01-01, days after 2000-01-01
    if instant >= new_year:
        return (midnight + instant - new_year) // width
    label = midnight + instant - new_year + SECOND
    return min(label, midnight - 1) // width


def check(bins: Bins, some: Sequence[File], width: int, inside: Interval) -> None:
    expected: dict[int, list[Any]] = {}
    for instant, value in records(some):
        if inside.start_tt2000 <= instant < inside.stop_tt2000:
            expected.setdefault(bin_of(instant, width), []).append(value)
    assert bins.numbers.tolist() == sorted(expected)
    assert bins.records.tolist() == [len(expected[number]) for number in sorted(expected)]
    if not expected:
        return
    one = bins.variables["x"]
    dtype = np.dtype(one.described.dtype)
    for row, number in enumerate(sorted(expected)):
        values = np.array([value for value in expected[number] if value is not None], dtype)
        mean = one.mean[row, 0] if one.count[row, 0] else float("nan")
        check_one([one.count[row, 0], one.low[row, 0], one.high[row, 0], mean, one.deviation[row, 0]], values)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@example(some=[File((59, 60, 61, 60), (1, 2, 3, None), "i2"), File((60, 62), (5, 13), "i4")], cut=(0, 200), level=3)
@given(
    some=files(),
    cut=st.tuples(st.integers(-250, 250), st.integers(1, 500)),
    level=st.integers(0, len(STORED_NS) - 1),
)
def test_bins_hold_what_brute_force_says(some: list[File], cut: tuple[int, int], level: int) -> None:
    interval = Interval(EVE + cut[0] * SECOND, EVE + (cut[0] + cut[1]) * SECOND)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        here = archived(folder, some)
        base = STORED_NS[level]
        found = gather(here, interval, "Epoch", base)
        assert not found.left_out
        bins = found.bins()
        check(bins, some, base, interval)
        for width in levels_from(base):
            # every coarser level is made of the finer ones, and read back as it was written
            coarse = bins.coarser(width // base)
            check(coarse, some, width, interval)
            if len(coarse):
                write_level(folder / "level.parquet", coarse, width)
                check(read_level(folder / "level.parquet", -(2**62), 2**62), some, width, interval)


@given(
    st.integers(-(10**9), 4 * 10**9), st.integers(1, 10**10), st.integers(1, 5000), st.sampled_from([1, 10**6, 10**9])
)
def test_a_width_gives_between_points_and_four_times_as_many_bins(
    start_s: int, length: int, points: int, unit: int
) -> None:
    start = start_s * SECOND
    interval = Interval(start, start + length * unit)
    width = width_for(interval, points)
    first, last = shown_at(interval.start_tt2000), shown_at(interval.stop_tt2000 - 1)
    bins = last // width - first // width + 1
    if width > 50:  # narrower ones are of some nanoseconds, and not each of them divides the next
        assert min(points, length * unit) <= bins <= 4 * points
    assert bins <= 5 * points
    within = bins_within(interval, width)
    assert len(within) <= bins
    if within:
        begin, end = instants_of(np.array([within.start, within.stop]) * width).tolist()
        assert interval.start_tt2000 <= begin <= end <= interval.stop_tt2000


@given(st.lists(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=300), min_size=1, max_size=6))
def test_parts_in_any_order_make_the_same_bin(parts: list[list[int]]) -> None:
    one = Described("x", "f8", ())
    made = [
        Bins(np.array([5]), np.array([len(part)]), {"x": of_values(one, _column(part), None, np.array([0]))})
        for part in parts
    ]
    bins = joined(made)
    values = np.array([value / 7 for part in parts for value in part])
    x = bins.variables["x"]
    check_one([x.count[0, 0], x.low[0, 0], x.high[0, 0], x.mean[0, 0], x.deviation[0, 0]], values)


def _column(values: list[int]) -> npt.NDArray[np.float64]:
    return (np.array(values, np.float64) / 7).reshape(1, -1)


def test_a_million_records_in_one_bin_are_added_as_well_as_fsum_does() -> None:
    random = np.random.default_rng(5)
    values = random.normal(1e6, 1.0, 1_000_000) * np.where(random.random(1_000_000) < 0.5, 1, -1)
    one = of_values(Described("x", "f8", ()), values.reshape(1, -1), None, np.array([0]))
    check_one([one.count[0, 0], one.low[0, 0], one.high[0, 0], one.mean[0, 0], one.deviation[0, 0]], values)


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=80, unique=True))
def test_gaps_lie_between_records_that_are_far_apart(seconds: list[int]) -> None:
    from summaries.coverage import stretches_of  # noqa: PLC0415  # only here

    instants = np.sort(np.array(seconds)) * SECOND
    found = stretches_of(instants, np.array([0]), np.array([0]))
    usual = int(np.median(np.diff(instants)))
    steps = np.diff(instants)
    expected = [(int(instants[n]), int(instants[n + 1])) for n in np.flatnonzero(steps > 5 * usual)]
    assert [tuple(one) for one in gaps_between(found, None).tolist()] == expected
