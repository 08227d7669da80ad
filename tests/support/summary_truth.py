"""What bins must hold, said by brute force: masks over all records, and math.fsum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from summaries.reader import ParameterSeries, SummarySeries

__all__ = ["Truth", "check_bins", "check_one", "check_values"]

#: of mean |x| and of max |x|
ACCURACY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Records of one variable: TT2000 (n,), values (n, …) and which of them count."""

    instants: npt.NDArray[np.int64]
    values: npt.NDArray[Any]
    valid: npt.NDArray[np.bool_]


def check_bins(series: SummarySeries, instants: npt.NDArray[np.int64]) -> None:
    """Bins follow each other, and together hold each record of the interval once."""
    inside = instants[(instants >= series.interval.start_tt2000) & (instants < series.interval.stop_tt2000)]
    assert int(series.records.sum()) == len(inside)
    if series.is_records:
        assert np.array_equal(series.starts, np.sort(inside))
        return
    assert (series.starts < series.stops).all()
    assert (series.starts[1:] >= series.stops[:-1]).all()
    assert (series.records > 0).all()
    rising = np.sort(inside)
    counts = np.searchsorted(rising, series.stops) - np.searchsorted(rising, series.starts)
    assert np.array_equal(counts, series.records)


def check_values(series: SummarySeries, one: ParameterSeries, truth: Truth) -> None:
    """Count, least and greatest are those of the records, to the bit; mean and deviation those of fsum, nearly."""
    components = int(np.prod(truth.values.shape[1:], dtype=np.int64))
    values, valid = (each.reshape(len(truth.instants), components) for each in (truth.values, truth.valid))
    assert one.minimum.dtype == one.maximum.dtype == truth.values.dtype
    order = np.argsort(truth.instants, kind="stable")
    instants, values, valid = truth.instants[order], values[order], valid[order]
    if series.is_records:
        first, stop = series.interval.start_tt2000, series.interval.stop_tt2000
        values, valid = (each[(instants >= first) & (instants < stop)] for each in (values, valid))
    bins = len(series.starts)
    arrays = [
        np.asarray(each).reshape(bins, components) for each in (one.count, one.minimum, one.maximum, one.mean, one.std)
    ]
    for number in range(bins):
        if series.is_records:
            chosen = slice(number, number + 1)
        else:
            chosen = slice(*np.searchsorted(instants, [series.starts[number], series.stops[number]]))
        for component in range(components):
            some = values[chosen, component][valid[chosen, component]]
            check_one([each[number, component] for each in arrays], some)


def check_one(found: list[Any], some: npt.NDArray[Any]) -> None:
    """Count, least, greatest, mean and deviation of these values."""
    count, low, high, mean, std = found
    assert count == len(some)
    if not len(some):
        assert math.isnan(mean)
        assert math.isnan(std)
        return
    assert low == some.min()
    assert high == some.max()
    if not np.isfinite(some).all():  # infinite values are values, of which no mean says more
        assert not math.isfinite(mean)
        assert not math.isfinite(std)
        return
    numbers = [int(each) if some.dtype.kind in "iu" else float(each) for each in some]
    size = math.fsum(map(abs, numbers)) / len(numbers)
    expected = math.fsum(numbers) / len(numbers)
    assert abs(mean - expected) <= ACCURACY * size
    squares = math.fsum((each - expected) ** 2 for each in numbers)
    assert abs(std - math.sqrt(squares / len(numbers))) <= ACCURACY * max(map(abs, numbers))
