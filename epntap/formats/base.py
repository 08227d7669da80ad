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

    #: media type that the answer carries unless the client asked for another that this format serves
    media_type: str
    #: further media types and short names that ask for this format, in lower case
    names: tuple[str, ...]
    extension: str
    copy_options: LiteralString
    spelling: Spelling
    #: whether the trailer can say that the answer was cut short or broke
    says_outcome: bool

    def header(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> bytes:
        """What comes before the first row."""
        ...

    def transform(self, columns: Sequence[ResultColumn]) -> BlockTransform:
        """Turns blocks of COPY rows into blocks of this format."""
        ...

    def trailer(self, outcome: Outcome, facts: AnswerFacts) -> bytes:
        """What comes after the last row."""
        ...
