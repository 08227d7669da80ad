"""Services that keep what the rows of a dataset share once: the same answers, whatever happens to them."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from epntap.adql import translate
from epntap.archive.kept.told import filled_shares
from epntap.catalog.load import CatalogCache, load_catalog
from epntap.catalog.model import Catalog
from epntap.catalog.narrow.reading import of_dataset
from epntap.catalog.narrow.reading import rows_of as relation_of
from epntap.catalog.narrow.tables import is_narrow
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import EpnTapError, SetupError
from ingest.definition.load import load_definition
from ingest.definition.storage import Storage
from ingest.demo.archive import write_sample_archive
from ingest.options import Options
from ingest.pipeline import drop_service, ingest_service
from ingest.progress import Silent
from ingest.publish.narrow import change
from ingest.report import Report
from ingest.validation.published import check_published
from ingest.validation.report import CheckReport
from tests.bench.granules import publish_rows
from tests.bench.queries import INTERVALS, NO_ROWS, QUESTIONS, Question, validator_questions
from tests.bench.queries import ask as ask_bench
from tests.support.answers_by_hand import QUESTIONS as ADQL_QUESTIONS
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, cdf, definition, record
from tests.support.blocked import wait_until_blocked
from tests.support.browser import client_of
from tests.support.databases import clone_database, drop_database
from voserver.operating.demo import demo_definition
from voweb.granules.facts import Granules

NOW, LATER = datetime.fromisoformat("2026-01-31T10:00:00"), datetime.fromisoformat("2026-02-01T10:00:00")
JOINED = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "syn_mag_*.cdf"')
BY_FILE = ("[[source]]", 'kind = "cdf-files"', 'path = "single"', 'granule = "file"', "versioned_identifiers = true")
E = "amdadb.epn_core"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample archive, to be read."""
    root = tmp_path_factory.mktemp("samples")
    write_sample_archive(root)
    return root


@pytest.fixture(scope="module")
def both(postgres_server: Database, template_database: str, files: Path) -> Iterator[dict[Storage, Database]]:
    """The same archive, kept in both ways."""
    found = {}
    for storage in Storage:
        found[storage] = clone_database(postgres_server, storage.value, template_database)
        ingest_service(replace(demo_definition(files), storage=storage), found[storage], now=NOW)
    yield found
    for database in found.values():
        drop_database(postgres_server, database)


def ask(connection: psycopg.Connection[Any], catalog: Catalog, query: str) -> list[tuple[Any, ...]]:
    translation = translate(query, catalog, schemas={"tap_upload": "pg_temp"})
    return psycopg.ClientCursor(connection).execute(translation.statement, translation.params).fetchall()


def asked(database: Database, queries: list[str]) -> dict[str, list[tuple[Any, ...]]]:
    with connect(database, Role.SERVICE) as service:
        catalog = load_catalog(service).with_tables([INTERVALS])
    with connect(database, Role.READER, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(
            "CREATE TEMPORARY TABLE intervals AS SELECT 2457750.5 + n AS t1, 2457750.75 + n AS t2"
            " FROM generate_series(1, 20) n"
        )
        return {query: ask(connection, catalog, query) for query in queries}


def trial(database: Database) -> list[str]:
    with connect(database, Role.SERVICE) as service:
        table = load_catalog(service).table("amdadb", "epn_core")
    assert table is not None
    typical = [question.query.replace("{t}", E) for question in QUESTIONS]
    shared = [
        f"SELECT DISTINCT target_name, instrument_name FROM {E} WHERE lower(measurement_type) LIKE '%mag%'",
        f"SELECT TOP 7 granule_uid FROM {E} WHERE target_name = 'Earth' ORDER BY time_min DESC, granule_uid",
        f"SELECT TOP 7 * FROM {E} WHERE dataproduct_type = 'ts' ORDER BY granule_uid OFFSET 3",
        f"SELECT DISTINCT TOP 3 target_name FROM {E} AS e ORDER BY target_name DESC",
        f"SELECT COUNT(*) FROM (SELECT DISTINCT dataset_id, target_name FROM {E}) AS d",
        f"SELECT granule_uid FROM {E} WHERE dataset_id = 'syn-mag' AND target_name = 'Vulcan'",
        f"SELECT COUNT(*) FROM {E} AS a JOIN {E} AS b ON a.dataset_id = b.dataset_id AND b.time_min > a.time_max",
    ]
    validators = [question.query for question in validator_questions(table)]
    return [*typical, *shared, *validators, *(query for query, _, _ in ADQL_QUESTIONS)]


def test_it_is_narrow(both: dict[Storage, Database]) -> None:
    for storage, database in both.items():
        with connect(database, Role.OWNER) as connection:
            assert is_narrow(connection, "amdadb") is (storage is Storage.NARROW)


def test_all_questions_have_the_same_answers(both: dict[Storage, Database]) -> None:
    queries = trial(both[Storage.WIDE])
    wide, narrow = (asked(both[storage], queries) for storage in (Storage.WIDE, Storage.NARROW))
    assert len(queries) > 100
    for query in queries:
        if ("TOP" in query and "ORDER BY" not in query) or "creation_date DESC" in query:  # any of those that are alike
            assert len(narrow[query]) == len(wide[query]), query
        else:
            assert sorted(map(repr, narrow[query])) == sorted(map(repr, wide[query])), query


# -- one thing after another moves, in both ways of keeping -----------------------------------------------------------


class Pair:
    """One archive, published in two databases, whole rows in one, kept apart in the other."""

    def __init__(self, root: Path, wide: Database, narrow: Database) -> None:
        self.root, self.wide, self.narrow = root, wide, narrow

    def run(self, *parts: str, now: datetime = NOW, **options: Any) -> tuple[Report, Report]:
        """Ingest in both; their reports."""
        one = definition(self.root, *(parts or JOINED))
        return (
            ingest_service(replace(one, storage=Storage.WIDE), self.wide, now=now, options=Options(**options)),
            ingest_service(replace(one, storage=Storage.NARROW), self.narrow, now=now, options=Options(**options)),
        )

    def check(self, *, narrow: bool = True) -> list[dict[str, Any]]:
        """That all columns of all rows, and what is kept beside them, are equal; the rows."""
        with connect(self.narrow, Role.OWNER) as connection:
            assert is_narrow(connection, "plasma") is narrow
        assert rows_of(self.narrow) == rows_of(self.wide)
        for kept in ("value_count", "coverage", "granule_group", "former_uid"):
            assert archived(self.narrow, kept) == archived(self.wide, kept), kept
        return rows_of(self.narrow)


def rows_of(database: Database, schema: str = "plasma") -> list[dict[str, Any]]:
    with connect(database, Role.OWNER) as connection:
        cursor = connection.execute(f"SELECT * FROM {schema}.epn_core ORDER BY granule_uid".encode())
        names = [column.name for column in cursor.description or ()]
        return [dict(sorted(zip(names, row, strict=True))) for row in cursor]


def archived(database: Database, table: str) -> list[str]:
    with connect(database, Role.OWNER) as connection:
        rows = connection.execute(f"SELECT * FROM archive.{table}".encode()).fetchall()
    return sorted(map(repr, rows))


def own_rows(database: Database) -> dict[str, str]:
    """granule_uid -> the version of its row of its own."""
    with connect(database, Role.OWNER) as connection:
        rows = connection.execute("SELECT granule_uid, xmin::text || ctid::text FROM plasma.epn_core_granule")
        return dict(rows.fetchall())


@pytest.fixture
def pair(postgres_server: Database, template_database: str, tmp_path: Path) -> Iterator[Pair]:
    """Two datasets of ten days each, and files of three days of the first; not yet ingested."""
    record(tmp_path, "syn-mag")
    record(tmp_path, "syn-mom", region="Jupiter")
    for day in (2, 3, 4):
        cdf(tmp_path / f"cdf/syn_mag_2001010{day}_v01.cdf", f"2001-01-0{day}T00:00:00")
    databases = [clone_database(postgres_server, storage.value, template_database) for storage in Storage]
    yield Pair(tmp_path, *databases)
    for database in databases:
        drop_database(postgres_server, database)


def test_a_refresh_does_the_same_to_both(pair: Pair) -> None:
    pair.run()
    assert len(pair.check()) == 20
    wide, narrow = pair.run(now=LATER)
    assert wide.granules == narrow.granules
    assert narrow.granules.unchanged == 20

    # a file comes, one goes, one changes; a dataset has another title and region, one ends later
    cdf(pair.root / "cdf/syn_mag_20010105_v01.cdf", "2001-01-05T00:00:00")
    (pair.root / "cdf/syn_mag_20010102_v01.cdf").unlink()
    changed = pair.root / "cdf/syn_mag_20010103_v01.cdf"
    changed.unlink()
    cdf(changed, "2001-01-03T00:00:00", offset=2.0)
    record(pair.root, "syn-mom", region="Saturn", stop="2001-01-12T12:00:00Z")
    wide, narrow = pair.run(now=LATER)
    assert wide.granules == narrow.granules
    assert narrow.granules.updated == 3 + 9 + 1
    rows = pair.check()
    assert {row["target_name"] for row in rows} == {"Earth", "Saturn"}
    assert sorted({row["creation_date"] for row in rows}) == ["2026-01-31T10:00:00", "2026-02-01T10:00:00"]

    # a dataset comes, one is taken back; columns come and go
    record(pair.root, "syn-wav", region="Mars")
    more = ("[custom.quality]", 'type = "int"', 'description = "How good"', "[columns]", "quality = 3")
    wide, narrow = pair.run(*JOINED, *more, now=datetime.fromisoformat("2026-02-02T10:00:00"))
    assert wide.granules == narrow.granules
    assert {row["quality"] for row in pair.check()} == {3}
    withdrawn = (
        definition(pair.root, *JOINED).file.read_text().replace("title =", 'withdrawn = ["syn-mag"]\ntitle =', 1)
    )
    (pair.root / "service.toml").write_text(withdrawn)
    for database, storage in ((pair.wide, Storage.WIDE), (pair.narrow, Storage.NARROW)):
        ingest_service(
            replace(load_definition(pair.root / "service.toml"), storage=storage),
            database,
            now=datetime.fromisoformat("2026-02-03T10:00:00"),
            options=Options(allow_deletions=True),
        )
    rows = pair.check()
    assert {row["dataset_id"] for row in rows} == {"syn-mom", "syn-wav"}
    assert {row["quality"] for row in rows} == {None}


def test_what_a_dataset_shares_is_written_once(pair: Pair) -> None:
    pair.run()
    before = own_rows(pair.narrow)
    record(pair.root, "syn-mom", region="Saturn")
    _, narrow = pair.run(now=LATER)
    assert narrow.granules.updated == 10
    assert own_rows(pair.narrow) == before
    changed = [row for row in pair.check() if row["modification_date"] == "2026-02-01T10:00:00"]
    assert {row["dataset_id"] for row in changed} == {"syn-mom"}
    assert len(changed) == 10


def test_granules_that_are_files_keep_their_names(pair: Pair) -> None:
    pair.run()
    # none was a file, so names were made and not kept
    assert "obs_id" not in kept_of_granules(pair)
    cdf(pair.root / "single/other_20010105_v03.cdf", "2001-01-05T03:00:00", hours=5, logical_source="other")
    cdf(pair.root / "single/other+x_20010106_v01.cdf", "2001-01-06T03:00:00", hours=5, logical_source="other")
    pair.run(*JOINED, *BY_FILE, now=LATER)
    rows = pair.check()
    assert "obs_id" in kept_of_granules(pair)
    assert any(row["obs_id"] != row["granule_uid"] for row in rows)
    assert any("%2B" in row["access_url"] for row in rows if row["access_url"])
    pair.run(*JOINED, now=datetime.fromisoformat("2026-02-02T10:00:00"))
    pair.check()


def kept_of_granules(pair: Pair) -> set[str]:
    with connect(pair.narrow, Role.OWNER) as connection:
        rows = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'plasma.epn_core_granule'::regclass AND attnum > 0"
        )
        return {row[0] for row in rows}


# -- from one way of keeping to the other -----------------------------------------------------------------------------


class Interrupting(Silent):
    """Breaks a run off when it comes to a stage."""

    def __init__(self, begins: str) -> None:
        self._begins = begins

    def stage(self, title: str, total: int | None = None) -> None:  # noqa: ARG002  # as Progress has it
        """Raise where it is that stage."""
        if title.startswith(self._begins):
            raise KeyboardInterrupt(title)


class Reader(threading.Thread):
    """Asks all the time, as processes do that know the catalogue of a second ago."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._done = threading.Event()
        self.answers: set[str] = set()
        self.longest_s = 0.0
        self.asked = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        """Ask until `stop`."""
        try:
            catalog = CatalogCache(lambda: connect(self._database, Role.SERVICE, autocommit=True))
            with connect(self._database, Role.READER, autocommit=True) as connection:
                while not self._done.is_set():
                    began = time.monotonic()
                    rows = ask(connection, catalog(), "SELECT * FROM plasma.epn_core WHERE target_name <> 'x'")
                    self.longest_s = max(self.longest_s, time.monotonic() - began)
                    self.answers.add(repr(sorted(map(repr, rows))))
                    self.asked += 1
        except BaseException as exc:  # noqa: BLE001  # told to the test
            self.fault = exc

    def stop(self) -> None:
        """Let it end."""
        self._done.set()
        self.join()


def test_whole_rows_are_kept_apart_while_others_read(pair: Pair) -> None:
    one = replace(definition(pair.root, *JOINED), storage=Storage.WIDE)
    for database in (pair.wide, pair.narrow):
        ingest_service(one, database, now=NOW)
    before = rows_of(pair.narrow)
    reader = Reader(pair.narrow)
    reader.start()
    try:
        ingest_service(replace(one, storage=Storage.NARROW), pair.narrow, now=LATER)
    finally:
        reader.stop()
    assert reader.fault is None
    assert reader.asked > 3
    assert len(reader.answers) == 1
    assert rows_of(pair.narrow) == before
    ingest_service(one, pair.wide, now=LATER)
    pair.check()
    # and back, when the definition says so
    reader = Reader(pair.narrow)
    reader.start()
    try:
        ingest_service(one, pair.narrow, now=LATER)
    finally:
        reader.stop()
    assert reader.fault is None
    assert rows_of(pair.narrow) == before
    pair.check(narrow=False)
    assert indexes(pair.narrow) == indexes(pair.wide)


@pytest.mark.parametrize("there_and_back", [(Storage.WIDE, Storage.NARROW), (Storage.NARROW, Storage.WIDE)])
def test_who_has_to_wait_for_the_change_misses_no_row(
    pair: Pair, there_and_back: tuple[Storage, Storage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = there_and_back
    one = definition(pair.root, *JOINED)
    ingest_service(replace(one, storage=before), pair.narrow, now=NOW)
    query = "SELECT granule_uid, target_name, time_min FROM plasma.epn_core ORDER BY granule_uid"
    asked = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv"}
    was_waited_for = []

    def when_somebody_waits(connection: Connection, schema: str) -> None:
        wait_until_blocked(pair.narrow, query="^LOCK")
        was_waited_for.append(schema)
        tell(connection, schema)

    tell = change._tell  # the last step while others wait
    with client_of(pair.narrow, tmp_path) as client, ThreadPoolExecutor() as threads:
        expected = client.post("/tap/sync", data=asked).get_data()
        assert expected.count(b"\n") == 21
        monkeypatch.setattr(change, "_tell", when_somebody_waits)
        run = threads.submit(ingest_service, replace(one, storage=after), pair.narrow, now=LATER)
        answers = set()
        while not run.done():
            answers.add(client.post("/tap/sync", data=asked).get_data())
        run.result()
    assert was_waited_for
    assert answers == {expected}


def indexes(database: Database) -> list[str]:
    with connect(database, Role.OWNER) as connection:
        rows = connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'plasma' ORDER BY 1")
        return [row[0] for row in rows]


@pytest.mark.parametrize("stage", ["keeping granules and datasets apart", "putting it in place"])
def test_a_change_that_is_broken_off_leaves_whole_rows(pair: Pair, stage: str) -> None:
    one = replace(definition(pair.root, *JOINED), storage=Storage.WIDE)
    for database in (pair.wide, pair.narrow):
        ingest_service(one, database, now=NOW)
    narrow = replace(one, storage=Storage.NARROW)
    with pytest.raises(KeyboardInterrupt):
        ingest_service(narrow, pair.narrow, now=NOW, progress=Interrupting(stage))
    pair.check(narrow=False)
    ingest_service(narrow, pair.narrow, now=NOW)
    pair.check()


def test_a_merge_that_is_broken_off_leaves_what_was_published(pair: Pair) -> None:
    pair.run()
    record(pair.root, "syn-mom", region="Saturn")
    narrow = replace(definition(pair.root, *JOINED), storage=Storage.NARROW)
    with pytest.raises(KeyboardInterrupt):
        ingest_service(narrow, pair.narrow, now=LATER, progress=Interrupting("comparing"))
    pair.check()
    # when all rows are written, but not yet seen
    with connect(pair.narrow, Role.OWNER) as other, ThreadPoolExecutor() as threads:
        other.execute("SELECT FROM archive.catalog_version FOR UPDATE")
        run = threads.submit(ingest_service, narrow, pair.narrow, now=LATER)
        with connect(pair.narrow, Role.ADMIN, autocommit=True) as killer:
            end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
            while not run.done() and killer.execute(end).fetchone() is None:
                time.sleep(0.05)
        with pytest.raises(EpnTapError):
            run.result()
    pair.check()
    pair.run(now=LATER)
    assert {row["target_name"] for row in pair.check()} == {"Earth", "Saturn"}


def test_whoever_writes_keeps_whole_rows_until_it_is_over(pair: Pair) -> None:
    one = replace(definition(pair.root, *JOINED), storage=Storage.WIDE)
    ingest_service(one, pair.narrow, now=NOW)
    with connect(pair.narrow, Role.OWNER) as other:
        other.execute("LOCK TABLE plasma.epn_core IN ROW EXCLUSIVE MODE")
        report = ingest_service(replace(one, storage=Storage.NARROW), pair.narrow, now=LATER)
        other.rollback()
    assert any("storage is still wide" in remark.text for remark in report.account.remarks)
    with connect(pair.narrow, Role.OWNER) as connection:
        assert not is_narrow(connection, "plasma")
    ingest_service(replace(one, storage=Storage.NARROW), pair.narrow, now=LATER)
    with connect(pair.narrow, Role.OWNER) as connection:
        assert is_narrow(connection, "plasma")


def test_what_others_made_of_a_table_is_not_lost(pair: Pair) -> None:
    one = replace(definition(pair.root, *JOINED), storage=Storage.WIDE)
    ingest_service(one, pair.narrow, now=NOW)
    narrow = replace(one, storage=Storage.NARROW)

    def ask(statement: str) -> list[tuple[object, ...]]:
        with connect(pair.narrow, Role.ADMIN, autocommit=True) as connection:
            cursor = connection.execute(sql.SQL(statement))
            return cursor.fetchall() if cursor.description else []

    # a right to read
    other = sql.Identifier(f"reads_{uuid.uuid4().hex[:12]}").as_string()
    may_read = f"SELECT has_table_privilege('{other[1:-1]}', 'plasma.epn_core', 'SELECT')"
    ask(f"CREATE ROLE {other}")
    try:
        ask(f"GRANT SELECT ON plasma.epn_core TO {other}")
        # a view
        ask("CREATE SCHEMA others; CREATE VIEW others.mine AS SELECT granule_uid FROM plasma.epn_core")
        report = ingest_service(narrow, pair.narrow, now=LATER)
        (told,) = [one.text for one in report.account.remarks if "storage is still wide" in one.text]
        assert "others.mine" in told
        assert "drop that, ingest, and make it again" in told
        assert len(ask("SELECT * FROM others.mine")) == len(ask("SELECT 1 FROM plasma.epn_core"))
        ask("DROP VIEW others.mine")
        ingest_service(narrow, pair.narrow, now=LATER)
        assert ask("SELECT relkind::text FROM pg_class WHERE oid = 'plasma.epn_core'::regclass") == [("v",)]
        assert ask(may_read) == [(True,)]
        # and back
        ask("CREATE VIEW others.mine AS SELECT granule_uid FROM plasma.epn_core")
        with pytest.raises(SetupError, match=r"others\.mine"):
            ingest_service(one, pair.narrow, now=LATER)
        assert len(ask("SELECT * FROM others.mine")) == len(ask("SELECT 1 FROM plasma.epn_core"))
        ask("DROP VIEW others.mine")
        ingest_service(one, pair.narrow, now=LATER)
        assert ask(may_read) == [(True,)]
    finally:
        ask(f"DROP OWNED BY {other}; DROP ROLE {other}")


def administered(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        cursor = connection.execute(sql.SQL(statement))
        return cursor.fetchall() if cursor.description else []


def test_rights_to_columns_and_to_pass_on_are_kept(pair: Pair) -> None:
    one = definition(pair.root, *JOINED)
    ingest_service(replace(one, storage=Storage.WIDE), pair.narrow, now=NOW)
    name = f'we ird%"{uuid.uuid4().hex[:12]}'
    some, more = (sql.Identifier(f"{name}{n}").as_string() for n in (1, 2))
    administered(pair.narrow, f"CREATE ROLE {some}; CREATE ROLE {more}")
    rights = (
        "SELECT attname, attacl::text FROM pg_attribute WHERE attrelid = 'plasma.epn_core'::regclass AND attacl <> '{}'"
        " UNION SELECT NULL, a.is_grantable::text FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r"
        f" ON r.oid = a.grantee WHERE c.oid = 'plasma.epn_core'::regclass AND r.rolname = '{name}2' ORDER BY 1"
    )
    try:
        administered(pair.narrow, f"GRANT SELECT (granule_uid, time_min) ON plasma.epn_core TO {some}")
        administered(pair.narrow, f"GRANT SELECT ON plasma.epn_core TO {more} WITH GRANT OPTION")
        before = administered(pair.narrow, rights)
        assert [row[0] for row in before] == ["granule_uid", "time_min", None]
        assert before[-1] == (None, "true")
        for storage in (Storage.NARROW, Storage.WIDE):
            ingest_service(replace(one, storage=storage), pair.narrow, now=LATER)
            assert administered(pair.narrow, rights) == before
    finally:
        administered(pair.narrow, "; ".join(f"DROP OWNED BY {role}; DROP ROLE {role}" for role in (some, more)))


@pytest.mark.parametrize(
    ("made", "named", "unmade"),
    [
        (
            "CREATE POLICY own ON plasma.epn_core; ALTER TABLE plasma.epn_core ENABLE ROW LEVEL SECURITY",
            "policy own; row level security",
            "DROP POLICY own ON plasma.epn_core; ALTER TABLE plasma.epn_core DISABLE ROW LEVEL SECURITY",
        ),
        ("CREATE PUBLICATION copied FOR TABLE plasma.epn_core", "publication copied", "DROP PUBLICATION copied"),
    ],
)
def test_what_would_go_without_a_word_keeps_whole_rows(pair: Pair, made: str, named: str, unmade: str) -> None:
    one = definition(pair.root, *JOINED)
    ingest_service(replace(one, storage=Storage.WIDE), pair.narrow, now=NOW)
    administered(pair.narrow, made)
    report = ingest_service(replace(one, storage=Storage.NARROW), pair.narrow, now=LATER)
    (told,) = [one.text for one in report.account.remarks if "storage is still wide" in one.text]
    assert named in told
    administered(pair.narrow, unmade)
    ingest_service(replace(one, storage=Storage.NARROW), pair.narrow, now=LATER)
    with connect(pair.narrow, Role.OWNER) as connection:
        assert is_narrow(connection, "plasma")


def test_what_is_made_of_parts_is_named_before_anything_changes(pair: Pair) -> None:
    one = definition(pair.root, *JOINED)
    ingest_service(replace(one, storage=Storage.NARROW), pair.narrow, now=NOW)
    administered(pair.narrow, "CREATE SCHEMA others; CREATE VIEW others.parts AS SELECT * FROM plasma.epn_core_granule")
    with pytest.raises(SetupError, match=r"view others\.parts depends on .*drop that, ingest, and make it again"):
        ingest_service(replace(one, storage=Storage.WIDE), pair.narrow, now=LATER)
    with connect(pair.narrow, Role.OWNER) as connection:
        assert is_narrow(connection, "plasma")
    with pytest.raises(SetupError, match=r"view others\.parts depends on .*nothing was changed"):
        drop_service(pair.narrow, "plasma")


def test_what_is_left_over_waits_for_whoever_reads_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    one = definition(pair.root, *JOINED)
    ingest_service(replace(one, storage=Storage.NARROW), pair.narrow, now=NOW)
    left = "SELECT 1 FROM pg_class WHERE relname = 'epn_core_granule'"
    with connect(pair.narrow, Role.READER) as reader:

        def while_it_is_read(connection: Connection, schema: str) -> bool:
            reader.execute("LOCK TABLE plasma.epn_core_joined IN ACCESS SHARE MODE")
            return change.remove_left_over(connection, schema)

        monkeypatch.setattr("ingest.publish.service.remove_left_over", while_it_is_read)
        ingest_service(replace(one, storage=Storage.WIDE), pair.narrow, now=LATER)
        assert len(administered(pair.narrow, left)) == 1
    monkeypatch.undo()
    ingest_service(replace(one, storage=Storage.WIDE), pair.narrow, now=LATER)
    assert administered(pair.narrow, left) == []


def test_a_check_of_rows_that_waits_for_the_change_sees_them(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    one = definition(pair.root, *JOINED)
    ingest_service(replace(one, storage=Storage.NARROW), pair.narrow, now=NOW)
    checks: list[Future[CheckReport]] = []

    def when_it_waits(connection: Connection, schema: str) -> None:
        checks.append(threads.submit(check_published, pair.narrow, "plasma"))
        wait_until_blocked(pair.narrow)
        tell(connection, schema)

    tell = change._tell
    monkeypatch.setattr(change, "_tell", when_it_waits)
    with ThreadPoolExecutor() as threads:
        ingest_service(replace(one, storage=Storage.WIDE), pair.narrow, now=LATER)
        assert [check.result().rows for check in checks] == [20]


def test_a_service_with_closed_rows_keeps_them_whole(pair: Pair) -> None:
    pair.run()
    pair.check()
    closed = ('[datasets."syn-mom"]', 'groups = "team"', 'visible = "nothing"')
    wide, narrow = pair.run(*JOINED, *closed, now=LATER)
    assert wide.granules == narrow.granules
    assert len(pair.check(narrow=False)) == 10
    wide, narrow = pair.run(*JOINED, *closed, now=LATER, dry_run=True)
    assert wide.granules == narrow.granules


def test_a_dry_run_tells_of_closed_rows_and_changes_nothing(pair: Pair) -> None:
    pair.run()
    closed = ('[datasets."syn-mom"]', 'groups = "team"', 'visible = "nothing"')
    wide, narrow = pair.run(*JOINED, *closed, now=LATER, dry_run=True)
    assert wide.granules == narrow.granules
    assert len(pair.check()) == 20


# -- counts, plans, the end -------------------------------------------------------------------------------------------


def test_counts_are_taken_back_when_somebody_writes(pair: Pair) -> None:
    pair.run()
    count = "SELECT COUNT(*) FROM plasma.epn_core WHERE target_name = 'Jupiter'"
    assert asked(pair.narrow, [count])[count] == [(10,)]
    with connect(pair.narrow, Role.OWNER) as connection:
        connection.execute("UPDATE plasma.epn_core_dataset SET target_name = 'Vulcan' WHERE dataset_id = 'syn-mom'")
    assert asked(pair.narrow, [count])[count] == [(0,)]
    with connect(pair.narrow, Role.OWNER) as connection:
        connection.execute("DELETE FROM plasma.epn_core_granule WHERE granule_uid LIKE 'syn-mag%'")
    assert archived(pair.narrow, "value_count") == []
    pair.run(now=LATER)
    assert asked(pair.narrow, [count])[count] == [(10,)]
    assert [row["target_name"] for row in rows_of(pair.narrow)] == [row["target_name"] for row in rows_of(pair.wide)]


@pytest.fixture(scope="module")
def filled(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """A narrow service of 20 000 granules of 200 datasets."""
    database = clone_database(postgres_server, "filled", template_database)
    publish_rows(database, 20_000, Storage.NARROW)
    yield database
    drop_database(postgres_server, database)


@pytest.mark.parametrize(
    ("query", "index", "rows"),
    [
        ("SELECT MIN(time_min), MAX(time_max) FROM {t}", "epn_core_granule_times", 2),
        ("SELECT granule_uid FROM {t} WHERE obs_id = 'bench-007_20000105'", "epn_core_granule_pkey", 1),
        (
            "SELECT * FROM {t} WHERE dataset_id = 'bench-007' AND time_min < 2451550",
            "epn_core_granule_times_by_dataset",
            6,
        ),
        ("SELECT TOP 5 * FROM {t} WHERE external_link LIKE '%unobtainium%'", "epn_core_granule_times_by_dataset", 0),
        ("SELECT * FROM {t} WHERE time_min <= 2451580 AND time_max >= 2451579.5", "epn_core_granule_times", 400),
        (
            "SELECT TOP 3 * FROM {t} WHERE dataset_id = 'bench-007' ORDER BY time_min DESC",
            "epn_core_granule_times_by_dataset",
            3,
        ),
        (
            "SELECT TOP 5 * FROM {t} WHERE target_name = 'Vulcan' ORDER BY time_min",
            "epn_core_granule_times_by_dataset",
            0,
        ),
        ("SELECT TOP 5 * FROM {t} WHERE dataproduct_type = 'ts' ORDER BY time_min", "epn_core_granule_times", 10),
        ("SELECT DISTINCT target_name, instrument_name FROM {t}", "epn_core_granule_times_by_dataset", 200),
        ("SELECT TOP 10 * FROM {t} ORDER BY creation_date DESC", "epn_core_dataset_creation_date", 10),
        ("SELECT TOP 10 * FROM {t} WHERE modification_date > '2100-01-01'", "epn_core_granule_modification_date", 0),
        # nearly all rows have the date of their dataset
        (
            "SELECT TOP 10 * FROM {t} WHERE modification_date > '2001-01-01' ORDER BY modification_date",
            "epn_core_dataset_modification_date",
            10,
        ),
        ("SELECT * FROM {t} WHERE file_name LIKE '%unobtainium%'", "epn_core_granule_file_name_trigrams", 0),
        ("SELECT TOP 9 * FROM {t} WHERE granule_uid LIKE '%-007_2000010%'", "epn_core_granule_granule_uid_trigrams", 9),
    ],
)
def test_what_is_looked_for_is_found_by_its_index(filled: Database, query: str, index: str, rows: int) -> None:
    (answer,) = ask_bench(filled, "bench.epn_core", [Question(query, query, None)])
    assert answer.rows_read <= rows + 1, answer.indexes
    assert index in answer.indexes


def test_the_granule_before_is_found_by_the_index(filled: Database) -> None:
    with connect(filled, Role.SERVICE, autocommit=True) as service:
        catalog = load_catalog(service)
        found = Granules(lambda: catalog, lambda: nullcontext(service)).get("bench", "bench-007_20000105")
        assert (found.before, found.after) == ("bench-007_20000104", "bench-007_20000106")
        table = catalog.table("bench", "epn_core")
        assert table is not None
        statement = sql.SQL("SELECT granule_uid FROM {} WHERE {} AND time_min < 2451560 ORDER BY time_min DESC LIMIT 1")
        explain = sql.SQL("EXPLAIN {}").format(statement.format(relation_of(table), of_dataset(table)))
        plan = service.execute(explain, ("bench-007",)).fetchall()
    assert "epn_core_granule_times_by_dataset" in repr(plan)
    assert "Sort" not in repr(plan)


def test_counts_read_no_table(filled: Database) -> None:
    counted = [question for question in QUESTIONS if question.indexes == NO_ROWS]
    assert [one.question.what for one in ask_bench(filled, "bench.epn_core", counted) if one.rows_read] == []


def test_validators_read_no_table(filled: Database) -> None:
    with connect(filled, Role.SERVICE) as service:
        table = load_catalog(service).table("bench", "epn_core")
    assert table is not None
    answers = list(ask_bench(filled, table.qualified_name, validator_questions(table)))
    assert [one.question.query for one in answers if one.rows_read > 1] == []


def test_the_catalogue_says_the_same_of_both(both: dict[Storage, Database]) -> None:
    tables, columns = [], []
    for database in both.values():
        with connect(database, Role.SERVICE) as service:
            table = load_catalog(service).table("amdadb", "epn_core")
        assert table is not None
        tables.append(replace(table, narrow=None, columns=()))
        columns.append({column.name: column for column in table.columns})
    assert tables[0] == tables[1]
    assert [name for name, column in columns[0].items() if column != columns[1][name]] == []


def test_as_much_is_filled_in_both(both: dict[Storage, Database]) -> None:
    told = []
    for database in both.values():
        with connect(database, Role.SERVICE) as service:
            table = load_catalog(service).table("amdadb", "epn_core")
            assert table is not None
            told.append(filled_shares(service, table))
    (wide, wide_estimated), (narrow, narrow_estimated) = told
    assert narrow == pytest.approx(wide, abs=1e-6)  # all rows are in the statistics of either, as there are few
    assert narrow_estimated == wide_estimated
    assert {"thumbnail_url", "access_url", "modification_date", "file_name"} <= narrow.keys()


def test_a_service_is_taken_back_whole(pair: Pair) -> None:
    pair.run()
    drop_service(pair.narrow, "plasma")
    with connect(pair.narrow, Role.OWNER) as connection:
        assert connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'plasma'").fetchone() is None
