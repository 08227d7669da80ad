"""Rows that only some may see: in no table that the world reads, and seen by their groups and from their day on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from epntap.access import ANONYMOUS, Caller
from epntap.db.caller import seen_by
from epntap.db.pool import Database, Role, connect
from epntap.settings import Settings
from epntap.tap.query.params import tap_request
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, cdf, definition
from tests.support.databases import clone_database, drop_database
from voserver.house import House, build_house

TEAM, OTHERS = Caller("ada", frozenset({"team"})), Caller("bob", frozenset({"others"}))
CLOSED_TEAM = ('[datasets."secret_mag"]', "release_date = 2099-01-01", 'groups = ["team"]', 'visible = "nothing"')
COLUMNS = "granule_uid, dataset_id, time_min, creation_date, modification_date, release_date, access_url"

BOTH = "open_mag,2 secret_mag,1"

Ask = Callable[..., list[str]]


def archive(root: Path) -> Path:
    for name, source in (
        ("secret_20010102", "secret_mag"),
        ("open_20010102", "open_mag"),
        ("open_20010103", "open_mag"),
    ):
        cdf(root / f"cdf/{name}_v01.cdf", f"{name[-8:-4]}-{name[-4:-2]}-{name[-2:]}T00:00:00", logical_source=source)
    return root


@pytest.fixture(scope="module")
def published(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    database = clone_database(postgres_server, "closed", template_database)
    ingest_service(definition(archive(tmp_path_factory.mktemp("closed")), CDF_SOURCE, *CLOSED_TEAM), database)
    yield database
    drop_database(postgres_server, database)


@pytest.fixture(scope="module")
def house(published: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = build_house(Settings(home=tmp_path_factory.mktemp("home"), query_connections=2), published)
    yield house
    for pool in (house.pools.queries, house.pools.internal, house.pools.jobs):
        pool.close()


@pytest.fixture
def ask(house: House) -> Ask:
    return lambda text, caller=ANONYMOUS: answer(house, text, caller)


def answer(house: House, text: str, caller: Caller = ANONYMOUS) -> list[str]:
    request = tap_request({"LANG": ["ADQL"], "QUERY": [text], "FORMAT": ["csv"]}, caller=caller)
    given = house.tap.answer(request)
    try:
        return b"".join(given).decode().split()[1:]
    finally:
        given.close()


def query(database: Database, statement: str, role: Role = Role.OWNER) -> list[tuple[object, ...]]:
    with connect(database, role) as connection:
        return connection.execute(statement).fetchall()


def test_the_world_sees_the_open_rows_and_the_group_all(ask: Ask) -> None:
    text = "SELECT dataset_id FROM plasma.epn_core ORDER BY granule_uid"
    assert ask(text) == ask(text, OTHERS) == ["open_mag", "open_mag"]
    assert ask(text, TEAM) == ["open_mag", "open_mag", "secret_mag"]
    assert ask(text) == ["open_mag", "open_mag"]  # on the connection that the group has used


@pytest.mark.parametrize(
    ("text", "world", "team"),
    [
        ("COUNT(*) FROM plasma.epn_core", "2", "3"),
        ("COUNT(DISTINCT dataset_id) FROM plasma.epn_core", "1", "2"),
        ("dataset_id, COUNT(*) FROM plasma.epn_core GROUP BY dataset_id ORDER BY 1", "open_mag,2", BOTH),
        ("COUNT(*) FROM plasma.epn_core WHERE dataset_id = 'secret_mag'", "0", "1"),
        ("dataset_id, granule_count FROM plasma.dataset ORDER BY 1", "open_mag,2", BOTH),
        ("DISTINCT dataset_id FROM plasma.parameter ORDER BY 1", "open_mag", "open_mag secret_mag"),
        ("COUNT(*) FROM plasma.epn_core AS a JOIN plasma.dataset AS d ON a.dataset_id = d.dataset_id", "2", "3"),
    ],
)  # fmt: skip
def test_counts_and_tables_of_datasets_agree(ask: Ask, text: str, world: str, team: str) -> None:
    assert ask(f"SELECT {text}") == world.split()
    assert ask(f"SELECT {text}", TEAM) == team.split()


def test_the_counts_that_are_kept_know_nothing_of_closed_rows(published: Database) -> None:
    assert query(published, "SELECT granule_count, has_closed_rows FROM archive.service") == [(2, True)]
    assert query(published, "SELECT DISTINCT value FROM archive.value_count WHERE column_name = 'dataset_id'") == [
        ("open_mag",)
    ]
    assert query(published, "SELECT sum(rows) FROM archive.value_count WHERE column_name = '*'") == [(2,)]
    assert query(published, "SELECT DISTINCT dataset_id FROM archive.granule_group") == [("open_mag",)]


def test_hidden_datasets_are_not_there_for_what_reads_the_archive(house: House) -> None:
    with house.pools.internal.connection() as connection:
        assert connection.execute("SELECT dataset_id FROM archive.dataset").fetchall() == [("open_mag",)]
        with seen_by(connection, TEAM):
            assert len(connection.execute("SELECT dataset_id FROM archive.dataset").fetchall()) == 2
        assert connection.execute("SELECT dataset_id FROM archive.dataset").fetchall() == [("open_mag",)]
