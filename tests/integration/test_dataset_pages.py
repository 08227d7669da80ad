"""Pages of datasets: what can be chosen, what is said of one, code that runs, and what is asked wrongly."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlencode

import cdflib
import numpy as np
import pytest
import requests
from astropy.table import Table

from cutouts.interval import Interval
from epntap.db.pool import Database, Role, connect
from epntap.pages import Pages
from epntap.schema import tables
from summaries.run import summarise
from tests.support.browser import CHROMIUM, client_of, page_of, text_of
from tests.support.databases import clone_database, drop_database
from tests.support.server import Server
from tests.support.speasy import ask_speasy, needs_speasy
from voweb.datasets.calendar import days_of, month_rows, years_of
from voweb.look import MOST_OFFERED, Shown, look_at

XHTML = "{http://www.w3.org/1999/xhtml}"
EVIL = "<img src=x onerror=alert(1)>\"'&"


def ask(server: Server, path: str, **headers: str) -> requests.Response:
    return requests.get(server.base + path, headers=headers or CHROMIUM, timeout=60, allow_redirects=False)


def test_datasets_are_counted_by_what_they_are(served: Server) -> None:
    everything = ask(served, "/datasets.json").json()
    assert everything["facets"]["observatory"]["Synthia-C"] == 3
    assert everything["facets"]["access"]["PartiallyRestricted"] == 1
    some = ask(served, f"/datasets.json?{urlencode({'observatory': 'Synthia-C', 'q': 'MAGNETIC field'})}").json()
    assert [one["dataset_id"] for one in some["datasets"]] == ["sync-mag"]
    assert some["count"] == 1
    nothing = ask(served, f"/datasets.json?{urlencode({'observatory': EVIL})}").json()
    assert nothing["count"] == 0


def test_the_count_of_each_facet_is_what_it_leads_to(served: Server) -> None:
    found = ask(served, "/datasets.json").json()
    for facet, values in found["facets"].items():
        for value, count in list(values.items())[:4]:
            assert ask(served, f"/datasets.json?{urlencode({facet: value})}").json()["count"] == count, (facet, value)


@pytest.mark.parametrize(
    "path",
    [
        "/datasets",
        f"/datasets?{urlencode({'q': EVIL, 'target': EVIL})}",
        "/datasets/amdadb/sync-mag",
        "/datasets?page=99",
    ],
)
def test_pages_are_well_formed_and_hold_no_markup_of_others(served: Server, path: str) -> None:
    answer = ask(served, path)
    assert answer.status_code == 200
    page = page_of(answer.text)
    assert not list(page.iter(f"{XHTML}img")) or "sync-mag" in path


def test_a_dataset_tells_what_is_known_of_it(served: Server) -> None:
    page = page_of(ask(served, "/datasets/amdadb/sync-mag").text)
    said = text_of(page)
    for words in ("Synthia-C", "16 s", "Magnetic field vector in MSO", "phys.magField", "Open", "Jan"):
        assert words in said, words
    linked = next(one for one in page.iter(f"{XHTML}script") if one.get("type") == "application/ld+json")
    document = json.loads(linked.text or "")
    assert document["@type"] == "Dataset"
    assert document["temporalCoverage"] == "2016-12-29/2017-01-04"
    assert {one["name"]: one.get("unitText") for one in document["variableMeasured"]}["B MSO"] == "nT"
    days = [one.get("href") for one in page.iter(f"{XHTML}a") if "/granules/" in (one.get("href") or "")]
    assert "/granules/amdadb/sync-mag_20170102" in days


def test_a_dataset_as_json_has_the_parameters_with_their_ranges(served: Server) -> None:
    found = ask(served, "/datasets/amdadb/sync-mag.json").json()
    assert found["days"] == ["2016-12-29/2017-01-04"]
    assert [one["name"] for one in found["parameters"]] == ["B_vector", "B_magnitude", "quality_flag"]


def test_unknown_identifiers_lead_to_similar_ones(served: Server) -> None:
    answer = ask(served, "/datasets/amdadb/sync-mgg")
    assert answer.status_code == 404
    page = page_of(answer.text)
    assert "/datasets/amdadb/sync-mag" in [one.get("href") for one in page.iter(f"{XHTML}a")]
    for path in (f"/datasets/amdadb/{EVIL}", f"/datasets/{EVIL}/x", "/datasets/amdadb/" + "x" * 3000):
        answer = ask(served, path)
        assert answer.status_code == 404
        page_of(answer.text)
    assert ask(served, "/datasets/amdadb/SYNC-MAG").headers["Location"] == "/datasets/amdadb/sync-mag"


@pytest.mark.parametrize("query", ["year=0", "year=9999", "year=x", "p=0", "p=-1", "year=" + "9" * 400])
def test_what_is_no_number_is_said(served: Server, query: str) -> None:
    assert ask(served, f"/datasets/amdadb/sync-mag?{query}").status_code == 400


def test_a_year_without_granules_is_an_empty_calendar(served: Server) -> None:
    assert ask(served, "/datasets/amdadb/sync-mag?year=1").status_code == 200
    assert ask(served, "/datasets/amdadb/sync-mag?p=1000000").status_code == 200


def test_a_closed_dataset_is_described_but_nothing_inside_of_its_files_is(served: Server) -> None:
    page = page_of(ask(served, "/datasets/amdadb/sync-spec").text)
    assert "not public" in text_of(page)
    assert not list(page.iter(f"{XHTML}img"))
    assert (
        json.loads(next(one for one in page.iter(f"{XHTML}script") if not one.get("src")).text or "")[
            "isAccessibleForFree"
        ]
        is False
    )
    assert ask(served, "/plot/amdadb/sync-spec").status_code == 403


# -- code


def code_of(server: Server, client: str) -> str:
    page = page_of(ask(server, "/datasets/amdadb/sync-mag").text)
    tabs = next(one for one in page.iter(f"{XHTML}div") if one.get("class") == "tabs")
    codes = ["".join(map(str, one.itertext())) for one in tabs.iter(f"{XHTML}pre")]
    return codes[[text_of(one) for one in tabs.iter(f"{XHTML}label")].index(client)]


def test_what_pyvo_is_told_runs(served: Server) -> None:
    names: dict[str, object] = {}
    exec(code_of(served, "Python (pyvo)"), names)  # that is what the page says of it
    granules, records = names["granules"], names["records"]
    assert list(granules["granule_uid"])[-1] == "sync-mag_20170104"  # type: ignore[index]
    assert len(records) == 5400  # type: ignore[arg-type]


def test_what_hapiclient_is_told_runs(served: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code_of(served, "Python (hapiclient)"), names)
    assert len(names["data"]) > 10  # type: ignore[arg-type]


@pytest.mark.parametrize("client", ["curl", "wget"])
def test_what_a_shell_is_told_runs(served: Server, client: str, tmp_path: Path) -> None:
    command = shlex.split(code_of(served, client))
    assert command[0] == client
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)  # what the page says
    lines = [one for one in (tmp_path / "data.csv").read_text().splitlines() if not one.startswith("#")]
    assert len(lines) > 10


@needs_speasy
def test_what_speasy_is_told_runs(served: Server, tmp_path: Path) -> None:
    said = "\nprint(json.dumps({name: list(found.values.shape) for name, found in variables.items()}))"
    shapes = ask_speasy(tmp_path, code_of(served, "Python (Speasy)") + said, [])
    assert set(shapes) == {"B_vector", "B_magnitude", "quality_flag"}
    assert shapes["B_vector"][0] > 10
    assert shapes["B_vector"][1] == 3


@pytest.mark.skipif(shutil.which("stilts") is None, reason="there is no STILTS")
def test_what_stilts_is_told_runs(served: Server, tmp_path: Path) -> None:
    script = code_of(served, "STILTS")
    done = subprocess.run(  # what the page says
        ["bash", "-euc", script], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    granules = Table.read(tmp_path / "granules.fits")
    assert list(granules["granule_uid"])[-1] == "sync-mag_20170104"
    assert "B_vector" in done.stdout


# -- plots


def test_plotted_values_are_those_of_the_file(served: Server, tmp_path: Path) -> None:
    query = {"start": "2017-01-02T00:00:00", "stop": "2017-01-02T01:00:00", "points": 500, "parameters": "B_vector"}
    answer = ask(served, f"/plot/amdadb/sync-mag?{urlencode(query)}", Accept="*/*")
    assert answer.status_code == 200
    found = answer.json()
    assert found["width_text"] == "records"
    panel = found["panels"][0]
    content = ask(served, "/data/amdadb/sync-mag_20170102.cdf", Accept="*/*").content
    path = tmp_path / "plot.cdf"
    path.write_bytes(content)
    file = cdflib.CDF(path)
    epochs = np.asarray(cdflib.cdfepoch.unixtime(file.varget("Epoch"))) * 1000
    values = file.varget("B_vector")
    inside = epochs < epochs[0] + 3_600_000
    there = np.abs(values) < 1e30
    assert len(panel["times"]) == inside.sum() == 225
    np.testing.assert_allclose(panel["times"], epochs[inside], rtol=0, atol=0.01)
    for number, line in enumerate(panel["lines"]):
        told = np.array([np.nan if one is None else one for one in line["values"]])
        np.testing.assert_allclose(told, np.where(there, values, np.nan)[inside, number], rtol=1e-8)


def test_bins_are_the_mean_and_the_range_of_their_records(served: Server) -> None:
    whole = {"start": "2017-01-02", "stop": "2017-01-03", "parameters": "B_magnitude"}
    bins = ask(served, f"/plot/amdadb/sync-mag?{urlencode({**whole, 'points': 20})}").json()["panels"][0]["lines"][0]
    records = ask(served, f"/plot/amdadb/sync-mag?{urlencode({**whole, 'points': 2000})}").json()["panels"][0]
    values = np.array([one for one in records["lines"][0]["values"] if one is not None])
    assert max(one for one in bins["high"] if one is not None) == pytest.approx(values.max(), rel=1e-8)
    assert min(one for one in bins["low"] if one is not None) == pytest.approx(values.min(), rel=1e-8)
    assert 20 <= len(bins["values"]) <= 80


@pytest.mark.parametrize("points", [1, 7, 100, 2000])
def test_there_are_four_times_as_many_points_at_most(served: Server, points: int) -> None:
    found = ask(served, f"/plot/amdadb/sync-mag?points={points}").json()
    assert points <= found["bins"] <= 4 * points


def test_a_spectrogram_has_edges_for_all_its_channels(served: Server) -> None:
    panel = ask(served, "/plot/amdadb/syna-spec?points=50").json()["panels"][0]
    assert panel["kind"] == "spectrogram"
    assert len(panel["values"]) == len(panel["starts"]) == len(panel["stops"])
    assert {len(row) for row in panel["values"]} == {len(panel["edges"][0]) - 1}


def test_plots_are_not_sent_twice(served: Server) -> None:
    first = ask(served, "/plot/amdadb/sync-mag?points=10", Accept="*/*")
    again = ask(served, "/plot/amdadb/sync-mag?points=10", **{"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("points=0", 400),
        ("points=2001", 400),
        ("points=x", 400),
        ("start=2017-01-03&stop=2017-01-02", 400),
        ("start=yesterday", 400),
        (f"parameters={EVIL}", 400),
        ("start=0001-01-01&stop=9999-12-31", 200),
        ("start=1900-01-01&stop=1900-01-02", 404),
    ],
)
def test_what_cannot_be_plotted_is_said(served: Server, query: str, status: int) -> None:
    answer = ask(served, f"/plot/amdadb/sync-mag?{query}", Accept="*/*")
    assert answer.status_code == status
    assert ask(served, "/plot/amdadb/nothing", Accept="*/*").status_code == 404
    assert ask(served, "/plot/nobody/sync-mag", Accept="*/*").status_code == 404


# -- calendars


def jd(text: str) -> float:
    return date.fromisoformat(text).toordinal() + 1_721_424.5


def test_a_granule_that_ends_at_midnight_has_nothing_of_the_next_day() -> None:
    runs = days_of(
        [(jd("2016-12-31"), jd("2017-01-01")), (jd("2017-01-01"), jd("2017-01-02")), (jd("2018-02-01"),) * 2]
    )
    told = [(date.fromordinal(first).isoformat(), date.fromordinal(last).isoformat()) for first, last in runs]
    assert told == [("2016-12-31", "2017-01-01"), ("2018-02-01", "2018-02-01")]
    assert [(one.number, one.days) for one in years_of(runs)] == [(2016, 1), (2017, 1), (2018, 1)]


def test_years_that_no_calendar_has_are_left_out() -> None:
    runs = days_of([(-1e6, -0.9e6), (jd("0001-01-01"), jd("0001-01-03")), (jd("9999-12-30"), 1e9)])
    assert len(years_of(runs)) == 100
    rows = month_rows(2016, [("a", jd("2016-02-28") + 0.5, jd("2016-03-01") + 0.1)])
    assert [day.number for day in rows[1][1] if day.count] == [28, 29]
    assert [day.number for day in rows[2][1] if day.count] == [1]


# -- granules


def test_a_granule_has_a_page_with_its_values_and_neighbours(served: Server) -> None:
    page = page_of(ask(served, "/granules/amdadb/sync-mag_20170102").text)
    said = text_of(page)
    for words in ("sync-mag_20170102", "target_name", "Mars", "2017-01-02", "phys.magField"):
        assert words in said, words
    links = [one.get("href") or "" for one in page.iter(f"{XHTML}a")]
    assert "/granules/amdadb/sync-mag_20170101" in links
    assert "/granules/amdadb/sync-mag_20170103" in links
    zoomed = next(one for one in links if "start=" in one and one.startswith("/granules"))
    assert ask(served, zoomed).status_code == 200


def test_a_granule_of_another_kind_has_a_page_too(served: Server) -> None:
    query = {"LANG": "ADQL", "FORMAT": "json", "QUERY": "SELECT TOP 1 granule_uid FROM illu67p.epn_core"}
    uid = ask(served, f"/tap/sync?{urlencode(query)}", Accept="*/*").json()["data"][0][0]
    page_of(ask(served, f"/granules/illu67p/{uid}").text)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("amdadb/nothing", 404),
        ("nobody/sync-mag_20170102", 404),
        (f"amdadb/{EVIL}", 404),
        ("amdadb/sync-mag_20170102?start=x", 400),
        ("amdadb/sync-mag_20170102?start=2017-01-03&stop=2017-01-02", 400),
        ("amdadb/sync-mag_20170102?start=0001-01-01&stop=9999-12-31", 200),
        ("amdadb/sync-spec_20170102", 200),
    ],
)
def test_what_is_asked_of_granules_wrongly_is_said(served: Server, path: str, status: int) -> None:
    answer = ask(served, f"/granules/{path}")
    assert answer.status_code == status
    page_of(answer.text)


# -- gaps, people, catalogues, and very much of something


def test_gaps_are_where_no_file_has_a_record(tmp_path: Path, postgres_server: Database, demo_template: str) -> None:
    own = clone_database(postgres_server, "gaps", demo_template)
    try:
        assert list(summarise(lambda: connect(own, Role.SERVICE, autocommit=True), tmp_path / "summaries", "amdadb"))
        with client_of(own, tmp_path) as client:
            epochs: list[float] = []
            for day in (date(2016, 12, 29) + timedelta(days=number) for number in range(7)):
                path = tmp_path / f"{day:%Y%m%d}.cdf"
                with client.get(f"/data/amdadb/sync-mag_{day:%Y%m%d}.cdf") as answer:
                    path.write_bytes(answer.data)
                with cdflib.CDF(path) as file:
                    epochs += list(cdflib.cdfepoch.unixtime(file.varget("Epoch")))
            waits = np.diff(np.unique(epochs))
            (expected,) = waits[waits > 5 * 16]
            told = client.get("/datasets/amdadb/sync-mag.json").get_json()["gaps"]
            assert told["count"] == 1
            assert told["longest"][0]["seconds"] == pytest.approx(expected, abs=0.01)
            page = page_of(client.get("/datasets/amdadb/sync-mag", headers=CHROMIUM).text)
            (row,) = (one for one in page.iter(f"{XHTML}tr") if "2016-12-30 05:59:44" in text_of(one))
            assert "2016-12-30 11:00:00" in text_of(row)
    finally:
        drop_database(postgres_server, own)


def test_people_of_a_dataset_are_named(served: Server) -> None:
    assert "Nobody (general contact)" in text_of(page_of(ask(served, "/datasets/amdadb/sync-mag").text))
    assert ask(served, "/datasets/amdadb/sync-mag.json").json()["contacts"] == ["Nobody (general contact)"]


def test_the_list_of_datasets_is_a_catalogue_of_linked_data(served: Server) -> None:
    page = page_of(ask(served, "/datasets?service=amdadb").text)
    (linked,) = (one for one in page.iter(f"{XHTML}script") if one.get("type") == "application/ld+json")
    document = json.loads(linked.text or "")
    assert document["@type"] == "DataCatalog"
    pages = [one["url"] for one in document["dataset"]]
    assert f"{served.base}/datasets/amdadb/sync-mag" in pages
    assert {requests.get(one, timeout=60).status_code for one in pages} == {200}


def test_a_dataset_with_four_thousand_parameters_has_pages_of_them(
    tmp_path: Path, postgres_server: Database, demo_template: str
) -> None:
    own = clone_database(postgres_server, "wide", demo_template)
    try:
        with connect(own, Role.OWNER) as connection:
            columns = [column.name for column in tables.parameter.columns]
            other = {"name": "'wide_' || n", "position": "n + 100", "public_id": "NULL"}
            copied = ", ".join(other.get(name, f"p.{name}") for name in columns)
            connection.execute(
                f"INSERT INTO archive.parameter ({', '.join(columns)}) SELECT {copied} "  # our own names
                "FROM archive.parameter p, generate_series(1, 4000) n "
                "WHERE p.schema_name = 'amdadb' AND p.dataset_id = 'sync-mag' AND p.position = 1"
            )
        with client_of(own, tmp_path) as client:
            for number in (1, 41):
                text = client.get(f"/datasets/amdadb/sync-mag?p={number}", headers=CHROMIUM).text
                assert len(text) < 200_000
                page_of(text)
            assert "wide_3999" in text
            assert len(client.get("/datasets/amdadb/sync-mag.json").get_json()["parameters"]) > 4_000
            assert client.get("/datasets?q=wide_12", headers=CHROMIUM).status_code == 200
    finally:
        drop_database(postgres_server, own)


def test_a_plot_offers_no_more_parameters_than_a_page_can_show() -> None:
    names = [f"v{number}" for number in range(4_000)]
    shown = Shown("amdadb", "wide", "wide", Interval(0, 10**15), {"Epoch": names, "Epoch2": ["late"]}, "/datasets/x")
    look = look_at(shown, {"PARAMETERS": ["v3999"]}, Pages())
    assert [one.name for one in look.axes["Epoch"]] == [*names[:MOST_OFFERED], "v3999"]
    assert look.more == 4_000 - MOST_OFFERED - 1 + 1
    assert [one.name for one in look.axes["Epoch"] if one.is_chosen] == ["v3999"]


@pytest.mark.parametrize("ends", [("0001-01-01", "9999-12-31"), ("1600-01-01", "")])
def test_a_plot_asked_for_beyond_all_times_is_one_of_what_there_is(ends: tuple[str, str]) -> None:
    given = {name: [text] for name, text in zip(("START", "STOP"), ends, strict=True) if text}
    look = look_at(Shown("amdadb", "a", "a", Interval(0, 10**15), {}, "/datasets/a"), given, Pages())
    assert look.start <= look.stop
    assert (look.first, look.last) == ("2000-01-01T11:58:55.816", "2000-01-13T01:45:35.816")
