"""What ingestion learns of a file."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import cdflib
import numpy as np
import pytest

from epntap.cdf import format_utc, index_file, parse_utc, reader
from epntap.errors import UnreadableFileError
from tests.support.cdf_builder import CdfBuilder
from tests.support.places import ROOT, SHARED

CDF = SHARED / "data" / "cdf"
T0 = parse_utc("2015-12-01")

#: file or folder, and a part of the reason why it is not indexed
REFUSED = {
    "truncated": "is truncated: its header says",
    "norecords": "holds no record: its time ax",
    "norecords/empty.cdf": "has no time axis",
    "format/a_sparse_cdf.cdf": "has no time axis",
    "format/contiguous.cdf": "has no time axis",
    "format/example1.cdf": "has no time axis",
    "format/fragmented.cdf": "has no time axis",
    "format/rvariable.cdf": "has no time axis",
    "format/testCdfColMajor.cdf": "has no time axis",
    "format/testCdfRowMajor.cdf": "has no time axis",
    "format/geocpi0.cdf": "adaptive Huffman compression",
    "format/not_a_cdf.cdf": "is not a CDF file",
}


@pytest.mark.shared
@pytest.mark.parametrize("path", sorted(CDF.glob("*/*.cdf")), ids=lambda path: path.stem)
def test_every_real_file_is_indexed_or_refused_for_the_right_reason(path: Path) -> None:
    relative = path.relative_to(CDF).as_posix()
    reason = REFUSED.get(relative, REFUSED.get(path.parent.name))
    if reason is not None:
        with pytest.raises(UnreadableFileError, match=reason):
            index_file(path)
        return
    facts = index_file(path)
    assert (facts.size_bytes, facts.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)
    assert facts.fill_epochs == 0
    described = next(item for item in json.loads((CDF / "INDEX.json").read_text()) if item["file"].endswith(relative))
    if "coverage" not in described or path.name == "imap_mag_l1a_norm-mago_20231109_v001.cdf":
        return  # in the latter, first and last record are not first and last in time
    coverage = [item for item in described["coverage"] if item["time"].strip() in {axis.name for axis in facts.axes}]
    assert [format_utc(axis.tt2000_min or 0) + "Z" for axis in facts.axes] == [item["first"] for item in coverage]
    assert [format_utc(axis.tt2000_max or 0) + "Z" for axis in facts.axes] == [item["last"] for item in coverage]


def _typical() -> CdfBuilder:
    return (
        CdfBuilder()
        .attribute("Logical_source", "mms1_fgm")
        .attribute("TEXT", "One line.", "Another.")
        .attribute("PI_name", "A", "B")
        .axis("Epoch", [T0, -(2**63), T0 + 9, T0 + 3])
        .axis("Epoch_slow", [T0 - 5])
        .variable(
            "B",
            np.zeros((4, 3)),
            VAR_TYPE="data",
            DEPEND_0="Epoch",
            UNIT_PTR="unit",
            CATDESC="Field",
            FIELDNAM="B GSE",
            LABLAXIS="B",
            FILLVAL=np.float64(-1e31),
            COORDINATE_SYSTEM="GSE",
        )
        .variable("flag", np.zeros(4), VAR_TYPE="support_data", DEPEND_0="Epoch")
        .variable("slow", np.zeros(1), VAR_TYPE="data", DEPEND_0="Epoch_slow", UNITS="nT")
        .variable("unit", np.array([["nT", "nT", "nT "]], "S3"), fixed=True)
    )


def test_the_facts_of_a_typical_file(tmp_path: Path) -> None:
    facts = index_file(_typical().write(tmp_path / "typical.cdf"))
    assert (facts.tt2000_min, facts.tt2000_max) == (T0 - 5, T0 + 9)
    assert (facts.records, facts.fill_epochs) == (4, 1)
    assert [(a.name, a.records, a.fill_epochs, a.tt2000_min, a.tt2000_max) for a in facts.axes] == [
        ("Epoch", 4, 1, T0, T0 + 9),
        ("Epoch_slow", 1, 0, T0 - 5, T0 - 5),
    ]
    assert facts.attributes == {"Logical_source": "mms1_fgm", "TEXT": "One line. Another.", "PI_name": "A"}
    field, slow = facts.variables
    assert (field.name, field.axis, field.dims, field.units, field.fill) == ("B", "Epoch", (3,), "nT", "-1e+31")
    assert (field.catdesc, field.fieldnam, field.lablaxis, field.coordinate_system) == ("Field", "B GSE", "B", "GSE")
    assert (slow.name, slow.axis, slow.units, slow.virtual) == ("slow", "Epoch_slow", "nT", False)
    assert facts.remarks == ()


def test_without_var_type_everything_on_an_axis_is_a_parameter(tmp_path: Path) -> None:
    builder = CdfBuilder().axis("Epoch", [T0]).variable("a", [1]).variable("b", [[2, 3]]).variable("c", [4], fixed=True)
    facts = index_file(builder.write(tmp_path / "bare.cdf"))
    assert [variable.name for variable in facts.variables] == ["a", "b"]


def test_a_file_of_fill_epochs_holds_no_record(tmp_path: Path) -> None:
    path = CdfBuilder().axis("Epoch", [-1e31, 0.0], "epoch").write(tmp_path / "fills.cdf")
    with pytest.raises(UnreadableFileError, match=r"fills.cdf holds no record: all its epochs are fill values"):
        index_file(path)


def test_a_variable_that_cannot_be_cut_is_remarked(tmp_path: Path) -> None:
    builder = CdfBuilder().axis("Epoch", [T0, T0 + 1]).variable("a", [1, 2, 3], DEPEND_0="Epoch")
    facts = index_file(builder.write(tmp_path / "odd.cdf"))
    assert facts.remarks == ("a has 3 records, its time axis Epoch has 2",)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"gone.cdf cannot be opened: no such file"):
        index_file(tmp_path / "gone.cdf")


def test_the_days_of_all_axes_are_known_however_many_records_lie_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_BLOCK_RECORDS", 2)
    epochs = [parse_utc(text) for text in ("2020-03-01", "2020-03-03", "1970-01-01", "2020-03-03T05:00:00")]
    builder = CdfBuilder().axis("Epoch", [*epochs, -(2**63)]).variable("a", np.arange(5), DEPEND_0="Epoch")
    builder.axis("Epoch_slow", [parse_utc("2020-03-02")]).variable("b", np.arange(1), DEPEND_0="Epoch_slow")
    facts = index_file(builder.write(tmp_path / "days.cdf"))
    assert [str(axis.days) for axis in facts.axes] == ["1970-01-01 2020-03-01 2020-03-03", "2020-03-02"]
    assert str(facts.days) == "1970-01-01 2020-03-01/2020-03-03"


UNDATED = {
    "fills": (
        CdfBuilder().axis("Epoch", [-1e31, 0.0], "epoch").variable("B", [1, 2], DEPEND_0="Epoch"),
        "holds no record: all its epochs are fill values",
    ),
    "virtual": (
        CdfBuilder().axis("Epoch", np.empty(0), "epoch", VIRTUAL="TRUE").variable("B", [1, 2], DEPEND_0="Epoch"),
        "holds no record: its time axis is virtual, to be computed and not stored (Epoch)",
    ),
    "zero": (
        CdfBuilder().axis("Epoch", [0.0], "epoch", VIRTUAL="TRUE").axis("t", [T0]).variable("B", [1], DEPEND_0="Epoch"),
        (
            "holds no record: its time axis is virtual, to be computed and not stored (Epoch); "
            "no DEPEND_0 leads to its other times (t)"
        ),
    ),
    "inside": (
        CdfBuilder().axis("Timestamp", [[T0, T0 + 1]]).variable("B", [[1, 2]]),
        (
            "has no time axis: expected an epoch for each record, found times along a dimension (Timestamp of 2), "
            "which cannot be cut"
        ),
    ),
    "absent": (
        CdfBuilder().variable("B", [1, 2]),
        "has no time axis: expected a record-varying variable of an epoch type, found none",
    ),
}


@pytest.mark.parametrize("name", UNDATED)
def test_the_reason_why_a_file_has_no_time_is_true(tmp_path: Path, name: str) -> None:
    builder, reason = UNDATED[name]
    with pytest.raises(UnreadableFileError) as caught:
        index_file(builder.write(tmp_path / f"{name}.cdf"))
    assert str(caught.value) == f"{name}.cdf {reason}"


@pytest.mark.shared
def test_dated_files_whose_epoch_is_computed_or_does_not_vary_are_indexed() -> None:
    folder = SHARED / "cases/cdf/13_refused_though_data"
    themis, fixed = index_file(folder / "n_themis_virtual.cdf"), index_file(folder / "n_epoch_nrv.cdf")
    with cdflib.CDF(folder / "n_themis_virtual.cdf") as file:
        seconds = file.varget("tha_x_time")
        origin = float(np.atleast_1d(file.varget("tha_x_epoch0"))[0])
    expected = [parse_utc(cdflib.cdfepoch.encode(origin + 1000 * float(one))) for one in (min(seconds), max(seconds))]
    assert abs(np.array([themis.tt2000_min, themis.tt2000_max]) - expected).max() < 1_000_000
    assert themis.records == len(seconds)
    assert (str(themis.days), str(fixed.days)) == ("2008-01-10", "2016-12-31")


@pytest.mark.shared
def test_millions_of_records_that_were_never_written_cost_nothing() -> None:
    """A file of 3 kB whose sparse epochs lie 40 million records apart, in a process of its own."""
    path = SHARED / "cases/cdf/20_sparse_memory/w_sparse40M.cdf"
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from epntap.cdf import index_file
        from tests.support.memory import peak_memory_bytes
        before = peak_memory_bytes()
        facts = index_file(Path({str(path)!r}))
        print(facts.records, len(facts.days), peak_memory_bytes() - before)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    records, days, grown = map(int, done.stdout.split())
    assert (records, days) == (40_000_001, 1)
    assert grown < 20_000_000
