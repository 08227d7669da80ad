"""What a row format is: a projection of the SELECT list, a COPY form, a block transform and a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import LiteralString, Protocol

from epntap.answer import Outcome, ResultColumn
from epntap.formats.projection import Spelling

__all__ = ["AnswerFacts", "RowFormat"]

BlockTransform = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What an answer says about itself besides its rows."""

    #: (name, value, description) of further INFO elements
    infos: Sequence[tuple[str, str, str]] = ()
    #: XML of service descriptors, whole RESOURCE elements
    descriptors: Sequence[str] = field(default=())


class RowFormat(Protocol):
    """A way to write rows as they come out of COPY."""

    @property
    def media_type(self) -> str:
        """Media type that the answer carries unless the client asked for another that this format serves."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Further media types and short names that ask for this format, in lower case."""
        ...

    @property
    def extension(self) -> str:
        """For file names."""
        ...

    @property
    def copy_options(self) -> LiteralString:
        """Options of COPY."""
        ...

    @property
    def spelling(self) -> Spelling:
        """How values are said in the SELECT list."""
        ...

    @property
    def says_outcome(self) -> bool:
        """Whether the trailer can say that the answer was cut short or broke."""
        ...

    def header(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> bytes:
        """What comes before the first row."""
        ...

    def transform(self, columns: Sequence[ResultColumn]) -> BlockTransform:
        """Turns blocks of COPY rows into blocks of this format."""
        ...

    def trailer(self, outcome: Outcome, facts: AnswerFacts) -> bytes:
        """What comes after the last row."""
        ...
