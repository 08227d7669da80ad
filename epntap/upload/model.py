"""What an upload is before it is in the database. Plain data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

from epntap.catalog.model import Column, Table
from epntap.errors import UploadError

__all__ = ["SCHEMA", "Budget", "Content", "Limits", "ReadTable", "Source"]

#: the schema of uploads in queries (TAP 1.1 §2.5)
SCHEMA = "TAP_UPLOAD"
#: the more the reader of a row has to hold, the fewer rows may be as wide
LONGEST_CELL_BYTES = 16_000_000
MOST_COLUMNS = 1_000
#: rows as COPY reads them may be so many times larger than the bytes they came in: a bit becomes a digit
_GROWTH = 8
_LOOK_AFTER_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Source:
    """A table that a request brings: its name, and what opens its bytes, or the address where they are."""

    name: str
    #: address to fetch it from; empty for a part of the request
    address: str = ""
    #: opens the part of the request that holds it
    open: Callable[[], AbstractContextManager[BinaryIO]] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may bring, all its tables together. Bytes count after decompression."""

    rows: int
    bytes: int
    tables: int
    #: seconds for fetching a table from its address
    fetch_timeout_s: float = 30.0
    #: also from addresses inside the own network
    private_addresses: bool = False


@dataclass(slots=True)
class Budget:
    """What is left of the limits while the tables of a request are read. Its methods raise UploadError."""

    limits: Limits
    #: monotonic time after which nobody waits for the answer
    deadline: float
    timed_out: Callable[[], Exception]
    bytes: int = 0
    rows: int = 0
    written: int = 0

    def take_bytes(self, count: int) -> None:
        """So many more bytes have been read."""
        self.bytes += count
        if self.bytes > self.limits.bytes:
            raise UploadError(
                f"The uploaded tables hold more than {self.limits.bytes:,} bytes, which is the limit for one request "
                "(after decompression); upload fewer rows or columns, or send BINARY2 in place of TABLEDATA."
            )

    def take_row(self, written: int) -> None:
        """One more row has been read, and takes so many bytes as the database reads it."""
        self.rows += 1
        self.written += written
        if self.rows % _LOOK_AFTER_ROWS == 0 and time.monotonic() > self.deadline:
            raise self.timed_out()
        if self.rows > self.limits.rows:
            raise UploadError(
                f"The uploaded tables have more than {self.limits.rows:,} rows, which is the limit for one request; "
                "upload fewer rows."
            )
        if self.written > _GROWTH * self.limits.bytes:
            raise UploadError("The uploaded tables are too large once they are unpacked; upload fewer rows or columns.")


@dataclass(slots=True)
class Content:
    """A table as it is being read: its columns are final after the last row."""

    columns: Callable[[], Sequence[Column]]
    #: one line of COPY text for each row, without the line's end
    rows: Iterator[str]
    description: Callable[[], str | None] = lambda: None


@dataclass(slots=True)
class ReadTable:
    """A table that has been read and checked: its description, and its rows as COPY reads them."""

    table: Table
    rows: BinaryIO
    row_count: int

    def close(self) -> None:
        """Remove the rows."""
        self.rows.close()
