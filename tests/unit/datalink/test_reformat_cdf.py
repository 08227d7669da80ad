"""Cut-outs as CDF, read back with other readers."""

from __future__ import annotations

from pathlib import Path

import cdflib
import numpy as np
import pycdfpp
import pytest

from cutouts.extract import cut_files
from cutouts.formats import choose_format
from cutouts.formats.base import software_version
from epntap.cdf import CdfFile, check_header
from epntap.errors import ParameterError
from tests.support.cdf_builder import CdfBuilder
from tests.support.made_files import EVERYTHING, PROVENANCE, between, rendered, rich, seconds
from tests.support.real_files import REAL


def _written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "cut.cdf"
    path.write_bytes(content)
    return path


@pytest.mark.shared
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_whole_real_file_loses_nothing(tmp_path: Path, path: Path, compress: bool) -> None:
    with cut_files([path], EVERYTHING) as cut:
        left_out = set(cut.left_out)
        rendering = choose_format("cdf", compress=compress).render(cut, PROVENANCE)
        content = b"".join(rendering.blocks)
        rendering.close()
        assert rendering.length == len(content)
    written = _written(tmp_path, content)
    original, copy = pycdfpp.load(str(path)), pycdfpp.load(str(written))
    # cdflib wants to be told of texts that are not ASCII
    before, after = cdflib.CDF(path, string_encoding="latin-1"), cdflib.CDF(written, string_encoding="latin-1")
    assert {name.strip() for name in original} - left_out == set(copy)
    for name in original:
        if name.strip() in left_out:
            continue
        expected, values = original[name], copy[name.strip()]
        assert values.type == expected.type
        assert values.is_nrv == expected.is_nrv
        assert np.asarray(values.values).tobytes() == np.asarray(expected.values).tobytes()
        if len(values):
            after.varget(name.strip())
        texts = {key.strip(): str(value) for key, value in before.varattsget(name).items()}
        kept = {key: text for key, text in texts.items() if text not in left_out}
        found = after.varattsget(name.strip())
        assert found.keys() == kept.keys()
        for key, text in kept.items():
            # FILLVAL and its like have the type of the variable
            assert str(found[key]) == text or np.float32(found[key]) == np.float32(text), key
    attributes = after.globalattsget()
    for name, values in before.globalattsget().items():
        ours = name.strip() in {"Logical_file_id", "Generation_date", "Parents"}
        here = attributes[f"Source_{name.strip()}" if ours else name.strip()]
        assert list(map(str, here)) == list(map(str, values))


def test_what_other_readers_find(tmp_path: Path) -> None:
    path = _written(tmp_path, rendered([rich(tmp_path / "a.cdf"), rich(tmp_path / "b.cdf", 10)], "cdf", between(4, 12)))
    copy = pycdfpp.load(str(path))
    assert list(copy) == ["Epoch", "flux", "energy", "quality", "state", "Epoch_slow", "B", "labels", "matrix"]
    assert copy["flux"].values[:, 1].tolist() == [number * 4 + 1 for number in range(4, 12)]
    assert copy["flux"].type == pycdfpp.DataType.CDF_FLOAT
    assert copy["matrix"].is_nrv
    assert cdflib.CDF(path).varget("labels").tolist() == ["one", "two", "three", "four"]
    header = check_header(path)
    assert (header.version, header.end_of_file) == ((3, 9, 0), path.stat().st_size)


def test_attributes_stay_and_origin_is_added(tmp_path: Path) -> None:
    path = _written(tmp_path, rendered([rich(tmp_path / "a.cdf")], "cdf", between(2, 5)))
    with CdfFile(path) as file:
        found = {name: [entry.text for entry in entries] for name, entries in file.attributes.items()}
    assert found == {
        "Logical_source": ["mms1_test"],
        "TEXT": ["One line.", "Another: <&>."],
        "Cutout_of": ["mms1_20151201"],
        "Cutout_start": ["2015-12-01T00:00:02.000000000Z"],
        "Cutout_stop": ["2015-12-01T00:00:05.000000000Z"],
        "Cutout_files": ["a.cdf"],
        "Cutout_left_out": [
            "short has 9 records, its time axis Epoch has 10",
            "computed is virtual: it is to be computed by add_up and not stored",
        ],
        "Cutout_service": ["http://localhost:8080/datalink"],
        "Cutout_files_changed": ["2026-01-02T03:04:05Z"],
        "Cutout_software": [f"epntap {software_version()}"],
        "Logical_file_id": ["mms1_test_20151201000002_20151201000004"],
        "Generation_date": ["20260102"],
        "Parents": ["CDF>a"],
    }


def test_pointers_lead_to_variables_that_are_there(tmp_path: Path) -> None:
    source = rich(tmp_path / "a.cdf")
    with CdfFile(_written(tmp_path, rendered([source], "cdf"))) as file:
        flux = file.variables["flux"]
        assert flux.depends == ("energy",)
        assert flux.labels == ("labels",)
        assert "DELTA_PLUS_VAR" not in flux.attributes
        assert flux.text("CATDESC") == 'Flux of "ions" & <electrons>'
        assert flux.fill == np.float32(-1e31)
        assert file.uncuttable() == {}


def test_names_are_spelled_alike_in_pointers(tmp_path: Path) -> None:
    builder = CdfBuilder().axis("Epoch ", seconds(0, 1)).variable("n", [1, 2], DEPEND_0="EPOCH")
    with CdfFile(_written(tmp_path, rendered([builder.write(tmp_path / "a.cdf")], "cdf"))) as file:
        assert list(file.variables) == ["Epoch", "n"]
        assert file.variables["n"].attributes["DEPEND_0"].value == "Epoch"


def test_an_axis_without_records_is_written_empty(tmp_path: Path) -> None:
    path = _written(tmp_path, rendered([rich(tmp_path / "a.cdf")], "cdf", between(6, 9)))
    copy = pycdfpp.load(str(path))
    assert copy["Epoch"].shape == (3,)
    assert copy["Epoch_slow"].shape == (0,)
    assert copy["B"].shape[0] == 0


def test_compression_of_many_blocks(tmp_path: Path) -> None:
    count = 700_000
    values = np.repeat(np.arange(count // 100, dtype=np.float64), 200).reshape(-1, 2)
    builder = CdfBuilder().axis("Epoch", np.arange(count) * 10**6).variable("n", values, DEPEND_0="Epoch")
    source = builder.write(tmp_path / "a.cdf")
    path = _written(tmp_path, rendered([source], "cdf", compress=True))
    assert path.stat().st_size < source.stat().st_size / 5
    assert pycdfpp.load(str(path))["n"].compression == pycdfpp.CompressionType.gzip_compression
    np.testing.assert_array_equal(pycdfpp.load(str(path))["n"].values, values)
    np.testing.assert_array_equal(cdflib.CDF(path).varget("n"), values)


def test_pairs_of_numbers_stay_pairs(tmp_path: Path) -> None:
    cdf = pycdfpp.CDF()
    times = np.array(["2001-02-26T05:18:30.002201", "2001-02-26T05:18:31.000000001"], "datetime64[ns]")
    cdf.add_variable("Epoch", times, data_type=pycdfpp.DataType.CDF_EPOCH16)
    cdf.add_variable("n", np.array([1.0, 2.0]), attributes={"DEPEND_0": "Epoch"})
    pycdfpp.save(cdf, str(tmp_path / "a.cdf"))
    copy = pycdfpp.load(str(_written(tmp_path, rendered([tmp_path / "a.cdf"], "cdf"))))
    assert copy["Epoch"].type == pycdfpp.DataType.CDF_EPOCH16
    assert copy["Epoch"].values.tobytes() == cdf["Epoch"].values.tobytes()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        (None, "application/x-cdf"),
        ("CDF_ISTP", "application/x-cdf"),
        ("application/x-cdf", "application/x-cdf"),
        ("VOTable", "application/x-votable+xml;serialization=tabledata"),
        ("votable/b2", "application/x-votable+xml;serialization=binary2"),
        ("application/x-votable+xml; serialization=BINARY2", "application/x-votable+xml;serialization=binary2"),
        ("ASCII", "text/csv;header=present"),
        ("text/csv", "text/csv;header=present"),
        ("TXT", "text/plain;charset=utf-8"),
    ],
)
def test_formats_by_name(name: str | None, media_type: str) -> None:
    assert choose_format(name).media_type == media_type


def test_a_format_that_is_not_offered() -> None:
    with pytest.raises(ParameterError, match=r"FORMAT 'netcdf' is not offered; expected one of cdf, votable, "):
        choose_format("netcdf")
