"""Files that are odd: what is in them is given, or left out by name, before the first byte."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import votable

from cutouts.extract import cut_files
from cutouts.interval import Interval
from epntap.cdf import CdfFile, CdfType, format_utc, index_file, parse_utc, select, to_tt2000
from epntap.errors import ParameterError, UnreadableFileError
from epntap.instants.leapseconds import SECOND_NS
from tests.support.cdf_builder import CdfBuilder
from tests.support.cdf_judges import JUDGES, Judge, values_of
from tests.support.made_files import EVERYTHING, between, rendered, seconds, with_leap_table

CASES = Path(os.environ.get("EPNTAP_SHARED", str(Path(__file__).parents[3].parent / "shared"))) / "cases" / "cdf"
FORMATS = ("cdf", "csv", "txt", "votable", "votable/b2", "parquet")


def _rows(path: Path, interval: Interval = EVERYTHING, parameters: tuple[str, ...] = ()) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(rendered([path], "csv", interval, parameters).decode(), newline="")))


@pytest.mark.shared
@pytest.mark.parametrize("judge", JUDGES)
def test_energies_stored_as_records_are_carried_whole(tmp_path: Path, judge: Judge) -> None:
    path = CASES / "04_axis_stored_as_records" / "l_energy_as_records.cdf"
    two = Interval(parse_utc("2016-12-31T23:59:51"), parse_utc("2016-12-31T23:59:53"))
    cut = tmp_path / "cut.cdf"
    cut.write_bytes(rendered([path], "cdf", two))
    assert len(values_of(judge, cut, "F")) == 2
    assert np.ravel(judge(cut, "En")[0]).tolist() == [10.0, 20.0, 30.0, 40.0]
    with CdfFile(cut) as file:
        assert file.variables["F"].depends == ("En",)
    assert "# Dimension 1 of F, En [keV]: 10.0, 20.0, 30.0, 40.0" in rendered([path], "txt", two).decode()
    table = votable.parse(io.BytesIO(rendered([path], "votable", two))).get_first_table()
    assert {param.name: np.ravel(param.value).tolist() for param in table.params} == {"En": [10.0, 20.0, 30.0, 40.0]}


def test_energies_of_each_record_without_depend_0_are_cut_with_time(tmp_path: Path) -> None:
    path = (
        CdfBuilder()
        .axis("Epoch", seconds(0, 1, 2))
        .variable("F", np.arange(6.0).reshape(3, 2), DEPEND_0="Epoch", DEPEND_1="En")
        .variable("En", np.arange(6.0).reshape(3, 2) * 10)
        .write(tmp_path / "a.cdf")
    )
    with cut_files([path], between(1, 3)) as cut:
        (energy,) = (column for column in cut.axes[0].columns if column.variable.name == "En")
        assert energy.read().tolist() == [[20.0, 30.0], [40.0, 50.0]]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["v_nrv_virtual", "v_nrv_virtual_lower", "v_nrv_virtual_text"])
def test_what_does_not_vary_and_is_virtual_is_left_out(name: str) -> None:
    path = CASES / "09_nrv_virtual" / f"{name}.cdf"
    for form in FORMATS:
        assert rendered([path], form)
    with cut_files([path], EVERYTHING) as cut:
        assert all("is virtual" in reason for reason in cut.left_out.values())
        assert len(cut.left_out) == 1


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "gone", "there"),
    [("c_one_huff", {"H"}, {"B"}), ("c_var_huff", {"F", "T"}, {"I", "D"}), ("c_var_ahuff", {"F", "T"}, {"I", "D"})],
)
def test_an_unsupported_compression_takes_one_variable_only(name: str, gone: set[str], there: set[str]) -> None:
    path = CASES / "10_unsupported_compression_in_one_variable" / f"{name}.cdf"
    for form in FORMATS:
        assert rendered([path], form)
    with cut_files([path], EVERYTHING) as cut:
        assert set(cut.left_out) == gone
        assert there <= {column.variable.name for column in cut.axes[0].columns}
    with pytest.raises(ParameterError, match="compression, which is not supported"):
        rendered([path], "csv", EVERYTHING, [min(gone)])


@pytest.mark.shared
def test_data_that_do_not_vary_are_in_the_tables() -> None:
    folder = CASES / "12_nrv_data_lost_in_tables"
    (row,) = _rows(folder / "n_cluster_single.cdf")
    assert [row[f"B_vec[{number}]"] for number in range(3)] == ["1.0", "2.0", "3.0"]
    assert row["N"] == "5.0"
    table = pq.read_table(io.BytesIO(rendered([folder / "v_nrv_single.cdf"], "parquet")))
    assert table["B"].to_pylist() == [7.5]
    (only,) = _rows(folder / "n_cluster_single.cdf", parameters=("B_vec",))
    assert only["B_vec[2]"] == "3.0"


@pytest.mark.shared
@pytest.mark.parametrize("judge", JUDGES)
def test_epochs_of_themis_are_computed_as_their_function_says(judge: Judge) -> None:
    path = CASES / "13_refused_though_data" / "n_themis_virtual.cdf"
    since_1970 = np.ravel(judge(path, "tha_x_time")[0])
    rows = _rows(path)
    times = [np.datetime64(round(second * 1000), "ms") for second in since_1970.tolist()]
    assert [np.datetime64(row["tha_x_epoch"], "ms") for row in rows] == times
    assert [float(row["tha_x"]) for row in rows] == np.ravel(judge(path, "tha_x")[0]).tolist()
    assert index_file(path).records == 10


@pytest.mark.shared
def test_an_epoch_that_does_not_vary_is_an_axis() -> None:
    (row,) = _rows(CASES / "13_refused_though_data" / "n_epoch_nrv.cdf")
    assert row["Epoch"] == "2016-12-31T23:59:50.000"
    assert [row[f"map[{number}]"] for number in range(6)] == ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0"]


def test_times_along_a_dimension_are_refused_for_this_reason(tmp_path: Path) -> None:
    path = CdfBuilder().axis("t_qs", np.array([seconds(0, 1, 2)])).write(tmp_path / "a.cdf")
    with pytest.raises(UnreadableFileError, match=r"times along a dimension \(t_qs of 3\), which cannot be cut"):
        index_file(path)


def test_a_virtual_axis_is_said_to_be_virtual(tmp_path: Path) -> None:
    path = (
        CdfBuilder()
        .axis("Epoch", np.empty(0, "i8"), VIRTUAL="TRUE", FUNCT="SOMETHING")
        .variable("n", [1.0], DEPEND_0="Epoch")
        .write(tmp_path / "a.cdf")
    )
    with pytest.raises(UnreadableFileError, match=r"its time axis is virtual, to be computed and not stored \(Epoch\)"):
        index_file(path)


@pytest.mark.shared
def test_one_record_without_depend_0_stays_with_those_that_point_to_it(tmp_path: Path) -> None:
    path = CASES / "14_rv_without_depend0" / "v_energy_once.cdf"
    cut = tmp_path / "cut.cdf"
    cut.write_bytes(rendered([path], "cdf"))
    with CdfFile(cut) as file:
        assert file.variables["Flux"].depends == ("Energy",)
        assert file.read("Energy").tolist() == [[1.0, 2.0, 3.0]]
        assert "Cutout_left_out" not in file.attributes


@pytest.mark.shared
def test_a_fill_of_another_type_is_found() -> None:
    row = _rows(CASES / "17_fillval_of_other_type" / "v_fillmix.cdf")[1]
    assert {name for name, cell in row.items() if cell} == {"Epoch", "r4_nan_fill", "vec_fills[0]"}
    assert (row["r4_nan_fill"], row["vec_fills[0]"]) == ("-1e+31", "1.0")


@pytest.mark.shared
def test_names_do_not_meet() -> None:
    folder = CASES / "18_name_clashes"
    header = rendered([folder / "v_parquet_clash.cdf"], "csv").decode().splitlines()[0].split(",")
    assert header == ["Epoch", "Epoch_tt2000", "B[0]", "B[0]_2", "B[1]"]
    table = pq.read_table(io.BytesIO(rendered([folder / "v_parquet_clash.cdf"], "parquet")))
    assert table.column_names == ["Epoch", "Epoch_tt2000_2", "Epoch_tt2000", "B[0]", "B"]
    with cut_files([folder / "v_names.cdf"], EVERYTHING, ["a", "b"]) as cut:
        assert [column.variable.name for column in cut.axes[0].columns] == ["a,b"]


@pytest.mark.shared
def test_texts_hold_no_nul_and_are_told_apart() -> None:
    path = CASES / "19_texts" / "v_text.cdf"
    for form in ("csv", "txt"):
        content = rendered([path], form)
        assert b"\0" not in content
        assert "nul\ufffdin" in content.decode()
    assert "nul\ufffdin" in pq.read_table(io.BytesIO(rendered([path], "parquet")))["T"].to_pylist()
    table = votable.parse(io.BytesIO(rendered([path], "votable"))).get_first_table()
    assert str(table.array["TA"][0]) == "a0|;x"
    assert "several texts with | between" in next(field.description for field in table.fields if field.name == "TA")


@pytest.mark.parametrize("form", ["votable", "votable/b2"])
def test_texts_with_what_xml_cannot_hold(tmp_path: Path, form: str) -> None:
    texts = np.array([b"a\0b", b"\0\1 ", b"c\0\0", b"d  "], "S3")
    path = (
        CdfBuilder().axis("Epoch", seconds(0, 1, 2, 3)).variable("T", texts, DEPEND_0="Epoch").write(tmp_path / "a.cdf")
    )
    table = votable.parse(io.BytesIO(rendered([path], form))).get_first_table()
    found = [str(one) for one in table.array["T"]]
    control = "\ufffd" if form == "votable" else "\1"
    assert found == ["a\ufffdb", f"\ufffd{control}", "c", "d"]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["neg_size", "neg_v2"])
def test_an_impossible_size_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFileError, match=rf"{name}.cdf is damaged: -1 bytes do not come out of the"):
        index_file(CASES / "06_negative_size_kills_ingest" / f"{name}.cdf")


@pytest.mark.shared
def test_millions_of_records_that_were_never_written_cost_nothing() -> None:
    path = CASES / "20_sparse_memory" / "w_sparse40M.cdf"
    facts = index_file(path)
    assert (facts.records, facts.fill_epochs) == (40_000_001, 39_999_999)
    assert len(_rows(path)) == 2


def test_a_number_that_is_called_as_the_axis_of_other_files_is_no_axis(tmp_path: Path) -> None:
    paths = [
        CdfBuilder().axis("Epoch", seconds(0, 1)).variable("n", [1.0, 2.0], DEPEND_0="Epoch").write(tmp_path / "a.cdf"),
        CdfBuilder()
        .axis("Time", seconds(2, 3))
        .variable("Epoch", np.array([5, 6], "i2"), DEPEND_0="Time")
        .variable("n", [3.0, 4.0], DEPEND_0="Time")
        .write(tmp_path / "b.cdf"),
    ]
    with cut_files(paths, EVERYTHING) as cut:
        assert sum(len(axis) for axis in cut.axes) == 4


def test_texts_longer_than_the_file_could_hold_are_refused(tmp_path: Path) -> None:
    path = CdfBuilder().axis("Epoch", seconds(0)).variable("labels", np.array([b"abc"]), fixed=True)
    written = path.write(tmp_path / "a.cdf")
    content = bytearray(written.read_bytes())
    # in a descriptor of version 3, the number of characters stands 20 bytes before the name
    place = content.index(b"labels".ljust(256, b"\0")) - 20
    assert content[place : place + 4] == (3).to_bytes(4, "big")
    content[place : place + 4] = ((1 << 31) - 1).to_bytes(4, "big")
    written.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"variable labels has texts of 2147483647 characters"):
        index_file(written)


def test_damaged_values_are_left_out_before_the_first_byte(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=2000)
    path = (
        CdfBuilder()
        .axis("Epoch", seconds(*range(2000)))
        .variable("good", values, DEPEND_0="Epoch")
        .variable("bad", values, compress=6, DEPEND_0="Epoch")
        .write(tmp_path / "a.cdf")
    )
    content = bytearray(path.read_bytes())
    place = content.index(b"\x1f\x8b\x08")
    content[place + 20 : place + 60] = bytes(40)
    path.write_bytes(content)
    with cut_files([path], EVERYTHING) as cut:
        assert [column.variable.name for column in cut.axes[0].columns] == ["good"]
        assert "GZIP bytes cannot be decompressed" in cut.left_out["bad"]


def test_epochs_in_a_second_that_utc_skipped_are_at_the_midnight_after_it() -> None:
    # 1968-02-01 began 0.1 s early, of which the drift of a day is taken away
    midnight = parse_utc("1968-02-01")
    epochs = _epoch_of(midnight) + np.array([-98.0, -97.0, -50.0, -1.0, 0.0, 1.0])
    instants = to_tt2000(epochs, CdfType.CDF_EPOCH)
    later = select(epochs, CdfType.CDF_EPOCH, midnight, midnight + SECOND_NS)
    earlier = select(epochs, CdfType.CDF_EPOCH, midnight - SECOND_NS, midnight)
    assert later.tolist() == (instants >= midnight).tolist() == [False, True, True, True, True, True]
    assert earlier.tolist() == (instants < midnight).tolist()


def _epoch_of(tt2000: int) -> float:
    """CDF_EPOCH of an instant, by the text of it."""
    return float((np.datetime64(format_utc(tt2000, 3), "ms") - np.datetime64("0000-01-01", "ms")).astype(np.int64))


def test_an_outdated_leap_second_table_is_said(tmp_path: Path) -> None:
    path = CdfBuilder().axis("Epoch", [parse_utc("2018-01-01")]).variable("n", [1.0], DEPEND_0="Epoch")
    written = with_leap_table(path.write(tmp_path / "a.cdf"), 20120701)
    said = "Epoch of a.cdf was made with a leap-second table that ends before 2015-07-01"
    assert any(remark.startswith(said) for remark in index_file(written).remarks)
    with cut_files([written], EVERYTHING) as cut:
        assert cut.remarks[0].startswith(said)
    with cut_files([written], Interval(parse_utc("2010-01-01"), parse_utc("2011-01-01"))) as cut:
        assert cut.remarks == ()


def test_units_in_lower_case_and_a_description_are_read(tmp_path: Path) -> None:
    path = (
        CdfBuilder()
        .axis("Epoch", seconds(0))
        .variable("n", [1.0], DEPEND_0="Epoch", units="nT", DESCRIPTION="Field", VAR_TYPE="data")
        .write(tmp_path / "a.cdf")
    )
    (fact,) = index_file(path).variables
    assert (fact.units, fact.catdesc) == ("nT", "Field")
    assert "# Column n [nT]: Field" in rendered([path], "txt").decode()


@pytest.mark.shared
def test_a_variable_whose_axis_changes_is_there_along_each() -> None:
    paths = sorted((CASES / "08_one_bad_file_removes_variable").glob("maxischange_*.cdf"))
    with cut_files(paths, EVERYTHING, ["B"]) as cut:
        found = {axis.name: [column.variable.name for column in axis.columns] for axis in cut.axes}
        assert found == {"Epoch": ["B"], "Epoch2": ["B_Epoch2"]}
    rows = list(csv.DictReader(io.StringIO(rendered(paths, "csv", EVERYTHING, ["B_Epoch2"]).decode(), newline="")))
    assert [row["B_Epoch2"] for row in rows[6:]] == ["1.0", "2.0", "3.0", "4.0", "5.0", "6.0"]
