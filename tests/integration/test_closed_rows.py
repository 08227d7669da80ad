"""Rows that only some may see: in no table that the world reads, and seen by their groups and from their day on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import psycopg
import pytest

from epntap.access import ANONYMOUS, Caller
from epntap.answer.endings import BrokenStreamError
from epntap.db.caller import seen_by
from epntap.db.pool import Database, Role, connect
from epntap.errors import AdqlError, EpnTapError, QueryError
from epntap.settings import Settings
from epntap.tap.query.params import tap_request
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, cdf, definition
from tests.support.databases import clone_database, drop_database
from tests.support.votables import TWO
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


# -- attacks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "SELECT set_config('epntap.groups', 'team', false) FROM plasma.epn_core",
        "SELECT current_setting('epntap.groups') FROM plasma.epn_core",
        "SELECT pg_catalog.set_config('epntap.groups', 'team', false) FROM plasma.epn_core",
        "SET ROLE epntap_owner",
        "SET LOCAL epntap.groups = 'team'",
        "SELECT granule_uid FROM plasma.epn_core; SET ROLE epntap_owner",
        "SELECT granule_uid FROM plasma.epn_core WHERE granule_uid = ''; SET epntap.groups = 'team'; --'",
        "SELECT granule_uid FROM plasma.epn_core_closed",
        'SELECT granule_uid FROM plasma."epn_core_closed"',
        "SELECT granule_uid FROM plasma.epn_core_seen",
        "SELECT dataset_id FROM archive.dataset",
        "SELECT closed_until FROM plasma.epn_core",
        "SELECT ctid, xmin, tableoid FROM plasma.epn_core",
        "SELECT archive.caller_groups() FROM plasma.epn_core",
        "SELECT query_to_xml('SELECT 1', true, true, '') FROM plasma.epn_core",
        "RESET ROLE",
        "DISCARD ALL",
    ],
)
def test_no_query_reaches_what_says_who_asks(house: House, text: str) -> None:
    for caller in (ANONYMOUS, OTHERS, TEAM):
        with pytest.raises(AdqlError):
            answer(house, text, caller)


@pytest.mark.parametrize("name", ["epn_core_closed", "epn_core", "dataset", "closings"])
def test_uploads_named_as_hidden_tables_are_uploads(house: House, name: str) -> None:
    assert with_upload(house, f"SELECT id FROM TAP_UPLOAD.{name} ORDER BY id", name) == ["1", "2"]
    joined = f"SELECT DISTINCT e.dataset_id FROM plasma.epn_core AS e, TAP_UPLOAD.{name} AS u"
    assert with_upload(house, joined, name) == ["open_mag"]
    assert sorted(with_upload(house, joined, name, TEAM)) == ["open_mag", "secret_mag"]
    assert with_upload(house, joined, name) == ["open_mag"]


def with_upload(house: House, text: str, name: str, caller: Caller = ANONYMOUS) -> list[str]:
    params = {"LANG": ["ADQL"], "QUERY": [text], "FORMAT": ["csv"], "UPLOAD": [f"{name},param:file"]}
    given = house.tap.answer(tap_request(params, {"file": lambda: nullcontext(io.BytesIO(TWO))}, caller))
    try:
        return b"".join(given).decode().split()[1:]
    finally:
        given.close()


def test_errors_of_conditions_are_those_of_rows_that_are_seen(house: House) -> None:
    for table in ("epn_core", "dataset", "parameter"):
        divided = f"FROM plasma.{table} WHERE 1 / (CASE WHEN dataset_id = '{{}}' THEN 0 ELSE 1 END) = 1"
        assert answer(house, f"SELECT dataset_id {divided.format('secret_mag')}") is not None
        for name, caller in (("open_mag", ANONYMOUS), ("secret_mag", TEAM)):
            with pytest.raises(QueryError, match="division by zero"):
                answer(house, f"SELECT dataset_id {divided.format(name)}", caller)


def test_explanations_tell_what_they_would_tell_without_closed_rows(house: House) -> None:
    found = {}
    for dataset in ("secret_mag", "nobodys"):
        text = f"SELECT granule_uid FROM plasma.epn_core WHERE dataset_id = '{dataset}'"
        for caller in (ANONYMOUS, TEAM):
            said = house.tap.explain(tap_request({"LANG": ["ADQL"], "QUERY": [text]}, caller=caller))
            assert "closed" not in said.sql
            assert "seen" not in said.sql
            found[dataset, caller] = said.rows, said.sentences
    assert len(set(map(str, found.values()))) == 1


@pytest.mark.parametrize("ending", ["read", "closed at once", "closed after a block", "cancelled", "killed", "failed"])
def test_a_connection_forgets_its_caller_however_its_query_ends(house: House, published: Database, ending: str) -> None:
    for _ in range(2 * house.pools.queries.max_size):
        end_a_query(house, published, ending)
        assert answer(house, "SELECT DISTINCT dataset_id FROM plasma.epn_core") == ["open_mag"]
        assert answer(house, "SELECT dataset_id FROM plasma.dataset") == ["open_mag"]
    with house.pools.queries.connection() as connection:
        row = connection.execute("SELECT coalesce(current_setting('epntap.groups', true), '')").fetchone()
    assert row == ("",)


#: many rows
LONG = "SELECT a.granule_uid FROM plasma.epn_core AS a" + "".join(f", plasma.epn_core AS t{one}" for one in range(11))


def end_a_query(house: House, published: Database, ending: str) -> None:
    """Let the group ask something that ends so."""
    text = "SELECT 1 / (time_min - time_min) FROM plasma.epn_core" if ending == "failed" else LONG
    request = tap_request({"LANG": ["ADQL"], "QUERY": [text], "FORMAT": ["csv"], "MAXREC": ["100000"]}, caller=TEAM)
    if ending == "failed":
        with pytest.raises(QueryError):
            house.tap.answer(request)
        return
    given = house.tap.answer(request)
    try:
        if ending == "read":
            assert sum(1 for _ in given)
        elif ending == "closed after a block":
            next(iter(given))
        elif ending in {"cancelled", "killed"}:
            function = "pg_cancel_backend" if ending == "cancelled" else "pg_terminate_backend"
            with psycopg.connect(published.url, autocommit=True) as other:
                other.execute(
                    f"SELECT {function}(pid) FROM pg_stat_activity"  # one of two words
                    " WHERE usename LIKE '%reader' AND state = 'active' AND datname = current_database()"
                )
            with suppress(BrokenStreamError, EpnTapError):
                for _ in given:
                    pass
    finally:
        given.close()
