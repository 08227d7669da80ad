"""What a format is: a projection of the SELECT list, a COPY form, and a writer that frames and turns blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString, Protocol

from psycopg import sql

from epntap.answer.model import Outcome, ResultColumn
from epntap.formats.paging import Paging
from epntap.formats.projection import Spelling
from epntap.pages import Pages

__all__ = ["AnswerFacts", "FormatDefaults", "Pack", "RowFormat", "Writer"]

#: makes one block of rows
Pack = Callable[[Sequence[bytes | memoryview]], bytes]


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What an answer says about itself besides its rows."""

    #: (name, value, description) of further INFO elements
    infos: Sequence[tuple[str, str, str]] = ()
    #: XML of service descriptors, whole RESOURCE elements
    descriptors: Sequence[str] = field(default=())
    #: what writers have made of the same columns for other answers, by whatever they choose
    kept: MutableMapping[Any, str] = field(default_factory=dict)
    #: what makes a page, for formats that are one
    pages: Pages = field(default_factory=Pages)
    #: which of several pages it is; None: all rows are on one
    paging: Paging | None = None


class Writer(Protocol):
    """Writes one answer: a header, blocks of rows, a trailer, in this order."""

    def header(self) -> bytes:
        """What comes before the first row."""
        ...

    def rows(self, block: bytes) -> bytes:
        """A block of COPY rows in this format; empty when the writer collects."""
        ...

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:
        """What comes after the last row."""
        ...

    def close(self) -> None:
        """Free what the writer holds; called in any case."""
        ...


class RowFormat(Protocol):
    """A way to write rows as they come out of COPY."""

    @property
    def media_type(self) -> str:
        """Media type that the answer carries unless the client asked for another that this format serves."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Further media types and short names that ask for this format, in lower case; the usual one first."""
        ...

    @property
    def extension(self) -> str:
        """For file names."""
        ...

    def copy_options(self, columns: Sequence[ResultColumn]) -> sql.Composable:
        """Options of COPY."""
        ...

    @property
    def pack(self) -> Pack | None:
        """Makes the blocks that the writer wants; None when it takes the rows of COPY one behind the other."""
        ...

    @property
    def spelling(self) -> Spelling:
        """How values are said in the SELECT list."""
        ...

    @property
    def says_outcome(self) -> bool:
        """Whether the trailer can say that the answer was cut short or broke."""
        ...

    @property
    def spools(self) -> bool:
        """Whether nothing is written before the last row has come."""
        ...

    @property
    def compressible(self) -> bool:
        """Whether gzip makes an answer much smaller."""
        ...

    @property
    def content_encoding(self) -> str | None:
        """How the answer is encoded whatever the client accepts."""
        ...

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:
        """A writer for one answer."""
        ...


class FormatDefaults:
    """What most formats have in common."""

    options: LiteralString
    pack: Pack | None = None
    says_outcome = True
    spools = False
    compressible = True
    content_encoding: str | None = None

    def copy_options(self, columns: Sequence[ResultColumn]) -> sql.Composable:  # noqa: ARG002  # the same for all
        """Options of COPY."""
        return sql.SQL(self.options)
