"""Queries run on standbys; what these cannot do is done on the primary, and the service outlives either."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from epntap.answer.watch import Ending
from epntap.catalog.load import CatalogCache
from epntap.db.migrate import apply_migrations, pending_migrations
from epntap.db.pool import Database, Held, Pool, Role, check_sessions, connect, open_pool, pooled
from epntap.db.rows.copy_statement import CopyStatement
from epntap.db.rows.stream import RowStream, terminate
from epntap.db.standbys import check_standbys, query_pools, standbys_of
from epntap.errors import EpnTapError, SetupError, UnavailableError
from epntap.settings import Settings, load_settings
from eventtables.store.tables import drop_table, save_table
from ingest.progress import Silent
from tests.support.asking import TOP_10, job_of, phase_at_the_end, query, request
from tests.support.command import run
from tests.support.events import catalogue
from tests.support.multipart import query as query_with
from tests.support.multipart import rows
from tests.support.replicas import Node, Pair, started_pair, until
from tests.support.server import Server, serve
from tests.support.slow_queries import OF_USERS, SLOW, ask
from tests.support.votables import TWO
from voserver.operating.demo import prepare_demo
from voserver.operating.upkeep import public_value

pytestmark = pytest.mark.serial

ENDLESS = "SELECT repeat('x', 1000), generate_series(1, 100000000)"
UIDS = "SELECT granule_uid FROM amdadb.epn_core"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The demonstration, on both."""

    def fill(database: Database) -> None:
        apply_migrations(database)
        prepare_demo(Settings(home=tmp_path_factory.mktemp("demo")), database, lambda _text: None, Silent())

    with started_pair(fill) as made:
        yield made


@pytest.fixture(scope="module")
def server(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    database = pair.database
    home = tmp_path_factory.mktemp("served")
    with serve(
        database, home, query_database_url=database.query_url, workers="1", job_workers="1", job_heartbeat_s="1"
    ) as running:
        yield running


@contextmanager
def pools(database: Database) -> Iterator[tuple[Pool, Pool]]:
    queries, primary = query_pools(database, 2)
    assert primary is not None
    with queries, primary:
        yield queries, primary


@pytest.fixture
def asked(pair: Pair) -> Iterator[tuple[Pool, Pool]]:
    """Standbys and primary, as queries are given them."""
    with pools(pair.database) as both:
        yield both


@pytest.fixture
def standbys(asked: tuple[Pool, Pool]) -> Pool:
    return asked[0]


@pytest.fixture
def primary(asked: tuple[Pool, Pool]) -> Pool:
    return asked[1]


def stream(pool: Pool, text: str, primary: Pool | None, *, version: int = 0) -> RowStream:
    statement = CopyStatement(sql.SQL(text), {}, sql.SQL("FORMAT csv"))
    return RowStream(pool, statement, maxrec=10**9, timeout_s=30, primary=primary, version=version)


def read(reader: RowStream) -> bytes:
    try:
        return b"".join(reader)
    finally:
        reader.close()


def copies(node: Node) -> int:
    """Queries of users that run there."""
    return int(node.value(f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND {OF_USERS}"))


def version(node: Node) -> int:
    return int(node.value("SELECT version FROM archive.catalog_version"))


def keep(database: Database, name: str) -> None:
    with connect(database, Role.OWNER, autocommit=True) as owner:
        save_table(owner, name, catalogue())


@contextmanager
def events_kept(pair: Pair, name: str) -> Iterator[None]:
    """A table that is published on the primary, and withdrawn after the block."""
    keep(pair.database, name)
    try:
        yield
    finally:
        with connect(pair.database, Role.OWNER, autocommit=True) as owner:
            drop_table(owner, name)


def told(server: Server) -> dict[tuple[str, str], float]:
    """Metric and server or reason -> value."""
    text = request(server, "GET", "/metrics")[2]
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# -- where queries run


def test_queries_run_on_the_standby_and_end_there_with_their_client(pair: Pair, server: Server) -> None:
    with ask(server, SLOW):
        until(lambda: copies(pair.standby) == 1)
        assert copies(pair.primary) == 0
        backend = pair.standby.value(f"SELECT pid FROM pg_stat_activity WHERE {OF_USERS} AND state = 'active'")
        others = pair.primary.ask("SELECT pid FROM pg_stat_activity WHERE usename = 'epntap' ORDER BY pid")
    until(lambda: copies(pair.standby) == 0, 5)
    left = pair.standby.ask(f"SELECT state FROM pg_stat_activity WHERE pid = {backend}")
    assert left in ([("idle",)], [])
    assert set(others) <= set(pair.primary.ask("SELECT pid FROM pg_stat_activity WHERE usename = 'epntap'"))


def test_a_reader_that_stops_ends_the_backend_of_its_own_server(pair: Pair, standbys: Pool, primary: Pool) -> None:
    """Asked to cancel, a backend that cannot send may not look; then it is terminated, there and nowhere else."""
    reader = stream(standbys, ENDLESS, primary)
    next(iter(reader))
    (backend,) = pair.standby.ask(f"SELECT pid FROM pg_stat_activity WHERE {OF_USERS} AND state = 'active'")
    until(lambda: pair.standby.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"))
    reader.watch.end(Ending.CLIENT_GONE)
    running = "SELECT pid FROM pg_stat_activity WHERE state = 'active'"
    until(lambda: backend not in pair.standby.ask(running), 5)
    with pytest.raises(EpnTapError):
        read(reader)
    assert not standbys.handed_on, "what has begun is not begun again"


def test_the_number_of_a_backend_is_worth_nothing_on_another_server(pair: Pair, standbys: Pool) -> None:
    with pooled(standbys) as connection:
        assert isinstance(connection, Held)
        assert connection.place == pair.standby.place
        there, backend = str(standbys.conninfo), connection.info.backend_pid
        # as after a restart, or by an address that leads elsewhere
        terminate(there, backend, pair.primary.value("SELECT pg_postmaster_start_time()"))
        assert connection.execute("SELECT pg_backend_pid()").fetchone() == (backend,)
        terminate(there, backend, connection.server)
        with pytest.raises(psycopg.OperationalError, match="terminating connection"):
            connection.execute("SELECT 1")


def test_uploads_run_on_the_primary(pair: Pair, server: Server) -> None:
    reply = query_with(server, "SELECT id, name FROM TAP_UPLOAD.mine ORDER BY id", mine=TWO)
    assert rows(reply.body) == [["id", "name"], ["1", "one"], ["2", ""]]
    written = "SELECT count(*) FROM pg_stat_activity WHERE query = 'DISCARD TEMP'"
    assert (pair.primary.value(written), pair.standby.value(written)) == (1, 0)


def test_jobs_run_on_the_standby(pair: Pair, server: Server) -> None:
    job = job_of(server, SLOW, PHASE="RUN")
    until(lambda: copies(pair.standby) == 1)
    assert copies(pair.primary) == 0
    request(server, "POST", f"{job}/phase", {"PHASE": "ABORT"})
    until(lambda: copies(pair.standby) == 0, 5)
    assert phase_at_the_end(server, job) == "ABORTED"


# -- what a standby has not, or cannot do


def test_what_is_published_is_there_at_once_while_the_standby_is_late(pair: Pair, server: Server) -> None:
    assert query(server, TOP_10)[0] == 200
    with pair.paused():
        before = told(server).get(("epntap_queries_on_primary_total", "behind"), 0)
        with events_kept(pair, "late"):
            until(lambda: query(server, "SELECT event_id FROM events.late")[0] == 200, 3)
            assert pair.standby.value("SELECT to_regclass('events.late')") is None
            assert told(server)["epntap_queries_on_primary_total", "behind"] > before
            lag = next(one for one in standbys_of(pair.database) if one.place == pair.standby.place)
            assert lag.lag_s is not None
            assert lag.lag_s > 0
        until(lambda: query(server, "SELECT event_id FROM events.late")[0] == 400, 3)
        health = json.loads(request(server, "GET", "/health")[2])
        assert (health["status"], health["reading"], health["jobs"]) == ("ok", "ok", "ok")
    with ask(server, SLOW):
        until(lambda: copies(pair.standby) == 1, 5)


def test_a_table_that_is_not_there_yet_is_asked_for_on_the_primary(pair: Pair, standbys: Pool, primary: Pool) -> None:
    with pair.paused(), events_kept(pair, "unseen"):
        assert read(stream(standbys, "SELECT count(*) FROM events.unseen", primary)) == b"3\n"
        assert standbys.handed_on == {"missing": 1}
        newest = version(pair.primary)
        assert read(stream(standbys, "SELECT 7", primary, version=newest)) == b"7\n"
        assert standbys.handed_on == {"missing": 1, "behind": 1}
    pair.follow()
    assert read(stream(standbys, "SELECT 8", primary, version=newest)) == b"8\n"
    assert standbys.handed_on.total() == 2


def test_without_the_primary_it_is_said_when_to_come_back(
    pair: Pair, standbys: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epntap.db.pool.CONNECT_TIMEOUT_S", 1)
    nowhere = Database("postgresql://epntap@127.0.0.1:1/epntap")
    with open_pool(nowhere, Role.READER, size=1, name="away") as away:
        with pytest.raises(UnavailableError, match="not all servers have it yet") as refusal:
            read(stream(standbys, "SELECT * FROM events.nowhere", away))
        assert refusal.value.retry_after_s == 5
        with pytest.raises(UnavailableError, match="not all servers have it yet"):
            read(stream(standbys, "SELECT 1", away, version=version(pair.primary) + 1))


def test_a_conflict_with_recovery_is_asked_again_on_the_primary(pair: Pair, standbys: Pool, primary: Pool) -> None:
    slowly = "SELECT count(*) FROM amdadb.epn_core, (SELECT pg_sleep(1.6)) AS s"
    with ThreadPoolExecutor() as beside:
        waiting = beside.submit(read, stream(standbys, slowly, primary))
        until(lambda: copies(pair.standby) == 1)
        lock_out(pair)
        assert waiting.result(20) == b"63\n"
    assert standbys.handed_on == {"conflict": 1}


def test_a_conflict_after_the_first_row_is_said_in_a_sentence(pair: Pair, standbys: Pool, primary: Pool) -> None:
    reader = stream(standbys, "SELECT a.* FROM amdadb.epn_core AS a, generate_series(1, 1000000)", primary)
    blocks = iter(reader)
    next(blocks)
    lock_out(pair)
    with pytest.raises(UnavailableError, match=r"went away|met with a change of what it was reading") as refusal:
        for _ in blocks:
            pass
    assert refusal.value.retry_after_s in {5, 30}
    reader.close()
    assert not standbys.handed_on
    assert read(stream(standbys, "SELECT 1", None)) == b"1\n", "the pool heals"


def lock_out(pair: Pair) -> None:
    """Nobody may read the table while this is replayed; queries that do are ended after a second."""
    pair.primary.ask("BEGIN; LOCK TABLE amdadb.epn_core IN ACCESS EXCLUSIVE MODE; SELECT pg_current_xact_id(); COMMIT")


# -- the catalogue


def test_the_catalogue_is_kept_and_nobody_waits_for_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHECK_EVERY_S", "CHECK_AGAIN_S", "PATIENCE_S"):
        monkeypatch.setattr(f"epntap.catalog.load.{name}", 0.2)
    is_away, asked = threading.Event(), threading.Event()

    @contextmanager
    def lent() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        if is_away.is_set():
            asked.set()
            time.sleep(2)
            raise UnavailableError("away", 30)
        with connect(pair.database, Role.SERVICE, autocommit=True) as connection:
            yield connection

    cache = CatalogCache(lent)
    known = cache()
    assert (known.version, cache.is_away) == (version(pair.primary), False)
    is_away.set()
    time.sleep(0.25)
    waited = 0.0
    for _ in range(20):
        began = time.monotonic()
        assert cache() is known
        waited += time.monotonic() - began
        time.sleep(0.02)
    assert waited < 20 * 0.2 / 2, "only the first waits"
    assert asked.is_set()
    assert cache.is_away
    is_away.clear()
    with events_kept(pair, "after"):
        until(lambda: cache().version > known.version, 5)
    assert not cache.is_away


# -- publishing


def test_a_publication_waits_until_the_standby_has_it(pair: Pair, server: Server) -> None:
    pair.primary.ask("ALTER DATABASE epntap SET synchronous_commit = local")
    pair.primary.set("synchronous_standby_names", "*")
    try:
        until(lambda: pair.primary.value("SELECT sync_state FROM pg_stat_replication") == "sync")
        waits = replace(pair.database, publish_waits_for="remote_apply")
        before = version(pair.primary)
        with ThreadPoolExecutor() as beside:
            with pair.paused():
                publishing = beside.submit(keep, waits, "awaited")
                until(lambda: pair.primary.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))  # fmt: skip
                time.sleep(0.5)
                assert not publishing.done()
                assert version(pair.primary) == version(pair.standby) == before
                # nobody else waits: what is no publication is committed at once
                assert request(server, "POST", "/tap/async", {"LANG": "ADQL", "QUERY": TOP_10})[0] == 303
            publishing.result(20)
        assert version(pair.primary) == version(pair.standby) == before + 1
        with connect(waits, Role.OWNER, autocommit=True) as owner:
            assert owner.execute("SHOW synchronous_commit").fetchone() == ("local",)
            drop_table(owner, "awaited")
            assert owner.execute("SHOW synchronous_commit").fetchone() == ("local",)
    finally:
        pair.primary.set("synchronous_standby_names", "")


# -- addresses and sessions


def test_commands_find_the_primary_among_several(pair: Pair, tmp_path: Path) -> None:
    environ = {
        "EPNTAP_DATABASE_URL": pair.database.url,
        "EPNTAP_QUERY_DATABASE_URL": pair.database.query_url,
        "EPNTAP_HOME": str(tmp_path),
    }
    assert pending_migrations(pair.database) == []
    for command in (["init"], ["status"], ["query", "--format", "csv", f"{UIDS} WHERE 1=0"]):
        done = run(*command, **environ)
        assert done.returncode == 0, done.stderr
    found = run("doctor", **environ).stdout
    assert f"standby      {pair.standby.place} has all that was written" in found
    with connect(pair.database, Role.SERVICE, autocommit=True) as listening:
        listening.execute("LISTEN uws_job")
        with connect(pair.database, Role.READER) as reading:
            assert reading.info.port == listening.info.port == pair.primary.port


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"EPNTAP_QUERY_DATABASE_URL": "postgresql://x@b/y"}, "but that is empty; the embedded database has none"),
        (
            {"EPNTAP_PUBLISH_WAITS_FOR": "sometimes"},
            "must be on, remote_apply, remote_write or empty, but is 'sometimes'",
        ),
    ],
)
def test_what_cannot_be_set(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence):
        load_settings(environ)


def test_passwords_of_standbys_are_not_shown() -> None:
    url = "postgresql://me:secret@b:5433,c/x?target_session_attrs=prefer-standby"
    settings = Settings(database_url="postgresql://me@a/x", query_database_url=url)
    assert public_value(settings, "query_database_url") == url.replace("secret", "…")
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("wanted", "asked"), [("read-write", "primary"), ("read-only", "standby"), ("prefer-standby", "prefer-standby")]
)
def test_a_reader_asks_for_a_server_by_what_it_is(wanted: str, asked: str) -> None:
    """Its sessions are read-only by themselves, so none of them could be had where one that writes is wanted."""
    database = Database(f"postgresql://me@a,b/x?target_session_attrs={wanted}")
    assert conninfo_to_dict(database.conninfo(Role.READER))["target_session_attrs"] == asked
    assert conninfo_to_dict(database.conninfo(Role.SERVICE))["target_session_attrs"] == wanted


def test_a_standby_is_no_database_to_write_to(pair: Pair) -> None:
    alone = Database(f"postgresql://epntap@{pair.standby.place}/epntap")
    with pytest.raises(SetupError, match=rf"leads to a standby \({pair.standby.place}\).*target_session_attrs"):
        check_sessions(alone)


def test_another_database_is_no_standby(pair: Pair, demo_database: Database) -> None:
    with pytest.raises(SetupError, match=r"EPNTAP_QUERY_DATABASE_URL leads to .* no copy of the database"):
        check_standbys(replace(pair.database, query_url=demo_database.url))
    check_standbys(pair.database)


def test_standbys_that_are_away_are_no_reason_to_stop(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    lonely = replace(pair.database, query_url="postgresql://epntap@127.0.0.1:1/epntap")
    check_standbys(lonely)
    assert "No standby answers" in caplog.text
    (found,) = standbys_of(lonely)
    assert found.place == "127.0.0.1:1"
    assert "refused" in found.failure


def test_metrics_name_servers_and_how_late_they_are(pair: Pair, server: Server) -> None:
    assert query(server, TOP_10)[0] == 200
    until(lambda: told(server)["epntap_query_connections", pair.standby.place] >= 1)
    found = told(server)
    for node, is_primary in ((pair.primary, 1), (pair.standby, 0)):
        assert found["epntap_query_server_up", node.place] == 1
        assert found["epntap_query_server_is_primary", node.place] == is_primary
    assert found["epntap_replica_lag_seconds", pair.primary.place] == 0
    assert found["epntap_replica_lag_seconds", pair.standby.place] < 60


# -- one of them is gone; these come last, and in this order


def test_without_the_standby_the_primary_answers_and_the_standby_gets_its_share_again(
    pair: Pair, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epntap.db.pool.STANDBY_LIFETIME_S", 1)
    alone = replace(pair.database, query_url=f"postgresql://epntap@{pair.standby.place}/epntap")
    with pools(pair.database) as (both, primary), pools(alone) as (one, _):
        assert read(stream(both, "SELECT 1", primary)) == b"1\n"
        pair.standby.stop()
        began = time.monotonic()
        for pool in (both, one, one, one):
            assert read(stream(pool, "SELECT 2", primary)) == b"2\n"
        assert time.monotonic() - began < 4, "who has no other standby waits once, and not long"
        assert one.handed_on["away"] == 3
        assert query(server, TOP_10)[0] == 200
        assert json.loads(request(server, "GET", "/health")[2])["status"] == "ok"
        with pooled(both) as connection:
            assert connection.info.port == pair.primary.port, "the address has it as the last resort"
        pair.standby.start()

        def is_back() -> bool:
            read(stream(both, "SELECT 3", primary))
            return both.places[pair.standby.place] > 0

        until(is_back, 10)


def test_the_primary_is_killed_and_the_standby_promoted(pair: Pair, server: Server) -> None:
    pair.follow()
    until(lambda: json.loads(request(server, "GET", "/health")[2])["jobs"] == "ok", 10)
    pair.primary.stop()
    slowest = 0.0
    for number in range(8):
        began = time.monotonic()
        # each for the first time, so that nothing of it is known in the process
        status, _, text = query(server, f"{TOP_10} WHERE time_min > {number}")
        slowest = max(slowest, time.monotonic() - began)
        assert (status, text.count("\n")) == (200, 11), text
        time.sleep(0.2)
    print(f"without the primary: the slowest of 8 queries took {slowest:.2f} s")
    assert slowest < 2.5
    status, _, text = request(server, "GET", "/health")
    health = json.loads(text)
    assert (status, health["status"], health["reading"]) == (200, "reading only", "ok")
    assert health["jobs"] != "ok"
    refused = query_with(server, "SELECT id FROM TAP_UPLOAD.mine", mine=TWO)
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0

    began = time.monotonic()
    pair.standby.promote()
    until(lambda: json.loads(request(server, "GET", "/health")[2])["status"] == "ok", 20)
    until(lambda: request(server, "POST", "/tap/async", {"LANG": "ADQL", "QUERY": TOP_10})[0] == 303)
    print(f"promoted: whole again after {time.monotonic() - began:.1f} s, without a restart")
    assert query_with(server, "SELECT id FROM TAP_UPLOAD.mine", mine=TWO).status == 200
    assert phase_at_the_end(server, job_of(server, TOP_10, PHASE="RUN")) == "COMPLETED"
    with events_kept(pair, "promoted"):
        until(lambda: query(server, "SELECT event_id FROM events.promoted")[0] == 200, 10)
    assert '"message": "unhandled error"' not in server.log.read_text()
