"""Pictures over HTTP: of granules, datasets and services, for those who may have them, and not twice."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import requests
from lxml import etree
from PIL import Image
from pyvo.dal import TAPService

from epntap.db.pool import Database
from epntap.instants.tt2000 import parse_utc
from epntap.settings import Settings
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from previews.drawing.panels import NOTHING_TO_DRAW
from tests.support.archives import CDF_SOURCE, cdf, definition
from tests.support.browser import close_pools
from tests.support.cdf_builder import CdfBuilder
from tests.support.databases import clone_database, drop_database
from tests.support.known_truth import Plan, TrueDataset, midnight_tt2000, write_archive
from tests.support.server import Server, serve
from voserver.app import create_app
from voserver.house import House, build_house
from voserver.routes import wings

PLAN = Plan(datasets=4, days=13, cadence_ns=60_000_000_000, first=date(2016, 12, 28))
DAY = date(2016, 12, 31)
#: of pictures that the server keeps
MOST_BYTES = 3_000_000
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def database(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    root = tmp_path_factory.mktemp("pictures")
    write_archive(PLAN, root / "archive")
    database = clone_database(postgres_server, "pictures", template_database)
    ingest_service(load_definition(root / "archive/service.toml"), database)
    told = ('[datasets."closed_mag"]', "release_date = 2099-01-01")
    for name in ("closed", "open"):
        cdf(root / f"cdf/{name}_20010102_v01.cdf", "2001-01-02T00:00:00", logical_source=f"{name}_mag")
    odd_files(root / "cdf")
    ingest_service(definition(root, CDF_SOURCE, *told), database)
    yield database
    drop_database(postgres_server, database)


def odd_files(folder: Path) -> None:
    """Pictures of a camera, and values along the second of two axes: along the first there are texts."""
    epochs = parse_utc("2001-01-02T00:00:00") + 1_000_000_000 * np.arange(3, dtype=np.int64)
    camera = CdfBuilder().attribute("Logical_source", "camera").axis("Epoch", epochs)
    camera.variable("image", np.zeros((3, 96, 96), np.float32), DEPEND_0="Epoch", VAR_TYPE="data")
    camera.write(folder / "camera_20010102_v01.cdf")
    two = CdfBuilder().attribute("Logical_source", "two_axes").axis("Epoch", epochs)
    two.variable("words", np.array([b"abc"] * 3), DEPEND_0="Epoch", VAR_TYPE="data").axis("Epoch_b", epochs)
    two.variable("B", np.arange(3, dtype=np.float32), DEPEND_0="Epoch_b", VAR_TYPE="data")
    two.write(folder / "two_axes_20010102_v01.cdf")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(database: Database, home: Path) -> Iterator[Server]:
    with serve(database, home, workers="1", preview_bytes=str(MOST_BYTES)) as running:
        yield running


def ask(server: Server, path: str, **params: str) -> requests.Response:
    return requests.get(f"{server.base}/preview/{path}", params, timeout=60)


def uid_of(number: int, day: date = DAY) -> str:
    return f"kt_{number:03d}_{day:%Y%m%d}"


@pytest.mark.parametrize("width", [160, 320, 960])
def test_a_granule_is_a_picture_of_the_width_that_is_asked_for(server: Server, width: int) -> None:
    answer = ask(server, f"truth/{uid_of(1)}.png", width=str(width))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert answer.headers["Content-Disposition"].startswith("inline")
    image = Image.open(io.BytesIO(answer.content))
    assert image.width == width
    assert len(np.unique(np.asarray(image.convert("L")))) > 3, "there is something on it"


def test_the_thumbnail_of_every_granule_that_tap_tells_of_is_a_small_picture(server: Server) -> None:
    tap = TAPService(f"{server.base}/tap")
    rows = tap.search("SELECT granule_uid, access_url, thumbnail_url FROM truth.epn_core ORDER BY granule_uid")
    assert len(rows) > 40
    assert [bool(row["thumbnail_url"]) for row in rows] == [bool(row["access_url"]) for row in rows]
    for address in [row["thumbnail_url"] for row in rows if row["thumbnail_url"]][:8]:
        assert address.startswith(f"{server.base}/preview/truth/kt_0")
        answer = requests.get(address, timeout=60)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
        assert Image.open(io.BytesIO(answer.content)).size[0] == 320
    known = "SELECT thumbnail_url FROM plasma.epn_core WHERE dataset_id LIKE '%_mag' ORDER BY granule_uid"
    (closed, opened) = tap.search(known)["thumbnail_url"]
    # as the address of the data, it is told before the embargo ends
    assert [requests.get(one, timeout=60).status_code for one in (closed, opened)] == [403, 200]


def test_a_picture_is_drawn_once_and_sent_once(server: Server, home: Path) -> None:
    first = ask(server, f"truth/{uid_of(2)}.png")
    again = ask(server, f"truth/{uid_of(2)}.png")
    assert first.content == again.content
    assert first.headers["ETag"] == again.headers["ETag"]
    kept = [path for path in (home / "previews").glob("??/*") if path.read_bytes() == first.content]
    assert [path.name for path in kept] == [first.headers["ETag"].strip('"')]
    headers = {"If-None-Match": first.headers["ETag"]}
    unchanged = requests.get(f"{server.base}/preview/truth/{uid_of(2)}.png", headers=headers, timeout=60)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    other = ask(server, f"truth/{uid_of(2)}.png", parameters="B")
    assert other.headers["ETag"] != first.headers["ETag"]


def test_nearly_the_same_interval_is_the_same_picture(server: Server) -> None:
    answers = [
        ask(server, "truth/kt_000.png", start=f"{DAY}T06:00:0{second}", stop=f"{DAY}T12:00:00", width="320")
        for second in (0, 3)
    ]
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]


def test_the_line_of_a_picture_goes_through_the_values(server: Server) -> None:
    dataset = TrueDataset(PLAN, 0)
    start = midnight_tt2000(DAY) + 6 * 3600 * 10**9
    epochs = dataset.epochs(start, start + 3 * 3600 * 10**9)
    truth = np.where(dataset.is_valid("n", epochs), dataset.stored("n", epochs), np.nan).astype(float)
    answer = ask(server, "truth/kt_000.svg", start=f"{DAY}T06:00:00", stop=f"{DAY}T09:00:00", parameters="n")
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    tree = etree.fromstring(answer.content)
    (path,) = [one[0] for one in tree.iter(f"{SVG}g") if one.get("id") == "series0"]
    found = np.array((path.get("d") or "").replace("M", " ").replace("L", " ").split(), float).reshape(-1, 2)
    there = np.isfinite(truth)
    assert len(found) == there.sum() > 100
    for column, values in ((0, (epochs[there] - start) / 1e9), (1, truth[there])):
        fit = np.polyfit(values, found[:, column], 1)
        assert np.abs(np.polyval(fit, values) - found[:, column]).max() < 0.01


def test_a_dataset_and_a_service_are_pictures_too(server: Server) -> None:
    dataset = ask(server, "truth/kt_003.png", width="640")
    assert (dataset.status_code, Image.open(io.BytesIO(dataset.content)).width) == (200, 640)
    service = ask(server, "truth.svg")
    texts = {one.text for one in etree.fromstring(service.content).iter(f"{SVG}text", f"{SVG}tspan")}
    assert {one.key for one in PLAN} <= texts
    assert ask(server, "truth.png").headers["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    ("path", "params", "status", "said"),
    [
        (f"truth/{uid_of(0)}.png", {"parameters": "m"}, 400, "has no variable 'm' along time."),
        (f"truth/{uid_of(0)}.png", {"parameters": "a,b,c,d,e,f,g,h,i"}, 400, "8 parameters at most, but 9"),
        (f"truth/{uid_of(0)}.png", {"width": "100000"}, 400, "width must be one of 160, 320"),
        (f"truth/{uid_of(0)}.png", {"width": "many"}, 400, "but is 'many'"),
        (f"truth/{uid_of(0)}.png", {"start": "yesterday"}, 400, "yesterday"),
        (f"truth/{uid_of(0)}.png", {"start": "2017-01-02", "stop": "2017-01-01"}, 400, "stop must be later"),
        (f"truth/{uid_of(0)}.png", {"start": "2017"}, 400, "start: expected a UTC time"),
        ("truth/kt_000.png", {"start": "2030-01-01", "stop": "2031-01-01"}, 404, "it reaches from 2016-12-28"),
        (f"truth/{uid_of(0)}.gif", {}, 404, "ends in .png or .svg"),
        ("truth/nothing.png", {}, 404, "There is no granule 'nothing'"),
        ("nowhere/nothing.png", {}, 404, "No service 'nowhere'"),
        ("nowhere.png", {}, 404, "No service 'nowhere'"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    server: Server, path: str, params: dict[str, str], status: int, said: str
) -> None:
    answer = ask(server, path, **params)
    assert answer.status_code == status, answer.text
    assert said in answer.text


def test_embargoed_data_are_no_picture_and_leave_none(server: Server, home: Path) -> None:
    before = set((home / "previews").glob("??/*"))
    for name in ("closed_20010102", "closed_mag"):
        answer = ask(server, f"plasma/{name}.png")
        assert answer.status_code == 403, answer.text
        assert "public" in answer.text
    assert set((home / "previews").glob("??/*")) == before
    assert ask(server, "plasma/open_20010102.png").status_code == 200


def test_the_folder_keeps_within_its_bound(server: Server, home: Path) -> None:
    made = 0
    while made < 1.1 * MOST_BYTES:
        start, stop = f"{DAY}T00:{made % 50:02}:00", f"{DAY}T{1 + made % 20:02}:50:00"
        answer = ask(server, "truth/kt_001.png", start=start, stop=stop, width="1280")
        assert answer.status_code == 200
        made += len(answer.content)
    assert sum(path.stat().st_size for path in (home / "previews").glob("??/*")) <= MOST_BYTES


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    house = build_house(Settings(home=tmp_path, threads=8), database)
    yield house
    close_pools(house)


def test_without_a_place_the_answer_says_when_to_come_back(house: House) -> None:
    client = create_app(wings(house), house.settings, house.pages).test_client()
    places = house.admission.kinds["pictures"]
    taken = 0
    while places.acquire():
        taken += 1
    assert taken > 0
    answer = client.get(f"/preview/truth/{uid_of(0)}.png")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    for _ in range(taken):
        places.release()


def test_a_day_without_records_says_so(server: Server) -> None:
    held = {file.day for file in TrueDataset(PLAN, 0).files()}
    (missing,) = {PLAN.first + timedelta(days=number) for number in range(PLAN.days)} - held
    answer = ask(server, "truth/kt_000.svg", start=f"{missing}", stop=f"{missing + timedelta(days=1)}")
    assert (answer.status_code, "no data in this interval" in answer.text) == (200, True)


@pytest.mark.parametrize("address", ["preview/plasma/camera.svg", "plot/plasma/camera"])
def test_what_has_nothing_to_draw_says_so(server: Server, address: str) -> None:
    answer = requests.get(f"{server.base}/{address}", timeout=60)
    assert (answer.status_code, NOTHING_TO_DRAW in answer.text) == (200, True)


def test_without_a_choice_the_axis_is_one_that_has_numbers(server: Server) -> None:
    values = requests.get(f"{server.base}/plot/plasma/two_axes", timeout=60).json()
    assert (values["axis"], [one["name"] for one in values["panels"]]) == ("Epoch_b", ["B"])
    assert values["panels"][0]["lines"][0]["values"] == [0, 1, 2]
