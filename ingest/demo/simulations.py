"""Runs of an invented ionosphere code with their results. Everything in them is SYNTHETIC.

`<root>/<run>/run.toml` describes a run; beside it lie `<run>_pr.cdf`, altitude profiles, and `<run>_ts.cdf`, what
they are at one altitude. Layers are Chapman functions of altitude that rise and fall with the hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from cdflib import cdfepoch
from cdflib.cdfwrite import CDF
from numpy.typing import NDArray

__all__ = ["RUNS", "SyntheticRun", "write_simulations"]

FILL = -1.0e31
_SECOND_NS = 1_000_000_000
_ALTITUDES = np.arange(90, 490, 20, dtype=np.float32)
#: of the time series, index into _ALTITUDES
_FIXED = 10


@dataclass(frozen=True, slots=True)
class SyntheticRun:
    """One run: the altitude of its layer says which planet it is of."""

    run_id: str
    planet: str
    day: date
    hours: int
    step_s: int
    species: tuple[str, ...]
    magnetic_field: str
    atmosphere: str
    f107: float
    ap: float | None
    longitude_deg: float
    latitude_deg: float
    peak_km: float
    scale_km: float


RUNS: tuple[SyntheticRun, ...] = (
    SyntheticRun(
        "earth-quiet", "Earth", date(2008, 12, 21), 6, 300, ("e-", "O+", "NO+", "O2+"),
        "IGRF-11", "NRLMSISE-00", 68.0, 4.0, 19.2, 69.6, 250.0, 60.0,
    ),
    SyntheticRun(
        "earth-storm", "Earth", date(2003, 10, 30), 6, 300, ("e-", "O+", "NO+", "O2+"),
        "IGRF-11", "NRLMSISE-00", 271.0, 191.0, 19.2, 69.6, 300.0, 80.0,
    ),
    SyntheticRun(
        "mars-dayside", "Mars", date(2015, 3, 8), 3, 600, ("e-", "O2+", "CO2+", "O+"),
        "crustal model (SYNTHETIC)", "Mars reference atmosphere (SYNTHETIC)", 130.0, None, 180.0, -30.0, 130.0, 12.0,
    ),
    SyntheticRun(
        "jupiter-aurora", "Jupiter", date(2016, 8, 27), 2, 600, ("e-", "H+", "H3+"),
        "VIP4", "Jupiter reference atmosphere (SYNTHETIC)", 85.0, None, 170.0, 65.0, 350.0, 90.0,
    ),
    SyntheticRun(
        "venus-night", "Venus", date(2006, 5, 20), 3, 600, ("e-", "O2+", "CO2+"),
        "none", "VTS3", 80.0, None, 10.0, 5.0, 140.0, 8.0,
    ),
)  # fmt: skip


def write_simulations(root: Path) -> int:
    """Write all runs below a folder; how many. Files of the same names are replaced; the bytes are always the same."""
    for run in RUNS:
        folder = root / run.run_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.toml").write_text(_run_file(run), encoding="utf-8")
        epochs = _epochs(run)
        density = _density(run, epochs)
        _write_profiles(folder / f"{run.run_id}_pr.cdf", run, epochs, density)
        _write_series(folder / f"{run.run_id}_ts.cdf", run, epochs, density[:, _FIXED])
    return len(RUNS)


def _run_file(run: SyntheticRun) -> str:
    species = ", ".join(f'"{one}"' for one in run.species)
    ap = "" if run.ap is None else f"ap = {run.ap}\n"
    return f"""# SYNTHETIC: no such run was made.
[run]
id = "{run.run_id}"
title = "SYNTHETIC ionosphere of {run.planet}, {run.run_id}"
planet = "{run.planet}"
code = "TRANSPLANET (SYNTHETIC)"
version = "0.0"
start = {run.day.isoformat()}T00:00:00Z
duration_s = {run.hours * 3600}
step_s = {run.step_s}
species = [{species}]
created = 2020-01-01T00:00:00Z

[models]
magnetic_field = "{run.magnetic_field}"
atmosphere = "{run.atmosphere}"

[activity]
f107 = {run.f107}
{ap}
[place]
longitude_deg = {run.longitude_deg}
latitude_deg = {run.latitude_deg}
altitude_min_km = {float(_ALTITUDES[0])}
altitude_max_km = {float(_ALTITUDES[-1])}

[[result]]
file = "{run.run_id}_pr.cdf"
product = "pr"
measured = ["phys.density;phys.electron"]

[[result]]
file = "{run.run_id}_ts.cdf"
product = "ts"
measured = ["phys.density;phys.electron", "phys.temperature;phys.electron"]
"""


def _epochs(run: SyntheticRun) -> NDArray[np.int64]:
    """TT2000 of every step, from the start up to but without the end."""
    start = int(cdfepoch.compute_tt2000([run.day.year, run.day.month, run.day.day, 0, 0, 0, 0, 0, 0]))
    steps = int(timedelta(hours=run.hours).total_seconds()) // run.step_s
    return start + np.arange(steps, dtype=np.int64) * run.step_s * _SECOND_NS


def _density(run: SyntheticRun, epochs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Electron density of a Chapman layer, cm^-3, by time and altitude."""
    hours = (epochs - epochs[0]) / (3600 * _SECOND_NS)
    peak = 1.0e3 * run.f107 * (1.2 + np.cos(2 * np.pi * hours / 24))
    height = (_ALTITUDES - run.peak_km) / run.scale_km
    layer = np.exp(0.5 * (1 - height - np.exp(-height)))
    density: NDArray[np.float32] = (peak[:, None] * layer[None, :]).astype(np.float32)
    return density


def _write_profiles(path: Path, run: SyntheticRun, epochs: NDArray[np.int64], density: NDArray[np.float32]) -> None:
    with CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6}, delete=True) as file:
        _write_head(file, path, run, "altitude profiles")
        _write(file, "Epoch", "CDF_TIME_TT2000", epochs, _epoch_attributes())
        _write(file, "altitude", "CDF_REAL4", _ALTITUDES, _attributes("Altitude", "km", "support_data"), varying=False)
        attributes = _attributes("Electron density", "cm^-3", "data")
        attributes |= {"DEPEND_0": "Epoch", "DEPEND_1": "altitude", "DISPLAY_TYPE": "spectrogram"}
        _write(file, "electron_density", "CDF_REAL4", density, attributes)


def _write_series(path: Path, run: SyntheticRun, epochs: NDArray[np.int64], density: NDArray[np.float32]) -> None:
    temperature = (800 + 0.5 * run.f107 + 1.0e-3 * density).astype(np.float32)
    with CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6}, delete=True) as file:
        _write_head(file, path, run, f"time series at {_ALTITUDES[_FIXED]:.0f} km")
        _write(file, "Epoch", "CDF_TIME_TT2000", epochs, _epoch_attributes())
        for name, title, units, values in (
            ("electron_density", "Electron density", "cm^-3", density),
            ("electron_temperature", "Electron temperature", "K", temperature),
        ):
            attributes = _attributes(title, units, "data") | {"DEPEND_0": "Epoch", "DISPLAY_TYPE": "time_series"}
            _write(file, name, "CDF_REAL4", values, attributes)


def _write_head(file: CDF, path: Path, run: SyntheticRun, what: str) -> None:
    said = {
        "TITLE": f"SYNTHETIC ionosphere of {run.planet}: {what}",
        "Discipline": "Planetary Science>Ionospheric Science",
        "Source_name": "TRANSPLANET>simulation (SYNTHETIC)",
        "Data_type": "MOD>Model (SYNTHETIC)",
        "Logical_source": path.stem,
        "Logical_file_id": path.stem,
        "TEXT": f"SYNTHETIC {what}, made by a formula for trying out software. Not the result of any simulation.",
        "Generation_date": "20200101",
    }
    file.write_globalattrs({name: {0: value} for name, value in said.items()})


def _epoch_attributes() -> dict[str, Any]:  # text, or a number with its CDF type
    fill = int(np.iinfo(np.int64).min)
    return {
        "CATDESC": "Start of the step, leap seconds included",
        "FIELDNAM": "Time",
        "VAR_TYPE": "support_data",
        "UNITS": "ns",
        "FILLVAL": [fill, "CDF_TIME_TT2000"],
        "TIME_BASE": "J2000",
        "TIME_SCALE": "Terrestrial Time",
    }


def _attributes(title: str, units: str, var_type: str) -> dict[str, Any]:  # text, or a number with its CDF type
    return {
        "CATDESC": f"{title} (SYNTHETIC)",
        "FIELDNAM": title,
        "LABLAXIS": title,
        "UNITS": units,
        "VAR_TYPE": var_type,
        "FILLVAL": [FILL, "CDF_REAL4"],
    }


def _write(
    file: CDF,
    name: str,
    cdf_type: str,
    values: NDArray[Any],
    attributes: dict[str, Any],  # text, or a number with its CDF type
    *,
    varying: bool = True,
) -> None:
    spec = {
        "Variable": name,
        "Data_Type": getattr(CDF, cdf_type),
        "Num_Elements": 1,
        "Rec_Vary": varying,
        "Dim_Sizes": list(values.shape[1:] if varying else values.shape),
        "Compress": 0,
    }
    file.write_var(spec, var_attrs=attributes, var_data=values)
