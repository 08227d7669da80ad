"""/search: what it counts is what its ADQL finds, whatever is asked for."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from lxml import etree

from epntap.db.pool import Database, Role, connect
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, definition
from tests.support.browser import CHROMIUM, client_of, page_of, strange_scripts, text_of
from tests.support.databases import clone_database, drop_database

BEGINS = ("2016-12-30", "2016", "2017-01-01", "2014-08-05", "2016-12-31T12:00", "0001-01-01")
EVIL = """<script>alert(1)</script>"'>&<img src=x onerror=alert(1)>"""


@pytest.fixture(scope="module")
def client(own_demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with client_of(own_demo_database, tmp_path_factory.mktemp("search")) as client:
        yield client


def told(client: FlaskClient, *pairs: tuple[str, str], **asked: str) -> dict[str, Any]:
    answer = client.get(f"/search.json?{urlencode([*pairs, *asked.items()])}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.get_json()
    return document


def browse(client: FlaskClient, asked: dict[str, str] | None = None, status: int = 200) -> etree._Element:
    answer = client.get(f"/search?{urlencode(asked or {})}", headers=CHROMIUM)
    assert answer.status_code == status, answer.text
    return page_of(answer.text)


def tap_count(client: FlaskClient, adql: str) -> int:
    counting = adql.replace("SELECT *", "SELECT COUNT(*) AS n", 1)
    answer = client.post("/tap/sync", data={"LANG": "ADQL", "QUERY": counting, "RESPONSEFORMAT": "csv"})
    assert answer.status_code == 200, answer.text
    return int(answer.text.split()[1])


def check(client: FlaskClient, found: dict[str, Any]) -> None:
    """Every number is that of TAP."""
    for service in found["services"]:
        assert tap_count(client, service["adql"]) == service["granules"], service["adql"]
    assert found["granules"] == sum(one["granules"] for one in found["services"])
    assert found["granules"] == sum(one["granules"] for one in found["datasets"])


def test_everything_is_found_where_nothing_is_asked_for(client: FlaskClient) -> None:
    found = told(client)
    check(client, found)
    assert [one["schema"] for one in found["services"]] == ["amdadb", "illu67p", "transplanet"]
    assert {one["value"] for one in found["facets"]["target"]} >= {"Mars", "67P"}


def test_mars_magnetic_field_in_december_is_sync_mag_and_what_else_there_is(client: FlaskClient) -> None:
    asked = {"target": "Mars", "quantity": "magnetic field", "from": "2016-12-01", "to": "2016-12-31"}
    found = told(client, *asked.items())
    check(client, found)
    assert found["granules"] > 0
    page = browse(client, asked)
    links = {str(one.get("href")) for one in page.findall(".//{*}a")}
    pages = {link.partition("?")[0] for link in links if link.endswith("?year=2016")}
    assert all(f"/datasets/{one['schema']}/{one['dataset_id']}" in pages for one in found["datasets"])
    row = found["granule_rows"][0]
    assert f"/granules/{row['schema']}/{row['granule_uid']}" in links
    assert any(link.startswith("/query?sql=") for link in links)
    assert any(link.startswith("/datalink/bulk?QUERY=") for link in links)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"target": "Mars"}, {"target": "martian"}),
        ({"target": "67P"}, {"target": "67p/churyumov gerasimenko"}),
        ({"quantity": "magnetic field"}, {"quantity": "IMF"}),
        ({"quantity": "phys.magField"}, {"quantity": "PHYS.MAGFIELD"}),
        ({"target": "Mars"}, {"f-target_name": "Mars", "f-target_name_op": "="}),
        ({"level": "3"}, {"processing_level": "calibrated"}),
        ({"from": "2016-12", "to": "2016"}, {"from": "2016-12-01", "to": "2016-12-31"}),
    ],
)
def test_other_names_find_the_same(client: FlaskClient, one: dict[str, str], other: dict[str, str]) -> None:
    first, second = told(client, *one.items()), told(client, *other.items())
    assert first["granules"] == second["granules"] > 0
    assert first["unknown_parameters"] == second["unknown_parameters"] == []


def random_search(client: FlaskClient, choose: random.Random) -> list[tuple[str, str]]:
    everything = told(client)
    pairs = []
    for facet, values in everything["facets"].items():
        if values and choose.random() < 0.25:
            some = choose.sample(values, min(len(values), choose.choice((1, 1, 2))))
            pairs += [(facet, str(one["value"])) for one in some]
    if choose.random() < 0.6:
        pairs.append(("from", choose.choice(BEGINS)))
    if choose.random() < 0.6:
        pairs.append(("to", choose.choice(("2016-12-31", "2017-01", "2017", "2016-12-31T18:00:30", "9999-12-31"))))
    if choose.random() < 0.3:
        pairs.append(("q", choose.choice(("mag", "synthetic field", "syn_", "67p", "%", "energy"))))
    if choose.random() < 0.2:
        pairs.append(("data", "1"))
    return pairs


@pytest.mark.parametrize("seed", range(40))
def test_what_is_counted_is_what_the_adql_finds(client: FlaskClient, seed: int) -> None:
    pairs = random_search(client, random.Random(seed))  # the same each time
    answer = client.get(f"/search.json?{urlencode(pairs)}")
    found = answer.get_json()
    if answer.status_code == 400:
        assert "before it begins" in found["problem"]
        return
    check(client, found)
    # each value that is offered finds as many as it says
    for facet, values in found["facets"].items():
        fresh = [one for one in values if not one["chosen"]]
        if fresh and not any(name == facet for name, _ in pairs):
            more = told(client, *pairs, (facet, str(fresh[0]["value"])))
            assert more["granules"] == fresh[0]["granules"], (pairs, facet, fresh[0])


@pytest.mark.parametrize("asked", [{}, {"service": "illu67p"}, {"target": "Mars"}, {"from": "2016-12-30"}])
def test_pages_of_granules_have_each_once_in_order(client: FlaskClient, asked: dict[str, str]) -> None:
    seen: list[tuple[float, str, str]] = []
    after, total = "", 0
    for _ in range(200):
        found = told(client, *asked.items(), **({"after": after} if after else {}))
        total = found["granules"]
        for one in found["granule_rows"]:
            when = math.inf if one["time_min"] is None else one["time_min"]
            seen.append((when, one["schema"], one["granule_uid"]))
        after = found["after"]
        if not after:
            break
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == total


def test_what_is_not_there_is_said_and_something_like_it_offered(client: FlaskClient) -> None:
    page = browse(client, {"target": "Marz", "nonsense": "1"})
    assert "Nothing here has the target Marz" in text_of(page)
    assert "left out: nonsense" in text_of(page)
    assert any(one.get("href") == "/search?target=Mars" for one in page.findall(".//{*}a"))
    assert told(client, target="Marz")["granules"] == 0


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("from", "yesterday", "from must be a date"),
        ("from", "2016-02-30", "from must be a date"),
        ("to", "0000-01-01", "to must be a date"),
        ("to", "10000-01-01", "to must be a date"),
        ("page", "-1", "page must be"),
        ("page", "9" * 400, "page has 400 characters"),
        ("after", "nan a b", "after must be"),
        ("after", "1 amdadb \0", "after must be"),
        ("q", "x" * 10_000, "q has 10,000 characters"),
        ("target", EVIL * 10, "target has"),
    ],
)
def test_what_is_wrong_is_one_sentence_above_the_form(client: FlaskClient, name: str, value: str, part: str) -> None:
    page = browse(client, {name: value, "quantity": "magnetic field"}, 400)
    assert part in text_of(page)
    fields = {str(one.get("name")): one.get("value") for one in page.findall(".//{*}input")}
    assert fields["quantity"] == "magnetic field"


@pytest.mark.parametrize("name", ["q", "target", "quantity", "mission", "region", "service", "dataset", EVIL])
def test_markup_of_others_is_text(client: FlaskClient, name: str) -> None:
    page = browse(client, {name: EVIL})
    assert not [one for one in page.iter("{*}img") if one.get("src") == "x"]
    assert strange_scripts(page) == []


def test_years_at_both_ends_leave_the_time_line_whole(client: FlaskClient) -> None:
    for asked in ({"from": "0001-01-01"}, {"to": "9999-12-31"}, {"from": "0001", "to": "9999"}):
        page = browse(client, asked)
        (picture,) = [one for one in page.iter("{*}svg") if one.get("role") == "group"]
        assert 0 < len(list(picture.iter("{*}a"))) <= 121


def test_a_hundred_at_once_are_all_answered(client: FlaskClient) -> None:
    statuses: list[int] = []

    def patient(browser: FlaskClient, address: str) -> int:
        """Comes again when told that there is no place for now, as programs do."""
        for _ in range(60):
            answer = browser.get(address, headers=CHROMIUM)
            if answer.status_code != 503:
                break
            time.sleep(min(int(answer.headers["Retry-After"]), 1))
        return answer.status_code

    def ask(number: int) -> None:
        browser = client.application.test_client()
        day = f"2016-12-{number % 31 + 1:02}"
        statuses.append(patient(browser, f"/search?target=Mars&from={day}"))
        statuses.append(patient(browser, "/tap/sync?LANG=ADQL&QUERY=SELECT+COUNT(*)+FROM+amdadb.epn_core"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 200


def test_a_service_that_was_written_to_by_hand_is_named_and_not_searched(
    tmp_path: Path, postgres_server: Database, demo_template: str
) -> None:
    own = clone_database(postgres_server, "byhand", demo_template)
    try:
        with connect(own, Role.OWNER) as connection:
            connection.execute("UPDATE amdadb.epn_core_dataset SET target_name = 'Titan'")
        with client_of(own, tmp_path) as client:
            found = told(client)
            assert found["not_counted"] == ["amdadb"]
            assert "Not searched" in text_of(browse(client))
    finally:
        drop_database(postgres_server, own)


def test_a_service_without_a_granule_is_nothing_to_be_warned_of(
    tmp_path: Path, postgres_server: Database, demo_template: str
) -> None:
    own = clone_database(postgres_server, "nothing_in_it", demo_template)
    try:
        (tmp_path / "cdf").mkdir()
        (tmp_path / "cdf/damaged_20010101_v01.cdf").write_bytes(b"no CDF")
        ingest_service(definition(tmp_path, CDF_SOURCE), own)
        with client_of(own, tmp_path) as client:
            assert tap_count(client, "SELECT * FROM plasma.epn_core") == 0
            assert told(client)["not_counted"] == []
    finally:
        drop_database(postgres_server, own)
