"""Every expected interval of real files over HAPI, in CSV and in binary, read back by readers that are not ours.

The expectations were made with pycdfpp. What is announced as a double or an integer is brought back to the type that
is stored, and must have the same hash. CSV is read by Python's csv, binary by numpy from what /info announces.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pycdfpp
import pytest
from flask.testing import FlaskClient

from epntap.db.pool import Database, Role, connect
from epntap.settings import Settings
from tests.support.databases import clone_database, drop_database
from tests.support.hapi import ingest_tree
from tests.support.places import shared_directory
from voserver.wsgi import build_app

pytestmark = pytest.mark.shared

ORACLES = sorted(path for path in (shared_directory() / "data" / "oracle").glob("*.json") if path.stem != "truncated")
#: first of the variables whose values HAPI says in another way
SAID_OTHERWISE = {"isotime", "string"}
tally: Counter[str] = Counter()


@pytest.fixture(scope="module")
def files(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory, shared: Path
) -> Iterator[Database]:
    database = clone_database(postgres_server, "hapioracle", template_database)
    folder = tmp_path_factory.mktemp("oracle") / "cdf"
    folder.symlink_to(shared / "data" / "cdf")
    ingest_tree(folder, database, "files")
    yield database
    drop_database(postgres_server, database)
    print(f"\nHAPI oracle: {dict(tally)}")


@pytest.fixture(scope="module")
def client(files: Database, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return build_app(Settings(home=tmp_path_factory.mktemp("home")), files).test_client()


@pytest.fixture(scope="module")
def ids(files: Database) -> dict[tuple[str, str], str]:
    """Name of a file and of an axis -> dataset of HAPI."""
    with connect(files, Role.OWNER) as connection:
        rows = connection.execute(
            "SELECT f.path, s.axis, s.public_id FROM archive.file f "
            "JOIN archive.series s USING (schema_name, dataset_id)"
        ).fetchall()
    return {(Path(str(path)).name, str(axis)): str(public) for path, axis, public in rows}


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda path: path.stem)
def test_intervals(client: FlaskClient, ids: dict[tuple[str, str], str], oracle: Path) -> None:
    expected = json.loads(oracle.read_text())
    several = "files" in expected
    file = Path(expected["files"][0] if several else expected["file"]).name
    axes = [expected] if several else expected["time_axes"]
    for axis in axes:
        name = axis["time_variable"].strip()
        dataset = ids.get((file, name))
        assert dataset, f"{file} has no dataset along {name}"
        for interval in axis["intervals"]:
            rises = several or axis["monotonic"]
            _check(client, dataset, interval, alone=several or _is_alone(ids, dataset), rises=rises)


def _is_alone(ids: dict[tuple[str, str], str], dataset: str) -> bool:
    """Whether records of no other file are in the dataset."""
    return list(ids.values()).count(dataset) == 1


def _check(client: FlaskClient, dataset: str, interval: dict[str, Any], *, alone: bool, rises: bool) -> None:
    info = client.get(f"/hapi/info?{urlencode({'dataset': dataset})}").get_json()
    by_name = {one["name"]: one for one in info["parameters"]}
    # a name that differs from that of the time by case only has a number
    names = [_name(one, by_name) for one in interval.get("variables", ())]
    order = [one["name"] for one in info["parameters"] if one["name"] in names]
    for name in names:
        assert name in by_name, f"HAPI does not say {name} of {dataset}"
    query = {
        "dataset": dataset,
        "start": interval["start"],
        "stop": interval["stop"],
        "parameters": ",".join(order) or "Time",
    }
    if interval["half_open"] == 0:
        answer = client.get(f"/hapi/data?{urlencode(query)}", buffered=True)
        if answer.status_code == 200:
            assert answer.data == b"" or not alone
        else:
            assert answer.get_json()["status"]["code"] == 1405
        tally["empty"] += 1
        return
    answer = client.get(f"/hapi/data?{urlencode({**query, 'format': 'binary'})}", buffered=True)
    assert answer.status_code == 200, answer.data
    parameters = [info["parameters"][0], *(by_name[name] for name in order)]
    records = _records(answer.data, parameters)
    answer = client.get(f"/hapi/data?{urlencode(query)}", buffered=True)
    rows = list(csv.reader(io.StringIO(answer.data.decode(), newline="")))
    assert len(rows) == len(records)
    if not alone:
        tally["with records of other files"] += 1
        assert len(records) >= interval["half_open"]
        return
    assert len(records) == interval["half_open"]
    if rises:
        for found, wanted in ((rows[0][0], interval["first"]), (rows[-1][0], interval["last"])):
            assert found[: len(wanted) - 1] == wanted.removesuffix("Z")
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert [row[0] for row in rows] == [time.decode() for time in records["Time"]]
    for variable in interval["variables"]:
        _check_variable(variable, by_name, parameters, records, rows, rises=rises)
    tally["intervals"] += 1


def _name(variable: dict[str, Any], by_name: dict[str, Any]) -> str:
    name = str(variable["name"].strip())
    return name if name in by_name else f"{name}_2"


def _records(body: bytes, parameters: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    kinds = {"double": "<f8", "integer": "<i4"}
    fields = [
        (one["name"], kinds.get(one["type"], f"S{one.get('length')}"), tuple(one.get("size", ()))) for one in parameters
    ]
    return np.frombuffer(body, np.dtype(fields))


def _check_variable(
    variable: dict[str, Any],
    by_name: dict[str, dict[str, Any]],
    parameters: list[dict[str, Any]],
    records: np.ndarray[Any, Any],
    rows: list[list[str]],
    *,
    rises: bool,
) -> None:
    name = _name(variable, by_name)
    announced = by_name[name]
    if "sha256" not in variable or np.dtype(variable["dtype"]).kind not in "fiu":
        tally[f"said as {announced['type']}"] += 1
        return
    if announced["type"] in SAID_OTHERWISE and announced["type"] != "string":
        tally[f"said as {announced['type']}"] += 1
        return
    stored = np.dtype(variable["dtype"])
    column = sum(math.prod(one.get("size", ())) for one in parameters[: [p["name"] for p in parameters].index(name)])
    width = math.prod(announced.get("size", ()))
    by_csv = np.array([[float(text) for text in row[column : column + width]] for row in rows])
    for values in (records[name], by_csv):
        back = np.ascontiguousarray(values.astype(stored))
        missing = np.isnan(values)
        if missing.any() or not rises:
            # there is one NaN in HAPI and many in files; records that are put in order have another hash
            fill = np.nan if variable["fillval"] is None else stored.type(variable["fillval"])
            known = back[~(missing | (back == fill))].astype(np.float64)
            assert back.size - known.size == variable["fill_or_nan"]
            if known.size:
                assert [known.min(), known.max()] == [variable["min"], variable["max"]]
                assert known.sum() == pytest.approx(variable["sum"], rel=1e-9)
            continue
        assert hashlib.sha256(back.tobytes()).hexdigest() == variable["sha256"], name
    tally["variables"] += 1


def test_the_files_are_all_there(ids: dict[tuple[str, str], str], shared: Path) -> None:
    names = {name for name, _ in ids}
    readable = [path for path in (shared / "data" / "cdf" / "mission").glob("*.cdf") if path.name in names]
    assert len(readable) > 25
    assert len(pycdfpp.load(str(readable[0]))) > 0
