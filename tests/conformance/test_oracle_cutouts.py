"""Every expected cut-out of real files over HTTP in all formats, read back by readers that are not ours.

The expectations were made with pycdfpp. CDF answers, plain and compressed, are read with pycdfpp (hashes of the bytes)
and opened with cdflib, VOTable with astropy, CSV and text with Python's csv, Parquet with pyarrow (numbers must be the
same floats).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pycdfpp
import pytest
from astropy.io import votable

from epntap.db.pool import Database
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from tests.support.databases import clone_database, drop_database
from tests.support.places import shared_directory
from tests.support.server import Server, serve

pytestmark = pytest.mark.shared

_DEFINITION = """
[service]
schema = "files"
title = "Real files"
publisher = "test"

[[source]]
kind = "cdf-files"
path = "{path}"
granule = "file"
"""
ORACLES = sorted(path for path in (shared_directory() / "data" / "oracle").glob("*.json") if path.stem != "truncated")
SINGLE = [path for path in ORACLES if not path.stem.startswith("multi_")]
MULTI = [path for path in ORACLES if path.stem.startswith("multi_")]
tally: Counter[str] = Counter()


@pytest.fixture(scope="module")
def files(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory, shared: Path
) -> Iterator[Server]:
    """A server over all real files, one granule each."""
    database = clone_database(postgres_server, "oracle", template_database)
    folder = tmp_path_factory.mktemp("oracle")
    definition = folder / "files.toml"
    definition.write_text(_DEFINITION.format(path=shared / "data" / "cdf"))
    ingest_service(load_definition(definition), database)
    with serve(database, folder) as server:
        yield server
    drop_database(postgres_server, database)
    print(f"\noracle intervals: {dict(tally)}")


def cut(server: Server, **params: str) -> tuple[int, bytes]:
    address = f"{server.base}/datalink/soda/sync?{urllib.parse.urlencode(params)}"
    try:
        with urllib.request.urlopen(address, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as failure:
        with failure:
            return failure.code, failure.read()


def raw(values: Any) -> Any:
    """Stored epochs as plain numbers: one each, or pairs for EPOCH16."""
    names = values.dtype.names
    if names is None:
        return values
    if len(names) == 1:
        return values[names[0]]
    return np.stack([values[name] for name in names], axis=-1)


def plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


@pytest.mark.parametrize("oracle", SINGLE, ids=lambda path: path.stem)
def test_intervals_of_one_file(files: Server, oracle: Path) -> None:
    expected = json.loads(oracle.read_text())
    granule = Path(expected["file"]).stem
    for axis in expected["time_axes"]:
        for interval in axis["intervals"]:
            _check(files, {"ID": granule}, axis["time_variable"].strip(), interval)


@pytest.mark.parametrize("oracle", MULTI, ids=lambda path: path.stem)
def test_intervals_over_several_files(files: Server, oracle: Path, shared: Path) -> None:
    expected = json.loads(oracle.read_text())
    first = pycdfpp.load(str(shared / "data" / expected["files"][0]))
    dataset = first.attributes["Logical_source"][0]
    for interval in expected["intervals"]:
        _check(files, {"datasetID": dataset}, expected["time_variable"].strip(), interval)


def test_the_granule_of_a_file_is_the_file(files: Server, shared: Path) -> None:
    for path in sorted((shared / "data" / "cdf" / "mission").glob("*.cdf")):
        with urllib.request.urlopen(f"{files.base}/data/{path.stem}.cdf", timeout=60) as answer:
            assert answer.read() == path.read_bytes(), path.name


def _check(server: Server, identity: dict[str, str], axis: str, interval: dict[str, Any]) -> None:
    names = [variable["name"].strip() for variable in interval.get("variables", ())]
    params = {
        **identity,
        "START": interval["start"],
        "STOP": interval["stop"],
        "PARAMETERS": ",".join(names or [axis]),
    }
    if interval["half_open"] == 0:
        assert cut(server, **params) == (204, b"")
        tally["empty, answered with 204"] += 1
        return
    status, body = cut(server, **params, FORMAT="CDF")
    assert status == 200, body
    file = pycdfpp.load(body)
    _check_cdf(file, axis, interval)
    _check_cdflib(body, axis, interval)
    tally["CDF"] += 1
    status, packed = cut(server, **params, FORMAT="CDF", COMPRESS="1")
    assert status == 200, packed
    _check_cdf(pycdfpp.load(packed), axis, interval)
    tally["CDF compressed"] += 1
    for form, check in (
        ("VOTable", _check_votable),
        ("votable/b2", _check_votable),
        ("CSV", _check_csv),
        ("TXT", _check_csv),
        ("PARQUET", _check_parquet),
    ):
        check(cut(server, **params, FORMAT=form), file, axis, interval)
        tally[form] += 1


def _check_cdf(file: Any, axis: str, interval: dict[str, Any]) -> None:
    epochs = raw(file[axis].values)
    assert len(epochs) == interval["half_open"]
    if "first_raw" in interval:
        assert [plain(epochs[0]), plain(epochs[-1])] == [interval["first_raw"], interval["last_raw"]]
    for expected in interval["variables"]:
        if "sha256" not in expected:
            continue
        values = np.ascontiguousarray(file[expected["name"].strip()].values)
        assert values.dtype == np.dtype(expected["dtype"]), expected["name"]
        assert hashlib.sha256(values.tobytes()).hexdigest() == expected["sha256"], expected["name"]


def _check_cdflib(body: bytes, axis: str, interval: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cut.cdf")
        path.write_bytes(body)
        file = cdflib.CDF(path, string_encoding="latin-1")
        assert file.varinq(axis).Last_Rec + 1 == interval["half_open"]
        for expected in interval["variables"]:
            file.varget(expected["name"].strip())


def _is_number(variable: Any) -> bool:
    return variable.values.dtype.names is None and variable.values.dtype.kind in "fiu"


def _fill(variable: Any) -> Any:
    found = dict(variable.attributes.items()).get("FILLVAL")
    return None if found is None or found.value is None else np.ravel(np.asarray(found.value))[0]


def _same_numbers(found: Any, variable: Any, what: str) -> None:
    """Equal as stored, but for fills, which text formats leave empty."""
    stored = np.asarray(variable.values)
    fill = _fill(variable)
    keep = np.ones(stored.shape, bool) if fill is None else stored != stored.dtype.type(fill)
    if stored.dtype.kind == "f":
        keep &= ~np.isnan(stored)
    read = np.asarray(found).astype(stored.dtype).reshape(stored.shape)
    assert np.array_equal(read[keep], stored[keep]), what


def _same_time(found: str, expected: str) -> None:
    """The oracle has nanoseconds; texts have as many decimals as there are."""
    nanoseconds = expected.removesuffix("Z").rstrip("0").rstrip(".")
    assert found.startswith(nanoseconds)
    assert not found[len(nanoseconds) :].strip(".0123456789")
    if len(found) <= len("YYYY-MM-DDThh:mm:ss.nnnnnnnnn"):
        assert not found[len(nanoseconds) :].strip(".0")


def _check_parquet(answer: tuple[int, bytes], file: Any, axis: str, interval: dict[str, Any]) -> None:
    status, body = answer
    assert status == 200, body
    table = pq.read_table(io.BytesIO(body))
    assert len(table) == interval["half_open"]
    times = table[axis].to_numpy()
    for found, expected in ((times[0], interval["first"]), (times[-1], interval["last"])):
        assert found == np.datetime64(expected.removesuffix("Z"), "ns")
    for expected in interval["variables"]:
        name = expected["name"].strip()
        if name not in table.column_names or "sha256" not in expected or not _is_number(file[name]):
            continue
        column = table[name].combine_chunks()
        flat = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
        _same_numbers(flat.fill_null(0).to_numpy(zero_copy_only=False), file[name], f"Parquet {name}")


def _check_votable(answer: tuple[int, bytes], file: Any, axis: str, interval: dict[str, Any]) -> None:
    status, body = answer
    assert status == 200, body
    tables = {table.name: table for table in votable.parse(io.BytesIO(body)).iter_tables()}
    table = tables[axis]
    rows = table.array
    assert len(rows) == interval["half_open"]
    by_name = {field.name: field.ID for field in table.fields}
    times = [str(value) for value in rows[by_name[axis]]]
    for found, expected in ((times[0], interval["first"]), (times[-1], interval["last"])):
        _same_time(found, expected)
    for expected in interval["variables"]:
        name = expected["name"].strip()
        if name in by_name and "sha256" in expected and _is_number(file[name]):
            values = np.ma.getdata(rows[by_name[name]])
            if values.dtype == object:
                values = np.array([np.ma.getdata(value) for value in values])
            _same_numbers(values, file[name], f"VOTable {name}")


def _check_csv(answer: tuple[int, bytes], file: Any, axis: str, interval: dict[str, Any]) -> None:
    status, body = answer
    assert status == 200, body
    text = "".join(line for line in body.decode().splitlines(keepends=True) if not line.startswith("#"))
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert len(rows) == interval["half_open"]
    where = {name: index for index, name in enumerate(head)}
    for found, expected in ((rows[0][where[axis]], interval["first"]), (rows[-1][where[axis]], interval["last"])):
        _same_time(found, expected)
    for expected in interval["variables"]:
        name = expected["name"].strip()
        columns = [index for index, title in enumerate(head) if title == name or title.startswith(f"{name}[")]
        if not columns or "sha256" not in expected or not _is_number(file[name]):
            continue
        cells = [[row[index] for index in columns] for row in rows]
        kind = np.asarray(file[name].values).dtype
        missing = "nan" if kind.kind == "f" else "0"
        _same_numbers(np.array([[kind.type(c or missing) for c in line] for line in cells]), file[name], f"CSV {name}")
