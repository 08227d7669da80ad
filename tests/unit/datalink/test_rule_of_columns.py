"""What differs between files: each line of the table in docs/reference/cutout-formats.md holds in each format."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import votable

from epntap.cdf import parse_utc
from epntap.errors import ParameterError
from tests.support.cdf_builder import CdfBuilder
from tests.support.made_files import EPOCH_MS, rendered, seconds, with_leap_table

PAGE = Path(__file__).parents[3] / "docs/reference/cutout-formats.md"
#: headings of the table, and the formats that each is about
COLUMNS = {"CDF": ("cdf",), "VOTable, Parquet": ("votable", "votable/b2", "parquet"), "TXT": ("txt",), "CSV": ("csv",)}


@dataclass(frozen=True)
class Example:
    """Files that differ in what a line of the table says."""

    write: Callable[[Path], list[Path]]
    #: how a remark on it begins, or a part of it
    said: str = ""
    #: the column that tells the difference
    column: str = "n"


def _file(
    path: Path, first: int, values: Any = (1.0, 2.0), *, name: str = "n", fixed: bool = False, **attributes: Any
) -> Path:
    """Two records, with a variable of these values."""
    builder = CdfBuilder().attribute("TITLE", attributes.pop("title", "one")).axis("Epoch", seconds(first, first + 1))
    own = attributes if fixed else {"DEPEND_0": "Epoch"} | attributes
    builder.variable(name, np.array(values), fixed=fixed, **own)
    return builder.variable("other", np.zeros(2), DEPEND_0="Epoch").write(path)


def _two(one: dict[str, Any], other: dict[str, Any]) -> Callable[[Path], list[Path]]:
    def write(folder: Path) -> list[Path]:
        return [_file(folder / f"{number}.cdf", 10 * number, **about) for number, about in enumerate((one, other))]

    return write


def _lacking(folder: Path) -> list[Path]:
    bare = CdfBuilder().axis("Epoch", seconds(10, 11)).variable("other", np.zeros(2), DEPEND_0="Epoch")
    return [_file(folder / "0.cdf", 0), bare.write(folder / "1.cdf")]


def _other_type_of_time(folder: Path) -> list[Path]:
    builder = CdfBuilder().axis("Epoch", [EPOCH_MS + 10_000, EPOCH_MS + 11_000], kind="epoch")
    other = builder.variable("n", [3.0, 4.0], DEPEND_0="Epoch").variable("other", np.zeros(2), DEPEND_0="Epoch")
    return [_file(folder / "0.cdf", 0), other.write(folder / "1.cdf")]


def _other_axis(folder: Path) -> list[Path]:
    def one(number: int, axis: str) -> Path:
        times = seconds(10 * number, 10 * number + 1)
        builder = CdfBuilder().axis("Epoch", times).axis("Epoch2", times)
        for name, along in (("n", axis), ("m", "Epoch"), ("m2", "Epoch2")):
            builder.variable(name, [1.0, 2.0], DEPEND_0=along)
        return builder.write(folder / f"{number}.cdf")

    return [one(0, "Epoch"), one(1, "Epoch2")]


def _old_leap_table(folder: Path) -> list[Path]:
    def one(name: str, day: str) -> Path:
        start = parse_utc(day)
        builder = CdfBuilder().axis("Epoch", [start, start + 10**9])
        builder.variable("n", [1.0, 2.0], DEPEND_0="Epoch")
        return builder.variable("other", np.zeros(2), DEPEND_0="Epoch").write(folder / name)

    return [one("0.cdf", "2018-01-01"), with_leap_table(one("1.cdf", "2018-01-02"), 20120701)]


EXAMPLES = {
    "FILLVAL": Example(
        _two({"FILLVAL": np.float64(-1.0), "values": [-1.0, 1.0]}, {"FILLVAL": np.float64(2.0)}), "the fill values of n"
    ),
    "FILLVAL in another type": Example(_two({"FILLVAL": "1.0"}, {"FILLVAL": "1.0"})),
    "pad": Example(_lacking),
    "variable that a file lacks": Example(_lacking, "n is missing"),
    "the same in all files": Example(_two(*[{"values": np.empty(0), "VIRTUAL": "TRUE"}] * 2), "n is virtual"),
    "type of numbers": Example(
        _two({"values": np.array([1, 2], "i2")}, {"values": np.array([1, 99999], "i4")}), "n has several types"
    ),
    "text and number": Example(_two({"values": [b"a", b"b"]}, {}), "n is CHAR in 0.cdf, DOUBLE in 1.cdf"),
    "length of texts": Example(_two({"values": [b"a", b"b"]}, {"values": [b"aaa", b"bbb"]}), "n has several types"),
    "number of channels": Example(_two({"values": np.ones((2, 2))}, {"values": np.ones((2, 3))}), "n has several shap"),
    "number of dimensions": Example(_two({"values": np.ones((2, 2))}, {"values": np.ones((2, 2, 2))}), "n is 2 in"),
    "type of time": Example(_other_type_of_time, "Epoch has several types"),
    "UNITS, UNIT_PTR": Example(_two({"UNITS": "nT"}, {"UNITS": "T"}), "units of n differ", "n_units"),
    "COORDINATE_SYSTEM": Example(
        _two({"COORDINATE_SYSTEM": "GSE"}, {"COORDINATE_SYSTEM": "GSM"}),
        "COORDINATE_SYSTEM of n",
        "n_COORDINATE_SYSTEM",
    ),
    "what does not vary with the record": Example(
        _two({"values": [1.0], "fixed": True}, {"values": [2.0], "fixed": True}), "n is not the same in all files"
    ),
    "does not vary here": Example(_two({"values": [1.0], "fixed": True}, {})),
    "other attributes": Example(_two({"CATDESC": "One"}, {"CATDESC": "Two"}), "CATDESC of n is not the same"),
    "spelling of names": Example(_two({}, {"name": "N"}), "n is called N"),
    "time axis of a variable": Example(_other_axis, "it goes along Epoch2 there", "n_Epoch2"),
    "leap-second table": Example(_old_leap_table, "Epoch of 1.cdf was made with a leap-second table"),
    "global attributes": Example(_two({"title": "one"}, {"title": "two"}), "the global attributes TITLE"),
}


@cache
def _table() -> list[dict[str, str]]:
    """The lines of the table."""
    section = PAGE.read_text().split("## Datasets of several files")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


def _line_of(key: str) -> dict[str, str]:
    (found,) = [line for line in _table() if re.match(rf"{re.escape(key)}(?! in)\b", line["differs"])] or [
        line for line in _table() if line["differs"].startswith(key)
    ]
    return found


def test_every_line_of_the_table_has_an_example() -> None:
    assert [_line_of(key)["differs"] for key in EXAMPLES] == [line["differs"] for line in _table()]
    assert list(_table()[0]) == ["differs", "what happens", *COLUMNS]


@dataclass(frozen=True)
class Seen:
    """What a reader of a result sees."""

    columns: tuple[str, ...]
    remarks: str
    left_out: str


def _see(form: str, content: bytes, path: Path) -> Seen:
    match form:
        case "cdf":
            path.write_bytes(content)
            file = cdflib.CDF(path)
            said = {name: " ".join(map(str, texts)) for name, texts in file.globalattsget().items()}
            return Seen(
                tuple(file.cdf_info().zVariables), said.get("Cutout_remarks", ""), said.get("Cutout_left_out", "")
            )
        case "votable" | "votable/b2":
            return _see_votable(content)
        case "parquet":
            return _see_votable(
                pq.ParquetFile(io.BytesIO(content)).schema_arrow.metadata[b"IVOA.VOTable-Parquet.content"]
            )
    lines = content.decode().splitlines(keepends=True)
    comments = [line for line in lines if line.startswith("#")]
    titles = next(csv.reader(line for line in lines if not line.startswith("#")))
    remarks = " ".join(line for line in comments if line.startswith("# Cutout_remarks"))
    left_out = " ".join(line for line in comments if line.startswith("# Cutout_left_out"))
    return Seen(tuple(dict.fromkeys(title.partition("[")[0] for title in titles)), remarks, left_out)


def _see_votable(content: bytes) -> Seen:
    read = votable.parse(io.BytesIO(content))
    infos = [*read.infos, *(info for one in read.resources for info in one.infos)]
    infos += [info for table in read.iter_tables() for info in table.infos]
    texts = {
        name: " ".join(str(info.value) for info in infos if info.name == name)
        for name in ("Cutout_remarks", "Cutout_left_out")
    }
    columns = tuple(field.name for table in read.iter_tables() for field in table.fields)
    return Seen(columns, texts["Cutout_remarks"], texts["Cutout_left_out"])


@pytest.mark.parametrize("key", list(EXAMPLES))
def test_a_line_of_the_table(tmp_path: Path, key: str) -> None:
    example, line = EXAMPLES[key], _line_of(key)
    paths = example.write(tmp_path)
    for heading, forms in COLUMNS.items():
        cell = line[heading]
        for form in forms:
            if key == "time axis of a variable" and form not in {"cdf", "votable", "votable/b2"}:
                with pytest.raises(ParameterError, match="expected variables of one time axis"):
                    rendered(paths, form)
                continue
            content = rendered(paths, form)
            seen = _see(form, content, tmp_path / "cut.cdf")
            where = f"{key}, {form}: {cell}"
            if "remark" in cell:
                assert example.said in seen.remarks, where
            if re.search(r"left_out|INFO|comment", cell):
                assert example.said in seen.left_out, where
                assert example.column not in seen.columns, where
            elif "no column" in cell:
                assert example.column not in seen.columns, where
            elif re.search(r"\bcolumn|variable\b|variables|tables", cell):
                assert example.column in seen.columns, where
            if cell == "empty":
                rows = [row for row in content.decode().splitlines() if not row.startswith("#")]
                assert any(",," in row or row.endswith(",") for row in rows), where
            if cell.startswith("FILLVAL"):
                assert "FILLVAL" in cdflib.CDF(tmp_path / "cut.cdf").varattsget("n"), where
            if cell.startswith("UNIT_PTR"):
                assert cdflib.CDF(tmp_path / "cut.cdf").varattsget("n")["UNIT_PTR"] == example.column, where
            if cell == "remark":
                assert example.said, where
