"""An archive of minutes whose values are known: a file a day, with fills and a missing day."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from epntap.instants.tt2000 import parse_utc
from tests.support.cdf_builder import CdfBuilder

__all__ = ["DAYS", "DAY_S", "FIRST_S", "MINUTES", "field", "seconds", "steps", "write_minutes"]

#: 2018-02-01, seconds since 1970
FIRST_S = 1_517_443_200
DAY_S = 86_400
DAYS = 26
MINUTES = 1440
#: of which there is no file
_MISSING = 10
_FILL = np.float32(-1e31)


def _present() -> npt.NDArray[np.int64]:
    days = np.array([day for day in range(DAYS) if day != _MISSING])
    minutes: npt.NDArray[np.int64] = (days[:, None] * MINUTES + np.arange(MINUTES)).reshape(-1)
    return minutes


def seconds() -> npt.NDArray[np.int64]:
    """Times of all records, since 1970."""
    return FIRST_S + 60 * _present()


def steps() -> npt.NDArray[np.int64]:
    """A whole number that counts on, negative at first."""
    return _present() - 5000


def field() -> npt.NDArray[np.float64]:
    """Three components as the files have them, NaN for fills: of a few minutes one is missing."""
    count = _present()
    values = np.stack([np.sin(count / 200) * 8, np.cos(count / 77) - 40, count / 1000], axis=1).astype(np.float32)
    values[count % 97 == 0, 1] = np.nan
    found: npt.NDArray[np.float64] = values.astype(np.float64)
    return found


def write_minutes(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True)
    instants = parse_utc("2018-02-01T00:00:00Z") + 60_000_000_000 * _present()
    values = np.where(np.isnan(field()), _FILL, field()).astype(np.float32)
    for place in range(0, len(instants), MINUTES):
        day = np.datetime64(FIRST_S + int(_present()[place]) * 60, "s").astype("datetime64[D]")
        here = slice(place, place + MINUTES)
        (
            CdfBuilder()
            .attribute("Logical_source", "minutes")
            .axis("Epoch", instants[here], VAR_TYPE="support_data")
            .variable("steps", steps()[here].astype(np.int32), DEPEND_0="Epoch", VAR_TYPE="data", UNITS="1")
            .variable("field", values[here], DEPEND_0="Epoch", VAR_TYPE="data", UNITS="nT", FILLVAL=_FILL)
            .write(folder / f"minutes_{str(day).replace('-', '')}_v01.cdf")
        )
