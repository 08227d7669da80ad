"""Rows of one query as blocks of bytes, written by the database itself with COPY."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from epntap.answer.model import Outcome, OutcomeStatus
from epntap.answer.watch import Ending, Watch
from epntap.connection import Connection
from epntap.db.pool import Held, Pool, pooled
from epntap.db.rows.copy_out import CopyOut
from epntap.db.rows.copy_statement import CopyStatement
from epntap.db.rows.failures import crowded_error, from_psycopg, timeout_error, why_elsewhere
from epntap.db.rows.shards import ByShards, ShardsOut, close_all
from epntap.db.standbys import has_published
from epntap.errors import EpnTapError, UnavailableError

__all__ = ["RowStream", "terminate"]

#: a block is handed on when it has this many bytes …
BLOCK_BYTES = 256 * 1024
#: … or this many when rows come in binary: what is done once a block costs more there
BINARY_BLOCK_BYTES = 1024 * 1024
#: the first is handed on earlier, so that the first byte leaves at once
FIRST_BLOCK_BYTES = 32 * 1024
#: … or when the database lets us wait this long for the next row
FLUSH_AFTER_S = 0.25
#: how long a cancelled backend may go on before it is terminated
TERMINATE_AFTER_S = 1.0
#: a connection that breaks so soon had ended before, or the query can be asked once more without harm
LOST_WITHIN_S = 1.0


class _LostConnectionError(Exception):
    """A connection had ended, unseen, before anything was asked on it; the database may well be there."""


class _ElsewhereError(Exception):
    """A standby cannot answer this, the primary perhaps can."""

    def __init__(self, why: str, otherwise: EpnTapError | None = None) -> None:
        """`otherwise` is what there is to say when the primary is away as well."""
        super().__init__(why)
        #: a word for metrics
        self.why = why
        self.otherwise = otherwise


class RowStream:
    """One COPY, read once: iterate for blocks that end on rows, then look at `outcome`; call `close` in any case.

    The statement must yield at most maxrec + 1 rows: the last one is held back, and its arrival tells overflow.
    What `around` gives is entered with the connection before the query and left after it.
    `pack` makes blocks of rows, those of FORMAT binary without COPY's header and trailer.
    `weigh` is told what the planner thinks that the statement costs, before it runs, and may raise.
    With a pool of the `primary` the other one is of standbys: what they have not yet (`version` of the catalogue), or
    cannot do, is asked there once more, unless rows have been handed out.
    What is said to be had `by_shards` is read from the servers that have them, where it is large.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        statement: CopyStatement,
        *,
        pack: Callable[[Sequence[bytes | memoryview]], bytes] | None = None,
        maxrec: int,
        timeout_s: float,
        weigh: Callable[[float], None] | None = None,
        around: Callable[[Connection], AbstractContextManager[object]] = nullcontext,
        primary: ConnectionPool[Connection] | None = None,
        version: int = 0,
        by_shards: ByShards | None = None,
    ) -> None:
        self._pool = pool
        self._primary = primary
        self._version = version
        self._otherwise: EpnTapError | None = None
        self._statement = statement
        self._by_shards = by_shards
        self._pack = pack or b"".join
        self._block_bytes = BINARY_BLOCK_BYTES if statement.is_binary else BLOCK_BYTES
        self._maxrec = maxrec
        self._weigh = weigh
        self._timeout_s = timeout_s
        self._around = around
        self._connection: Connection | None = None
        #: on servers that have shards
        self._beside: list[Held] = []
        self._over = threading.Event()
        # what is entered with a connection may be gone with it
        self._may_ask_again = self._can_be_repeated = around is nullcontext
        self._blocks = self._read()
        self.outcome: Outcome | None = None
        #: rows in the blocks that were handed out
        self.rows = 0
        # all that came, the one that tells overflow among them
        self._seen = 0
        self.watch = Watch(deadline=time.monotonic() + timeout_s, on_end=self._interrupt)

    def __iter__(self) -> Iterator[bytes]:
        """Blocks of whole rows. Raises one of our errors when the query fails."""
        return self._blocks

    def close(self) -> None:
        """End the query if it still runs, and give the connection back."""
        self._blocks.close()

    def _read(self) -> Generator[bytes, None, None]:
        if self._primary is not None:
            try:
                yield from self._read_patiently()
            except _ElsewhereError as exc:
                self._go_to_primary(exc)
            else:
                return
        yield from self._read_patiently()

    def _go_to_primary(self, exc: _ElsewhereError) -> None:
        if isinstance(self._pool, Pool):
            self._pool.handed_on[exc.why] += 1
        assert self._primary is not None
        self._pool, self._primary, self._otherwise = self._primary, None, exc.otherwise
        self._may_ask_again = self._can_be_repeated
        self._over.clear()

    def _read_patiently(self) -> Generator[bytes, None, None]:
        """Once more where a connection had ended unseen."""
        try:
            yield from self._read_once()
        except _LostConnectionError:
            self._pool.check()
            self._may_ask_again = False
            self._over.clear()
            yield from self._read_once()

    def _read_once(self) -> Generator[bytes, None, None]:
        """Raises _ElsewhereError only with a primary to ask, and before the first block."""
        asked = time.monotonic()
        with ExitStack() as stack:
            connection = self._lent(stack)
            self._connection = connection
            if self.watch.ending is not None:  # while a connection was waited for
                self._connection = None
                raise self._ended() or timeout_error(self._timeout_s)
            try:
                if self._primary is not None and not has_published(connection, self._version):
                    raise _ElsewhereError("behind", _late())
                with self._around(connection):
                    last = yield from self._read_from(connection)
            except psycopg.Error as exc:
                if self.rows or self.watch.ending is not None:
                    raise self._ended() or from_psycopg(exc, timeout_s=self._timeout_s) from exc
                why = why_elsewhere(exc) if self._primary is not None else None
                is_lost = why == "away" or (not why and time.monotonic() - asked < LOST_WITHIN_S)
                if connection.broken and is_lost and self._may_ask_again:
                    raise _LostConnectionError from exc
                if why:
                    otherwise = _late() if why == "missing" else from_psycopg(exc, timeout_s=self._timeout_s)
                    raise _ElsewhereError(why, otherwise) from exc
                raise from_psycopg(exc, timeout_s=self._timeout_s) from exc
            finally:
                self._over.set()
                self._connection = None
        overflow = self._seen > self._maxrec
        self.outcome = Outcome(OutcomeStatus.OVERFLOW if overflow else OutcomeStatus.OK, min(self._seen, self._maxrec))
        if last:
            yield self._pack(last)

    def _lent(self, stack: ExitStack) -> Connection:
        try:
            return stack.enter_context(pooled(self._pool))
        except UnavailableError as exc:
            if self._primary is not None:
                raise _ElsewhereError("away") from exc
            raise (self._otherwise or exc) from exc

    def _read_from(self, connection: Connection) -> Generator[bytes, None, list[memoryview | bytes]]:
        """All blocks but the last, whose rows are returned."""
        if self._weigh is not None:
            self._weigh(self._statement.cost(connection))
        try:
            return (yield from self._blocks_of(self._sent(connection)))
        finally:
            close_all(self._beside)

    def _blocks_of(self, copy: CopyOut | ShardsOut) -> Generator[bytes, None, list[memoryview | bytes]]:
        pending: list[memoryview | bytes] = []
        rows = size = 0
        enough, last = FIRST_BLOCK_BYTES, time.monotonic()
        try:
            for row in copy:
                if row is not None:
                    rows += 1
                    if rows <= self._maxrec:
                        pending.append(row)
                        size += len(row)
                if size >= enough or (row is None and size and time.monotonic() - last > FLUSH_AFTER_S):
                    self.rows = min(rows, self._maxrec)
                    yield self._pack(pending)
                    pending, size, last = [], 0, time.monotonic()
                    enough = self._block_bytes
        finally:
            if not copy.finished:
                copy.stop(TERMINATE_AFTER_S)
        self._seen = rows
        return pending

    def _sent(self, connection: Connection) -> CopyOut | ShardsOut:
        by_shards, pool = self._by_shards, self._pool
        if by_shards is not None and isinstance(pool, Pool) and by_shards.is_worth(connection, self._statement):
            shards = by_shards.open(pool, connection, self._version, self._beside, self._is_over)
            if shards is not None:
                return shards
        return self._statement.sent(connection)

    def _is_over(self) -> bool:
        return self.watch.ending is not None

    def _ended(self) -> EpnTapError | None:
        """Why the watch ended it, however the backend was made to end."""
        match self.watch.ending:
            case Ending.DEADLINE:
                return timeout_error(self._timeout_s)
            case Ending.CROWDED_OUT:
                return crowded_error()
            case _:
                return None

    def _interrupt(self, _ending: Ending) -> None:
        """End the query in the database, whatever the thread that reads it is doing."""
        connection = self._connection
        if connection is None:
            return
        backends = []
        for one in (connection, *self._beside):
            with suppress(psycopg.Error):
                backends.append(_Backend.of(self._pool, one))
                one.cancel_safe(timeout=TERMINATE_AFTER_S)
        if self._over.wait(TERMINATE_AFTER_S):
            return
        # A backend that is stuck in sending to us does not look at a cancel request.
        for backend in backends:
            with suppress(psycopg.Error):
                terminate(backend.conninfo, backend.number, backend.server)


@dataclass(frozen=True, slots=True)
class _Backend:
    """What works for a connection, on which server."""

    conninfo: str
    number: int
    server: datetime | None

    @classmethod
    def of(cls, pool: ConnectionPool[Connection], connection: Connection) -> _Backend:
        server = connection.server if isinstance(connection, Held) else None
        return cls(_same_server(pool, connection), connection.info.backend_pid, server)


def terminate(conninfo: str, backend: int, server: datetime | None) -> None:
    """End a backend of the server that began at this instant. Raises psycopg.Error.

    Who has its number on another server, or on this one after a restart, is a stranger.
    """
    with psycopg.connect(conninfo, autocommit=True) as other:
        other.execute("SET ROLE NONE")  # the login owns the backend, not the role that it has taken on
        other.execute("SELECT pg_terminate_backend(%s) WHERE pg_postmaster_start_time() = %s", (backend, server))


def _late() -> EpnTapError:
    return UnavailableError(
        "What is published has just changed, and not all servers have it yet; please try again in a few seconds.", 5
    )


def _same_server(pool: ConnectionPool[Connection], connection: Connection) -> str:
    """Where this connection leads to. An address of several servers may lead elsewhere the next time."""
    conninfo = pool.conninfo if isinstance(pool.conninfo, str) else pool.conninfo()
    info = connection.info
    return make_conninfo(conninfo, host=info.host, hostaddr=info.hostaddr, port=info.port, target_session_attrs="any")
