"""Cut-outs as VOTable, read back with astropy."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pycdfpp
import pytest
from astropy.io.votable import parse
from lxml import etree

from cutouts.extract import cut_files
from cutouts.formats import choose_format
from cutouts.formats.cells import fill_of
from epntap.archive.model import Dataset, Parameter
from tests.support.cdf_builder import CdfBuilder
from tests.support.made_files import (
    EVERYTHING,
    PROVENANCE,
    between,
    rendered,
    rich,
    seconds,
    with_picoseconds,
)
from tests.support.places import SHARED
from tests.support.real_files import REAL

BOTH = pytest.mark.parametrize("name", ["votable", "votable/b2"])


def _parse(content: bytes) -> Any:
    # every oddity is an error, warnings included
    return parse(io.BytesIO(content), verify="exception")


def _column(table: Any, name: str) -> Any:
    return table.array[next(field.ID for field in table.fields if field.name == name)]


@BOTH
def test_one_table_for_each_axis(tmp_path: Path, name: str) -> None:
    document = _parse(rendered([rich(tmp_path / "a.cdf"), rich(tmp_path / "b.cdf", 10)], name, between(4, 12)))
    fast, slow = document.iter_tables()
    assert (fast.name, len(fast.array), slow.name, len(slow.array)) == ("Epoch", 8, "Epoch_slow", 2)
    assert list(_column(fast, "Epoch"))[:2] == ["2015-12-01T00:00:04.000", "2015-12-01T00:00:05.000"]
    np.testing.assert_array_equal(_column(fast, "flux")[0], [16.0, 17.0, 18.0, 19.0])
    np.testing.assert_array_equal(_column(slow, "B")[1], [10.0, 11.0, 12.0])
    assert list(_column(fast, "state"))[:3] == ['o"f', "a,b", "on"]


@BOTH
def test_what_fields_say(tmp_path: Path, name: str) -> None:
    document = _parse(rendered([rich(tmp_path / "a.cdf")], name))
    fast, slow = document.iter_tables()
    fields = {field.name: field for field in fast.fields}
    assert [fields[one].datatype for one in ("Epoch", "flux", "quality", "state")] == ["char", "float", "int", "char"]
    assert (fields["Epoch"].xtype, fields["Epoch"].ref, fields["Epoch"].ucd) == ("timestamp", "utc", "time.epoch")
    assert (fields["flux"].arraysize, str(fields["flux"].unit)) == ("4", "1 / (s sr cm2)")
    assert fields["flux"].description == ('Flux of "ions" & <electrons>; Units: #/(cm^2 s sr); Dimension 1: energy')
    assert fields["quality"].values.null == 3
    labels, matrix = fast.params
    assert (labels.name, labels.value) == ("labels", "one;two;three;four")
    assert (matrix.name, matrix.value.tolist()) == ("matrix", [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    assert [param.name for param in slow.params] == ["labels"]
    (timesys,) = document.resources[0].time_systems
    assert (timesys.ID, timesys.timescale, timesys.timeorigin) == ("utc", "UTC", None)
    infos = [(info.name, info.value) for info in document.resources[0].infos]
    assert infos[0] == ("QUERY_STATUS", "OK")
    assert ("Cutout_left_out", "short has 9 records, its time axis Epoch has 10") in infos


@BOTH
def test_what_the_catalogue_adds(tmp_path: Path, name: str) -> None:
    builder = (
        CdfBuilder()
        .axis("Epoch", seconds(0, 1))
        .variable("n", np.zeros(2), DEPEND_0="Epoch", UNITS="cm-3")
        .variable("bulk", np.zeros(2), DEPEND_0="Epoch")
        .variable("flux", np.zeros((2, 3)), DEPEND_0="Epoch", DEPEND_1="energy", UNITS="strange/unit")
        .variable("energy", np.array([[10.0, 20.0, 30.0]]), fixed=True, UNITS="eV")
    )
    parameters = (
        Parameter("density", 1, ucd="phys.density", variable="n"),
        Parameter("BULK", 2, units="km/s", ucd="phys.veloc"),
    )
    dataset = Dataset("d", "Title", parameters=parameters)
    with cut_files([builder.write(tmp_path / "a.cdf")], EVERYTHING) as cut:
        provenance = replace(PROVENANCE, dataset=dataset)
        content = b"".join(choose_format(name).render(cut, provenance).blocks)
    (table,) = _parse(content).iter_tables()
    fields = {field.name: field for field in table.fields}
    assert (fields["n"].ucd, str(fields["n"].unit)) == ("phys.density", "1 / cm3")
    assert fields["n"].description == "Units: cm-3"
    assert (fields["bulk"].ucd, str(fields["bulk"].unit)) == ("phys.veloc", "km / s")
    assert (fields["flux"].unit, fields["flux"].description) == (None, "Units: strange/unit; Dimension 1: energy")
    (energy,) = table.params
    assert (energy.name, energy.ucd, str(energy.unit), list(energy.value)) == (
        "energy",
        "phys.energy",
        "eV",
        [10, 20, 30],
    )


@BOTH
def test_picoseconds_are_not_lost(tmp_path: Path, name: str) -> None:
    (table,) = _parse(rendered([with_picoseconds(tmp_path / "a.cdf")], name)).iter_tables()
    assert [str(value) for value in _column(table, "Epoch")] == [
        "2001-02-26T05:18:30.002201000007",
        "2001-02-26T05:18:31.000000001999",
    ]


@BOTH
def test_fills_are_no_values(tmp_path: Path, name: str) -> None:
    builder = (
        CdfBuilder()
        .axis("Epoch", seconds(0, 1.5))
        .variable("x", np.array([-1e31, 0.1], np.float32), DEPEND_0="Epoch", FILLVAL=np.float64(-1e31))
        .variable("y", np.array([np.inf, -np.inf]), DEPEND_0="Epoch", FILLVAL=np.float64(-1e31))
        .variable("z", np.array([[1, 255], [3, 4]], np.uint8), DEPEND_0="Epoch", FILLVAL=np.int16(255))
        .variable("w", np.array([-1, 7], np.int32), DEPEND_0="Epoch", FILLVAL=np.float64(-1e31))
        .axis("received", [*seconds(5), -(2**63)], DEPEND_0="Epoch")
    )
    (table,) = _parse(rendered([builder.write(tmp_path / "a.cdf")], name)).iter_tables()
    assert np.isnan(np.ma.getdata(_column(table, "x"))[0])
    assert np.float32(_column(table, "x")[1]) == np.float32(0.1)
    assert list(_column(table, "y")) == [np.inf, -np.inf]
    assert np.ma.getmaskarray(_column(table, "z")).tolist() == [[False, True], [False, False]]
    assert list(_column(table, "w")) == [-1, 7]
    assert [str(one) for one in _column(table, "received")] == ["2015-12-01T00:00:05.000", ""]


@BOTH
def test_matrices_keep_their_order(tmp_path: Path, name: str) -> None:
    values = np.arange(12, dtype=np.int16).reshape(2, 2, 3)
    builder = CdfBuilder().axis("Epoch", seconds(0, 1)).variable("m", values, DEPEND_0="Epoch")
    content = rendered([builder.write(tmp_path / "a.cdf")], name)
    (table,) = _parse(content).iter_tables()
    assert next(field.arraysize for field in table.fields if field.name == "m") == "3x2"
    np.testing.assert_array_equal(np.ma.getdata(_column(table, "m")), values)


@BOTH
def test_names_units_and_texts_that_xml_or_vounits_do_not_know(tmp_path: Path, name: str) -> None:
    cdf = pycdfpp.CDF()
    cdf.add_variable(
        "Epoch", np.array(["2015-12-01T00:00:00.25"], "datetime64[ns]"), data_type=pycdfpp.DataType.CDF_TIME_TT2000
    )
    attributes = {"DEPEND_0": "Epoch", "UNITS": "N/cm3 <all>", "CATDESC": "x\x02y"}
    cdf.add_variable('B "x" <GSE>', np.array([1.5]), attributes=attributes)
    cdf.add_variable("städte", np.array(["Köln <"]), attributes={"DEPEND_0": "Epoch"})
    pycdfpp.save(cdf, str(tmp_path / "a.cdf"))
    (table,) = _parse(rendered([tmp_path / "a.cdf"], name)).iter_tables()
    assert [field.name for field in table.fields] == ["Epoch", 'B "x" <GSE>', "städte"]
    assert table.fields[1].description == "x\ufffdy; Units: N/cm3 <all>"
    assert table.fields[1].unit is None
    assert table.fields[2].datatype == "unicodeChar"
    assert [str(one) for one in _column(table, "städte")] == ["Köln <"]
    assert list(_column(table, "Epoch")) == ["2015-12-01T00:00:00.250"]


@pytest.mark.parametrize(
    ("nanoseconds", "text"), [(0, "00.000"), (1000, "00.000001"), (10**6, "00.001"), (1, "00.000000001")]
)
def test_times_have_the_decimals_they_need(tmp_path: Path, nanoseconds: int, text: str) -> None:
    builder = CdfBuilder().axis("Epoch", [seconds(0)[0] + nanoseconds]).variable("n", [1], DEPEND_0="Epoch")
    (table,) = _parse(rendered([builder.write(tmp_path / "a.cdf")], "votable")).iter_tables()
    assert str(_column(table, "Epoch")[0]) == f"2015-12-01T00:00:{text}"


@BOTH
def test_an_axis_without_records_is_an_empty_table(tmp_path: Path, name: str) -> None:
    fast, slow = _parse(rendered([rich(tmp_path / "a.cdf")], name, between(6, 9))).iter_tables()
    assert (len(fast.array), len(slow.array)) == (3, 0)


@BOTH
def test_blocks_join_without_a_seam(tmp_path: Path, name: str) -> None:
    values = np.arange(140_001.0)
    builder = CdfBuilder().axis("Epoch", np.arange(140_001)).variable("n", values, DEPEND_0="Epoch")
    (table,) = _parse(rendered([builder.write(tmp_path / "a.cdf")], name)).iter_tables()
    np.testing.assert_array_equal(np.ma.getdata(_column(table, "n")), values)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "name"),
    # astropy takes seconds for much text
    [(path, "votable/b2") for path in REAL] + [(path, "votable") for path in REAL if path.stat().st_size < 500_000],
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_real_values_are_read_back_exactly(path: Path, name: str) -> None:
    with cut_files([path], EVERYTHING) as cut:
        document = _parse(b"".join(choose_format(name).render(cut, PROVENANCE).blocks))
        for axis, table in zip(cut.axes, document.iter_tables(), strict=True):
            assert len(table.array) == len(axis)
            for column in axis.columns:
                values = column.read()
                if column.variable.cdf_type.is_epoch or values.dtype.kind not in "iuf":
                    continue
                found = _column(table, column.variable.name)
                numbers = np.ma.getdata(found).astype(values.dtype).reshape(values.shape)
                if values.dtype.kind == "f":
                    fill = fill_of(column.variable)
                    expected = np.where(values == fill, np.nan, values) if fill is not None else values
                    np.testing.assert_array_equal(numbers, expected)
                else:
                    same = (numbers == values) | np.ma.getmaskarray(found).reshape(values.shape)
                    assert same.all()


@pytest.mark.shared
@BOTH
def test_the_document_is_valid(tmp_path: Path, name: str) -> None:
    schema = etree.XMLSchema(etree.parse(SHARED / "standards" / "schemas" / "VOTable-v1.4.xsd"))
    document = etree.fromstring(rendered([rich(tmp_path / "a.cdf")], name))
    schema.assertValid(document)
