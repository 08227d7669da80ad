"""Siblings of odd files: the same kinds in other types, places and compressions, with other readers as judges."""

from __future__ import annotations

import csv
import io
import os
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pyarrow.parquet as pq
import pycdfpp
import pytest
from astropy.io import votable

from cutouts.extract import cut_files
from epntap.cdf import index_file
from epntap.errors import UnreadableFileError
from tests.support.cdf_builder import CdfBuilder
from tests.support.cdf_judges import JUDGES, Judge, libcdf, values_of
from tests.support.made_files import EVERYTHING, rendered, seconds

CASES = Path(os.environ.get("EPNTAP_SHARED", str(Path(__file__).parents[3].parent / "shared"))) / "cases" / "cdf"
FORMATS = ("cdf", "csv", "txt", "votable", "votable/b2", "parquet")


def _rows(paths: list[Path], parameters: tuple[str, ...] = ()) -> list[dict[str, str]]:
    content = rendered(paths, "csv", EVERYTHING, parameters).decode()
    return list(csv.DictReader(io.StringIO(content, newline="")))


@pytest.mark.shared
@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    ("name", "pointed_to"),
    [
        ("l_energy_as_records", "En"),
        ("l_energy_one_time_one", "En"),
        ("l_labels_other_count", "cart"),
        ("nce32d6d2_line", "cartesian"),
    ],
)
def test_what_is_pointed_to_is_never_cut_like_a_series(
    tmp_path: Path, judge: Judge, name: str, pointed_to: str
) -> None:
    path = CASES / "04_axis_stored_as_records" / f"{name}.cdf"
    with cut_files([path], EVERYTHING) as cut:
        assert pointed_to not in {column.variable.name for axis in cut.axes for column in axis.columns}
        assert not cut.left_out
    written = tmp_path / "cut.cdf"
    written.write_bytes(rendered([path], "cdf"))
    whole, carried = (np.ravel(judge(one, pointed_to)[0]) for one in (path, written))
    assert carried.tolist() == whole.tolist()


@pytest.mark.shared
@pytest.mark.parametrize("judge", JUDGES)
def test_an_axis_that_is_spelled_otherwise_goes_on(tmp_path: Path, judge: Judge) -> None:
    paths = sorted((CASES / "07_time_type_changes").glob("mepochcase_2020*.cdf"))
    expected = [record for path in paths for record in values_of(judge, path, "B")]
    written = tmp_path / "cut.cdf"
    written.write_bytes(rendered(paths, "cdf"))
    assert values_of(judge, written, "B") == expected
    assert [[float(row["B"])] for row in _rows(paths)] == expected


@pytest.mark.shared
@pytest.mark.parametrize("dataset", ["mepochtype", "xe_16_tt", "mepochcase"])
def test_a_parameter_along_times_of_two_types_can_be_asked_for(dataset: str) -> None:
    paths = sorted((CASES / "07_time_type_changes").glob(f"{dataset}_2020*.cdf"))
    assert _rows(paths, ("B",)) == _rows(paths)
    assert len(_rows(paths)) == sum(len(cdflib.CDF(path).varget("B")) for path in paths)


@pytest.mark.parametrize(("kind", "free"), [("u2", 65534), ("u1", 254), ("i4", -2147483647), ("f8", -1e30)])
def test_no_pad_stands_for_what_a_file_lacks(tmp_path: Path, kind: str, free: float) -> None:
    """The pad value of the type is among the values of the other file, so that it cannot be what is missing."""
    bare = CdfBuilder().axis("Epoch", seconds(0, 1)).variable("other", np.zeros(2), DEPEND_0="Epoch")
    full = (
        CdfBuilder()
        .axis("Epoch", seconds(10, 11))
        .variable("n", np.array([free, 5], kind), DEPEND_0="Epoch")
        .variable("V", np.array([[free, 5], [5, free]], kind), DEPEND_0="Epoch")
        .variable("other", np.zeros(2), DEPEND_0="Epoch")
    )
    paths = [bare.write(tmp_path / "0.cdf"), full.write(tmp_path / "1.cdf")]
    number = np.dtype(kind).type
    found = [[number(row[name]) if row[name] else None for name in ("n", "V[0]", "V[1]")] for row in _rows(paths)]
    assert found == [[None] * 3] * 2 + [[number(free), number(free), number(5)], [number(5), number(5), number(free)]]
    assert pq.read_table(io.BytesIO(rendered(paths, "parquet")))["n"].to_pylist() == [None, None, free, 5]
    for form in ("votable", "votable/b2"):
        table = votable.parse(io.BytesIO(rendered(paths, form))).get_first_table()
        null = next(field.values.null for field in table.fields if field.name == "n")
        cells = [None if masked else one for one, masked in _masked(table.array["n"])]
        assert [None if one in (null, None) or one != one else one for one in cells] == [None, None, free, 5]


def _masked(column: Any) -> list[tuple[Any, bool]]:
    return list(zip(np.ma.getdata(column).tolist(), np.ma.getmaskarray(column).tolist(), strict=True))


@pytest.mark.shared
@pytest.mark.parametrize("judge", JUDGES)
def test_what_is_virtual_and_stored_all_the_same_is_given(tmp_path: Path, judge: Judge) -> None:
    path = CASES / "09_nrv_virtual" / "v_nrv_virtual_written.cdf"
    written = tmp_path / "cut.cdf"
    written.write_bytes(rendered([path], "cdf"))
    assert np.ravel(judge(written, "Vn")[0]).tolist() == np.ravel(judge(path, "Vn")[0]).tolist()


@pytest.mark.parametrize("attribute", ["DEPEND_1", "LABL_PTR_1", "UNIT_PTR"])
def test_what_points_to_something_virtual_can_be_asked_for(tmp_path: Path, attribute: str) -> None:
    pointer: dict[str, Any] = {attribute: "En"}
    path = (
        CdfBuilder()
        .axis("Epoch", seconds(0, 1))
        .variable("F", np.arange(4.0).reshape(2, 2), DEPEND_0="Epoch", **pointer)
        .variable("En", np.empty((0, 2)), fixed=True, VIRTUAL="TRUE", FUNCT="made_up")
        .write(tmp_path / "a.cdf")
    )
    for form in FORMATS:
        assert rendered([path], form, EVERYTHING, ["F"])
    assert [row["F[1]"] for row in _rows([path], ("F",))] == ["1.0", "3.0"]


def _packed_by_libcdf(path: Path, compression: str, packed: Any, *, fixed: bool) -> None:
    with libcdf() as pycdf, pycdf.CDF(str(path), create=True) as file:
        file.new("Epoch", data=np.array(seconds(*range(300))), type=pycdf.const.CDF_TIME_TT2000)
        kind = getattr(pycdf.const, compression)
        variable = file.new("packed", data=packed, recVary=not fixed, compress=kind)
        file.new("n", data=np.arange(300.0)).attrs["DEPEND_0"] = "Epoch"
        if not fixed:
            variable.attrs["DEPEND_0"] = "Epoch"


def _packed_by_pycdfpp(path: Path, packed: Any, *, fixed: bool) -> None:
    file = pycdfpp.CDF()
    times = np.datetime64("2015-12-01T00:00:00", "ns") + np.arange(300).astype("timedelta64[s]")
    file.add_variable("Epoch", times, data_type=pycdfpp.DataType.CDF_TIME_TT2000)
    zstd = pycdfpp.CompressionType.zstd_compression
    about = {} if fixed else {"DEPEND_0": "Epoch"}
    file.add_variable(
        "packed", packed[np.newaxis] if fixed else packed, is_nrv=fixed, compression=zstd, attributes=about
    )
    file.add_variable("n", np.arange(300.0), attributes={"DEPEND_0": "Epoch"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that others cannot read it
        assert pycdfpp.save(file, str(path))


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("compression", ["HUFF_COMPRESSION", "AHUFF_COMPRESSION", "zstd"])
def test_a_compression_that_is_not_supported_takes_one_variable(tmp_path: Path, compression: str, fixed: bool) -> None:
    path = tmp_path / "a.cdf"
    packed = np.zeros((300, 10))
    if compression == "zstd":
        _packed_by_pycdfpp(path, packed, fixed=fixed)
    else:
        _packed_by_libcdf(path, compression, packed, fixed=fixed)
    for form in FORMATS:
        assert rendered([path], form)
    with cut_files([path], EVERYTHING) as cut:
        assert list(cut.left_out) == ["packed"]
        assert "compression, which is not supported" in cut.left_out["packed"]
    assert [float(row["n"]) for row in _rows([path])] == list(range(300))


def test_a_virtual_epoch_beside_a_dated_series_is_named(tmp_path: Path) -> None:
    path = (
        CdfBuilder()
        .axis("Epoch", seconds(0, 1))
        .variable("n", [1.0, 2.0], DEPEND_0="Epoch")
        .axis("Epoch_bin", [0.0], kind="epoch", VIRTUAL="TRUE", FUNCT="made_up")
        .variable("m", [3.0], DEPEND_0="Epoch_bin")
        .write(tmp_path / "a.cdf")
    )
    assert index_file(path).records == 2
    assert [float(row["n"]) for row in _rows([path], ("n",))] == [1.0, 2.0]


@pytest.mark.shared
@pytest.mark.parametrize("judge", JUDGES)
def test_energies_of_one_record_are_what_other_readers_read(tmp_path: Path, judge: Judge) -> None:
    path = CASES / "14_rv_without_depend0" / "v_energy_once.cdf"
    written = tmp_path / "cut.cdf"
    written.write_bytes(rendered([path], "cdf"))
    assert np.ravel(judge(written, "Energy")[0]).tolist() == np.ravel(judge(path, "Energy")[0]).tolist()
    assert values_of(judge, written, "Flux") == values_of(judge, path, "Flux")


@pytest.mark.shared
@pytest.mark.parametrize("judge", JUDGES)
def test_fills_of_another_type_become_fills_that_other_readers_see(tmp_path: Path, judge: Judge) -> None:
    """What CSV leaves empty has, in CDF, the FILLVAL of its variable or is NaN, for readers that know nothing of us."""
    path = CASES / "17_fillval_of_other_type" / "v_fillmix.cdf"
    written = tmp_path / "cut.cdf"
    written.write_bytes(rendered([path], "cdf"))
    rows = _rows([path])
    for name in rows[0]:
        if name == "Epoch" or "[" in name or name == "r4_nan_fill":
            continue
        missing = [one[0] is None for one in values_of(judge, written, name)]
        assert missing == [row[name] in {"", "NaN"} for row in rows], name


@pytest.mark.shared
@pytest.mark.parametrize("size", [-(2**63), -1, 0, 500, 2**40, 2**63 - 1])
def test_impossible_sizes_are_refused(tmp_path: Path, size: int) -> None:
    content = bytearray((CASES / "06_negative_size_kills_ingest" / "neg_size.cdf").read_bytes())
    # magic numbers (8), size (8), type (4), place of the parameters (8), then the size of what was compressed
    content[28:36] = size.to_bytes(8, "big", signed=True)
    path = tmp_path / "a.cdf"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"a\.cdf"):
        index_file(path)


@pytest.mark.parametrize("length", [0, 1, 4, 7, 8, 27])
def test_the_first_bytes_only_are_refused(tmp_path: Path, length: int) -> None:
    whole = CdfBuilder().axis("Epoch", seconds(0)).variable("n", [1.0], DEPEND_0="Epoch").write(tmp_path / "b.cdf")
    path = tmp_path / "a.cdf"
    path.write_bytes(whole.read_bytes()[:length])
    with pytest.raises(UnreadableFileError, match=r"a\.cdf"):
        index_file(path)


def test_a_column_of_units_takes_no_name_of_another(tmp_path: Path) -> None:
    paths = [
        CdfBuilder()
        .axis("Epoch", seconds(10 * number))
        .variable("n", [1.0], DEPEND_0="Epoch", UNITS=units)
        .variable("n_units", [7.0], DEPEND_0="Epoch")
        .write(tmp_path / f"{number}.cdf")
        for number, units in enumerate(["nT", "T"])
    ]
    assert [(row["n_units"], row["n_units_2"]) for row in _rows(paths)] == [("7.0", "nT"), ("7.0", "T")]


def test_parents_and_parents_of_the_source_are_both_kept(tmp_path: Path) -> None:
    path = (
        CdfBuilder()
        .attribute("Parents", "CDF>mother", "CDF>father")
        .attribute("Source_Parents", "CDF>grandmother")
        .axis("Epoch", seconds(0, 1))
        .variable("n", [1.0, 2.0], DEPEND_0="Epoch")
        .write(tmp_path / "a.cdf")
    )
    first, second = tmp_path / "first.cdf", tmp_path / "second.cdf"
    first.write_bytes(rendered([path], "cdf"))
    second.write_bytes(rendered([first], "cdf"))
    for written, parent in ((first, "a"), (second, "first")):
        found = cdflib.CDF(written).globalattsget()
        assert found["Parents"] == [f"CDF>{parent}"]
        assert found["Source_Parents"] == ["CDF>grandmother"]
        assert found["Source_Parents_2"] == ["CDF>mother", "CDF>father"]


@pytest.mark.shared
def test_millions_of_records_that_were_never_written_take_no_memory() -> None:
    path = CASES / "20_sparse_memory" / "w_sparse40M.cdf"
    tracemalloc.start()
    try:
        index_file(path)
        for form in FORMATS:
            assert rendered([path], form)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20
