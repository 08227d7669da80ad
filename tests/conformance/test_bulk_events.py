"""Data of the events of a table: cut-outs of each, of all together, records of HAPI, statistics as a job."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import requests
from astropy.io.votable import parse_single_table
from PIL import Image

from epntap.db.pool import Database, Role, connect
from eventtables.readers import read_table
from eventtables.store.tables import save_table
from tests.support.server import Server, serve
from tests.support.uws_client import Client

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
    with serve(own_demo_database, tmp_path_factory.mktemp("bulkevents"), job_workers="1") as server:
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


# -- all together, and as jobs ----------------------------------------------------------------------------------------

SPANS = (("2016-12-31T06:00:00", "2016-12-31T06:02:00"), ("2016-12-31T08:00:00.5", "2016-12-31T08:01:00"))


def rows_of(text: str) -> list[list[str]]:
    """The lines of a CSV below its names."""
    return list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))[1:]


def rows_within(server: Server, spans: Sequence[tuple[str, str]] = SPANS) -> list[list[str]]:
    """The same from a cut-out of the whole day."""
    whole = requests.get(f"{server.base}/datalink/soda/sync?ID=syna-mag_20161231&FORMAT=CSV", timeout=60)
    rows = rows_of(whole.text)
    # as texts: the day ends with a leap second
    return [row for row in rows if any(start <= row[0] < stop for start, stop in spans)]


def finished(server: Server, path: str, *pairs: tuple[str, str]) -> tuple[Client, str]:
    client = Client(server)
    reply = client.post(f"{server.base}{path}", *pairs, ("PHASE", "RUN"))
    assert reply.status == 303, reply.text
    phase = client.until(reply.location, "COMPLETED", "ERROR", "ABORTED", within_s=60)
    assert phase == "COMPLETED", client.get(reply.location).text
    return client, reply.location


def test_all_events_together_are_one_cut_out(server: Server) -> None:
    asked = {"ID": "syna-mag_20161231", "EVENTS": "three", "JOINED": "1", "FORMAT": "CSV"}
    answer = requests.get(f"{server.base}/datalink/soda/sync", asked, timeout=60)
    assert answer.status_code == 200
    assert rows_of(answer.text) == rows_within(server)
    said = requests.get(f"{server.base}/datalink/soda/sync", {**asked, "FORMAT": "VOTable"}, timeout=60).text
    assert "2 between start and stop" in said
    packed = zipfile.ZipFile(io.BytesIO(ask(server, **asked).content))
    (name,) = [one for one in packed.namelist() if one.startswith("syna-mag")]
    assert rows_of(packed.read(name).decode()) == rows_within(server)
    # the list for download tools leads to the same
    listed = ask(server, **asked, RESPONSEFORMAT="manifest").text.split()
    assert [rows_of(requests.get(one, timeout=60).text) for one in listed] == [rows_within(server)]


def test_a_job_makes_one_for_each_or_one_of_all(server: Server) -> None:
    asked = (("ID", "syna-mag_20161231"), ("EVENTS", "three"), ("FORMAT", "CSV"))
    client, job = finished(server, "/datalink/soda/async", *asked)
    each = [rows_of(client.get(f"{job}/results/result{number}").text) for number in (1, 2)]
    assert [row for rows in each for row in rows] == rows_within(server)
    client, job = finished(server, "/datalink/soda/async", *asked, ("JOINED", "1"))
    assert rows_of(client.get(f"{job}/results/result").text) == rows_within(server)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"EVENTS": "three"}, "join them by JOINED=1"),
        ({"JOINED": "1"}, "name a table of events"),
        ({"EVENTS": "three", "JOINED": "2"}, "JOINED must be 1 or 0"),
        ({"EVENTS": "thre", "JOINED": "1"}, "Did you mean 'three'"),
    ],
)
def test_sync_says_what_it_does_not_take(server: Server, given: dict[str, str], said: str) -> None:
    answer = requests.get(f"{server.base}/datalink/soda/sync", {"ID": "syna-mag_20161231", **given}, timeout=60)
    assert answer.status_code in {400, 404}
    assert said in answer.text


@pytest.mark.parametrize("name", ["x_events", "EVENTS"])
def test_hapi_gives_the_records_of_all_events(server: Server, name: str) -> None:
    address = f"{server.base}/hapi/data"
    found = requests.get(address, {"dataset": "syna-mag", name: "three"}, timeout=60)
    assert found.status_code == 200, found.text
    whole = [
        requests.get(address, {"dataset": "syna-mag", "start": start, "stop": stop}, timeout=60).text
        for start, stop in SPANS
    ]
    assert found.text == "".join(whole)
    part = requests.get(address, {"dataset": "syna-mag", name: "three", "start": "2016-12-31T07:30:00Z"}, timeout=60)
    assert part.text == whole[1]
    assert requests.get(address, {"dataset": "syna-mag", name: "instant"}, timeout=60).text == ""
    refused = requests.get(address, {"dataset": "syna-mag", name: "thre"}, timeout=60)
    assert (refused.status_code, refused.json()["status"]["code"]) == (400, 1400)


def test_statistics_are_a_catalogue_that_a_job_makes(server: Server) -> None:
    asked = (("EVENTS", "three"), ("DATASET", "syna-mag"), ("PARAMETERS", "B_magnitude"))
    client, job = finished(server, "/statistics/async", *asked)
    table = parse_single_table(io.BytesIO(client.get(f"{job}/results/result").body)).to_table(use_names_over_ids=True)
    address = f"{server.base}/hapi/data"
    for row, span in zip((table[0], table[2]), SPANS, strict=True):
        records = requests.get(
            address, {"dataset": "syna-mag", "parameters": "B_magnitude", "start": span[0], "stop": span[1]}, timeout=60
        )
        values = np.array([float(one[1]) for one in csv.reader(records.text.splitlines())])
        assert (row["records"], row["B_magnitude_count"]) == (len(values), len(values))
        assert (row["B_magnitude_min"], row["B_magnitude_max"]) == (values.min(), values.max())
        assert np.isclose(row["B_magnitude_mean"], values.mean(), rtol=1e-12)
        assert np.isclose(row["B_magnitude_std"], values.std(), rtol=1e-9)
    assert (table[1]["records"], table[1]["B_magnitude_count"]) == (0, 0)
    wrong = Client(server)
    reply = wrong.post(f"{server.base}/statistics/async", ("EVENTS", "three"), ("DATASET", "x"), ("PHASE", "RUN"))
    assert wrong.until(reply.location, "COMPLETED", "ERROR", within_s=30) == "ERROR"
    assert "there is no dataset 'x'" in wrong.get(f"{reply.location}/error").text


# -- as marks on plots ------------------------------------------------------------------------------------------------


def test_a_plot_is_told_which_events_are_in_it(server: Server) -> None:
    address = f"{server.base}/plot/amdadb/syna-mag_20161231"
    span = {"start": "2016-12-31T07:30:00", "stop": "2016-12-31T08:30:00", "points": "60"}
    values = requests.get(address, {**span, "events": "three"}, timeout=60).json()
    start = np.datetime64("2016-12-31T08:00:00.5", "ms").astype(int)
    assert values["marks"] == [[float(start), float(start + 59_500)]]
    plain = requests.get(address, span, timeout=60).json()
    assert "marks" not in plain
    assert values["panels"] == plain["panels"]
    whole = requests.get(address, {"events": "three"}, timeout=60).json()
    assert len(whole["marks"]) == 3
    assert requests.get(address, {"events": "thre"}, timeout=60).status_code == 404


def test_a_picture_has_its_marks_where_the_events_are(server: Server) -> None:
    address = f"{server.base}/preview/amdadb/syna-mag_20161231.png"
    span = {"start": "2016-12-31T07:00:00", "stop": "2016-12-31T09:00:00", "parameters": "B_magnitude", "width": "960"}
    pictures = []
    for more in ({}, {"events": "three"}):
        answer = requests.get(address, {**span, **more}, timeout=60)
        assert answer.status_code == 200, answer.text
        pictures.append(np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), int))
    differing = np.flatnonzero(np.abs(pictures[0] - pictures[1]).sum(axis=2).any(axis=0))
    frame = np.flatnonzero((pictures[0][pictures[0].shape[0] // 3] < 200).all(axis=1))
    left, right = frame[0], frame[-1]
    # the instant at the left end, and half a second after the middle for a minute
    places = (differing - left) / (right - left)
    assert (places < 0.01).any()
    later = places[places > 0.1]
    assert 0.49 < later.min() < later.max() < 0.52
