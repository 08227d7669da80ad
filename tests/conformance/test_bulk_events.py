"""Cut-outs of the events of a table: one for each, in one answer."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator

import pytest
import requests

from epntap.db.pool import Database, Role, connect
from eventtables.readers import read_table
from eventtables.store.tables import save_table
from tests.support.server import Server, serve

#: two that last, and an instant
EVENTS = (
    "2016-12-31T06:00:00 2016-12-31T06:02:00\n2016-12-31T07:00:00 2016-12-31T07:00:00\n"
    "2016-12-31T08:00:00.5 2016-12-31T08:01:00\n"
)


@pytest.fixture(scope="module")
def server(own_demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with connect(own_demo_database, Role.OWNER, autocommit=True) as owner:
        save_table(owner, "three", read_table(EVENTS.encode(), "three"))
        save_table(owner, "instant", read_table(EVENTS.splitlines()[1].encode(), "instant"))
    with serve(own_demo_database, tmp_path_factory.mktemp("bulkevents")) as server:
        yield server


def ask(server: Server, **given: str) -> requests.Response:
    return requests.post(f"{server.base}/datalink/bulk", data=given, timeout=120)


def test_there_is_a_cut_out_for_each_event_that_lasts(server: Server) -> None:
    answer = ask(server, ID="syna-mag_20161231", EVENTS="three", FORMAT="CSV")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        tables = {name: packed.read(name).decode() for name in packed.namelist() if "syna-mag" in name}
    assert len(tables) == 2
    spans = []
    for text in tables.values():
        rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
        spans.append((rows[1][0][:19], rows[-1][0][:19]))
    (first, last), (begin, end) = sorted(spans)
    assert "2016-12-31T06:00:00" <= first <= last < "2016-12-31T06:02:00"
    assert "2016-12-31T08:00:00" <= begin <= end < "2016-12-31T08:01:00"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"EVENTS": "thre"}, "Did you mean 'three'"),
        ({"EVENTS": "instant"}, "no event of 'instant' lasts"),
        ({"EVENTS": "three", "START": "2016-12-31"}, "please give one or the other"),
    ],
)
def test_what_cannot_be_is_said(server: Server, given: dict[str, str], said: str) -> None:
    answer = ask(server, ID="syna-mag_20161231", FORMAT="CSV", **given)
    assert answer.status_code in {400, 404}
    assert said in answer.text
