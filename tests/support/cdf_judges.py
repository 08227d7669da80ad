"""Other readers of CDF files, asked for the records of a variable: pycdfpp, cdflib, and libcdf by spacepy."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pycdfpp
import pytest

__all__ = ["JUDGES", "Judge", "libcdf", "values_of"]

#: path and name of a variable → its records as stored, FILLVAL or None
Judge = Callable[[Path, str], tuple[Any, Any]]


def _pycdfpp(path: Path, name: str) -> tuple[Any, Any]:
    file = pycdfpp.load(path.read_bytes())
    fill = dict(file[name].attributes.items()).get("FILLVAL")
    return np.array(file[name].values), None if fill is None else fill.value


def _cdflib(path: Path, name: str) -> tuple[Any, Any]:
    file = cdflib.CDF(path, string_encoding="latin-1")
    return np.array(file.varget(name)), file.varattsget(name).get("FILLVAL")


@contextmanager
def libcdf() -> Iterator[Any]:
    """The CDF library itself, as spacepy.pycdf, whose wheels for Linux hold it."""
    # it writes a settings file at its import, and warns of it
    os.environ.setdefault("SPACEPY", tempfile.mkdtemp(prefix="spacepy"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pytest.importorskip("spacepy.pycdf")


def _libcdf(path: Path, name: str) -> tuple[Any, Any]:
    with libcdf() as pycdf, pycdf.CDF(str(path)) as file:
        variable = file.raw_var(name)
        return np.array(variable[...]), variable.attrs.get("FILLVAL")


JUDGES = [pytest.param(_pycdfpp, id="pycdfpp"), pytest.param(_cdflib, id="cdflib"), pytest.param(_libcdf, id="libcdf")]


def values_of(judge: Judge, path: Path, name: str) -> list[Any]:
    """Each record of a numeric variable as numbers, None where the file's own FILLVAL stands, one list for an array."""
    values, fill = judge(path, name)
    fills = np.isin(values, np.asarray(values.dtype.type(np.ravel(fill)[0]))) if fill is not None else None
    found = []
    for number, record in enumerate(values):
        flat = np.ravel(record).tolist()
        missing = [False] * len(flat) if fills is None else np.ravel(fills[number]).tolist()
        found.append([None if gone or one != one else one for one, gone in zip(flat, missing, strict=True)])
    return found
