"""Tables of events as answers: one form of one table, made while it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from socket import socket
from typing import TypeAlias

from cutouts.formats.base import software_version
from epntap.access import ANONYMOUS, Caller
from epntap.answer.admission import Slots
from epntap.answer.begun import Begun, begin
from epntap.answer.blocks import Blocks, Version
from epntap.answer.watch import Watcher
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.errors import NotFoundError
from eventtables.store.published import own_schema
from eventtables.store.tables import (
    StoredTable,
    all_tables,
    chunks_of,
    events_within,
    page_of_events,
    table_called,
    years_of_events,
)
from eventtables.times import instant_of, spelled
from eventtables.writers import Writer

__all__ = ["TableFiles", "version_of_table"]

#: events that are looked through at a time for those that last
_PAGE = 20_000

Years: TypeAlias = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class TableFiles:
    """What is kept, and files of it."""

    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    watcher: Watcher
    places: Slots
    #: events by year of the tables that were looked at, with the import that they were counted of
    _years: dict[str, tuple[datetime, Years]] = field(default_factory=dict)

    def all(self, caller: Caller = ANONYMOUS) -> tuple[StoredTable, ...]:
        """Every table that somebody may see, by name."""
        with self.connect() as connection:
            return all_tables(connection, caller)

    def own(self, caller: Caller) -> tuple[str, list[Table]]:
        """The tables of somebody as their queries see them, and the schema of the database that they are in."""
        return own_schema(caller.name), [one.described for one in self.all(caller) if one.owner == caller.name]

    def called(self, name: str, caller: Caller = ANONYMOUS) -> StoredTable:
        """The table of this name, if somebody may see it. Raises NotFoundError."""
        with self.connect() as connection:
            return table_called(connection, name, caller)

    def numbered(self, number: int, caller: Caller = ANONYMOUS) -> StoredTable:
        """The table with this number, if somebody may see it. Raises NotFoundError."""
        found = next((one for one in self.all(caller) if one.number == number), None)
        if found is None:
            raise NotFoundError(f"There is no table of events with the number {number}.")
        return found

    def ends(self, name: str, most: int, caller: Caller) -> list[tuple[str, str]]:
        """Starts and stops of so many events that last and one more, as ISO 8601. Raises NotFoundError."""
        found: list[tuple[str, str]] = []
        seen = 0
        with self.connect() as connection:
            stored = table_called(connection, name, caller)
            while len(found) <= most and seen < stored.survey.count:
                events = page_of_events(connection, stored, seen, _PAGE)
                lasting = events.taken(events.start < events.stop)
                found += zip(spelled(lasting.start, 6), spelled(lasting.stop, 6), strict=True)
                seen += _PAGE
        return found[: most + 1]

    def within(self, name: str, start: str, stop: str, most: int, caller: Caller) -> list[tuple[str, str]]:
        """Starts and stops of so many events that overlap a time, and of one more. Raises NotFoundError."""
        with self.connect() as connection:
            stored = table_called(connection, name, caller)
            return events_within(connection, stored, instant_of(start), instant_of(stop), most)

    def years(self, stored: StoredTable) -> Years:
        """How many events begin in each year; counted once, for it takes a look at every event."""
        known = self._years.get(stored.place)
        if known is None or known[0] != stored.imported:
            with self.connect() as connection:
                known = stored.imported, years_of_events(connection, stored)
            self._years[stored.place] = known
        return known[1]

    def answer(self, stored: StoredTable, writer: Writer, client: socket | None) -> Blocks:
        """Begin the file. It must be closed by its receiver; it ends when the client leaves. Raises our errors."""
        with ExitStack() as stack:
            begun = begin(stack, self.places, self.watcher, client)
            chunks = chunks_of(self.connect, stored)
            stack.callback(chunks.close)
            first = next(chunks)  # while an error still has a status
            blocks = _checked(writer.write(stored.about, stored.survey, chain([first], chunks)), begun)
            stack.callback(blocks.close)
            answer = Blocks(
                blocks,
                writer.media_type,
                file_name=f"{stored.name}.{writer.extension}",
                version=version_of_table(stored, writer),
            )
            answer.compressible = True
            answer.has_place = True
            answer.watch = begun.watch
            answer.on_close(stack.pop_all().close)
            return answer


def version_of_table(stored: StoredTable, writer: Writer) -> Version:
    """What tells the file from others, and from that of an earlier import."""
    said = f"{stored.place}\n{stored.imported.timestamp()}\n{writer.name}\n{software_version()}"
    changed = stored.imported.astimezone(UTC).replace(tzinfo=None)
    return Version(hashlib.sha256(said.encode()).hexdigest()[:32], changed)


def _checked(blocks: Iterator[bytes], begun: Begun) -> Generator[bytes]:
    for block in blocks:
        yield block
        begun.check()
