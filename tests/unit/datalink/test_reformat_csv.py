"""Cut-outs as comma-separated text."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from cutouts.extract import cut_files
from cutouts.formats import choose_format
from cutouts.formats.cells import is_fill_value
from epntap.errors import ParameterError
from tests.support.cdf_builder import CdfBuilder
from tests.support.made_files import EVERYTHING, PROVENANCE, between, rendered, rich, seconds
from tests.support.places import SHARED

ONE_AXIS = [
    "mission/ac_h0_mfi_20230102_v07.cdf",
    "mission/mms1_fpi_fast_l2_dis-moms_20151201220000_v3.3.0.cdf",
    "mission/wi_k0_mfi_20220101_v01.cdf",
    "mission/solo_l2_mag-rtn-normal-1-minute_20210711_v01.cdf",
    "mission/swarm_vires_mag_sample.cdf",
]


def _rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


def test_one_line_of_names_then_the_records(tmp_path: Path) -> None:
    rows = _rows(rendered([rich(tmp_path / "a.cdf")], "csv", between(1, 4), ["flux", "quality", "state"]))
    assert rows == [
        ["Epoch", *(f"flux[{n}]" for n in range(4)), *(f"energy[{n}]" for n in range(4)), "quality", "state"],
        ["2015-12-01T00:00:01.000", "4.0", "5.0", "6.0", "7.0", "4.5", "5.5", "6.5", "7.5", "1", 'o"f'],
        ["2015-12-01T00:00:02.000", "8.0", "9.0", "10.0", "11.0", "8.5", "9.5", "10.5", "11.5", "2", "a,b"],
        ["2015-12-01T00:00:03.000", "12.0", "13.0", "14.0", "15.0", "12.5", "13.5", "14.5", "15.5", "", "on"],
    ]


def test_several_axes_are_refused_with_their_names(tmp_path: Path) -> None:
    path = rich(tmp_path / "a.cdf")
    with cut_files([path], EVERYTHING) as cut, pytest.raises(ParameterError) as caught:
        choose_format("csv").render(cut, PROVENANCE)
    assert str(caught.value) == (
        "FORMAT: expected variables of one time axis for a text table, found 2 axes: "
        "Epoch (flux, energy, quality, state); Epoch_slow (B); "
        "name variables of one axis in PARAMETERS, or ask for CDF or VOTable"
    )
    assert _rows(rendered([path], "csv", parameters=["B"]))[0] == ["Epoch_slow", "B[0]", "B[1]", "B[2]"]


def test_matrices_have_two_indices(tmp_path: Path) -> None:
    values = np.arange(6).reshape(1, 2, 3)
    builder = CdfBuilder().axis("Epoch", seconds(0)).variable("m", values, DEPEND_0="Epoch")
    names, row = _rows(rendered([builder.write(tmp_path / "a.cdf")], "csv"))
    assert names[1:] == ["m[0][0]", "m[0][1]", "m[0][2]", "m[1][0]", "m[1][1]", "m[1][2]"]
    assert row[1:] == ["0", "1", "2", "3", "4", "5"]


def test_the_commented_form_says_origin_and_units(tmp_path: Path) -> None:
    lines = rendered([rich(tmp_path / "a.cdf")], "txt", between(1, 3), ["flux"]).decode().splitlines()
    assert lines[:3] == [
        "# Cutout_of: mms1_20151201",
        "# Cutout_start: 2015-12-01T00:00:01.000000000Z",
        "# Cutout_stop: 2015-12-01T00:00:03.000000000Z",
    ]
    assert '# Column flux [#/(cm^2 s sr)]: Flux of "ions" & <electrons>' in lines
    assert [line for line in lines if not line.startswith("#")][0].startswith("Epoch,flux[0],")  # noqa: RUF015


def test_comments_say_what_the_components_are(tmp_path: Path) -> None:
    builder = (
        CdfBuilder()
        .axis("Epoch", seconds(0, 1))
        .variable("flux", np.zeros((2, 3)), DEPEND_0="Epoch", DEPEND_1="energy", LABL_PTR_1="labels")
        .variable("energy", np.array([[10.0, 20.5, 30.0]]), fixed=True, UNITS="eV")
        .variable("labels", np.array([[b"low", b"middle", b"high"]], "S6"), fixed=True)
    )
    lines = rendered([builder.write(tmp_path / "a.cdf")], "txt", parameters=["flux"]).decode().splitlines()
    assert "# Dimension 1 of flux, labels: low, middle, high" in lines
    assert "# Dimension 1 of flux, energy [eV]: 10.0, 20.5, 30.0" in lines


def test_no_records_leave_the_line_of_names(tmp_path: Path) -> None:
    assert len(_rows(rendered([rich(tmp_path / "a.cdf")], "csv", between(50, 60), ["flux"]))) == 1


@pytest.mark.shared
@pytest.mark.parametrize("name", ONE_AXIS)
def test_real_values_are_read_back_exactly(name: str) -> None:
    with cut_files([SHARED / "data" / "cdf" / name], EVERYTHING) as cut:
        header, *rows = _rows(b"".join(choose_format("csv").render(cut, PROVENANCE).blocks))
        cells = dict(zip(header, zip(*rows, strict=True), strict=True))
        (axis,) = cut.axes
        assert len(rows) == len(axis)
        for column in axis.columns:
            values = column.read()
            if column.variable.cdf_type.is_epoch or values.dtype.kind not in "iuf":
                continue
            fills = is_fill_value(column.variable, values)
            for index in np.ndindex(column.variable.dims):
                texts = cells[column.variable.name + "".join(f"[{one}]" for one in index)]
                for number, text in enumerate(texts):
                    value = values[(number, *index)]
                    is_fill = fills is not None and fills[(number, *index)]
                    read = values.dtype.type(text) if text else None
                    assert (text == "") if is_fill else (read == value or value != value)
