"""What changes the meaning of a number, its units, frame or labels, is said beside each record, in every format."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import votable

from epntap.cdf import CdfFile
from tests.support.cdf_builder import CdfBuilder
from tests.support.cdf_judges import JUDGES, Judge, values_of
from tests.support.made_files import rendered, seconds

CASES = Path(os.environ.get("EPNTAP_SHARED", str(Path(__file__).parents[3].parent / "shared"))) / "cases" / "cdf"
UNITS = CASES / "02_units_differ"


def _by_csv(content: bytes, name: str) -> list[str]:
    return [row[name] for row in csv.DictReader(io.StringIO(content.decode(), newline=""))]


def _by_txt(content: bytes, name: str) -> list[str]:
    rows = (line for line in content.decode().splitlines(keepends=True) if not line.startswith("#"))
    return [row[name] for row in csv.DictReader(rows)]


def _by_votable(content: bytes, name: str) -> list[str]:
    table = votable.parse(io.BytesIO(content)).get_first_table()
    field = next(one for one in table.fields if one.name == name)
    return [str(one) for one in table.array[field.ID]]


def _by_parquet(content: bytes, name: str) -> list[str]:
    return [str(one) for one in pq.read_table(io.BytesIO(content))[name].to_pylist()]


READERS: dict[str, Callable[[bytes, str], list[str]]] = {
    "csv": _by_csv,
    "txt": _by_txt,
    "votable": _by_votable,
    "votable/b2": _by_votable,
    "parquet": _by_parquet,
}


def _texts_in_every_format(paths: list[Path], name: str, tmp_path: Path) -> dict[str, list[str]]:
    """The texts of a column as each format gives them; of CDF as cdflib reads them, plain and compressed."""
    found = {form: read(rendered(paths, form), name) for form, read in READERS.items()}
    for compress in (False, True):
        path = tmp_path / f"{compress}.cdf"
        path.write_bytes(rendered(paths, "cdf", compress=compress))
        found[f"cdf {compress}"] = [str(one).strip() for one in cdflib.CDF(path).varget(name).reshape(-1)]
    return found


def _said_units(path: Path, name: str) -> str:
    """Units of a variable as the file itself says them, read by cdflib."""
    file = cdflib.CDF(path)
    about = file.varattsget(name)
    if "UNIT_PTR" in about:
        (unit,) = set(np.ravel(file.varget(about["UNIT_PTR"])).tolist())
        return str(unit).strip()
    return str(about.get("UNITS", "")).strip()


@pytest.mark.shared
@pytest.mark.parametrize(("dataset", "name"), [("munits", "B"), ("xu_first_none", "B"), ("xu_unitptr", "V")])
def test_each_record_has_the_unit_of_its_own_file(tmp_path: Path, dataset: str, name: str) -> None:
    paths = sorted(UNITS.glob(f"{dataset}_2020*.cdf"))
    counts = [len(cdflib.CDF(path).varget("Epoch")) for path in paths]
    units = [_said_units(path, name) for path in paths]
    expected = [unit for unit, count in zip(units, counts, strict=True) for _ in range(count)]
    assert len(set(expected)) == 2
    for form, found in _texts_in_every_format(paths, f"{name}_units", tmp_path).items():
        assert found == expected, form
    for unit, path in zip(units, paths, strict=True):
        if unit:
            assert f"# Column {name} [{unit}]" in rendered([path], "txt").decode(), "alone, a file keeps its unit"


@pytest.mark.shared
@pytest.mark.parametrize("judge", JUDGES)
def test_vectors_whose_unit_pointers_differ_keep_their_values(tmp_path: Path, judge: Judge) -> None:
    paths = sorted(UNITS.glob("xu_unitptr_2020*.cdf"))
    cut = tmp_path / "cut.cdf"
    cut.write_bytes(rendered(paths, "cdf"))
    assert values_of(judge, cut, "V") == [record for path in paths for record in values_of(judge, path, "V")]
    with CdfFile(cut) as file:
        assert file.variables["V"].text("UNIT_PTR") == "V_units"
        assert file.variables["V"].text("UNITS") is None


@pytest.mark.shared
@pytest.mark.parametrize(("dataset", "name"), [("munits", "B"), ("xu_first_none", "B"), ("xu_unitptr", "V")])
def test_no_unit_is_said_of_a_column_that_has_two(dataset: str, name: str) -> None:
    paths = sorted(UNITS.glob(f"{dataset}_2020*.cdf"))
    for form in ("votable", "votable/b2"):
        table = votable.parse(io.BytesIO(rendered(paths, form))).get_first_table()
        assert next(field for field in table.fields if field.name == name).unit is None
    assert f"# Column {name} [" not in rendered(paths, "txt").decode()


def _vectors(path: Path, first: int, **attributes: Any) -> Path:
    labels = attributes.pop("labels", "xyz")
    return (
        CdfBuilder()
        .axis("Epoch", seconds(first, first + 1))
        .variable("B", np.arange(6.0).reshape(2, 3), DEPEND_0="Epoch", LABL_PTR_1="names", UNITS="nT", **attributes)
        .variable("names", np.array([[letter.encode() for letter in labels]], "S1"), fixed=True)
        .write(path)
    )


@pytest.mark.parametrize("attribute", ["COORDINATE_SYSTEM", "FRAME", "TENSOR_FRAME", "SI_CONVERSION"])
@pytest.mark.parametrize("said", [("GSE", "GSM"), ("", "GSM"), ("GSE", "")])
def test_each_record_has_the_frame_of_its_own_file(tmp_path: Path, attribute: str, said: tuple[str, str]) -> None:
    paths = [
        _vectors(tmp_path / f"{number}.cdf", 10 * number, **({attribute: one} if one else {}))
        for number, one in enumerate(said)
    ]
    expected = [said[0], said[0], said[1], said[1]]
    for form, found in _texts_in_every_format(paths, f"B_{attribute}", tmp_path).items():
        assert found == expected, form


def test_labels_that_change_are_given_for_each_record(tmp_path: Path) -> None:
    paths = [
        _vectors(tmp_path / f"{number}.cdf", 10 * number, labels=labels) for number, labels in enumerate(["xyz", "rtn"])
    ]
    for form in ("csv", "txt"):
        content = rendered(paths, form)
        found = [READERS[form](content, f"names[{number}]") for number in range(3)]
        assert [list(one) for one in zip(*found, strict=True)] == [list("xyz")] * 2 + [list("rtn")] * 2
    assert _by_parquet(rendered(paths, "parquet"), "names") == [str(list("xyz"))] * 2 + [str(list("rtn"))] * 2
    for form in ("votable", "votable/b2"):
        assert _by_votable(rendered(paths, form), "names") == ["x;y;z"] * 2 + ["r;t;n"] * 2
    path = tmp_path / "cut.cdf"
    path.write_bytes(rendered(paths, "cdf"))
    assert cdflib.CDF(path).varget("names").tolist() == [list("xyz")] * 2 + [list("rtn")] * 2
    assert cdflib.CDF(path).varattsget("B")["LABL_PTR_1"] == "names"


def test_spellings_of_one_unit_make_no_difference(tmp_path: Path) -> None:
    paths = [
        CdfBuilder()
        .axis("Epoch", seconds(10 * number))
        .variable("n", [1.0], DEPEND_0="Epoch", UNITS=units)
        .write(tmp_path / f"{number}.cdf")
        for number, units in enumerate(["cm^-3", "cm-3"])
    ]
    assert rendered(paths, "csv").decode().splitlines()[0] == "Epoch,n"
