"""das2 by the test client: streams that a reader of its own takes, values of the files, bins of their records."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import quote, urlencode

import cdflib
import numpy as np
import numpy.typing as npt
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from das2server.answer import Streams
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import ServiceError, UnavailableError
from epntap.settings import Settings
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from summaries.run import summarise
from tests.support.das2 import Stream, read_stream
from tests.support.databases import clone_database, drop_database
from tests.support.hapi import HALF_SECOND, RECORDS, ingest_tree, write_kinds
from tests.support.known_truth import Plan, write_archive
from voserver.wsgi import build_app

SPAN = {"start_time": "2016-12-31T23:58:00.000Z", "end_time": "2017-01-01T00:02:00.000Z"}
BINARY = "application/vnd.das2.das2stream"
#: 2016-12-31T23:58 in nanoseconds since 2000, as the clock counts
START_LABEL = int((np.datetime64("2016-12-31T23:58", "ns") - np.datetime64("2000-01-01", "ns")).astype(int)) + 7
SECOND = 1_000_000_000
PLANES = ["B_Bx", "B_By", "B_Bz", "flag", "big", "flux_1", "flux_2", "angle_1", "angle_2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("das2") / "cdf"
    write_kinds(found)
    return found


@pytest.fixture(scope="module")
def published(postgres_server: Database, template_database: str, folder: Path) -> Iterator[Database]:
    database = clone_database(postgres_server, "das2", template_database)
    ingest_tree(folder, database)
    yield database
    drop_database(postgres_server, database)


@pytest.fixture(scope="module")
def client(published: Database, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return build_app(Settings(home=tmp_path_factory.mktemp("home")), published).test_client()


def get(client: FlaskClient, **params: str) -> TestResponse:
    # buffered: the answer is closed when it is read, as a server does
    return client.get(f"/das2/server?{urlencode(params)}", buffered=True)


def data(client: FlaskClient, **params: str) -> TestResponse:
    return get(client, **{"server": "dataset", "dataset": "kinds", **SPAN, **params})


def stream(client: FlaskClient, **params: str) -> Stream:
    answer = data(client, **params)
    assert answer.status_code == 200, answer.data
    return read_stream(answer.data)


def stored(folder: Path, name: str) -> npt.NDArray[np.float64]:
    """Values of both files as another reader has them, NaN for fills."""
    parts = []
    for number in range(2):
        with_fills = cdflib.CDF(folder / f"kinds_2016123{number}_v01.cdf")
        values = np.asarray(with_fills.varget(name), np.float64)
        fill = with_fills.varattsget(name).get("FILLVAL")
        parts.append(values if fill is None else np.where(values == float(fill), np.nan, values))
    return np.concatenate(parts)


def labels() -> npt.NDArray[np.int64]:
    """Of all records: the clock shows a leap second as the last instant of its day."""
    elapsed = np.arange(2 * RECORDS) * HALF_SECOND
    until = 120 * SECOND - 7
    return START_LABEL + np.where(
        elapsed < until, elapsed, np.where(elapsed < until + SECOND, until - 1, elapsed - SECOND)
    )


# -- what clients read before data


def test_lists_agree_with_hapi(client: FlaskClient) -> None:
    known = [one["id"] for one in client.get("/hapi/catalog").get_json()["catalog"]]
    listed = get(client, server="list")
    assert listed.mimetype == "text/plain"
    assert sorted(listed.text.splitlines()) == sorted(known) == ["kinds"]
    assert get(client, server="discovery").text.startswith("kinds|")


def test_parameters_are_called_as_in_hapi(client: FlaskClient) -> None:
    known = {one["name"] for one in client.get("/hapi/info?dataset=kinds").get_json()["parameters"]}
    facts = read_stream(get(client, server="dsdf", dataset="kinds").data).head.properties
    named = [facts[key].split(" | ")[0] for key in facts if key.startswith("param_")]
    assert named == ["B", "flux", "flag", "big", "angle"]
    assert set(named) <= known


def test_a_dsdf_has_what_clients_need(client: FlaskClient) -> None:
    answer = get(client, server="dsdf", dataset="kinds")
    assert answer.mimetype == "text/vnd.das2.das2stream"
    facts = read_stream(answer.data).head.properties
    assert {"description", "techContact", "exampleRange", "exampleRange_00", "validRange"} <= facts.keys()
    assert facts["das2Stream"] == "1"
    assert facts["techContact"] == "A laboratory"
    assert facts["validRange"] == "2016-12-31T23:58:00.000 to 2017-01-01T00:01:58.501"
    start, _, stop = facts["exampleRange_00"].split(" | ")[0].partition(" to ")
    found = stream(client, start_time=start, end_time=stop)
    assert found.exceptions == []


@pytest.mark.parametrize(("kind", "media_type"), [("id", "text/plain"), ("logo", "image/png"), ("peers", "text/plain")])
def test_what_the_server_is(client: FlaskClient, kind: str, media_type: str) -> None:
    answer = get(client, server=kind)
    assert (answer.status_code, answer.mimetype) == (200, media_type)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# -- records


@pytest.mark.parametrize("how", [{}, {"ascii": "1"}, {"compress": "true"}, {"ascii": "true", "compress": "1"}])
def test_records_are_those_of_the_files(client: FlaskClient, folder: Path, how: dict[str, str]) -> None:
    answer = data(client, **how)
    assert answer.mimetype == ("text/vnd.das2.das2stream" if "ascii" in how else BINARY)
    found = read_stream(answer.data)
    assert sorted(found.planes) == sorted(PLANES)
    worst = 1 if "ascii" in how else 130
    assert np.abs(found.labels() - labels()).max() < worst, "microseconds in doubles are exact to an eighth"
    for place, name in enumerate(("Bx", "By", "Bz")):
        # text has the nine digits that tell one number of four bytes from all others
        field = found.planes[f"B_{name}"].array.astype(np.float32)
        assert np.array_equal(field, stored(folder, "B")[:, place].astype(np.float32), equal_nan=True)
    for name in ("flag", "big"):
        assert np.array_equal(found.planes[name].array, stored(folder, name), equal_nan=True)
    for place in range(2):
        plane = found.planes[f"flux_{place + 1}"]
        assert np.array_equal(plane.array, stored(folder, "flux")[:, place], equal_nan=True)
        assert plane.tags == [10.0, 20.0, 30.0]
        assert plane.xml.facts["yUnits"] == "keV"
    assert found.planes["B_Bx"].xml.facts["units"] == "nT"
    assert found.planes["B_Bx"].xml.properties["String:yLabel"] == "Bx"


def test_the_header_says_what_was_asked(client: FlaskClient) -> None:
    facts = stream(client).head.properties
    assert facts["DatumRange:xRange"] == "2016-12-31T23:58:00.000 to 2017-01-01T00:02:00.000 UTC"
    assert facts["Datum:xTagWidth"] == "1 s"
    assert "Datum:xCacheResolution" not in facts
    assert stream(client, params="flux").head.properties["String:renderer"] == "spectrogram"
    assert stream(client, params="B").head.properties["String:renderer"] == "symbolLine"


def test_the_end_is_not_included(client: FlaskClient) -> None:
    found = stream(
        client, start_time="2016-12-31T23:58:00.000000007Z", end_time="2016-12-31T23:58:01.000000007", params="flag"
    )
    assert found.planes["flag"].array.tolist() == [0, 1]


@pytest.mark.parametrize("names", ["B,flag", "flag B", " B , flag ", "flag,B,B"])
def test_some_parameters_come_alone(client: FlaskClient, names: str) -> None:
    assert list(stream(client, params=names).planes) == ["B_Bx", "B_By", "B_Bz", "flag"]


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ("2016-12-31", "2017-01-02"),
        ("2016-366T23:58", "2017-001T00:02:00.000Z"),
        ("2016-12-31 23:58", "2017-01-02t00:00z"),
        ("2016", "2018"),
        ("0001-01-01", "9999-12-31"),
    ],
)
def test_times_in_any_spelling(client: FlaskClient, start: str, stop: str) -> None:
    assert len(stream(client, start_time=start, end_time=stop, params="flag").labels()) == 2 * RECORDS


@pytest.mark.parametrize("how", [{}, {"ascii": "1"}, {"resolution": "60"}, {"compress": "1"}])
def test_no_data_is_said_in_a_stream(client: FlaskClient, how: dict[str, str]) -> None:
    found = stream(client, start_time="1999-01-01", end_time="1999-02-01", **how)
    ((kind, message),) = found.exceptions
    assert kind == "NoDataInInterval"
    assert "No data found" in message
    assert found.packets == {}


# -- bins


def truth(values: npt.NDArray[np.float64], width: int) -> tuple[list[int], list[list[npt.NDArray[np.float64]]]]:
    """Middles of bins, and mean, maximum and minimum of each, by going through the records."""
    middles, rows = [], []
    numbers = labels() // width
    for number in np.unique(numbers):
        inside = values[numbers == number]
        count = (~np.isnan(inside)).sum(axis=0)
        with np.errstate(invalid="ignore"):
            mean = np.nansum(inside, axis=0) / count
        low = np.where(count > 0, np.nanmin(inside, axis=0, initial=np.inf), np.nan)
        high = np.where(count > 0, np.nanmax(inside, axis=0, initial=-np.inf), np.nan)
        middles.append(int(number) * width + width // 2)
        rows.append([mean, high, low])
    return middles, rows


@pytest.mark.parametrize("how", [{}, {"ascii": "1"}])
@pytest.mark.parametrize("resolution", ["1.5", "7", "30", "59.5"])
def test_bins_are_those_of_the_records(client: FlaskClient, folder: Path, resolution: str, how: dict[str, str]) -> None:
    whole = {"start_time": "2016-12-31T23:50", "end_time": "2017-01-01T00:10"}
    found = stream(client, **whole, resolution=resolution, params="B,flux", **how)
    facts = found.head.properties
    width = round(float(facts["Datum:xCacheResolution"].removesuffix(" s")) * SECOND)
    assert float(resolution) / 4 < width / SECOND <= float(resolution)
    assert 86_400 * SECOND % width == 0, "bins are counted from midnight"
    assert float(facts["Datum:xTagWidth"].removesuffix(" s")) * SECOND >= width
    assert facts["DatumRange:xCacheRange"].endswith(" UTC")
    for name, source, place_in_record in (("B_By", "B", 1), ("flux_1", "flux", 0)):
        values = stored(folder, source)[:, place_in_record]
        middles, rows = truth(values, width)
        assert np.abs(found.labels() - middles).max() < 130
        for place, (ending, operation) in enumerate((("", "BIN_AVG"), (".max", "BIN_MAX"), (".min", "BIN_MIN"))):
            plane = found.planes[f"{name}{ending}"]
            assert plane.xml.properties["String:source"] == name
            assert plane.xml.properties["String:operation"] == operation
            wanted = np.array([row[place] for row in rows])
            if operation == "BIN_AVG":
                np.testing.assert_allclose(plane.array, wanted, rtol=1e-12, atol=1e-12 * np.nanmax(np.abs(values)))
            else:
                same = np.float32 if source == "B" else np.float64
                assert np.array_equal(plane.array.astype(same), wanted.astype(same), equal_nan=True)


def test_bins_of_intervals_that_meet_are_those_of_both(client: FlaskClient) -> None:
    def rows(start: str, stop: str) -> list[tuple[float, ...]]:
        found = stream(client, start_time=start, end_time=stop, resolution="7", params="flag")
        names = ("flag", "flag.max", "flag.min")
        return list(zip(found.labels().tolist(), *(found.planes[name].array.tolist() for name in names), strict=True))

    start, middle, stop = "2016-12-31T23:58:00", "2016-12-31T23:59:01.234", "2017-01-01T00:01:58"
    assert rows(start, middle) + rows(middle, stop) == rows(start, stop)


@pytest.mark.parametrize(
    "how", [{"resolution": "0"}, {"resolution": "0.0"}, {"resolution": "1e-30"}, {"interval": "0.2"}]
)
def test_finer_than_the_records_there_are_the_records(client: FlaskClient, how: dict[str, str]) -> None:
    assert data(client, **how).data == data(client).data


@pytest.mark.parametrize("resolution", ["1e9", "1e300", "9" * 29, "240"])
def test_a_resolution_beyond_the_interval_is_one_bin_or_few(client: FlaskClient, resolution: str) -> None:
    found = stream(client, resolution=resolution, params="flag")
    assert 1 <= len(found.labels()) <= 4


def test_interval_is_resolution_by_its_newer_name(client: FlaskClient) -> None:
    assert data(client, interval="7.0").data == data(client, resolution="7").data != data(client).data


# -- requests as Autoplot sends them


@pytest.mark.parametrize(
    ("query", "planes"),
    [
        ("server=list", None),
        ("server=discovery", None),
        ("server=logo", None),
        ("server=id", None),
        ("server=dsdf&dataset=kinds", None),
        ("server=dataset&start_time={start}&end_time={stop}&dataset=kinds", 9),
        ("server=dataset&start_time={start}&end_time={stop}&dataset=kinds&resolution=0.48", 9),
        ("server=dataset&start_time={start}&end_time={stop}&dataset=kinds&resolution=3.2", 27),
        ("server=dataset&start_time={start}&end_time={stop}&dataset=kinds&interval=10.0", 27),
        ("server=dataset&start_time={start}&end_time={stop}&dataset=kinds&resolution=3.2&params=B", 9),
        ("server=dataset&start_time={start}&end_time={stop}&dataset=kinds&params=flux&key=secret&ascii=true", 2),
    ],
)
def test_requests_of_autoplot(client: FlaskClient, query: str, planes: int | None) -> None:
    start, stop = (quote(one, safe="") for one in SPAN.values())
    for path in ("/das2/server", "/das2/server/"):
        answer = client.get(f"{path}?{query.format(start=start, stop=stop)}", buffered=True)
        assert answer.status_code == 200
        if planes:
            found = read_stream(answer.data)
            assert found.exceptions == []
            assert len(found.planes) == planes


# -- wrong requests


@pytest.mark.parametrize(
    ("status", "word", "params"),
    [
        (400, "server", {"server": "compactdataset"}),
        (400, "server", {"server": ""}),
        (400, "dataset", {"dataset": ""}),
        (404, "Did you mean", {"dataset": "kind"}),
        (404, "no such dataset", {"dataset": "é\x00"}),
        (400, "start_time", {"start_time": ""}),
        (400, "start_time", {"start_time": "yesterday"}),
        (400, "start_time", {"start_time": "2016-13-01"}),
        (400, "end_time", {"end_time": "now"}),
        (400, "end_time", {"end_time": "2016-12-31T23:58:00Z"}),
        (400, "end_time", {"end_time": "2015-01-01"}),
        (400, "resolution", {"resolution": "-1"}),
        (400, "resolution", {"resolution": "nan"}),
        (400, "resolution", {"resolution": "inf"}),
        (400, "resolution", {"resolution": "1e999"}),
        (400, "resolution", {"resolution": "60 s"}),
        (400, "interval", {"interval": "-60"}),
        (400, "ascii", {"ascii": "perhaps"}),
        (400, "compress", {"compress": "2"}),
        (400, "params", {"params": "B,nothing"}),
        (400, "params", {"params": "mode"}),
    ],
)
def test_what_is_wrong_is_said_in_an_exception(
    client: FlaskClient, status: int, word: str, params: dict[str, str]
) -> None:
    answer = data(client, **params)
    assert answer.status_code == status
    assert answer.mimetype == BINARY
    ((kind, message),) = read_stream(answer.data).exceptions
    assert kind == "IllegalArgument"
    assert word in message


def test_a_value_given_twice_is_an_error_unless_it_is_the_same(client: FlaskClient) -> None:
    assert client.get("/das2/server?server=list&server=list").status_code == 200
    assert client.get("/das2/server?server=list&server=id").status_code == 400


def test_keys_that_nobody_knows_are_passed_over(client: FlaskClient) -> None:
    assert data(client, unknown="1", key="secret").data == data(client).data


def test_people_get_a_page(client: FlaskClient) -> None:
    answer = client.get("/das2/server?server=dsdf", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (400, "text/html")


def test_too_much_is_refused_with_what_to_do(published: Database, tmp_path: Path) -> None:
    small = build_app(Settings(home=tmp_path, hapi_bytes=1000), published).test_client()
    answer = data(small)
    assert answer.status_code == 400
    assert "coarser" in read_stream(answer.data).exceptions[0][1]
    assert data(small, resolution="200", params="flag").status_code == 200


def test_what_is_not_public_is_unknown(published: Database, tmp_path: Path) -> None:
    with connect(published, Role.OWNER, autocommit=True) as connection:
        connection.execute("UPDATE archive.dataset SET access_rights = 'Restricted'")
        try:
            client = build_app(Settings(home=tmp_path), published).test_client()
            unknown = data(client, dataset="nobody").data
            assert data(client).data == data(client, resolution="10").data == unknown
            assert get(client, server="dsdf", dataset="kinds").data == unknown
            assert get(client, server="list").data == b""
        finally:
            connection.execute("UPDATE archive.dataset SET access_rights = 'Open'")


@pytest.mark.parametrize("resolution", ["0", "10"])
def test_what_is_embargoed_is_not_there_until_it_is_released(
    published: Database, tmp_path: Path, resolution: str
) -> None:
    with connect(published, Role.OWNER, autocommit=True) as connection:
        connection.execute(
            "UPDATE archive.file SET embargoed_until = '2999-01-01T00:00:00' WHERE path LIKE '%%1_v01.cdf'"
        )
        try:
            client = build_app(Settings(home=tmp_path), published).test_client()
            found = stream(client, params="flag", resolution=resolution)
            assert np.nanmax(found.planes["flag" if resolution == "0" else "flag.max"].array) == RECORDS - 1
            connection.execute("UPDATE archive.file SET embargoed_until = NULL")
            connection.execute("UPDATE archive.dataset SET embargoed_until = '2999-01-01T00:00:00'")
            client = build_app(Settings(home=tmp_path), published).test_client()
            assert data(client, resolution=resolution).status_code == 404
        finally:
            connection.execute("UPDATE archive.file SET embargoed_until = NULL")
            connection.execute("UPDATE archive.dataset SET embargoed_until = NULL")


def test_random_requests_never_fail(client: FlaskClient) -> None:
    chance = random.Random(17)
    names = [
        "server",
        "dataset",
        "start_time",
        "end_time",
        "resolution",
        "interval",
        "params",
        "ascii",
        "compress",
        "x",
    ]
    values = [
        "kinds",
        "dataset",
        "dsdf",
        "list",
        "2016",
        "2017-001T00:01Z",
        "B",
        "flag,flux",
        "1",
        "true",
        "0",
        "",
        "7.5",
    ]
    values += ["9999", "0000-01-01", "2016-12-31T23:59:60.5Z", "-1", "nan", "1e308", "1e-308", "é", "\x00", "a" * 3000]
    values += ["';--", "%", "\u0662\u0660\u0661\u0666", "<x/>", '"', "]]>", "2016-12-31T23:58:00.01234567890123456789Z"]
    seen = set()
    for _ in range(1000):
        pairs = [(chance.choice(names), chance.choice(values)) for _ in range(chance.randrange(6))]
        if chance.random() < 0.7:
            pairs = [("server", "dataset"), ("dataset", chance.choice(["kinds", "kinds", "nobody"])), *pairs]
        if chance.random() < 0.6:
            pairs += list(SPAN.items())
        query = urlencode(pairs) if chance.random() < 0.9 else quote("".join(map(chr, chance.choices(range(256), k=9))))
        answer = client.get(f"/das2/server?{query}", buffered=True)
        assert answer.status_code in {200, 400, 404}, query
        seen.add(answer.status_code)
        if "das2stream" in (answer.mimetype or ""):
            found = read_stream(answer.data)
            assert answer.status_code == 200 or found.exceptions, query
    assert seen == {200, 400, 404}


# -- HTTP


@pytest.mark.parametrize("query", ["server=list", "server=dsdf&dataset=kinds", "server=discovery"])
def test_documents_are_sent_again_only_when_they_have_changed(client: FlaskClient, query: str) -> None:
    plain = client.get(f"/das2/server?{query}")
    again = client.get(f"/das2/server?{query}", headers={"If-None-Match": plain.headers["ETag"]})
    assert (plain.status_code, again.status_code, again.data) == (200, 304, b"")
    head = client.head(f"/das2/server?{query}")
    assert (head.status_code, head.data) == (200, b"")


@pytest.mark.parametrize("how", [{}, {"resolution": "10"}])
def test_answers_are_sent_again_only_when_they_have_changed(client: FlaskClient, how: dict[str, str]) -> None:
    plain = data(client, **how)
    assert re.search(r"filename\*?=.*kinds_2016-12-31\.d2s", plain.headers["Content-Disposition"])
    query = urlencode({"server": "dataset", "dataset": "kinds", **SPAN, **how})
    again = client.get(f"/das2/server?{query}", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert data(client, resolution="60").headers["ETag"] != plain.headers["ETag"]
    head = client.head(f"/das2/server?{query}")
    assert (head.status_code, head.data, head.mimetype) == (200, b"", BINARY)


def test_when_all_places_are_taken_the_next_hears_when_to_come_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_args: object) -> None:
        raise UnavailableError("Too many.", 7)

    monkeypatch.setattr("das2server.answer.begin", busy)
    answer = data(client)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert read_stream(answer.data).exceptions == [("ServerError", "Too many.")]


def test_what_fails_later_is_said_in_the_stream_which_breaks(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Streams._records

    def failing(self: Streams, *args: object) -> Iterator[object]:
        blocks = original(self, *args)  # type: ignore[arg-type]
        yield next(iter(blocks))
        raise ServiceError("The disk is away.")

    monkeypatch.setattr(Streams, "_records", failing)
    answer = client.get(f"/das2/server?{urlencode({'server': 'dataset', 'dataset': 'kinds', **SPAN})}")
    taken: list[bytes] = []
    with pytest.raises(ServiceError):
        taken.extend(iter(answer.response))  # type: ignore[arg-type]
    answer.close()
    assert read_stream(b"".join(taken)).exceptions == [("ServerError", "The disk is away.")]


def test_what_is_not_summarised_yet_is_said(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("summaries.reader._MOST_READ_BYTES", 1)
    answer = data(client, resolution="10")
    assert answer.status_code == 503
    assert "too much to read" in read_stream(answer.data).exceptions[0][1]


def test_a_client_that_leaves_ends_its_answer(published: Database, tmp_path: Path) -> None:
    app = build_app(Settings(home=tmp_path), published)
    client = app.test_client()
    for how in ({}, {"resolution": "2"}):
        # more often than there are places
        for _ in range(30):
            answer = client.get(f"/das2/server?{urlencode({'server': 'dataset', 'dataset': 'kinds', **SPAN, **how})}")
            assert answer.status_code == 200
            next(iter(answer.response))
            answer.close()


# -- from summaries


def test_bins_of_summaries_are_those_of_the_records(
    postgres_server: Database, template_database: str, tmp_path: Path
) -> None:
    plan = Plan(datasets=1, days=20, cadence_ns=10 * SECOND, first=date(2016, 12, 20))
    write_archive(plan, tmp_path / "archive")
    database = clone_database(postgres_server, "das2sums", template_database)

    @contextmanager
    def lent() -> Iterator[Connection]:
        with connect(database, Role.SERVICE, autocommit=True) as connection:
            yield connection

    try:
        ingest_service(load_definition(tmp_path / "archive" / "service.toml"), database)
        settings = Settings(home=tmp_path / "home")
        client = build_app(settings, database).test_client()
        name = get(client, server="list").text.strip()
        asked = {
            "dataset": name,
            "start_time": "2016-12-22T01:02:03",
            "end_time": "2017-01-05T07",
            "resolution": "6000",
        }
        before = data(client, **asked)
        made = summarise(lent, settings.summaries_dir, "truth", jobs=1)
        assert [done.failures for done, _ in made] == [[]]
        after = data(client, **asked)
        assert after.headers["ETag"] != before.headers["ETag"], "another source may round otherwise"
        one, other = read_stream(before.data), read_stream(after.data)
        assert one.said == other.said == []
        assert one.labels().tolist() == other.labels().tolist()
        assert len(one.labels()) > 200
        assert one.planes.keys() == other.planes.keys()
        for key, plane in one.planes.items():
            np.testing.assert_allclose(plane.array, other.planes[key].array, rtol=0 if "." in key else 1e-12)
    finally:
        drop_database(postgres_server, database)
