"""HAPI and SODA give the same records: times, values and their order, of files and of the sample archive."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from urllib.parse import urlencode

import numpy as np
import pytest
from flask.testing import FlaskClient

from epntap.db.pool import Database
from epntap.settings import Settings
from tests.support.databases import clone_database, drop_database
from tests.support.hapi import ingest_tree, write_kinds
from voserver.wsgi import build_app

SPANS = [
    ("2016-12-31T23:58:00Z", "2017-01-01T00:02:00Z"),
    ("2016-12-31T23:59:59.000000007Z", "2017-01-01T00:00:00.500000007Z"),
    ("2016-12-31T23:58:00.000000008Z", "2016-12-31T23:58:10.000000007Z"),
    ("2017-01-01T00:00:30Z", "2017-01-01T00:00:30.6Z"),
]


@pytest.fixture(scope="module")
def client(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FlaskClient]:
    root = tmp_path_factory.mktemp("both")
    write_kinds(root / "cdf")
    database = clone_database(postgres_server, "both", template_database)
    ingest_tree(root / "cdf", database)
    yield build_app(Settings(home=root / "home"), database).test_client()
    drop_database(postgres_server, database)


def table(client: FlaskClient, path: str, **query: str) -> list[list[str]]:
    answer = client.get(f"{path}?{urlencode(query)}", buffered=True)
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text, newline="")))


@pytest.mark.parametrize(("start", "stop"), SPANS)
def test_records_agree_one_by_one(client: FlaskClient, start: str, stop: str) -> None:
    names = "B,flag,big"
    ours = table(client, "/hapi/data", dataset="kinds", parameters=names, start=start, stop=stop)
    _head, *theirs = table(
        client,
        "/datalink/soda/sync",
        datasetID="kinds",
        startTime=start,
        stopTime=stop,
        PARAMETERS=names,
        FORMAT="CSV",
    )
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        assert one[0].removesuffix("Z") == other[0].removesuffix("Z")
        # a fill is an empty cell in a table, and single precision is written as short as it can be read back
        held = [(value, text) for value, text in zip(one[1:], other[1:], strict=True) if text]
        assert [np.float32(value) for value, _ in held[:-2]] == [np.float32(text) for _, text in held[:-2]]
        assert [int(float(value)) for value, _ in held[-2:]] == [int(text) for _, text in held[-2:]]
