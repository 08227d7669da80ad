"""A time table or a catalogue of events as values. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from epntap.errors import UserError

__all__ = [
    "Description",
    "EventColumn",
    "EventStream",
    "EventTable",
    "EventTableError",
    "Events",
    "Instants",
    "Kind",
    "Survey",
    "Values",
]

#: UTC, microseconds, days of 86 400 seconds
Instants: TypeAlias = npt.NDArray[np.datetime64]
#: of one column: doubles (NaN: none), datetime64 (NaT: none), or objects (None: none); 2-D where a cell has several
Values: TypeAlias = npt.NDArray[Any]  # of each column's own type


class EventTableError(UserError):
    """A table of events that cannot be read, made or found."""


class Kind(StrEnum):
    """What the values of a column are."""

    DOUBLE = "double"
    INT = "int"
    TEXT = "text"
    TIME = "time"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class EventColumn:
    """One column besides start and stop."""

    name: str
    kind: Kind = Kind.TEXT
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    description: str = ""
    #: values in one cell; only doubles come more than one at a time
    size: int = 1


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a table besides its events."""

    name: str
    description: str = ""
    contact: str = ""
    #: how it was made, a sentence a line
    history: str = ""
    #: as its source spells them
    created: str = ""
    modified: str = ""
    #: how to cite it: a DOI, bibcode or address
    reference: str = ""
    licence: str = ""
    authors: str = ""
    columns: tuple[EventColumn, ...] = ()

    @property
    def is_catalogue(self) -> bool:
        """Whether its events have more than a start and a stop."""
        return bool(self.columns)


@dataclass(frozen=True, slots=True)
class Survey:
    """What is counted of the events; never taken from what a file says."""

    count: int = 0
    first: np.datetime64 | None = None
    last: np.datetime64 | None = None

    def with_more(self, other: Survey) -> Survey:
        """Of these events and of others."""
        if self.first is None or self.last is None or other.first is None or other.last is None:
            return other if self.first is None else self
        return Survey(self.count + other.count, min(self.first, other.first), max(self.last, other.last))


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Events in the order in which they were given; `values` are as the columns of the description."""

    start: Instants
    stop: Instants
    values: tuple[Values, ...] = ()

    def __len__(self) -> int:
        return len(self.start)

    def taken(self, rows: npt.NDArray[Any] | slice) -> Events:  # numbers or truths
        """These rows."""
        return Events(self.start[rows], self.stop[rows], tuple(one[rows] for one in self.values))

    @property
    def survey(self) -> Survey:
        """The first start and the last stop."""
        if not len(self):
            return Survey()
        return Survey(len(self), self.start.min(), self.stop.max())


@dataclass(frozen=True, slots=True, eq=False)
class EventStream:
    """A description with its events as they come, so that nothing is held but some thousand of them."""

    about: Description
    #: one at least, which may be empty; to be taken once
    chunks: Iterator[Events]
    #: complete when the last chunk was taken
    warnings: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True, eq=False)
class EventTable:
    """A description with its events, and what is to be known of how they were read."""

    about: Description
    events: Events
    warnings: Sequence[str] = field(default=())

    @classmethod
    def of(cls, stream: EventStream) -> EventTable:
        """All events of a stream, which has one chunk at least."""
        chunks = list(stream.chunks)
        start, stop = (np.concatenate([getattr(one, end) for one in chunks]) for end in ("start", "stop"))
        values = tuple(map(np.concatenate, zip(*(one.values for one in chunks), strict=True)))
        return cls(stream.about, Events(start, stop, values), stream.warnings)

    def described(self, **facts: Any) -> EventTable:  # of the description
        """The same events with other words."""
        return replace(self, about=replace(self.about, **facts))
