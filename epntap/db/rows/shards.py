"""The rows of a table that Citus spreads over servers, read from these servers themselves.

The coordinator gathers all rows of an answer on its disk before it gives out the first. So it is only asked where the
shards are; a session on each server that has some reads them one after the other, and all servers work at once.

All is as of one publication: the coordinator says which it is, and where the shards are, before and after the sessions
have taken their snapshots; before that, no transaction of the coordinator's may be pending on their servers. What is
committed is first prepared on all servers, then committed on the coordinator, and then on the servers: so they have
this publication, and none that came later.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import psycopg
from psycopg import errors as pg
from psycopg import sql

from epntap.connection import Connection
from epntap.db.pool import Held, Pool
from epntap.db.rows.copy_out import CopyOut
from epntap.db.rows.copy_statement import CopyStatement
from epntap.errors import SetupError

__all__ = ["CITUS", "ByShards", "Cluster", "Node", "Placed", "ShardsOut", "close_all"]

log = logging.getLogger(__name__)

#: so much the coordinator gathers in the time that sessions on its servers take to begin
WORTH_BYTES = 2_000_000
#: … and so few rows in any case
FEW_ROWS = 1_000
#: a publication that comes between is over in a moment
_ATTEMPTS = 3
_PAUSE_S = 0.2

_PLACED = """
SELECT (SELECT version FROM udf.published_version), n.groupid, n.nodename, n.nodeport,
       array_agg(c.relname || '_' || s.shardid ORDER BY s.shardid)
FROM pg_catalog.pg_dist_shard s
JOIN pg_class c ON c.oid = s.logicalrelid
LEFT JOIN LATERAL (
    SELECT min(groupid) AS groupid FROM pg_catalog.pg_dist_placement WHERE shardid = s.shardid AND shardstate = 1
) p ON true
LEFT JOIN pg_catalog.pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary' AND n.isactive
WHERE c.oid = to_regclass(%s)
GROUP BY n.groupid, n.nodename, n.nodeport
ORDER BY n.groupid
"""
_PENDING = r"""
SELECT (SELECT groupid FROM pg_catalog.pg_dist_local_group),
       EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database() AND gid LIKE 'citus\_%')
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A server, by the number that the cluster has given it, and the shards of a table that it has."""

    group: int
    host: str
    port: int
    shards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the shards of a table are, and as of which publication."""

    version: int
    nodes: tuple[Node, ...]


class Cluster(Protocol):
    """What spreads the rows."""

    def placed(self, coordinator: Connection, schema: str, table: str) -> Placed:
        """Where all shards of a table are, in one snapshot. Raises psycopg.Error, SetupError where some are nowhere."""

    def is_settled(self, session: Connection, node: Node) -> bool:
        """Whether all that the coordinator has committed is committed there too.

        Raises psycopg.Error, and SetupError where another server answers.
        """


class _Citus:
    """Citus 12 and later, where all servers know the cluster."""

    def placed(self, coordinator: Connection, schema: str, table: str) -> Placed:
        """Where all shards of a table are, in one snapshot. Raises psycopg.Error, SetupError where some are nowhere."""
        name = sql.Identifier(schema, table).as_string(None)
        rows = coordinator.execute(_PLACED, (name,)).fetchall()
        if not rows or any(group is None for _, group, *_ in rows):
            raise SetupError(f"not all shards of {schema}.{table} are on servers that work")
        nodes = tuple(Node(group, host, port, tuple(shards)) for _, group, host, port, shards in rows)
        return Placed(int(rows[0][0]), nodes)

    def is_settled(self, session: Connection, node: Node) -> bool:
        """Whether all that the coordinator has committed is committed there too.

        Raises psycopg.Error, and SetupError where another server answers.
        """
        group, is_pending = session.execute(_PENDING).fetchone() or (None, True)
        if group != node.group:
            raise SetupError(
                f"At {node.host}:{node.port} server {group} of a Citus cluster answers instead of server {node.group}: "
                "the names that citus_add_node was given have to lead to the same servers from here."
            )
        return not is_pending


CITUS: Cluster = _Citus()


@dataclass(frozen=True, slots=True)
class ByShards:
    """How a statement that can be asked of each shard by itself is asked so."""

    schema: str
    table: str
    #: what is asked of the shard with this name
    statement: Callable[[str], CopyStatement]
    #: rows that are wanted of all shards together; None: all there are
    most: int | None
    cluster: Cluster = CITUS

    def is_worth(self, coordinator: Connection, whole: CopyStatement) -> bool:
        """Whether so much is expected of the whole that the coordinator had better not gather it.

        Raises psycopg.Error.
        """
        return (self.most is None or self.most > FEW_ROWS) and whole.expected_bytes(coordinator) > WORTH_BYTES

    def open(
        self, pool: Pool, coordinator: Connection, version: int, sessions: list[Held], is_over: Callable[[], bool]
    ) -> ShardsOut | None:
        """The rows as of this publication; None, and the reason in the log, where they cannot be had so.

        The sessions are handed out as they are made; the caller closes them in any case. Raises psycopg.Error where
        the coordinator has gone, or when it is over.
        """
        try:
            for attempt in range(_ATTEMPTS):
                if attempt:
                    close_all(sessions)
                    time.sleep(_PAUSE_S)
                placed = self.cluster.placed(coordinator, self.schema, self.table)
                if placed.version != version:
                    break
                if self._begun(pool, placed.nodes, sessions, is_over) and placed == self.cluster.placed(
                    coordinator, self.schema, self.table
                ):
                    return self._rows(placed.nodes, sessions)
            level, why = logging.INFO, "something was published meanwhile"
        except (psycopg.Error, SetupError) as exc:
            if is_over() or coordinator.broken:
                raise
            level, why = logging.WARNING, (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        close_all(sessions)
        log.log(level, "%s.%s is not read shard by shard, but gathered first: %s", self.schema, self.table, why)
        return None

    def _begun(self, pool: Pool, nodes: Sequence[Node], sessions: list[Held], is_over: Callable[[], bool]) -> bool:
        """Begin a session with a snapshot on each server; False if transactions are pending there."""
        for node in nodes:
            session = pool.beside(node.host, node.port)
            sessions.append(session)
            if is_over():  # what ended it did not know this session yet
                raise pg.QueryCanceled
            if not self.cluster.is_settled(session, node):
                return False
            session.execute(self._snapshot(node))
        return True

    def _snapshot(self, node: Node) -> sql.Composed:
        """What begins a transaction that sees this moment of all shards there, and fails where one is missing."""
        looks = [sql.SQL("SELECT FROM {} LIMIT 0").format(sql.Identifier(self.schema, one)) for one in node.shards]
        return sql.SQL("; ").join([sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"), *looks])

    def _rows(self, nodes: Sequence[Node], sessions: Sequence[Held]) -> ShardsOut:
        readings = [
            _Reading(session, deque(map(self.statement, node.shards)))
            for node, session in zip(nodes, sessions, strict=True)
        ]
        return ShardsOut(readings, self.most)


class _Reading:
    """The shards of one server, one after the other in one session."""

    def __init__(self, session: Held, statements: deque[CopyStatement]) -> None:
        self.session = session
        self.copy: CopyOut | None = None
        self._statements = statements

    def begin(self) -> bool:
        """Let the server begin with its next shard; False if there is none. Raises psycopg.Error."""
        if not self._statements:
            return False
        self.copy = self._statements.popleft().sent(self.session)
        return True


class ShardsOut:
    """The rows of all shards: read like the one COPY of a table that is not spread. Raises psycopg.Error.

    Not more than `most`, where that is said. A shard that breaks breaks all.
    """

    def __init__(self, readings: Sequence[_Reading], most: int | None) -> None:
        self._readings = readings
        self._most = most
        self.finished = False

    def __iter__(self) -> Iterator[memoryview | bytes | None]:
        """The rows; None each time before waiting for more."""
        left = self._most
        turns = deque(self._readings)
        for reading in turns:
            reading.begin()
        while turns:
            reading = turns.popleft()
            assert reading.copy is not None
            for row in reading.copy:
                if row is not None and left is not None:
                    if not left:
                        return
                    left -= 1
                yield row
            if reading.begin():
                turns.append(reading)
        self.finished = True

    def stop(self, timeout_s: float) -> None:
        """End what still runs on the servers. The sessions are of no use any more."""
        for reading in self._readings:
            if reading.copy is not None and not reading.copy.finished:
                with suppress(psycopg.Error):
                    reading.session.cancel_safe(timeout=timeout_s)


def close_all(sessions: list[Held]) -> None:
    """End sessions, and forget them."""
    while sessions:
        sessions.pop().close()
