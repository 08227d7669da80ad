"""Cut-outs as Parquet, read back with pyarrow, and the VOTable inside with astropy."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse

from cutouts.extract import cut_files
from cutouts.formats import choose_format
from cutouts.formats.cells import fill_of
from epntap.cdf import parse_utc
from epntap.errors import ParameterError
from tests.support.cdf_builder import CdfBuilder
from tests.support.made_files import EVERYTHING, PROVENANCE, between, rendered, rich, seconds, with_picoseconds
from tests.support.real_files import REAL


def _read(content: bytes) -> Any:
    return pq.read_table(io.BytesIO(content))


def _described(table: Any) -> Any:
    metadata = table.schema.metadata
    assert metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    return parse(io.BytesIO(metadata[b"IVOA.VOTable-Parquet.content"]), verify="exception")


def test_what_pyarrow_finds(tmp_path: Path) -> None:
    table = _read(rendered([rich(tmp_path / "a.cdf")], "parquet", between(4, 7), ["flux", "quality", "state"]))
    assert table.column_names == ["Epoch", "flux", "energy", "quality", "state"]
    assert table.schema.field("Epoch").type == pa.timestamp("ns", tz="UTC")
    assert table.schema.field("flux").type.value_type == pa.float32()
    assert table["flux"].to_pylist()[0] == [16.0, 17.0, 18.0, 19.0]
    assert table["state"].to_pylist() == ['o"f', "a,b", "on"]
    times = table["Epoch"].to_numpy()
    assert (
        times.tolist()
        == np.array(["2015-12-01T00:00:04", "2015-12-01T00:00:05", "2015-12-01T00:00:06"], "M8[ns]").tolist()
    )


def test_the_table_inside_describes_the_columns(tmp_path: Path) -> None:
    table = _read(rendered([rich(tmp_path / "a.cdf")], "parquet", parameters=["flux"]))
    described = _described(table).get_first_table()
    assert [field.name for field in described.fields] == table.column_names
    assert str(described.fields[1].unit) == "1 / (s sr cm2)"
    assert [(param.name, param.value) for param in described.params] == [("labels", "one;two;three;four")]


def test_fills_are_null(tmp_path: Path) -> None:
    builder = (
        CdfBuilder()
        .axis("Epoch", seconds(0, 1.5))
        .variable("x", np.array([-1e31, 0.1], np.float32), DEPEND_0="Epoch", FILLVAL=np.float32(-1e31))
        .variable("n", np.array([np.nan, 1.0]), DEPEND_0="Epoch", FILLVAL=np.float64(-1e31))
        .variable("q", np.array([3, 4], np.uint8), DEPEND_0="Epoch", FILLVAL=np.int16(3))
        .variable("v", np.array([[1, -1e31], [3, 4]]), DEPEND_0="Epoch", FILLVAL=np.float64(-1e31))
        .variable("w", np.array([[1, -1], [3, 4]], np.int32), DEPEND_0="Epoch", FILLVAL=np.int32(-1))
        .axis("received", [*seconds(5), -(2**63)], DEPEND_0="Epoch")
    )
    table = _read(rendered([builder.write(tmp_path / "a.cdf")], "parquet"))
    assert table["x"].to_pylist() == [None, float(np.float32(0.1))]
    assert np.isnan(table["n"].to_pylist()[0])
    assert table["q"].to_pylist() == [None, 4]
    assert np.isnan(table["v"].to_pylist()[0][1])
    assert table["w"].to_pylist() == [[1, -1], [3, 4]]
    assert table["received"].null_count == 1


def test_matrices_are_lists_with_the_last_index_fastest(tmp_path: Path) -> None:
    values = np.arange(12.0).reshape(2, 2, 3)
    builder = CdfBuilder().axis("Epoch", seconds(0, 1)).variable("m", values, DEPEND_0="Epoch")
    table = _read(rendered([builder.write(tmp_path / "a.cdf")], "parquet"))
    assert np.array_equal(np.array(table["m"].to_pylist()).reshape(values.shape), values)
    assert _described(table).get_first_table().fields[1].arraysize == "3x2"


def test_a_leap_second_is_not_lost(tmp_path: Path) -> None:
    epochs = [parse_utc(f"2016-12-31T23:59:{second}") for second in ("59.5", "60.25", "60.75")]
    epochs.append(parse_utc("2017-01-01"))
    builder = CdfBuilder().axis("Epoch", epochs).variable("n", [1.0, 2.0, 3.0, 4.0], DEPEND_0="Epoch")
    table = _read(rendered([builder.write(tmp_path / "a.cdf")], "parquet"))
    assert table["Epoch_tt2000"].to_pylist() == epochs
    midnight = np.datetime64("2017-01-01", "ns")
    assert table["Epoch"].to_numpy().tolist()[1:] == [midnight.astype(np.int64)] * 3
    assert [field.name for field in _described(table).get_first_table().fields] == ["Epoch", "Epoch_tt2000", "n"]


def test_picoseconds_are_not_lost(tmp_path: Path) -> None:
    table = _read(rendered([with_picoseconds(tmp_path / "a.cdf")], "parquet"))
    assert table["Epoch"].to_numpy()[1] == np.datetime64("2001-02-26T05:18:31.000000001", "ns")
    assert table["Epoch_picoseconds"].to_pylist() == [7, 999]


def test_several_axes_are_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"one time axis for a Parquet table, found 2 axes: Epoch \(.*Epoch_slow"):
        rendered([rich(tmp_path / "a.cdf")], "parquet")


def test_times_that_no_timestamp_can_say_are_refused(tmp_path: Path) -> None:
    builder = CdfBuilder().axis("Epoch", [parse_utc("2280-01-01")]).variable("n", [1.0], DEPEND_0="Epoch")
    with pytest.raises(ParameterError, match=r"end on 2262-04-11, Epoch has later ones"):
        rendered([builder.write(tmp_path / "a.cdf")], "parquet")


def test_row_groups_join_without_a_seam(tmp_path: Path) -> None:
    values = np.arange(1_400_000.0)
    builder = CdfBuilder().axis("Epoch", np.arange(len(values))).variable("n", values, DEPEND_0="Epoch")
    content = rendered([builder.write(tmp_path / "a.cdf")], "parquet")
    assert pq.ParquetFile(io.BytesIO(content)).num_row_groups == 3
    assert np.array_equal(_read(content)["n"].to_numpy(), values)


@pytest.mark.shared
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_values_are_read_back_exactly(path: Path) -> None:
    with cut_files([path], EVERYTHING) as cut:
        axes = [(axis.name, [column.variable.name for column in axis.columns]) for axis in cut.axes]
    for axis, names in axes:
        with cut_files([path], EVERYTHING, names or [axis]) as cut:
            rendering = choose_format("parquet").render(cut, PROVENANCE)
            table = _read(b"".join(rendering.blocks))
            rendering.close()
            assert len(table) == len(cut.axes[0])
            _described(table)
            for column in cut.axes[0].columns:
                values = column.read()
                if column.variable.cdf_type.is_epoch or values.dtype.kind not in "iuf":
                    continue
                found = table[column.variable.name].combine_chunks()
                flat = found.flatten() if pa.types.is_fixed_size_list(found.type) else found
                assert flat.type == pa.from_numpy_dtype(values.dtype)
                numbers = flat.fill_null(0).to_numpy(zero_copy_only=False)
                fill = fill_of(column.variable)
                keep = np.ones(values.size, bool) if fill is None else values.reshape(-1) != fill
                np.testing.assert_array_equal(numbers[keep], values.reshape(-1)[keep])
                assert flat.null_count <= (~keep).sum()
