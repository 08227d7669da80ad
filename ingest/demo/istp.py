"""Daily CDF files with ISTP attributes, written with cdflib. Uncompressed, so that equal input gives equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from cdflib import cdfepoch
from cdflib.cdfwrite import CDF
from numpy.typing import NDArray

from ingest.demo.epochs import to_cdf_epoch
from ingest.demo.plan import Product
from ingest.demo.series import FILL

__all__ = ["DataVariable", "variables_of", "write_daily_file"]

#: attribute values: text, or a number with its CDF type
Attribute = str | list[Any]  # Any: int or float, as the type says

_FILL_TT2000 = int(np.iinfo(np.int64).min)

#: fixed, so that the archive is the same whenever it is made
_GENERATED = "20200101"

_DISCIPLINES = {"a": "Interplanetary Studies", "b": "Magnetospheric Science", "c": "Interplanetary Studies"}

_VALID_TIMES = ("1990-01-01T00:00:00.000", "2030-01-01T00:00:00.000")


@dataclass(frozen=True, slots=True)
class DataVariable:
    """What ISTP wants to know about a variable of one of the products."""

    name: str
    what: str
    label: str
    units: str
    #: factor>SI unit (ISTP SI_CONVERSION)
    si: str
    valid: tuple[float, float]
    form: str
    #: labels of the components; empty for a scalar
    components: tuple[str, ...] = ()
    frame: str = ""
    spectrogram: bool = False
    support: bool = False


_FLAG = DataVariable(
    "quality_flag", "Quality: 0 good, 1 doubtful, 2 missing", "Quality", " ", " > ", (0, 2), "I1", support=True
)


def variables_of(product: Product) -> tuple[DataVariable, ...]:
    """The variables of a product besides its times, channels and labels."""
    frame = "MSO" if product.spacecraft.letter == "c" else "GSE"
    match product.kind.code:
        case "mag":
            return (
                DataVariable(
                    "B_vector",
                    f"Magnetic field vector in {frame} coordinates",
                    f"B {frame}",
                    "nT",
                    "1.0e-9>T",
                    (-2000, 2000),
                    "F9.2",
                    ("Bx", "By", "Bz"),
                    frame,
                ),
                DataVariable(
                    "B_magnitude", "Strength of the magnetic field", "|B|", "nT", "1.0e-9>T", (0, 2000), "F9.2"
                ),
                _FLAG,
            )
        case "mom":
            return (
                DataVariable("density", "Number density of ions", "n", "cm^-3", "1.0e6>m^-3", (0, 1000), "F9.3"),
                DataVariable(
                    "velocity",
                    f"Bulk velocity of ions in {frame} coordinates",
                    f"V {frame}",
                    "km/s",
                    "1.0e3>m/s",
                    (-2000, 2000),
                    "F8.1",
                    ("Vx", "Vy", "Vz"),
                    frame,
                ),
                DataVariable("temperature", "Temperature of ions", "T", "eV", "1.6022e-19>J", (0, 1e5), "F10.2"),
            )
        case "spec":
            return (
                DataVariable(
                    "ion_flux",
                    "Differential flux of ions, mean over all directions",
                    "Ion flux",
                    "1/(cm^2 s sr eV)",
                    "6.2415e22>1/(m^2 s sr J)",
                    (0, 1e9),
                    "E12.4",
                    spectrogram=True,
                ),
            )
        case code:
            raise ValueError(f"no variables for products of kind {code}")


def write_daily_file(
    path: Path,
    product: Product,
    day: date,
    epochs: NDArray[np.int64],
    values: Mapping[str, NDArray[Any]],
    energies: NDArray[np.float32],
) -> None:
    """Write one file with these records (times in TT2000). A file of that name is replaced.

    Where the product keeps time as CDF_EPOCH, records in a leap second are left out.
    """
    kept = np.ones(epochs.size, dtype=np.bool_)
    times: NDArray[Any] = epochs
    if product.epoch_type == "CDF_EPOCH":
        times, kept = to_cdf_epoch(epochs)
    path.parent.mkdir(parents=True, exist_ok=True)
    with CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6}, delete=True) as file:
        file.write_globalattrs({name: {0: value} for name, value in _global_attributes(product, path, day).items()})
        _write(file, "Epoch", product.epoch_type, times, _epoch_attributes(product.epoch_type))
        if energies.size:
            _write_energies(file, energies, kept)
        for variable in variables_of(product):
            _write_variable(file, variable, values[variable.name][kept])


def _global_attributes(product: Product, path: Path, day: date) -> dict[str, str]:
    spacecraft, kind = product.spacecraft, product.kind
    version = path.stem.rsplit("_v", 1)[-1]
    return {
        "TITLE": f"SYNTHETIC {kind.title} of {spacecraft.name}",
        "Project": "SYNTHIA>Synthetic sample archive",
        "Discipline": f"Space Physics>{_DISCIPLINES[spacecraft.letter]}",
        "Source_name": f"SYN{spacecraft.letter.upper()}>{spacecraft.name} (SYNTHETIC)",
        "Descriptor": f"{kind.instrument}>{kind.title}",
        "Data_type": "L2>Level 2 (SYNTHETIC)",
        "Data_version": version,
        "Instrument_type": "Magnetic Fields (space)" if kind.code == "mag" else "Plasma and Solar Wind",
        "Mission_group": "Synthia (SYNTHETIC)",
        "PI_name": "none",
        "PI_affiliation": "none",
        "TEXT": (
            f"SYNTHETIC data: {kind.title} as an instrument on {spacecraft.name}, an invented spacecraft "
            f"{spacecraft.where}, might have measured. Made by a random generator; nothing here was observed."
        ),
        "Rules_of_use": "SYNTHETIC data for trying out software. Not for science.",
        "Generated_by": "sample archive generator",
        "Generation_date": _GENERATED,
        "File_naming_convention": "source_datatype_descriptor",
        "Time_resolution": f"{product.step_s} s",
        "Logical_source": product.logical_source,
        "Logical_source_description": f"SYNTHETIC {kind.title} of {spacecraft.name}, {product.step_s} s",
        "Logical_file_id": path.stem,
        "spase_DatasetResourceID": f"spase://Example/NumericalData/{spacecraft.name}/{kind.instrument}/{product.key}",
        "Start_day": f"{day:%Y%m%d}",
    }


def _epoch_attributes(epoch_type: str) -> dict[str, Attribute]:
    tt2000 = epoch_type == "CDF_TIME_TT2000"
    digits = "000000" if tt2000 else ""  # cdflib tells the types by the length of the text
    first, last = (cdfepoch.parse(text + digits).item() for text in _VALID_TIMES)
    attributes: dict[str, Attribute] = {
        "CATDESC": "Start of the sample, leap seconds included" if tt2000 else "Start of the sample, UTC",
        "FIELDNAM": "Time",
        "LABLAXIS": "Time",
        "VAR_TYPE": "support_data",
        "UNITS": "ns" if tt2000 else "ms",
        "SI_CONVERSION": "1.0e-9>s" if tt2000 else "1.0e-3>s",
        "FILLVAL": [_FILL_TT2000 if tt2000 else FILL, epoch_type],
        "VALIDMIN": [first, epoch_type],
        "VALIDMAX": [last, epoch_type],
        "SCALETYP": "linear",
        "MONOTON": "INCREASE",
    }
    if tt2000:
        attributes |= {
            "TIME_BASE": "J2000",
            "TIME_SCALE": "Terrestrial Time",
            "REFERENCE_POSITION": "Rotating Earth Geoid",
        }
    return attributes


def _write_energies(file: CDF, energies: NDArray[np.float32], kept: NDArray[np.bool_]) -> None:
    moving = energies.ndim > 1
    attributes: dict[str, Attribute] = {
        "CATDESC": "Energy at the centre of each channel",
        "FIELDNAM": "Energy",
        "LABLAXIS": "Energy",
        "UNITS": "eV",
        "SI_CONVERSION": "1.6022e-19>J",
        "FORMAT": "F9.1",
        "FILLVAL": [FILL, "CDF_REAL4"],
        "VALIDMIN": [1.0, "CDF_REAL4"],
        "VALIDMAX": [1.0e5, "CDF_REAL4"],
        "SCALETYP": "log",
        "VAR_TYPE": "support_data",
    }
    if moving:
        attributes["DEPEND_0"] = "Epoch"
    _write(file, "energy", "CDF_REAL4", energies[kept] if moving else energies, attributes, varying=moving)


def _write_variable(file: CDF, variable: DataVariable, values: NDArray[Any]) -> None:
    cdf_type = "CDF_INT2" if values.dtype == np.int16 else "CDF_REAL4"
    attributes: dict[str, Attribute] = {
        "CATDESC": f"{variable.what} (SYNTHETIC)",
        "FIELDNAM": variable.name.replace("_", " "),
        "DEPEND_0": "Epoch",
        "UNITS": variable.units,
        "SI_CONVERSION": variable.si,
        "FORMAT": variable.form,
        "FILLVAL": [-32768 if cdf_type == "CDF_INT2" else FILL, cdf_type],
        "VALIDMIN": [variable.valid[0], cdf_type],
        "VALIDMAX": [variable.valid[1], cdf_type],
        "SCALETYP": "log" if variable.spectrogram else "linear",
        "VAR_TYPE": "support_data" if variable.support else "data",
        "DISPLAY_TYPE": "spectrogram" if variable.spectrogram else "time_series",
    }
    if variable.frame:
        attributes["COORDINATE_SYSTEM"] = variable.frame
    if variable.spectrogram:
        attributes |= {"DEPEND_1": "energy", "LABLAXIS": variable.label}
    elif variable.components:
        attributes["LABL_PTR_1"] = f"{variable.name}_label"
        _write_labels(file, variable)
    else:
        attributes["LABLAXIS"] = variable.label
    _write(file, variable.name, cdf_type, values, attributes)


def _write_labels(file: CDF, variable: DataVariable) -> None:
    labels = [f"{component} {variable.frame}" for component in variable.components]
    length = max(map(len, labels))
    attributes: dict[str, Attribute] = {
        "CATDESC": f"Labels of the components of {variable.name}",
        "FIELDNAM": f"{variable.name} labels",
        "FORMAT": f"A{length}",
        "VAR_TYPE": "metadata",
    }
    spec = _spec(f"{variable.name}_label", "CDF_CHAR", (len(labels),), varying=False) | {"Num_Elements": length}
    file.write_var(spec, var_attrs=attributes, var_data=np.array([label.ljust(length) for label in labels]))


def _write(
    file: CDF, name: str, cdf_type: str, values: NDArray[Any], attributes: dict[str, Attribute], *, varying: bool = True
) -> None:
    shape = values.shape[1:] if varying else values.shape
    file.write_var(_spec(name, cdf_type, shape, varying=varying), var_attrs=attributes, var_data=values)


def _spec(name: str, cdf_type: str, shape: tuple[int, ...], *, varying: bool) -> dict[str, Any]:
    return {
        "Variable": name,
        "Data_Type": getattr(CDF, cdf_type),
        "Num_Elements": 1,
        "Rec_Vary": varying,
        "Dim_Sizes": list(shape),
        "Compress": 0,
    }
