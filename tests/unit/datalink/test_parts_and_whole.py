"""A cut-out is its parts one after the other, in every format, whatever differs between its files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import votable
from hypothesis import given, settings
from hypothesis import strategies as st

from cutouts.interval import Interval
from tests.support.differing_files import write_differing
from tests.support.examples import examples
from tests.support.made_files import between, rendered

#: time, numbers of the record (None for missing ones, those at the end left away), unit or frame said beside it
Record = tuple[str, list[float | None], dict[str, str]]

one_file = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["f4", "f8", "i2", "i4", "u1"]),
        "fill": st.sampled_from([None, 1, 7, 99, -1, -99]),
        "size": st.sampled_from([1, 2, 3]),
        "units": st.sampled_from([None, "nT", "T"]),
        "frame": st.sampled_from([None, "GSE", "GSM"]),
        "spelled": st.sampled_from(["n", "n", "N"]),
        "present": st.sampled_from(["series", "series", "series", "lacking", "short", "virtual"]),
        "epochs": st.sampled_from(["tt2000", "tt2000", "epoch"]),
        # after the file before, among its records, or at its instants
        "begins": st.sampled_from([10.0, 10.0, 0.5, 1.0]),
        "values": st.lists(st.sampled_from([0, 1, 2, 7, 99]), min_size=3, max_size=3),
    }
)


def _record(time: str, cells: list[Any], said: dict[str, Any]) -> Record:
    numbers = [None if one is None or one != one else float(one) for one in cells]
    while numbers and numbers[-1] is None:
        numbers.pop()
    texts = {name.casefold(): str(text).strip() for name, text in said.items()}
    return time.replace(" ", "T").ljust(23, "0")[:23], numbers, texts if numbers else {}


def _rows_of_text(text: str) -> list[Record]:
    found = []
    for row in csv.DictReader(io.StringIO(text, newline="")):
        assert row["other"]
        cells = [row[name] or None for name in row if name.partition("[")[0].casefold() == "n"]
        found.append(_record(row["Epoch"], cells, {name: row[name] for name in row if _is_said(name)}))
    return found


def _is_said(name: str) -> bool:
    return name.casefold().startswith("n_")


def _by_csv(content: bytes) -> list[Record]:
    return _rows_of_text(content.decode())


def _by_txt(content: bytes) -> list[Record]:
    lines = content.decode().splitlines(keepends=True)
    return _rows_of_text("".join(line for line in lines if not line.startswith("#")))


def _by_votable(content: bytes) -> list[Record]:
    table = votable.parse(io.BytesIO(content)).get_first_table()
    fields = {field.name: field for field in table.fields}
    named = next((field for name, field in fields.items() if name.casefold() == "n"), None)
    found = []
    for row in table.array:
        cells: list[Any] = []
        if named is not None:
            cell = row[named.ID]
            gone = np.ravel(np.ma.getmaskarray(cell)).tolist()
            numbers = np.ravel(np.ma.getdata(cell)).tolist()
            null = named.values.null
            cells = [
                None if masked or (null is not None and one == null) else one
                for one, masked in zip(numbers, gone, strict=True)
            ]
        said = {name: row[field.ID] for name, field in fields.items() if _is_said(name)}
        found.append(_record(str(row[fields["Epoch"].ID]).rstrip("Z"), cells, said))
    return found


def _by_parquet(content: bytes) -> list[Record]:
    file = pq.ParquetFile(io.BytesIO(content))
    inside = votable.parse(io.BytesIO(file.schema_arrow.metadata[b"IVOA.VOTable-Parquet.content"]))
    nulls = {field.name: field.values.null for field in inside.get_first_table().fields}
    found = []
    for row in file.read().to_pylist():
        name = next((name for name in row if name.casefold() == "n"), None)
        cell = row[name] if name is not None else None
        cells = cell if isinstance(cell, list) else [cell]
        null = nulls.get(name)
        cells = [None if null is not None and one == null else one for one in cells]
        said = {name: row[name] or "" for name in row if _is_said(name)}
        found.append(_record(row["Epoch"].isoformat(timespec="milliseconds"), cells, said))
    return found


def _by_cdf(content: bytes, path: Path) -> list[Record]:
    path.write_bytes(content)
    file = cdflib.CDF(path)
    names = file.cdf_info().zVariables
    times = np.atleast_1d(cdflib.cdfepoch.to_datetime(file.varget("Epoch")))
    name = next((one for one in names if one.casefold() == "n"), None)
    cells: list[list[Any]] = [[] for _ in times]
    if name is not None:
        values, fill = np.atleast_1d(file.varget(name)), file.varattsget(name).get("FILLVAL")
        missing = None if fill is None else values.dtype.type(np.ravel(fill)[0])
        cells = [[None if one == missing else one for one in np.ravel(record)] for record in values]
    said = {one: np.ravel(file.varget(one)) for one in names if _is_said(one)}
    return [
        _record(str(time)[:23], cell, {one: texts[number] for one, texts in said.items()})
        for number, (time, cell) in enumerate(zip(times, cells, strict=True))
    ]


READERS: dict[str, Callable[[bytes], list[Record]]] = {
    "csv": _by_csv,
    "txt": _by_txt,
    "votable": _by_votable,
    "votable/b2": _by_votable,
    "parquet": _by_parquet,
}


def _numbers(records: list[Record]) -> list[tuple[str, list[float | None]]]:
    return [(time, cells) for time, cells, _ in records]


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(one_file, min_size=1, max_size=4), st.lists(st.integers(-1, 40), min_size=1, max_size=2))
def test_a_union_of_intervals_is_its_parts_in_every_format(
    tmp_path_factory: pytest.TempPathFactory, files: list[dict[str, Any]], cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    first, paths = 0.0, []
    for number, about in enumerate(files):
        first += about["begins"] if number else 0
        paths.append(write_differing(folder / f"{number}.cdf", first, about))
    whole, parts = between(-5, 60), [between(*pair) for pair in pairwise([-5, *sorted(cuts), 60])]

    def read(form: str, interval: Interval) -> list[Record]:
        if form.startswith("cdf"):
            return _by_cdf(rendered(paths, "cdf", interval, compress=form.endswith("gz")), folder / "cut.cdf")
        return READERS[form](rendered(paths, form, interval))

    expected = read("csv", whole)
    for form in ("cdf", "cdf gz", *READERS):
        found = read(form, whole)
        assert found == expected, form
        pieces = [record for part in parts for record in read(form, part)]
        assert _numbers(pieces) == _numbers(found), form
