"""Tables of events in the database: kept as they came, seen by TAP, joined with granules, made of others."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from epntap.access import ANONYMOUS, Caller
from epntap.adql import translate
from epntap.answer.admission import Admission
from epntap.answer.watch import Watcher
from epntap.catalog.ddl import rename_table
from epntap.catalog.load import load_catalog
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import NotFoundError, SetupError, UnavailableError
from eventtables.files import TableFiles
from eventtables.model import Events, EventStream, EventTable, EventTableError
from eventtables.readers import Wishes, read_table
from eventtables.store.tables import (
    StoredTable,
    all_tables,
    chunks_of,
    drop_own,
    drop_table,
    page_of_events,
    save_own,
    save_stream,
    save_table,
    table_called,
    whole_table,
)
from eventtables.times import julian_dates
from tests.bench.granules import fill
from tests.support.blocked import wait_until_blocked
from tests.support.browser import client_of
from tests.support.command import run, sentence
from tests.support.databases import clone_database, drop_database
from tests.support.events import ICMECAT, catalogue, cells_of, intervals, real
from tests.support.people import add

ROWS = 4000
#: as many as HELIO4CAST's list of ICMEs has, about
ICMES = 1900
FIRST_DAY = 2_451_544.5


def keep(database: Database, name: str, table: EventTable, *, replace: bool = False) -> None:
    with connect(database, Role.OWNER, autocommit=True) as owner:
        save_table(owner, name, table, replace=replace)


def kept(database: Database, name: str) -> EventTable:
    with connect(database, Role.SERVICE, autocommit=True) as service:
        return whole_table(service, table_called(service, name))


def asked(database: Database, query: str) -> list[tuple[Any, ...]]:
    """What a user is answered."""
    with connect(database, Role.SERVICE) as service:
        translation = translate(query, load_catalog(service))
    with connect(database, Role.READER) as reader:
        return psycopg.ClientCursor(reader).execute(translation.statement, translation.params).fetchall()


def test_a_table_comes_back_as_it_was_kept(database: Database) -> None:
    keep(database, "shocks", catalogue())
    found = kept(database, "shocks")
    assert found.about == catalogue().about
    assert cells_of(found) == cells_of(catalogue())


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Dst_Li2020.xml", "ML_GTL_IsSOR_AL_cat_0.txt"])
def test_real_tables_come_back(database: Database, shared: Path, name: str) -> None:
    table = read_table(real(shared, name), "x")
    keep(database, "kept", table)
    assert cells_of(kept(database, "kept")) == cells_of(table)
    assert kept(database, "kept").about == table.about


def test_tap_sees_it_with_both_kinds_of_times(database: Database) -> None:
    keep(database, "shocks", catalogue())
    rows = asked(
        database,
        "SELECT event_id, start_time, time_min, time_max, b_min, count_, sure, v, kind "
        "FROM events.shocks ORDER BY event_id",
    )
    times = julian_dates(catalogue().events.start)
    assert [row[:3] for row in rows] == [
        (1, "2001-01-02T00:00:00.000000", 2451911.5),
        (2, "2001-01-01T00:00:00.001000", times[1]),
        (3, "2001-01-03T00:00:00.000001", times[2]),
    ]
    assert rows[0][4:] == (-7.25, 3, True, [1.0, 2.5, -3.0], '<a & "b">, é')
    assert rows[1][4:7] == (None, None, None)
    later = asked(
        database, "SELECT event_id FROM events.shocks WHERE start_time > '2001-01-01T12:00:00' AND time_max < 2451912.6"
    )
    assert [row[0] for row in later] == [1]
    with connect(database, Role.SERVICE) as service:
        table = load_catalog(service).table("events", "shocks")
    assert table is not None
    assert table.description == "shocks at Earth. All of them"
    assert {one.name: (one.unit, one.ucd) for one in table.columns}["b_min"] == ("nT", "phys.magField")


def test_replacing_and_dropping_leave_nothing_of_the_old_one(database: Database) -> None:
    keep(database, "shocks", catalogue())
    with connect(database, Role.SERVICE, autocommit=True) as service:
        before = table_called(service, "shocks")
        with pytest.raises(EventTableError, match="give --replace"):
            keep(database, "shocks", intervals([(1, 2)]))
        keep(database, "shocks", intervals([(1, 2)], "other"), replace=True)
        after = table_called(service, "shocks")
        assert (after.number, after.about.name, after.survey.count) == (before.number, "other", 1)
        assert asked(database, "SELECT time_max FROM events.shocks") == [(2440587.5 + 2 / 86400,)]
    with connect(database, Role.OWNER, autocommit=True) as owner:
        drop_table(owner, "shocks")
        with pytest.raises(NotFoundError, match="no table of events 'shocks'"):
            drop_table(owner, "shocks")
        keep(database, "shocks", intervals([]))
        assert table_called(owner, "shocks").number > after.number
        drop_table(owner, "shocks")
        assert owner.execute("SELECT count(*) FROM tap_schema.schemas WHERE schema_name = 'events'").fetchone() == (0,)
        assert owner.execute("SELECT count(*) FROM archive.column_form WHERE schema_name = 'events'").fetchone() == (0,)
        assert all_tables(owner) == ()


@pytest.mark.parametrize("name", ["Select", "select", "1a", "a-b", 'a"; DROP TABLE x', "a" * 56, ""])
def test_names_that_cannot_be_are_refused(database: Database, name: str) -> None:
    with pytest.raises(EventTableError, match="can be no name of a table"):
        keep(database, name, intervals([]))


def test_hostile_column_names_become_names_without_quotes(database: Database) -> None:
    names = 'start,stop,"a""; DROP TABLE archive.service; --",select,start_time,é,A,a'
    text = f"{names}\n2001-01-01,2001-01-02,1,2,2001-01-01,3,4,5\n"
    keep(database, "odd", read_table(text.encode(), "odd", Wishes(start="start", stop="stop")))
    rows = asked(
        database,
        "SELECT a_drop_table_archive_service, select_, start_time_2, column, a, a_2 FROM events.odd".replace(
            "column", '"column_"'
        ),
    )
    assert rows == [(1, 2, "2001-01-01T00:00:00.000", 3, 4, 5)]


def test_columns_called_as_those_of_the_system_are_kept(database: Database) -> None:
    text = "start,stop,Xmin,xmax,ctid,tableoid\n2001-01-01,2001-01-02,1,2,3,4\n"
    keep(database, "boxes", read_table(text.encode(), "boxes"))
    assert asked(database, "SELECT xmin_, xmax_, ctid_, tableoid_ FROM events.boxes") == [(1, 2, 3, 4)]
    assert list(cells_of(kept(database, "boxes")))[2:] == ["Xmin", "xmax", "ctid", "tableoid"]


def test_letters_that_the_database_cannot_keep_are_replaced(database: Database) -> None:
    event = {"uuid": "x", "start": "2001-01-01", "stop": "2001-01-02", "a\0b": "c\ud800\0"}
    document = {"catalogues": [{"name": "n\0\ud800", "author": "\0", "events": ["x"]}], "events": [event]}
    keep(database, "odd", read_table(json.dumps(document).encode(), "odd"))
    found = kept(database, "odd")
    assert (found.about.name, found.about.authors) == ("n\ufffd\ufffd", "\ufffd")
    assert cells_of(found)["a\ufffdb"] == ["c\ufffd\ufffd"]


def test_names_of_indexes_and_rows_too_wide_are_refused_in_words(database: Database) -> None:
    keep(database, "a", intervals([(1, 2)]))
    with pytest.raises(EventTableError, match="a_pkey is already the name of something else in the schema events"):
        keep(database, "a_pkey", intervals([(1, 2)]))
    names = ",".join(f"c{n}" for n in range(500))
    wide = f"start,stop,{names}\n2001-01-01,2001-01-02{',abcdefghijklmnopqrstuvw' * 500}\n"
    with pytest.raises(EventTableError, match=r"An event of a has more values than a row"):
        keep(database, "a", read_table(wide.encode(), "a"), replace=True)
    assert cells_of(kept(database, "a")) == cells_of(intervals([(1, 2)]))


def test_events_that_last_are_counted_without_the_instants_between(database: Database) -> None:
    """Who takes at most so many has to learn that there are more, wherever they stand."""
    pairs = [(n, n + (n % 3 == 0)) for n in range(60)] + [(99, 99)] * 20_000 + [(100, 101)]
    keep(database, "mixed", intervals(pairs))
    places = Admission.of(8, 1).share("event tables", 1)
    tables = TableFiles(lambda: connect(database, Role.SERVICE, autocommit=True), Watcher(), places)
    assert [len(tables.ends("mixed", most, ANONYMOUS)) for most in (0, 9, 20, 21)] == [1, 10, 21, 21]
    assert tables.ends("mixed", 30, ANONYMOUS)[-1] == ("1970-01-01T00:01:40.000000", "1970-01-01T00:01:41.000000")


def test_years_are_counted_once_for_each_import(database: Database) -> None:
    lent = []

    def lend() -> AbstractContextManager[psycopg.Connection[Any]]:
        lent.append(1)
        return connect(database, Role.SERVICE, autocommit=True)

    tables = TableFiles(lend, Watcher(), Admission.of(8, 1).share("event tables", 1))
    for pairs, years in (([(0, 1), (2, 3), (40_000_000, 40_000_001)], [(1970, 2), (1971, 1)]), ([(0, 1)], [(1970, 1)])):
        keep(database, "years", intervals(pairs), replace=bool(lent))
        stored = tables.called("years")
        before = len(lent)
        assert tables.years(stored) == tables.years(stored) == years
        assert len(lent) == before + 1


def test_a_table_that_is_replaced_while_it_is_read_is_no_mixture(database: Database) -> None:
    many = intervals([(n, n + 1) for n in range(20_001)])
    keep(database, "many", many)
    with connect(database, Role.SERVICE, autocommit=True) as service:
        stored = table_called(service, "many")
    chunks = chunks_of(lambda: connect(database, Role.SERVICE, autocommit=True), stored)
    assert len(next(chunks)) == 20_000
    keep(database, "many", many, replace=True)
    with pytest.raises(Exception, match="has been replaced while it was read"):
        next(chunks)
    assert cells_of(kept(database, "many")) == cells_of(many)


def test_who_waits_for_a_table_that_is_replaced_misses_no_event(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = intervals([(n, n + 1) for n in range(50)])
    keep(database, "many", many)
    with connect(database, Role.SERVICE, autocommit=True) as service:
        stored = table_called(service, "many")
    query = {"LANG": "ADQL", "QUERY": "SELECT event_id FROM events.many", "RESPONSEFORMAT": "csv"}
    is_held = threading.Event()

    def when_both_wait(connection: Connection, table: Table, name: str) -> None:
        is_held.set()
        wait_until_blocked(database, 2)
        rename_table(connection, table, name)

    def page() -> object:
        with connect(database, Role.SERVICE, autocommit=True) as service:
            return page_of_events(service, stored, 0, 100)

    monkeypatch.setattr("eventtables.store.tables.rename_table", when_both_wait)
    with client_of(database, tmp_path) as client, ThreadPoolExecutor() as threads:
        before = client.post("/tap/sync", data=query).get_data()
        replacing = threads.submit(keep, database, "many", many, replace=True)
        assert is_held.wait(20)
        by_tap = threads.submit(lambda: client.post("/tap/sync", data=query).get_data())
        by_page = threads.submit(page)
        replacing.result()
        assert by_tap.result() == before
        assert len(before.splitlines()) == 51
        with pytest.raises(UnavailableError, match="has been replaced while it was read"):
            by_page.result()


def test_a_table_is_read_until_what_replaces_it_is_there(database: Database) -> None:
    keep(database, "many", intervals([(1, 2)]))
    seen = []

    def while_it_is_read() -> Iterator[Events]:
        seen.extend(asked(database, "SELECT event_id FROM events.many"))
        yield intervals([(1, 2), (3, 4)]).events

    with connect(database, Role.OWNER, autocommit=True) as owner:
        about = intervals([]).about
        save_stream(owner, "many", EventStream(about, while_it_is_read()), replace=True)
        indexes = owner.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'events' AND tablename = 'many' ORDER BY 1"
        ).fetchall()
        keep(database, "fresh", intervals([(1, 2)]))
        others = owner.execute(
            "SELECT replace(indexname, 'fresh', 'many') FROM pg_indexes"
            " WHERE schemaname = 'events' AND tablename = 'fresh' ORDER BY 1"
        ).fetchall()
    assert seen == [(1,)]
    assert len(asked(database, "SELECT event_id FROM events.many")) == 2
    assert indexes == others


@pytest.mark.parametrize("owner", ["", "ann"])
def test_what_others_made_of_a_table_is_not_lost(database: Database, owner: str) -> None:
    def save(*events: tuple[int, int], replace: bool = False) -> StoredTable:
        about, chunk = intervals([]).about, intervals(events).events
        if not owner:
            with connect(database, Role.OWNER, autocommit=True) as connection:
                return save_stream(connection, "storms", EventStream(about, iter([chunk])), replace=replace)
        with connect(database, Role.SERVICE, autocommit=True) as connection:
            return save_own(connection, Caller(owner), "storms", EventStream(about, iter([chunk])), replace=replace)

    def remove() -> None:
        with connect(database, Role.SERVICE if owner else Role.OWNER, autocommit=True) as connection:
            drop_own(connection, stored) if owner else drop_table(connection, "storms")

    if owner:
        add(database, owner)
    stored = save((1, 2))
    table = psycopg.sql.Identifier(stored.schema, stored.name)
    role = f"reads_{uuid.uuid4().hex[:12]}"
    other = psycopg.sql.Identifier(role)
    rights = psycopg.sql.SQL("SELECT has_table_privilege({}, {}, 'SELECT')").format(
        psycopg.sql.Literal(role), psycopg.sql.Literal(table.as_string())
    )
    with connect(database, Role.ADMIN, autocommit=True) as admin:
        admin.execute(psycopg.sql.SQL("CREATE ROLE {}").format(other))
        try:
            admin.execute(psycopg.sql.SQL("GRANT SELECT ON {} TO {}").format(table, other))
            save((1, 2), (3, 4), replace=True)
            assert admin.execute(rights).fetchone() == (True,)
            admin.execute(psycopg.sql.SQL("CREATE SCHEMA others; CREATE VIEW others.mine AS TABLE {}").format(table))
            for act in (lambda: save((5, 6), replace=True), remove):
                with pytest.raises((SetupError, UnavailableError), match=r"view others\.mine depends on"):
                    act()
            assert admin.execute("SELECT count(*) FROM others.mine").fetchone() == (2,)
            admin.execute("DROP VIEW others.mine")
            remove()
        finally:
            admin.execute(psycopg.sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(other))


def test_two_tables_are_imported_at_once(database: Database) -> None:
    keep(database, "storms", intervals([(1, 2)]))

    def while_another_is_imported() -> Iterator[Events]:
        with connect(database, Role.OWNER, autocommit=True) as other:
            other.execute("SET lock_timeout = '5s'")
            save_table(other, "others", intervals([(1, 2), (3, 4)]))
        yield intervals([(1, 2), (3, 4), (5, 6)]).events

    with connect(database, Role.OWNER, autocommit=True) as owner:
        save_stream(owner, "storms", EventStream(intervals([]).about, while_another_is_imported()), replace=True)
    counts = [asked(database, f"SELECT COUNT(*) FROM events.{name}") for name in ("storms", "others")]
    assert counts == [[(3,)], [(2,)]]


# -- joined with granules ---------------------------------------------------------------------------------------------

JOINS = (
    "events.storms AS t JOIN bench.epn_core AS e ON e.time_min <= t.time_max AND e.time_max >= t.time_min",
    (
        "events.storms AS t, bench.epn_core AS e "
        "WHERE 1 = ivo_interval_overlaps(e.time_min, e.time_max, t.time_min, t.time_max)"
    ),
)


@pytest.fixture(scope="module")
def filled(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """A service of 4 000 granules, and a catalogue of the form and size of ICMECAT: some instants, some long."""
    database = clone_database(postgres_server, "events", template_database)
    fill(database, ROWS)
    random = np.random.default_rng(21)
    start = ((FIRST_DAY - 2440587.5 - 3 + random.random(ICMES) * 30) * 86_400).astype(np.int64)
    length = np.where(random.random(ICMES) < 0.2, 0, random.random(ICMES) ** 4 * 1_000_000).astype(np.int64)
    # to the minute, as that catalogue has its times
    ends = [np.datetime_as_string((one // 60 * 60).astype("datetime64[s]"), "m") for one in (start, start + length)]
    head = ICMECAT.partition("\r\n")[0]
    lines = (
        f"{row},ICME_Wind_{row},Wind,{first}Z,{first}Z,{last}Z,{10 + row % 7},0.99"
        for row, (first, last) in enumerate(zip(*ends, strict=True))
    )
    wishes = Wishes(start="icme_start_time", stop="mo_end_time")
    table = read_table("\r\n".join([head, *lines, ""]).encode(), "storms", wishes)
    assert len(table.events) == ICMES
    with connect(database, Role.OWNER, autocommit=True) as owner:
        save_table(owner, "storms", table)
        owner.execute("ANALYZE bench.epn_core")
    yield database
    drop_database(postgres_server, database)


@pytest.mark.parametrize("source", JOINS)
def test_joined_by_overlap_it_gives_what_brute_force_finds(filled: Database, source: str) -> None:
    with connect(filled, Role.OWNER) as owner:
        granules = owner.execute("SELECT granule_uid, time_min, time_max FROM bench.epn_core").fetchall()
        events = owner.execute("SELECT event_id, time_min, time_max FROM events.storms").fetchall()
    low, high = (np.array([row[n] for row in granules], dtype=float) for n in (1, 2))
    expected = {
        (event, granules[place][0])
        for event, first, last in events
        for place in np.flatnonzero((low <= last) & (high >= first))
    }
    found = asked(filled, f"SELECT t.event_id, e.granule_uid FROM {source}")  # of this module
    assert len(found) == len(set(found)) > 1000
    assert set(found) == expected


def test_a_join_goes_through_the_index_of_granules(filled: Database) -> None:
    with connect(filled, Role.SERVICE) as service:
        translation = translate(f"SELECT count(*) FROM {JOINS[0]} WHERE t.event_id <= 10", load_catalog(service))
    with connect(filled, Role.READER) as reader:
        explained = psycopg.sql.SQL("EXPLAIN {}").format(translation.statement)
        plan = "\n".join(row[0] for row in psycopg.ClientCursor(reader).execute(explained, translation.params))
    assert "epn_core_times" in plan
    assert "Seq Scan on epn_core" not in plan


# -- commands ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def here(database: Database, tmp_path: Path) -> dict[str, str]:
    return {"EPNTAP_DATABASE_URL": database.url, "EPNTAP_HOME": str(tmp_path / "home")}


def test_commands_import_combine_export_and_drop(here: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "icme.csv").write_text(ICMECAT)
    (tmp_path / "days.txt").write_text(
        "2007-11-20T00:00:00 2007-11-21T00:00:00\n2008-01-01T00:00:00 2008-01-02T00:00:00\n"
    )
    ends = ("--start", "icme_start_time", "--stop", "mo_end_time")
    facts = ("--title", "ICMEs", "--reference", "10.6084/m9.figshare.6356420", "--licence", "CC-BY-4.0")
    done = run("events", "import", str(tmp_path / "icme.csv"), "--name", "icmes", *ends, *facts, **here)
    assert done.stdout == (
        "events.icmes: 2 events, 2007-11-19T17:22:00.000 to 2008-01-03T01:02:00.000, 5 columns: ICMEs\n"
    )
    run("events", "import", str(tmp_path / "days.txt"), "--name", "days", **here)
    assert "1 events, 2007-11-20T00:00:00.000 to 2007-11-20T11:31:00.000" in (
        run("events", "intersection", "icmes", "days", "--name", "in_both", **here).stdout
    )
    run("events", "filter", "icmes", "mo_bmax > 10", "--name", "strong", **here)
    run("events", "extend", "strong", "--before", "3600", "--name", "longer", **here)
    listed = {one["table"]: one for one in json.loads(run("events", "list", "--json", **here).stdout)}
    assert {name: one["events"] for name, one in listed.items()} == {
        "events.in_both": 1, "events.days": 2, "events.icmes": 2, "events.longer": 1, "events.strong": 1,
    }  # fmt: skip
    out = tmp_path / "out.xml"
    assert run("events", "export", "longer", "--output", str(out), **here).returncode == 0
    again = read_table(out.read_bytes(), "x")
    assert cells_of(again)["start"] == ["2007-11-19T16:22:00.000000"]
    assert again.about.history.splitlines() == [
        "Made as events of icmes with mo_bmax > 10.",
        "Made as strong with events that begin 3600 s earlier and end 0 s later.",
    ]
    assert (again.about.reference, again.about.licence) == ("10.6084/m9.figshare.6356420", "CC-BY-4.0")
    assert run("events", "drop", "longer", **here).stdout == "dropped events.longer\n"
    assert "no table of events 'longer'" in sentence(run("events", "export", "longer", **here))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2001-01-01 2001-01-02\n2001-01-03 x\n", "Line 2, column stop: expected a time"),
        ("a,b\n1,2\n", "None of the columns is a start of events; name one with --start: a, b."),
    ],
)
def test_broken_files_are_refused_and_nothing_is_kept(
    here: dict[str, str], tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "x.txt").write_text(text)
    assert said in sentence(run("events", "import", str(tmp_path / "x.txt"), "--name", "x", **here))
    assert "there is no table of events" in run("events", "list", **here).stdout


def test_addresses_inside_the_own_network_are_not_fetched(here: dict[str, str]) -> None:
    done = run("events", "import", "http://127.0.0.1:9/x.xml", "--name", "x", **here)
    assert "127.0.0.1" in sentence(done)
