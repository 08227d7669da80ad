"""Rows read shard after shard are those of the whole table, as of one publication, or none.

Here the shards are ordinary tables, and their servers are one; that Citus says where they are is taken for granted.
"""

from __future__ import annotations

import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from epntap.adql import translate
from epntap.answer.model import OutcomeStatus
from epntap.answer.watch import Watcher
from epntap.connection import Connection
from epntap.db.pool import Database, Pool, Role, open_pool
from epntap.db.rows.copy_statement import CopyStatement
from epntap.db.rows.shards import ByShards, Node, Placed
from epntap.db.rows.stream import RowStream
from epntap.errors import QueryError, QueryTimeoutError, UnavailableError
from tests.support.adql_cases import CASES
from tests.support.adql_sample import BASE_URL, CATALOG
from tests.support.adql_tables import create_tables
from tests.support.databases import clone_database, drop_database
from tests.support.leaving import leave_before_the_first_row, stop_reading, wait_until_idle

ROWS = 30_000
SHARDS = ("rows_1", "rows_2", "rows_3")
CSV = sql.SQL("FORMAT csv")
#: takes long, and row by row
ENDLESS = "SELECT repeat('x', 1000), generate_series(1, 100000000) FROM spread.{} WHERE number < 4"
VERSION = "SELECT version FROM udf.published_version"


@dataclass
class Neighbours:
    """Stands in for Citus: two servers, which are one, with tables that are shards."""

    place: tuple[str, int]
    shards: tuple[tuple[str, ...], ...] = (("rows_1", "rows_3"), ("rows_2",))
    #: publications that seem to come while sessions are begun
    published: int = 0
    #: transactions that seem to be pending
    pending: int = 0
    #: times that the connection to the coordinator ends after sessions were begun
    lost: int = 0
    asked: int = 0
    sessions: list[Connection] = field(default_factory=list)

    def placed(self, coordinator: Connection, schema: str, table: str) -> Placed:
        assert (schema, table) == ("spread", "rows")
        self.asked += 1
        if self.lost and self.sessions:
            self.lost -= 1
            coordinator.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        row = coordinator.execute(VERSION).fetchone()
        assert row is not None
        has_come = self.published > 0 and self.asked % 2 == 0
        self.published -= has_come
        nodes = tuple(Node(number, *self.place, shards) for number, shards in enumerate(self.shards, 1))
        return Placed(row[0] + has_come, nodes)

    def is_settled(self, session: Connection, node: Node) -> bool:
        assert node.shards
        assert session.execute("SHOW transaction_read_only").fetchone() == ("on",)
        self.sessions.append(session)
        self.pending -= 1
        return self.pending < 0


@pytest.fixture(scope="module")
def database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    own = clone_database(postgres_server, "shards", template_database)
    with psycopg.connect(own.url) as connection:
        connection.execute("CREATE SCHEMA spread")
        connection.execute("GRANT USAGE ON SCHEMA spread TO epntap_reader")
        connection.execute("CREATE TABLE spread.rows (number integer, name text)")
        for number, shard in enumerate(SHARDS):
            name = sql.Identifier("spread", shard)
            connection.execute(sql.SQL("CREATE TABLE {} (LIKE spread.rows)").format(name))
            connection.execute(
                sql.SQL(
                    "INSERT INTO {} SELECT n, 'row ' || n FROM generate_series(1, {}) AS n WHERE n % 3 = {}"
                ).format(name, ROWS, number)
            )
            connection.execute(sql.SQL("INSERT INTO spread.rows SELECT * FROM {}").format(name))
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA spread TO epntap_reader")
        connection.execute("ANALYZE spread.rows")
    yield own
    drop_database(postgres_server, own)


@pytest.fixture
def pool(database: Database) -> Iterator[Pool]:
    with open_pool(database, Role.READER, size=2, name="test") as opened:
        yield opened


@pytest.fixture
def cluster(database: Database) -> Neighbours:
    known = conninfo_to_dict(database.url)
    return Neighbours((str(known["host"]), int(known.get("port") or 5432)))


def stream(
    pool: Pool,
    cluster: Neighbours,
    text: str = "SELECT * FROM spread.{}",
    *,
    whole: str = "",
    most: int | None = None,
    maxrec: int = 10**9,
    timeout_s: float = 30,
    version: int | None = None,
    options: sql.SQL = CSV,
) -> RowStream:
    """A query where {} stands for a table or a shard of it, all of which have no more than `most` rows."""
    limit = "" if most is None else f" LIMIT {most}"

    def on(relation: str) -> CopyStatement:
        return CopyStatement(sql.SQL(text.format(relation) + limit), {}, options)

    if version is None:
        with pool.connection() as connection:
            (version,) = connection.execute(VERSION).fetchone() or (None,)
    assert version is not None
    statement = CopyStatement(sql.SQL(whole or text.format("rows") + limit), {}, options)
    by_shards = ByShards("spread", "rows", on, most, cluster)
    return RowStream(pool, statement, maxrec=maxrec, timeout_s=timeout_s, version=version, by_shards=by_shards)


def read(reader: RowStream) -> Counter[bytes]:
    try:
        return Counter(b"".join(reader).splitlines())
    finally:
        reader.close()


def expected(database: Database) -> Counter[bytes]:
    with psycopg.connect(database.url) as connection:
        return Counter(
            f"{number},{name}".encode() for number, name in connection.execute("SELECT number, name FROM spread.rows")
        )


def test_the_rows_are_those_of_all_shards(pool: Pool, cluster: Neighbours, database: Database) -> None:
    reader = stream(pool, cluster, whole="SELECT 1 / (number - number), name FROM spread.rows")
    assert read(reader) == expected(database)
    assert reader.outcome is not None
    assert (reader.outcome.status, reader.outcome.rows) == (OutcomeStatus.OK, ROWS)
    assert len(cluster.sessions) == 2
    assert all(session.closed for session in cluster.sessions)
    wait_until_idle(database, 1)


@pytest.mark.parametrize(("most", "maxrec"), [(20_000, 10**6), (25_001, 25_000), (25_000, 25_000)])
def test_no_more_rows_come_than_are_wanted(pool: Pool, cluster: Neighbours, most: int, maxrec: int) -> None:
    reader = stream(pool, cluster, most=most, maxrec=maxrec)
    rows = read(reader)
    assert rows.total() == len(rows) == min(most, maxrec)
    assert reader.outcome is not None
    overflow = most > maxrec
    assert reader.outcome.status is (OutcomeStatus.OVERFLOW if overflow else OutcomeStatus.OK)
    assert cluster.asked


def test_rows_in_binary_are_rows_alone(pool: Pool, cluster: Neighbours) -> None:
    reader = stream(pool, cluster, "SELECT number FROM spread.{}", options=sql.SQL("FORMAT binary"))
    body = b"".join(reader)
    rows = [body[at : at + 10] for at in range(0, len(body), 10)]  # one field, of four bytes, and the number
    assert sorted(rows) == [b"\0\x01\0\0\0\x04" + number.to_bytes(4, "big") for number in range(1, ROWS + 1)]
    assert cluster.asked


def test_sessions_act_as_readers(pool: Pool, cluster: Neighbours) -> None:
    rows = read(stream(pool, cluster, "SELECT current_user, current_setting('search_path') FROM spread.{}"))
    assert set(rows) == {b'epntap_reader,"pg_catalog,pg_temp"'}


FEW = [
    ("SELECT * FROM spread.{}", 1_000),
    ("SELECT * FROM spread.{}", 5_000),
    ("SELECT * FROM spread.{} WHERE number = 7", None),
]


@pytest.mark.parametrize(("text", "most"), FEW)
def test_small_answers_are_asked_as_ever(pool: Pool, cluster: Neighbours, text: str, most: int | None) -> None:
    assert read(stream(pool, cluster, text, most=most)).total() == (most or 1)
    assert not cluster.asked


def _shard_away(cluster: Neighbours) -> None:
    cluster.shards = (("rows_1", "rows_3"), ("rows_2", "rows_moved"))


def _server_away(cluster: Neighbours) -> None:
    cluster.place = ("127.0.0.1", 9)


def _published(cluster: Neighbours) -> None:
    cluster.published = 10


def _pending(cluster: Neighbours) -> None:
    cluster.pending = 10


@pytest.mark.parametrize("spoil", [_shard_away, _server_away, _published, _pending])
def test_what_cannot_be_read_so_is_asked_as_ever(
    pool: Pool,
    cluster: Neighbours,
    database: Database,
    spoil: Callable[[Neighbours], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    spoil(cluster)
    with caplog.at_level(logging.INFO):
        assert read(stream(pool, cluster)) == expected(database)
    assert "spread.rows is not read shard by shard" in caplog.text
    assert all(session.closed for session in cluster.sessions)
    wait_until_idle(database, 1)


def test_a_server_that_keeps_silent_is_waited_for_once(
    database: Database, cluster: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epntap.db.pool.CONNECT_TIMEOUT_S", 2)  # no shorter one is kept
    with socket.create_server(("127.0.0.1", 0)) as silent, open_pool(database, Role.READER, size=2, name="t") as pool:
        cluster.place = silent.getsockname()
        for longest in (10.0, 1.5):
            started = time.monotonic()
            assert read(stream(pool, cluster)) == expected(database)
            assert time.monotonic() - started < longest


@pytest.mark.parametrize(("published", "pending", "sessions"), [(1, 0, 4), (0, 1, 3)])
def test_a_publication_that_is_over_is_waited_for(
    pool: Pool, cluster: Neighbours, database: Database, published: int, pending: int, sessions: int
) -> None:
    cluster.published, cluster.pending = published, pending
    assert read(stream(pool, cluster, whole="SELECT 1, 1 / (number - number) FROM spread.rows")) == expected(database)
    assert len(cluster.sessions) == sessions


def test_what_was_understood_by_another_publication_is_asked_as_ever(
    pool: Pool, cluster: Neighbours, database: Database
) -> None:
    assert read(stream(pool, cluster, version=10**6)) == expected(database)
    assert not cluster.sessions


def test_all_is_as_it_was_when_the_sessions_began(pool: Pool, cluster: Neighbours, database: Database) -> None:
    text = "SELECT repeat(name, 100) FROM spread.{}"
    before = read(stream(pool, cluster, text))
    reader = stream(pool, cluster, text)
    blocks = iter(reader)
    first = next(blocks)
    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE spread.rows_2 SET name = 'later'")
        connection.execute("DELETE FROM spread.rows_3")
        connection.commit()
        rest = b"".join(blocks)
        connection.execute("DELETE FROM spread.rows_2")
        for shard, rest_of in (("rows_2", 1), ("rows_3", 2)):
            connection.execute(
                sql.SQL("INSERT INTO {} SELECT * FROM spread.rows WHERE number % 3 = {}").format(
                    sql.Identifier("spread", shard), rest_of
                )
            )
    assert Counter((first + rest).splitlines()) == before


def test_a_shard_that_breaks_breaks_the_answer(pool: Pool, cluster: Neighbours, database: Database) -> None:
    reader = stream(pool, cluster, "SELECT number, repeat(name, 1000) FROM spread.{}")
    blocks = iter(reader)
    next(blocks)
    with psycopg.connect(database.url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (cluster.sessions[1].info.backend_pid,))
    with pytest.raises(UnavailableError, match="went away"):
        list(blocks)
    assert reader.outcome is None
    wait_until_idle(database, 2)
    assert read(stream(pool, cluster, "SELECT 7 FROM spread.{}")).total() == ROWS


def test_a_failure_of_one_shard_is_that_of_the_query(pool: Pool, cluster: Neighbours, database: Database) -> None:
    reader = stream(pool, cluster, "SELECT 1 / (number - 2), name FROM spread.{}")  # of the last one to be read
    with pytest.raises(QueryError, match="division by zero"):
        list(reader)
    assert reader.rows > 0
    assert reader.outcome is None
    wait_until_idle(database, 2)


def test_a_coordinator_that_is_lost_meanwhile_is_asked_once_more(
    pool: Pool, cluster: Neighbours, database: Database
) -> None:
    cluster.lost = 1
    assert read(stream(pool, cluster)) == expected(database)
    assert len(cluster.sessions) == 4
    assert all(session.closed for session in cluster.sessions)


def test_an_answer_that_is_left_ends_everywhere(pool: Pool, cluster: Neighbours, database: Database) -> None:
    for _ in range(3):
        reader = stream(pool, cluster, ENDLESS)
        next(iter(reader))
        reader.close()
    wait_until_idle(database, 2)
    assert cluster.asked == 6


@pytest.mark.serial
def test_the_servers_are_told_when_the_client_leaves(pool: Pool, cluster: Neighbours, database: Database) -> None:
    reader = stream(pool, cluster, "SELECT number, pg_sleep(20) FROM spread.{}")
    leave_before_the_first_row(reader, within_s=3)
    wait_until_idle(database, 1)


def test_the_time_limit_is_that_of_all_shards(pool: Pool, cluster: Neighbours, database: Database) -> None:
    watcher = Watcher()
    reader = stream(pool, cluster, "SELECT number, pg_sleep(0.01) FROM spread.{}", timeout_s=1.5)
    watcher.add(reader.watch)
    with pytest.raises(QueryTimeoutError, match="longer than the 2 seconds"):
        list(reader)
    assert cluster.asked == 2
    wait_until_idle(database, 1)


def test_a_client_that_stops_reading_is_let_go(pool: Pool, cluster: Neighbours, database: Database) -> None:
    stop_reading(stream(pool, cluster, ENDLESS))
    wait_until_idle(database, 3)


# -- queries


@pytest.fixture(scope="module")
def split(database: Database) -> Iterator[Connection]:
    """The tables of the sample catalogue, each with some rows and with the same rows in three shards."""
    with psycopg.connect(database.url, cursor_factory=psycopg.ClientCursor) as connection:
        tables = [one for one in CATALOG.tables if one.schema in {"amdadb", "lab"}]
        shards = [replace(one, name=f"{one.name}_{n}") for one in tables for n in range(3)]
        create_tables(connection, [*tables, *shards])
        connection.execute(
            "INSERT INTO lab.parts SELECT n, (ARRAY['bolt', 'nut'])[n % 3], n * 0.25 FROM generate_series(1, 9) AS n"
        )
        connection.execute(
            "INSERT INTO lab.things (id, tiny, huge, x, t, name, label, taken, valid)"
            " SELECT n, n, n * 10, n - 5.5, n, 'a_' || n, 'Été', '2024-01-01'::date + n, n % 2 = 0"
            " FROM generate_series(1, 9) AS n"
        )
        connection.execute(
            "INSERT INTO amdadb.epn_core (granule_uid, obs_id, target_name, time_min, time_max, creation_date,"
            " access_url, s_region) SELECT 'g' || n, n, (ARRAY['Jupiter#Io', 'jupiter'])[n % 3], 100 + n, 101 + n,"
            " '2024-01-01T00:00:00', '/data/g.cdf', 'Circle ICRS 10 20 1' FROM generate_series(1, 9) AS n"
        )
        for table in tables:
            names = [sql.Identifier(table.schema, f"{table.name}_{n}") for n in range(3)]
            for n, shard in enumerate(names):
                connection.execute(
                    sql.SQL("INSERT INTO {} SELECT * FROM {} AS r WHERE abs(hashtext(r::text)) % 3 = {}").format(
                        shard, sql.Identifier(table.schema, table.name), n
                    )
                )
        connection.commit()
        connection.execute("SET search_path = pg_catalog")
        yield connection


OVERLAPS = [
    f"SELECT granule_uid FROM amdadb.epn_core WHERE {condition}"
    for condition in (
        "time_min <= 105 AND time_max >= 103",
        "time_min >= 102.5 AND time_max <= 106.5",
        "time_min > 104",
    )
]


@pytest.mark.parametrize("longest", [None, 1.0, float("inf")])
def test_every_query_that_may_be_asked_so_gives_the_same(split: Connection, longest: float | None) -> None:
    """`longest` is true of the rows; nothing on a server of shards says it."""
    tables = tuple(replace(one, is_distributed=True, longest=longest) for one in CATALOG.tables)
    catalog = replace(CATALOG, tables=tables)
    asked = 0
    for query in [*(case.query for case in CASES if not case.is_refused), *OVERLAPS]:
        translation = translate(query, catalog, base_url=BASE_URL, row_limit=100)
        per_shard = translation.per_shard
        if per_shard is None or per_shard.schema not in {"amdadb", "lab"}:
            continue
        if "random()" in translation.statement.as_string(None):
            continue
        try:
            with split.transaction():
                whole = split.execute(translation.statement, translation.params).fetchall()
        except psycopg.DataError:  # of such rows it has no answer
            continue
        parts: list[tuple[object, ...]] = []
        for n in range(3):
            statement, params = per_shard.on(f"{per_shard.table}_{n}")
            assert "value_count" not in statement.as_string(None)
            parts += split.execute(statement, params).fetchall()
        if per_shard.most is not None and per_shard.most < 9:
            assert min(len(parts), per_shard.most) == len(whole), query
        else:
            assert Counter(map(repr, parts)) == Counter(map(repr, whole)), query
        asked += 1
    assert asked > 50
