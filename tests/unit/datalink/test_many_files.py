"""Datasets of several files that differ: the same answer for a record whatever else is asked for, and right."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import votable
from hypothesis import given, settings
from hypothesis import strategies as st

from cutouts.extract import cut_files
from cutouts.interval import Interval
from cutouts.joined.series import Column, SeriesCut
from epntap.cdf import CdfFile
from epntap.cdf.fills import is_fill
from tests.support.cdf_builder import CdfBuilder
from tests.support.cdf_judges import JUDGES, Judge, values_of
from tests.support.differing_files import write_differing
from tests.support.examples import examples
from tests.support.made_files import EVERYTHING, between, rendered, seconds

CASES = Path(os.environ.get("EPNTAP_SHARED", str(Path(__file__).parents[3].parent / "shared"))) / "cases" / "cdf"


def _column(cut: SeriesCut, name: str) -> Column | None:
    return next((column for column in cut.columns() if column.variable.name == name), None)


def _cells(cut: SeriesCut, name: str) -> list[list[float | str | None]]:
    """Each row of a column, None where nothing is known; what a shorter record does not have is left away."""
    column = _column(cut, name)
    if column is None:
        return [[] for _ in range(len(cut.axes[0]))]
    values = column.read()
    if column.variable.cdf_type.is_text:
        return [[word.decode().rstrip()] for word in values.reshape(-1).tolist()]
    fills = is_fill(column.variable, values)
    rows = []
    for number, record in enumerate(values):
        row = [None if one != one else one for one in np.ravel(record).tolist()]
        if fills is not None:
            row = [None if gone else one for one, gone in zip(row, np.ravel(fills[number]).tolist(), strict=True)]
        while row and row[-1] is None:
            row.pop()
        rows.append(row)
    return rows if column.variable.record_varying else rows * len(cut.axes[0])


def _records(paths: Sequence[Path], interval: Interval) -> list[tuple[int, list[Any], str]]:
    """Instant, value and unit of each record."""
    with cut_files(paths, interval) as cut:
        instants = [int(one) for one in cut.axes[0].time.instants()]
        column = _column(cut, "n")
        if column is not None and column.units_differ:
            units = [str(row[0]) for row in _cells(cut, "n_units")]
        else:
            units = [(column.units if column is not None else None) or ""] * len(instants)
        cells = _cells(cut, "n")
        # where a file does not have the variable there is no unit to compare
        known = [unit if any(one is not None for one in cell) else "" for unit, cell in zip(units, cells, strict=True)]
        return list(zip(instants, cells, known, strict=True))


one_file = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["f4", "f8", "i2", "i4", "u1"]),
        "fill": st.sampled_from([None, 1, 7, 99, -1, -99]),
        "size": st.sampled_from([2, 3]),
        "units": st.sampled_from([None, "nT", "T"]),
        "spelled": st.sampled_from(["n", "N"]),
        "present": st.sampled_from(["series", "series", "series", "whole", "lacking", "short"]),
        "epochs": st.sampled_from(["tt2000", "epoch"]),
        "values": st.lists(st.sampled_from([0, 1, 2, 7, 99]), min_size=3, max_size=3),
    }
)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(one_file, min_size=1, max_size=4), st.lists(st.integers(-1, 40), min_size=1, max_size=3))
def test_a_record_is_the_same_whatever_else_is_asked_for(
    tmp_path_factory: pytest.TempPathFactory, files: list[dict[str, Any]], cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    paths = [write_differing(folder / f"{number}.cdf", 10 * number, about) for number, about in enumerate(files)]
    bounds = [-5, *sorted(cuts), 60]
    parts = [between(first, stop) for first, stop in pairwise(bounds)]
    assert _records(paths, EVERYTHING) == [record for part in parts for record in _records(paths, part)]


def test_a_value_that_is_a_fill_in_another_file_stays_a_value(tmp_path: Path) -> None:
    paths = [
        CdfBuilder()
        .axis("Epoch", seconds(10 * number, 10 * number + 1))
        .variable("n", np.array([-1, -99], "i2"), DEPEND_0="Epoch", FILLVAL=np.int16(fill))
        .write(tmp_path / f"{number}.cdf")
        for number, fill in enumerate([-1, -99])
    ]
    with cut_files(paths, EVERYTHING) as cut:
        assert _cells(cut, "n") == [[], [-99], [-1], []]
        assert cut.remarks == (
            "the fill values of n are those of each file (-1 in 0.cdf; -99 in 1.cdf): they are given as -32768",
        )
    lines = rendered(paths, "csv").decode().splitlines()
    assert [line.partition(",")[2] for line in lines] == ["n", "", "-99", "-1", ""]


def test_where_no_number_is_free_for_a_fill_the_type_is_wider(tmp_path: Path) -> None:
    paths = [
        CdfBuilder()
        .axis("Epoch", seconds(*range(first, first + 256)))
        .variable("n", np.arange(256).astype("u1"), DEPEND_0="Epoch", FILLVAL=np.int16(fill))
        .write(tmp_path / f"{first}.cdf")
        for first, fill in ((0, -1), (1000, 9))
    ]
    with cut_files(paths, EVERYTHING) as cut:
        expected = [[number] for number in range(256)]
        assert _cells(cut, "n") == expected + [[] if number == 9 else [number] for number in range(256)]


#: folder, dataset, variable
SEVERAL = [
    ("01_fill_differs", "mfill", "B"),
    ("01_fill_differs", "mfill", "N"),
    ("01_fill_differs", "mfill", "V"),
    ("01_fill_differs", "xf_first_none", "B"),
    ("01_fill_differs", "xf_nan_first", "B"),
    ("01_fill_differs", "xf_sign", "B"),
    ("02_units_differ", "munits", "B"),
    ("02_units_differ", "xu_first_none", "B"),
    ("03_variable_missing_in_a_file", "mnewvar", "NewNoFill"),
    ("03_variable_missing_in_a_file", "mnewvar", "NewInt"),
    ("03_variable_missing_in_a_file", "mnewvar", "NewPad0"),
    ("07_time_type_changes", "mepochtype", "B"),
    ("07_time_type_changes", "xe_16_tt", "B"),
    ("08_one_bad_file_removes_variable", "memptyone", "B"),
    ("08_one_bad_file_removes_variable", "mshortone", "K"),
    ("08_one_bad_file_removes_variable", "mtype", "B"),
    ("08_one_bad_file_removes_variable", "mtype", "G"),
    ("08_one_bad_file_removes_variable", "mtype", "F"),
    ("08_one_bad_file_removes_variable", "xz_empty_first", "B"),
    ("08_one_bad_file_removes_variable", "xz_virtual_first", "W"),
]


def _files(folder: str, dataset: str) -> list[Path]:
    return sorted((CASES / folder).glob(f"{dataset}_2020*.cdf"))


def _expected(judge: Judge, folder: str, dataset: str, name: str) -> list[Any]:
    """What another reader reads of each file by itself, one file after the other; nothing where one has nothing."""
    found: list[Any] = []
    for path in _files(folder, dataset):
        with CdfFile(path) as file:
            count = file.variables["Epoch"].records
            held = name in file.variables and file.variables[name].records == count
        found += values_of(judge, path, name) if held else [[None]] * count
    return found


@pytest.mark.shared
@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(("folder", "dataset", "name"), SEVERAL)
def test_several_files_are_what_other_readers_read_of_each(
    tmp_path: Path, judge: Judge, folder: str, dataset: str, name: str
) -> None:
    paths = _files(folder, dataset)
    expected = _expected(judge, folder, dataset, name)
    whole = tmp_path / "cut.cdf"
    for compress in (False, True):
        whole.write_bytes(rendered(paths, "cdf", compress=compress))
        assert _same(values_of(judge, whole, name), expected)
    rows = list(csv.reader(io.StringIO(rendered(paths, "csv").decode(), newline="")))
    places = [place for place, title in enumerate(rows[0]) if title == name or title.startswith(f"{name}[")]
    # a text reads back as the same number of its own type
    number = judge(whole, name)[0].dtype.type
    texts = [[number(row[place]).item() if row[place] else None for place in places] for row in rows[1:]]
    assert _same(texts, expected)
    table = pq.read_table(io.BytesIO(rendered(paths, "parquet")))
    assert _same([one if isinstance(one, list) else [one] for one in table[name].to_pylist()], expected)
    for form in ("votable", "votable/b2"):
        read = votable.parse(io.BytesIO(rendered(paths, form))).get_first_table()
        field = next(one for one in read.fields if one.name == name)
        null = field.values.null
        cells = [_unmasked(one) for one in read.array[field.ID]]
        assert _same([[None if one in (null, None) else one for one in row] for row in cells], expected)


def _same(found: list[list[Any]], expected: list[list[Any]]) -> bool:
    def plain(rows: list[list[Any]]) -> list[list[Any]]:
        return [[None if one is None or one != one else one for one in row] for row in rows]

    wide = [row if len(row) == len(one) else row * len(one) for row, one in zip(expected, found, strict=True)]
    return plain(found) == plain(wide)


def _unmasked(cell: Any) -> list[Any]:
    """The numbers of a cell, None where astropy masks one."""
    values, gone = np.ravel(np.ma.getdata(cell)).tolist(), np.ravel(np.ma.getmaskarray(cell)).tolist()
    return [None if missing else one for one, missing in zip(values, gone, strict=True)]


TO_SIX = [[float(n)] for n in range(1, 7)]
NOTHING: list[list[float | str | None]] = [[]] * 6
#: folder, dataset, variable, rows, and what begins a remark; of what a file lacks or has in another way
VARIANTS: dict[str, tuple[str, str, str, Any, str]] = {
    "a name in another case": ("03_variable_missing_in_a_file", "mnamecase", "Bx", TO_SIX * 2, "Bx is called BX in"),
    "a new variable without FILLVAL": (
        "03_variable_missing_in_a_file", "mnewvar", "NewNoFill", NOTHING + TO_SIX, "NewNoFill is missing",
    ),
    "a new variable whose pad value is 0": (
        "03_variable_missing_in_a_file", "mnewvar", "NewPad0", NOTHING + TO_SIX, "NewPad0 is missing",
    ),
    "new integers": (
        "03_variable_missing_in_a_file", "mnewvar", "NewInt", NOTHING + [[n] for n in range(6)], "NewInt is missing",
    ),
    "a new text": ("03_variable_missing_in_a_file", "mnewvar", "NewT", [[""]] * 6 + [["abc"]] * 6, "NewT is missing"),
    "a record too few": (
        "08_one_bad_file_removes_variable", "mshortone", "B", [[float(n)] for n in range(6)] + NOTHING,
        "B is missing (fill value -1e+31) in the records of mshortone_20200302_v01.cdf",
    ),
    "another axis from some day on": (
        "08_one_bad_file_removes_variable", "maxischange", "B", TO_SIX + NOTHING, "B is missing",
    ),
    "three channels, then four": (
        "08_one_bad_file_removes_variable", "mdims", "F",
        [[3.0 * n + m for m in range(3)] for n in range(6)] + [[4.0 * n + m for m in range(4)] for n in range(6)],
        "F has several shapes",
    ),
    "texts of another length": (
        "08_one_bad_file_removes_variable", "mtextlen", "Q", [["ok0"]] * 6 + [["ok1"]] * 6, "Q has several types",
    ),
    "energies that vary from some day on": (
        "08_one_bad_file_removes_variable", "mnrvrv", "En", [[1.0, 2.0, 3.0]] * 12, "",
    ),
    "virtual in the first file": (
        "08_one_bad_file_removes_variable", "xz_virtual_first", "W", [[]] * 4 + [[float(n)] for n in range(1, 5)],
        "W is missing",
    ),
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize(("folder", "dataset", "name", "expected", "said"), VARIANTS.values(), ids=list(VARIANTS))
def test_a_variable_that_a_file_lacks_or_has_in_another_way(
    folder: str, dataset: str, name: str, expected: Any, said: str
) -> None:
    """The values are those that the files were written with; what is missing is told from every value."""
    with cut_files(_files(folder, dataset), EVERYTHING) as cut:
        assert _cells(cut, name) == expected
        assert name not in cut.left_out
        if said:
            assert any(remark.startswith(said) for remark in cut.remarks)
        else:
            assert cut.remarks == ()


@pytest.mark.shared
def test_a_variable_whose_axis_changes_goes_on_under_another_name() -> None:
    with cut_files(_files("08_one_bad_file_removes_variable", "maxischange"), EVERYTHING) as cut:
        assert _cells(cut, "B_Epoch2") == NOTHING + TO_SIX
        assert _cells(cut, "K") == _cells(cut, "K2") == TO_SIX * 2
