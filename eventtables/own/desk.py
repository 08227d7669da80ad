"""What people may do with tables of their own. No HTTP here."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from epntap.access import Caller, Scope
from epntap.connection import Connection
from epntap.errors import AuthenticationError, ForbiddenError, ParameterError, UnavailableError
from epntap.fetch import fetched
from epntap.hints import did_you_mean, shortened
from epntap.upload.model import Limits
from eventtables.files import TableFiles
from eventtables.model import Description, EventColumn, Events, EventStream, EventTable, EventTableError, Kind, Values
from eventtables.operations import difference, extend, filtered, intersection, overlapping, shift, union
from eventtables.readers import Wishes, open_table
from eventtables.store.tables import (
    StoredTable,
    all_tables,
    drop_own,
    save_own,
    share,
    table_called,
    turn_of,
    whole_table,
)
from eventtables.times import instants_of

__all__ = ["OF_ONE", "OF_TWO", "Desk", "Making"]

OF_TWO: dict[str, Callable[[EventTable, EventTable], EventTable]] = {
    "union": union, "intersection": intersection, "difference": difference, "overlapping": overlapping,
}  # fmt: skip
OF_ONE = ("copy", "extend", "shift", "filter")
#: of a table that is changed or made of others while somebody waits
_MOST_EVENTS = 100_000
_BUSY_S = 5


@dataclass(frozen=True, slots=True)
class Making:
    """A table that is to be made of others."""

    operation: str
    table: str
    other: str = ""
    #: seconds
    before: float = 0.0
    after: float = 0.0
    by: float = 0.0
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """Changes tables of people; whoever asks has to be their owner."""

    tables: TableFiles
    limits: Limits

    def bring(
        self,
        caller: Caller,
        name: str,
        source: BinaryIO | str,
        wishes: Wishes,
        facts: dict[str, str],
        groups: Collection[str],
        *,
        is_replaced: bool,
    ) -> tuple[StoredTable, Sequence[str]]:
        """Keep a table from a file or an address; what is to be known of how it was read. Raises our errors."""
        self.check(caller, groups)
        with self._place(), _opened(source, self.limits) as opened:

            def from_its_beginning() -> BinaryIO:
                opened.seek(0)
                return opened

            stream = open_table(from_its_beginning, name, wishes)
            stream = replace(stream, about=replace(stream.about, **facts))  # type: ignore[arg-type]  # texts only
            with self.tables.connect() as connection:
                stored = save_own(connection, caller, name, stream, groups=groups, replace=is_replaced)
        return stored, stream.warnings

    def make(self, caller: Caller, name: str, making: Making, groups: Collection[str]) -> StoredTable:
        """Keep a table that is made of others, which the caller may see. Raises our errors."""
        self.check(caller, groups)
        with self._place():
            return self._made(caller, name, making, groups)

    def _made(self, caller: Caller, name: str, making: Making, groups: Collection[str]) -> StoredTable:
        table = self._whole(caller, making.table)
        match making.operation:
            case "copy":
                made = table
            case "extend":
                made = extend(table, making.before, making.after)
            case "shift":
                made = shift(table, making.by)
            case "filter":
                made = filtered(table, making.condition)
            case operation if operation in OF_TWO:
                made = OF_TWO[operation](table, self._whole(caller, making.other))
            case other:
                known = [*OF_TWO, *OF_ONE]
                raise ParameterError(
                    f"OPERATION: expected {', '.join(known)}, found {shortened(other)!r}.{did_you_mean(other, known)}"
                )
        created = _now()
        stream = EventStream(replace(made.about, created=created, modified=""), iter([made.events]))
        with self.tables.connect() as connection:
            return save_own(connection, caller, name, stream, groups=groups)

    def add_event(self, caller: Caller, place: str, start: str, stop: str) -> StoredTable:
        """Put an event behind the others of a table; there is nothing in its further columns. Raises our errors."""
        try:
            ends = instants_of([start.strip(), (stop or start).strip()])
        except ValueError as exc:
            raise ParameterError(f"START, STOP: {exc}.") from None
        if np.isnat(ends).any() or ends[1] < ends[0]:
            raise ParameterError("START, STOP: expected a time and a later one.")

        def with_it(table: EventTable) -> Events:
            events = table.events
            values = tuple(
                np.concatenate([one, _nothing(column)])
                for column, one in zip(table.about.columns, events.values, strict=True)
            )
            return Events(np.append(events.start, ends[0]), np.append(events.stop, ends[1]), values)

        return self._changed(caller, place, with_it)

    def mark(self, caller: Caller, name: str, start: str, stop: str) -> StoredTable:
        """Put an event into the caller's table of this name, which is made if there is none. Raises our errors."""
        self.check(caller)
        with self.tables.connect() as connection, turn_of(connection, caller.name):
            is_there = any(one.owner == caller.name and one.name == name for one in all_tables(connection, caller))
            if not is_there:
                nothing = np.array([], dtype="datetime64[us]")
                about = Description(name=name, history="Marked on plots.", created=_now())
                save_own(connection, caller, name, EventStream(about, iter([Events(nothing, nothing)])))
        return self.add_event(caller, f"~{caller.name}/{name}", start, stop)

    def remove_event(self, caller: Caller, place: str, number: int) -> StoredTable:
        """Take out the event with this number, from 1 on. Raises our errors."""

        def without_it(table: EventTable) -> Events:
            if not 1 <= number <= len(table.events):
                raise ParameterError(f"EVENT: expected a number from 1 to {len(table.events)}, found {number}.")
            return table.events.taken(np.delete(np.arange(len(table.events)), number - 1))

        return self._changed(caller, place, without_it)

    def share(self, caller: Caller, place: str, groups: Collection[str]) -> None:
        """Let members of these groups, and no others, see a table. Raises our errors."""
        self.check(caller, groups)
        stored = self._mine(caller, place)
        with self.tables.connect() as connection:
            share(connection, stored, groups)

    def drop(self, caller: Caller, place: str) -> None:
        """Remove a table. Raises our errors."""
        stored = self._mine(caller, place)
        with self.tables.connect() as connection:
            drop_own(connection, stored)

    def check(self, caller: Caller, groups: Collection[str] = ()) -> None:
        """Raises AuthenticationError, or ForbiddenError for a token or groups that do not go so far."""
        if caller.is_anonymous:
            raise AuthenticationError("Sign in to have tables of events of your own.")
        if Scope.UPLOAD not in caller.scopes:
            raise ForbiddenError("This token keeps no tables; it lacks the scope 'upload'.")
        foreign = sorted(set(groups) - caller.groups)
        if foreign:
            raise ForbiddenError(f"You are in no group {shortened(foreign[0])!r}, so you cannot share with it.")

    @contextmanager
    def _place(self) -> Iterator[None]:
        """What takes long has a place, as files of tables have. Raises UnavailableError without one."""
        if not self.tables.places.acquire():
            raise UnavailableError("Too many tables are being written; please try again in a few seconds.", _BUSY_S)
        try:
            yield
        finally:
            self.tables.places.release()

    def _mine(self, caller: Caller, place: str) -> StoredTable:
        """A table that the caller may see and owns."""
        self.check(caller)
        with self.tables.connect() as connection:
            stored = table_called(connection, place, caller)
        if stored.owner != caller.name:
            raise ForbiddenError(f"{stored.place} is not yours; make a table of your own of it.")
        return stored

    def _changed(self, caller: Caller, place: str, events_of: Callable[[EventTable], Events]) -> StoredTable:
        """A table of the caller's with other events, made of those that it has when nobody else changes it."""
        stored = self._mine(caller, place)
        with self.tables.connect() as connection, turn_of(connection, caller.name):
            table = self._read(connection, caller, stored.place)
            about = replace(table.about, modified=_now())
            stream = EventStream(about, iter([events_of(table)]))
            return save_own(connection, caller, stored.name, stream, replace=True)

    def _whole(self, caller: Caller, place: str) -> EventTable:
        with self.tables.connect() as connection:
            return self._read(connection, caller, place)

    def _read(self, connection: Connection, caller: Caller, place: str) -> EventTable:
        """A table with all of its events; in histories it goes by its place."""
        stored = table_called(connection, place, caller)
        if stored.survey.count > _MOST_EVENTS:
            raise EventTableError(
                f"{stored.place} has {stored.survey.count:,} events; of more than {_MOST_EVENTS:,} the operator "
                "makes tables (epntap events)."
            )
        found = whole_table(connection, stored)
        return found if stored.owner == caller.name else replace(found, about=replace(found.about, name=stored.place))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())


def _opened(source: BinaryIO | str, limits: Limits) -> AbstractContextManager[BinaryIO]:
    """A file that was posted, or what is at an address."""
    if isinstance(source, str):
        return fetched(source, limits)
    return source


def _nothing(column: EventColumn) -> Values:
    """One cell without a value."""
    match column.kind:
        case Kind.DOUBLE if column.size > 1:
            return np.full((1, column.size), np.nan)
        case Kind.DOUBLE:
            return np.array([np.nan])
        case Kind.TIME:
            return np.array(["NaT"], dtype="datetime64[us]")
        case _:
            found = np.empty(1, dtype=object)
            found[0] = None
            return found
