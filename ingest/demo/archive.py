"""The sample archive that the demo and the tests serve. Everything in it is SYNTHETIC.

`<root>/cdf/<spacecraft>/<instrument>/<yyyy>/` holds daily ISTP files, `<root>/spase/` the SPASE records. What is
missing, doubled or broken on purpose is in `plan`.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epntap.instants.julian import day_span
from ingest.demo.epochs import clock, day_bounds
from ingest.demo.istp import write_daily_file
from ingest.demo.plan import DAMAGED, DAYS, HOLES, MISSING_DAYS, PRODUCTS, SUPERSEDED, Product
from ingest.demo.records import write_records
from ingest.demo.series import FILL, Series, synthesise

__all__ = ["write_sample_archive"]

_SEED = 20_161_231
_HOUR_NS = 3_600_000_000_000
_SECOND_NS = 1_000_000_000

#: error of the first version of a file that has a second, nT
_OFFSET = 5.0

#: share of a damaged file that is left
_LEFT = 0.6


def write_sample_archive(root: Path, *, seed: int = _SEED) -> None:
    """Write the sample archive below a folder; files of the same names are replaced.

    The same seed gives the same bytes. About 10 MB in a few seconds.
    """
    for index, product in enumerate(PRODUCTS):
        _write_product(root / "cdf", product, np.random.default_rng([seed, index]))
    last = day_span(DAYS[-1])[1] - timedelta(seconds=1)
    write_records(root / "spase", day_span(DAYS[0])[0], last)


def _write_product(folder: Path, product: Product, rng: np.random.Generator) -> None:
    epochs = clock(DAYS[0], DAYS[-1], product.step_s)
    seconds = (epochs - epochs[0]) / _SECOND_NS
    series = synthesise(product, seconds, rng)
    for day in DAYS:
        if day in MISSING_DAYS.get(product.key, ()):
            continue
        kept = _records_of(product, day, epochs)
        version = "v02" if day in SUPERSEDED.get(product.key, ()) else "v01"
        path = folder / product.path(day, version)
        _write_day(path, product, day, epochs, series, kept)
        if version != "v01":
            _write_day(folder / product.path(day), product, day, epochs, _miscalibrated(series), kept)
        if day in DAMAGED.get(product.key, ()):
            content = path.read_bytes()
            path.write_bytes(content[: int(len(content) * _LEFT)])


def _records_of(product: Product, day: date, epochs: NDArray[np.int64]) -> NDArray[np.bool_]:
    start, stop = day_bounds(day)
    kept = (epochs >= start) & (epochs < stop)
    for hole in HOLES.get(product.key, ()):
        if hole.day == day:
            kept &= (epochs < start + hole.start_h * _HOUR_NS) | (epochs >= start + hole.stop_h * _HOUR_NS)
    return kept


def _write_day(
    path: Path,
    product: Product,
    day: date,
    epochs: NDArray[np.int64],
    series: Series,
    kept: NDArray[np.bool_],
) -> None:
    energies = series.energies[kept] if series.energies.ndim > 1 else series.energies
    values = {name: column[kept] for name, column in series.variables.items()}
    write_daily_file(path, product, day, epochs[kept], values, energies)


def _miscalibrated(series: Series) -> Series:
    """The field before its offset was known."""
    vector = series.variables["B_vector"]
    wrong = np.where(vector == np.float32(FILL), vector, vector + np.float32(_OFFSET)).astype(np.float32)
    return Series({**series.variables, "B_vector": wrong}, series.energies)
