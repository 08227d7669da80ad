"""CDF cut-outs keep the rules of ISTP, as other readers see them: cdflib, pycdfpp and PyISTP.

Rules: ISTP/IACG guidelines of SPDF, "Global attributes" and "Variables". A rule that a source file breaks cannot be
mended here; it must not be broken anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pycdfpp
import pyistp
import pytest

from cutouts.extract import cut_files
from cutouts.formats import choose_format
from epntap.cdf import CdfFile
from tests.support.made_files import EVERYTHING, PROVENANCE, rich
from tests.support.real_files import REAL

TYPED = ("FILLVAL", "VALIDMIN", "VALIDMAX", "SCALEMIN", "SCALEMAX")
EPOCHS = {"CDF_EPOCH", "CDF_EPOCH16", "CDF_TIME_TT2000"}
# one type under two names (CDF User's Guide, "Data types")
SAME = {"CDF_FLOAT": "CDF_REAL4", "CDF_DOUBLE": "CDF_REAL8", "CDF_BYTE": "CDF_INT1", "CDF_UCHAR": "CDF_CHAR"}
REQUIRED = (
    "Data_type", "Data_version", "Descriptor", "Discipline", "Instrument_type", "Logical_file_id", "Logical_source",
    "Logical_source_description", "Mission_group", "PI_affiliation", "PI_name", "Project", "Source_name", "TEXT",
)  # fmt: skip
REAL_SERIES = [path for path in REAL if "Logical_source" in cdflib.CDF(path, string_encoding="latin-1").globalattsget()]


def _middle(path: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    """A cut-out of the inner half of a file, and the variables that it leaves out."""
    with CdfFile(path) as file:
        axis = max(file.time_axes(), key=lambda one: one.records)
    with cut_files([path], EVERYTHING) as cut:
        times = next(one for one in cut.axes if one.name == axis.name).time.instants()
    quarter = len(times) // 4
    interval = type(EVERYTHING)(int(times[quarter]), int(times[-1 - quarter]) + 1)
    with cut_files([path], interval) as cut:
        content = b"".join(choose_format("cdf").render(cut, PROVENANCE).blocks)
        left_out = list(cut.left_out)
    written = tmp_path / "cut.cdf"
    written.write_bytes(content)
    return written, left_out


@pytest.fixture(params=REAL_SERIES, ids=lambda path: path.stem)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any, list[str]]:
    """A real file and a cut-out of it, both read with cdflib, and the variables that are left out."""
    written, left_out = _middle(request.param, tmp_path)
    return (
        cdflib.CDF(request.param, string_encoding="latin-1"),
        cdflib.CDF(written, string_encoding="latin-1"),
        left_out,
    )


def _type_of(file: Any, name: str) -> str:
    kind: str = file.varinq(name).Data_Type_Description
    return SAME.get(kind, kind)


def _records(file: Any, name: str) -> int:
    return int(file.varinq(name).Last_Rec) + 1


@pytest.mark.shared
def test_global_attributes(pair: tuple[Any, Any, list[str]]) -> None:
    before, after = (file.globalattsget() for file in pair[:2])
    assert set(REQUIRED) & {name.strip() for name in before} <= set(after)
    (file_id,) = after["Logical_file_id"]
    source = str(after["Logical_source"][0])
    assert re.fullmatch(re.escape(source) + r"(_[0-9]{14}){2}(_v[0-9][0-9._]*)?", file_id)
    assert re.fullmatch(r"[0-9]{8}", after["Generation_date"][0])
    assert all(text.startswith("CDF>") for text in after["Parents"])


@pytest.mark.shared
def test_every_variable_has_its_time(pair: tuple[Any, Any, list[str]]) -> None:
    before, after, left_out = pair
    names = after.cdf_info().zVariables
    assert {name.strip() for name in (*before.cdf_info().zVariables, *before.cdf_info().rVariables)} - set(
        left_out
    ) == set(names)
    for name in names:
        depend = after.varattsget(name).get("DEPEND_0")
        if depend is not None:
            assert depend in names
            assert _type_of(after, depend) in EPOCHS or not after.varinq(name).Rec_Vary
            if after.varinq(name).Rec_Vary:
                assert _records(after, depend) == _records(after, name), name


@pytest.mark.shared
def test_pointers_lead_to_variables(pair: tuple[Any, Any, list[str]]) -> None:
    _, after, left_out = pair
    names = set(after.cdf_info().zVariables)
    known = names | set(left_out)
    for name in names:
        for attribute, value in after.varattsget(name).items():
            if re.fullmatch(r"(DEPEND|LABL_PTR)_[0-9]+|DELTA_(PLUS|MINUS)_VAR|(UNIT|FORM|SCAL)_PTR", attribute):
                # what points nowhere in the source is none of ours
                assert value in names or str(value).casefold() not in {one.casefold() for one in known}, attribute


@pytest.mark.shared
def test_fills_and_limits_have_the_type_of_the_variable(pair: tuple[Any, Any, list[str]]) -> None:
    before, after, _ = pair
    spelled = {name.strip(): name for name in (*before.cdf_info().zVariables, *before.cdf_info().rVariables)}
    for name in after.cdf_info().zVariables:
        for attribute in set(TYPED) & set(after.varattsget(name)):
            found = after.attget(attribute, name)
            was = before.attget(attribute, spelled[name])
            kind = SAME.get(found.Data_Type, found.Data_Type)
            if kind != _type_of(after, name):
                # only where the type of the variable cannot say the value
                assert SAME.get(was.Data_Type, was.Data_Type) == kind, (name, attribute)
                assert (
                    kind == "CDF_CHAR"
                    or _type_of(after, name) in EPOCHS | {"CDF_CHAR"}
                    or _is_wide(was.Data, after.varget(name).dtype)
                ), (name, attribute)


def _is_wide(value: Any, dtype: Any) -> bool:
    with np.errstate(all="ignore"):
        narrow = np.asarray(value).astype(dtype)
    return not np.array_equal(narrow, value)


@pytest.mark.shared
def test_time_rises_where_it_did(pair: tuple[Any, Any, list[str]]) -> None:
    before, after, _ = pair
    spelled = {name.strip(): name for name in (*before.cdf_info().zVariables, *before.cdf_info().rVariables)}
    for name in after.cdf_info().zVariables:
        if _type_of(after, name) in {"CDF_EPOCH", "CDF_TIME_TT2000"} and _records(after, name) > 1:
            source = np.ravel(before.varget(spelled[name]))
            if (np.diff(source) > 0).all():
                assert (np.diff(np.ravel(after.varget(name))) > 0).all()


@pytest.mark.shared
@pytest.mark.parametrize("path", REAL_SERIES, ids=lambda path: path.stem)
def test_pyistp_finds_the_same_data(path: Path, tmp_path: Path) -> None:
    written, left_out = _middle(path, tmp_path)
    before, after = pyistp.load(file=str(path)), pyistp.load(file=str(written))
    found = {name.strip() for name in before.data_variables()} - set(left_out)
    assert found <= set(after.data_variables())
    for name in found:
        one, source = after.data_variable(name), before.data_variable(name)
        assert (one is None) == (source is None), name  # what it does not take for data in the source either
        if one is not None:
            assert len(one.values) == len(pycdfpp.load(str(written))[name])
            assert [axis.name for axis in one.axes] == [axis.name for axis in source.axes]


def test_a_fill_of_another_type_gets_that_of_its_variable(tmp_path: Path) -> None:
    path = tmp_path / "cut.cdf"
    with cut_files([rich(tmp_path / "a.cdf")], EVERYTHING) as cut:
        path.write_bytes(b"".join(choose_format("cdf").render(cut, PROVENANCE).blocks))
    file = cdflib.CDF(path)
    assert file.attget("FILLVAL", "flux").Data_Type == _type_of(file, "flux").replace("REAL4", "FLOAT")
    assert file.attget("FILLVAL", "quality").Data_Type == "CDF_INT4"
