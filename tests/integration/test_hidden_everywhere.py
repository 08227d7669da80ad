"""What only a group may know of is, for everybody else and on every way, what an identifier is that nobody has."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from astropy.io.votable import parse_single_table
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from epntap.catalog.load import CHECK_EVERY_S
from epntap.catalog.publish import raise_catalog_version
from epntap.db.pool import Database, Role, connect
from epntap.http.callers import signed as signing
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, cdf, definition
from tests.support.askers import TEAM, Believing, app_with, as_team, close
from tests.support.databases import clone_database, drop_database

HIDDEN, SHOWN, OPEN, SOON = "secret", "shown", "open", "soon"
#: never published
UNKNOWN = "secrex"
#: seconds until it opens, from when this is tried
SOON_S = 6.0


def closing(name: str, date: str, visible: str) -> tuple[str, ...]:
    return (f'[datasets."{name}_mag"]', f"release_date = {date}", 'groups = ["team"]', f'visible = "{visible}"')


@pytest.fixture(scope="module")
def database(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    root: Path = tmp_path_factory.mktemp("hidden")
    for name in (HIDDEN, SHOWN, OPEN, SOON):
        cdf(root / f"cdf/{name}_20010102_v01.cdf", "2001-01-02T00:00:00", logical_source=f"{name}_mag")
    told = (
        *closing(HIDDEN, "2099-01-01", "nothing"),
        *closing(SHOWN, "2099-01-01", "metadata"),
        *closing(SOON, "2099-01-01", "nothing"),
    )
    database = clone_database(postgres_server, "hidden", template_database)
    ingest_service(definition(root, CDF_SOURCE, *told), database)
    yield database
    drop_database(postgres_server, database)


@pytest.fixture(scope="module")
def people() -> Believing:
    return Believing()


@pytest.fixture(scope="module")
def client(database: Database, people: Believing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    app, house = app_with(database, tmp_path_factory.mktemp("home"), people)
    yield app.test_client()
    close(house)


def uid(name: str) -> str:
    return f"{name}_20010102"


#: what asks for a granule or dataset of this name; {u} is the granule, {d} the dataset, {p} its public name
WAYS = {
    "TAP": "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+*+FROM+plasma.epn_core+WHERE+granule_uid='{u}'",
    "TAP, datasets": "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+*+FROM+plasma.dataset+WHERE+dataset_id='{d}'",
    "links": "/datalink/links?ID={u}&SCHEMA=plasma",
    "SODA": "/datalink/soda/sync?ID={u}&SCHEMA=plasma&FORMAT=csv",
    "SODA of a dataset": "/datalink/soda/sync?ID={d}&SCHEMA=plasma&FORMAT=csv",
    "data": "/data/{u}.csv?SCHEMA=plasma",
    "original": "/data/{u}.cdf?SCHEMA=plasma",
    "HAPI address": "/datalink/hapi?ID={u}&SCHEMA=plasma",
    "preview": "/preview/plasma/{u}.png",
    "preview of a dataset": "/preview/plasma/{d}.png",
    "plot": "/plot/plasma/{u}?points=100",
    "granule page": "/granules/plasma/{u}",
    "dataset page": "/datasets/plasma/{d}",
    "dataset as JSON": "/datasets/plasma/{d}.json",
    "HAPI info": "/hapi/info?dataset={p}",
    "HAPI data": "/hapi/data?dataset={p}&start=2001-01-02T00:00:00Z&stop=2001-01-03T00:00:00Z",
    "das2": "/das2/server?server=dsdf&dataset={p}",
    "AMDA": "/php/rest/getDataset.php?datasetID={p}&startTime=2001-01-02T00:00:00&stopTime=2001-01-03T00:00:00",
}  # fmt: skip


def public(name: str) -> str:
    # those of hidden datasets are long, so that no other is because of them
    return f"plasma.{name}_mag" if name in {HIDDEN, SOON, UNKNOWN} else f"{name}_mag"


def ask(client: FlaskClient, way: str, name: str, headers: dict[str, str] | None = None) -> TestResponse:
    answer = client.get(WAYS[way].format(u=uid(name), d=f"{name}_mag", p=public(name)), headers=headers)
    answer.get_data()
    answer.close()
    return answer


def said(answer: TestResponse, name: str) -> tuple[int, str]:
    """Status and body without the name that was asked for and what differs from request to request."""
    body = answer.data.decode(errors="replace").replace(name, "…")
    body = re.sub(r"[0-9a-f]{16}|2\d\d\d-\d\d-\d\dT[\d:.]+Z?", "…", body)
    return answer.status_code, body


@pytest.mark.parametrize("way", WAYS)
def test_the_world_gets_what_an_unknown_name_gets(client: FlaskClient, way: str) -> None:
    assert said(ask(client, way, HIDDEN), HIDDEN) == said(ask(client, way, UNKNOWN), UNKNOWN)


@pytest.mark.parametrize("way", WAYS)
def test_so_does_another_group(client: FlaskClient, way: str) -> None:
    others = {"Authorization": "Bearer bob"}
    assert said(ask(client, way, HIDDEN, others), HIDDEN) == said(ask(client, way, UNKNOWN, others), UNKNOWN)


@pytest.mark.parametrize("way", WAYS)
def test_the_group_gets_what_everybody_gets_of_an_open_one(client: FlaskClient, way: str) -> None:
    answer, other = ask(client, way, HIDDEN, as_team()), ask(client, way, OPEN)
    assert answer.status_code == other.status_code
    assert answer.status_code in {200, 303}
    assert len(answer.data) == pytest.approx(len(other.data), rel=0.1)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert {"Authorization", "Cookie"} <= set(answer.vary)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_it_is_kept_for_the_next(client: FlaskClient, way: str) -> None:
    before = said(ask(client, way, HIDDEN), HIDDEN)
    ask(client, way, HIDDEN, as_team())
    assert said(ask(client, way, HIDDEN), HIDDEN) == before


@pytest.mark.parametrize(
    "path",
    [
        "/", "/services", "/services/plasma", "/datasets", "/datasets.json", "/search", "/search.json", "/status",
        "/metrics", "/hapi/catalog", "/hapi/catalog?depth=all", "/hapi", "/das2/server?server=list",
        "/das2/server?server=discovery", "/php/lists/tree.xml", "/tap/tables", "/tap/capabilities", "/tap/examples",
        "/preview/plasma.svg", "/registry", "/sitemap.xml", "/query",
        "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+*+FROM+plasma.parameter",
    ],
)  # fmt: skip
def test_no_list_names_it(client: FlaskClient, path: str) -> None:
    answer = client.get(path, follow_redirects=True)
    assert "secret" not in answer.get_data(as_text=True)
    assert "soon_" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/hapi/catalog", "/das2/server?server=list", "/datasets.json"])
def test_lists_for_the_group_name_it(client: FlaskClient, path: str) -> None:
    assert "secret_mag" in client.get(path, headers=as_team()).get_data(as_text=True)
    assert "secret_mag" not in client.get(path).get_data(as_text=True)


def test_metadata_alone_are_rows_and_links_that_need_rights(client: FlaskClient) -> None:
    assert uid(SHOWN) in ask(client, "TAP", SHOWN).get_data(as_text=True)
    assert ask(client, "SODA", SHOWN).status_code == 403
    assert ask(client, "SODA", SHOWN, as_team()).status_code == 200
    for headers, authorized in ((None, False), (as_team(), True)):
        array = parse_single_table(io.BytesIO(ask(client, "links", SHOWN, headers).data)).array
        (row,) = (row for row in array if row["semantics"] == "#this" and row["content_type"] == "text/csv")
        assert (row["link_auth"], bool(row["link_authorized"])) == ("true", authorized)
    assert ask(client, "HAPI info", SHOWN).status_code == ask(client, "HAPI info", UNKNOWN).status_code


def signed(client: FlaskClient, *addresses: str) -> list[str]:
    answer = client.post("/account/addresses", data={"ADDRESS": list(addresses)}, headers=as_team())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "private, no-store"
    return answer.get_data(as_text=True).split()


BASE = "http://localhost"


def at(way: str) -> str:
    return WAYS[way].format(u=uid(HIDDEN), d=f"{HIDDEN}_mag", p=public(HIDDEN))


@pytest.mark.parametrize("way", ["TAP", "links", "SODA", "data", "original", "HAPI data", "das2"])
def test_a_signed_address_is_its_owners(client: FlaskClient, way: str, caplog: pytest.LogCaptureFixture) -> None:
    (address,) = signed(client, BASE + at(way))
    place = address.removeprefix(BASE)
    with caplog.at_level("INFO"):
        answer = client.get(place)
        body = answer.get_data()
        answer.close()
    assert answer.status_code == 200
    assert body == ask(client, way, HIDDEN, as_team()).data or way in {"TAP", "links", "original"}
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert place.split("/")[2] not in str([one.__dict__ for one in caplog.records])
    # for nothing else: another path, other parameters, another method
    signature = place.split("/")[2]
    for other in ("/data/secret_20010102.csv?SCHEMA=plasmb", f"{at(way)}&X=1", "/account", "/data/soon_20010102.csv"):
        refused = client.get(f"/signed/{signature}{other}")
        assert refused.status_code == 401, other
        refused.close()
    assert client.post(place).status_code in {401, 405}
    # not the end of it: of its last letter some bits mean nothing
    other = signature[:-20] + ("x" if signature[-20] != "x" else "y") + signature[-19:]
    assert client.get(place.replace(signature, other)).status_code == 401


def test_a_signed_address_ends_with_its_hour_and_its_owner(
    client: FlaskClient, people: Believing, monkeypatch: pytest.MonkeyPatch
) -> None:
    (address,) = signed(client, BASE + at("data"))
    place = address.removeprefix(BASE)
    assert client.head(place).status_code == 200
    with monkeypatch.context() as patch:
        patch.setitem(people.people, TEAM.name, replace(TEAM, groups=frozenset()))
        assert client.head(place).status_code == 404  # rights are asked again
        patch.delitem(people.people, TEAM.name)
        assert client.head(place).status_code == 401
    with monkeypatch.context() as patch:
        patch.setattr(signing, "LIFETIME_S", -1)
        assert client.head(place).status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/data/x.cdf",
        f"{BASE}.example/data/x",
        f"{BASE}/signed/x/data/x",
        "/data/x",
        "",
        f"{BASE}/a/../data/x",
        f"{BASE}/data/x\nhttps://elsewhere.example/",
    ],
)
def test_only_our_own_addresses_are_signed(client: FlaskClient, address: str) -> None:
    answer = client.post("/account/addresses", data={"ADDRESS": address}, headers=as_team())
    assert answer.status_code == 400
    assert client.post("/account/addresses", data={"ADDRESS": f"{BASE}/data/x"}).status_code == 401


def test_the_instant_of_release_opens_without_ingestion(client: FlaskClient, database: Database) -> None:
    opens_at = (datetime.now(UTC) + timedelta(seconds=SOON_S)).replace(microsecond=0)
    with connect(database, Role.OWNER) as connection:
        connection.execute(
            "UPDATE archive.dataset SET embargoed_until = %s WHERE dataset_id = 'soon_mag'",
            (f"{opens_at:%Y-%m-%dT%H:%M:%S}",),
        )
        connection.execute(
            "UPDATE plasma.epn_core_closed SET closed_until = %s WHERE dataset_id = 'soon_mag'", (opens_at,)
        )
        raise_catalog_version(connection)
    time.sleep(CHECK_EVERY_S)
    before = {way: ask(client, way, SOON).status_code for way in WAYS}
    unknown = {way: ask(client, way, UNKNOWN).status_code for way in WAYS}
    if datetime.now(UTC) < opens_at:  # else the machine was too slow to see it
        assert before == unknown
    time.sleep(max(0.0, (opens_at - datetime.now(UTC)).total_seconds() + 0.1))
    for way in WAYS:
        assert ask(client, way, SOON).status_code == ask(client, way, OPEN).status_code, way
    assert uid(SOON) in ask(client, "TAP", SOON).get_data(as_text=True)
    assert public(SOON) in [one["id"] for one in json.loads(client.get("/hapi/catalog").data)["catalog"]]
