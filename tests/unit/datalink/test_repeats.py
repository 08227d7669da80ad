"""Records at one instant in two files: given once where they say the same, all of them where they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutouts.extract import cut_files
from tests.support.cdf_builder import CdfBuilder
from tests.support.made_files import EVERYTHING, between, seconds


def events(path: Path, at: list[float], **values: Any) -> Path:
    """A file with some variables along one axis; a variable is its values, or its values and attributes."""
    builder = CdfBuilder().axis("Epoch", seconds(*at))
    for name, given in values.items():
        value, attributes = given if isinstance(given, tuple) else (given, {})
        builder.variable(name, np.array(value), DEPEND_0="Epoch", VAR_TYPE="data", **attributes)
    return builder.write(path)


def rows(*paths: Path, parameters: tuple[str, ...] = ("n",), interval: Any = EVERYTHING) -> list[Any]:
    with cut_files(list(paths), interval, parameters) as cut:
        column = next(one for one in cut.columns() if one.variable.name == parameters[0])
        return [one.decode().rstrip() if isinstance(one, bytes) else one for one in column.read().tolist()]


def remarks(*paths: Path) -> tuple[str, ...]:
    with cut_files(list(paths), EVERYTHING) as cut:
        return tuple(cut.remarks)


@pytest.fixture
def a(tmp_path: Path) -> Path:
    return events(tmp_path / "a.cdf", [0, 1, 2], n=[0.0, 1.0, 2.0])


def test_the_same_record_is_given_once(a: Path, tmp_path: Path) -> None:
    b = events(tmp_path / "b.cdf", [2, 3], n=[2.0, 3.0])
    assert rows(a, b) == [0, 1, 2, 3]
    assert remarks(a, b) == ()


def test_other_values_at_the_same_instant_are_given_too_and_said(a: Path, tmp_path: Path) -> None:
    b = events(tmp_path / "b.cdf", [2, 3], n=[2.5, 3.0])
    assert rows(a, b) == [0, 1, 2, 2.5, 3]
    assert remarks(a, b) == (
        "b.cdf has 1 record at instants of Epoch at which earlier files have other values: all are given",
    )
    assert rows(a, b, interval=between(2, 3)) == [2, 2.5]


def test_several_events_at_one_instant(tmp_path: Path) -> None:
    a = events(tmp_path / "a.cdf", [0, 1, 1, 1], n=[0, 10, 11, 12])
    b = events(tmp_path / "b.cdf", [1, 1, 2], n=[11, 13, 20])
    assert rows(a, b) == [0, 10, 11, 12, 13, 20]
    c = events(tmp_path / "c.cdf", [1, 1], n=[13, 14])
    assert sorted(rows(a, b, c)) == [0, 10, 11, 12, 13, 14, 20]


def test_what_is_not_asked_for_is_compared_as_well(tmp_path: Path) -> None:
    a = events(tmp_path / "a.cdf", [0, 1], n=[0, 1], m=[5, 6])
    b = events(tmp_path / "b.cdf", [1, 2], n=[1, 2], m=[7, 8])
    assert rows(a, b) == rows(a, b, parameters=("n", "m")) == [0, 1, 1, 2]


def test_fills_are_equal_whatever_a_file_writes_for_them(tmp_path: Path) -> None:
    a = events(tmp_path / "a.cdf", [0, 1], n=(np.array([0, -1e31]), {"FILLVAL": -1e31}))
    b = events(tmp_path / "b.cdf", [1, 2], n=(np.array([-999.0, 2.0]), {"FILLVAL": -999.0}))
    nan = events(tmp_path / "c.cdf", [1, 2], n=[np.nan, 2.0])
    assert len(rows(a, b)) == len(rows(a, nan)) == len(rows(a, b, nan)) == 3


@pytest.mark.parametrize(("one", "other"), [("f4", "f8"), ("i2", "i4"), ("i4", "f8"), ("u1", "i8")])
def test_types_do_not_matter_where_values_are_equal(tmp_path: Path, one: str, other: str) -> None:
    a = events(tmp_path / "a.cdf", [0, 1], n=np.array([0, 7], one))
    b = events(tmp_path / "b.cdf", [1, 2], n=np.array([7, 2], other))
    assert rows(a, b) == [0, 7, 2]
    c = events(tmp_path / "c.cdf", [1, 2], n=np.array([8, 2], other))
    assert rows(a, c) == [0, 7, 8, 2]


def test_whole_numbers_beyond_doubles_are_not_taken_for_equal(tmp_path: Path) -> None:
    big = 2**60
    a = events(tmp_path / "a.cdf", [0, 1], n=np.array([0, big], "i8"))
    b = events(tmp_path / "b.cdf", [1, 2], n=np.array([big + 1, 2], "i8"))
    assert rows(a, b) == [0, big, big + 1, 2]


def test_texts_are_compared_without_the_blanks_that_fill_them(tmp_path: Path) -> None:
    a = events(tmp_path / "a.cdf", [0, 1], n=np.array([b"no", b"shock"]))
    b = events(tmp_path / "b.cdf", [1, 2], n=np.array([b"shock  ", b"crossing"]))
    assert rows(a, b) == ["no", "shock", "crossing"]
    c = events(tmp_path / "c.cdf", [1], n=np.array([b"shocks"]))
    assert rows(a, c) == ["no", "shock", "shocks"]


def test_units_make_a_difference(tmp_path: Path) -> None:
    a = events(tmp_path / "a.cdf", [0, 1], n=([0.0, 1.0], {"UNITS": "nT"}))
    b = events(tmp_path / "b.cdf", [1, 2], n=([1.0, 2.0], {"UNITS": "T"}))
    assert rows(a, b) == [0, 1, 1, 2]


def test_what_only_the_later_file_has_is_not_lost(tmp_path: Path) -> None:
    a = events(tmp_path / "a.cdf", [0, 1], n=[0, 1])
    more = events(tmp_path / "b.cdf", [1, 2], n=[1, 2], m=(np.array([5, 6]), {"FILLVAL": -1}))
    assert rows(a, more) == [0, 1, 1, 2]
    missing = events(tmp_path / "c.cdf", [1, 2], n=[1, 2], m=(np.array([-1, 6]), {"FILLVAL": -1}))
    assert rows(a, missing) == [0, 1, 2]
    less = events(tmp_path / "d.cdf", [1, 2], n=[1, 2])
    assert rows(more, less) == [1, 2]


def test_spectra_are_compared_whole(tmp_path: Path) -> None:
    spectra = np.arange(3 * 4, dtype=float).reshape(3, 4)
    a = events(tmp_path / "a.cdf", [0, 1, 2], n=spectra)
    b = events(tmp_path / "b.cdf", [1, 2, 3], n=[[*spectra[1]], [*spectra[2, :3], -5.0], [*spectra[0]]])
    assert [one[3] for one in rows(a, b)] == [3, 7, 11, -5, 3]


def test_files_that_are_the_same_throughout_are_one(tmp_path: Path) -> None:
    """More records than are looked at together."""
    many = [float(one) for one in range(3000)]
    wide = np.random.default_rng(3).normal(size=(3000, 400))
    a = events(tmp_path / "a.cdf", many, n=wide)
    b = events(tmp_path / "b.cdf", many, n=wide)
    assert len(rows(a, b)) == 3000
    wide[2999, 399] += 1
    assert len(rows(a, events(tmp_path / "c.cdf", many, n=wide))) == 3001
