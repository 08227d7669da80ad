"""Clients that leave an answer, or stop reading it, and what is left of it in the database."""

from __future__ import annotations

import socket
import time

import psycopg
import pytest

from epntap.answer.watch import Ending, Watcher
from epntap.db.pool import Database
from epntap.db.rows.stream import RowStream
from epntap.errors import QueryTimeoutError

__all__ = ["leave_before_the_first_row", "stop_reading", "wait_until_idle"]

_BUSY = """
    SELECT count(*) FROM pg_stat_activity
    WHERE usename = 'epntap_reader' AND state <> 'idle' AND datname = current_database()
"""


def wait_until_idle(database: Database, within_s: float) -> None:
    """Wait until no query of readers runs and no transaction of theirs is open."""
    started = time.monotonic()
    while True:
        with psycopg.connect(database.url) as connection:
            row = connection.execute(_BUSY).fetchone()
        if row == (0,):
            return
        assert time.monotonic() - started < within_s, "a query still runs, or a transaction is open"
        time.sleep(0.05)


def leave_before_the_first_row(reader: RowStream, *, within_s: float) -> None:
    """Be gone while the database computes; the reader notices in time."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reader.watch.client = ours
        Watcher().add(reader.watch)
        theirs.close()
        started = time.monotonic()
        with pytest.raises(QueryTimeoutError):
            list(reader)
        assert time.monotonic() - started < within_s
    assert reader.watch.ending is Ending.CLIENT_GONE


def stop_reading(reader: RowStream) -> None:
    """Read nothing more of an answer that does not end; the reader lets go."""
    watcher = Watcher()
    ours, theirs = socket.socketpair()

    def send_all() -> None:
        for block in reader:
            reader.watch.sending()
            ours.sendall(block)
            reader.watch.reading()

    with ours, theirs:
        reader.watch.client = ours
        reader.watch.send_timeout_s = 0.5
        watcher.add(reader.watch)
        with pytest.raises(OSError, match="Broken pipe"):
            send_all()
        reader.close()
        watcher.remove(reader.watch)
    assert reader.watch.ending is Ending.CLIENT_STALLED
