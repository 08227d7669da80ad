"""Tokens of ADQL and the text they come from. Offsets count characters from 0; messages count from 1."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from epntap.errors import Problem
from epntap.hints import MARGIN

__all__ = ["FUNCTION_WORDS", "STRUCTURE", "Kind", "Source", "Span", "Token"]

#: first offset and the offset behind the last character
Span = tuple[int, int]


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"  # keyword or regular identifier
    NAME = "name"  # delimited identifier
    NUMBER = "number"
    TEXT = "text"
    SYMBOL = "symbol"
    END = "end"


class Token(NamedTuple):
    """One token. `word` is the upper-case spelling of a WORD, the spelling of a SYMBOL, and empty for the rest."""

    kind: Kind
    #: what the token means: the characters of a literal or a delimited name without quotes, else the spelling
    text: str
    start: int
    end: int
    word: str

    @property
    def span(self) -> Span:
        """Where the token stands."""
        return self.start, self.end


class Source:
    """The text of a query; turns offsets into problems that show the place."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def problem(self, message: str, span: Span, suggestions: tuple[str, ...] = ()) -> Problem:
        """A problem at this place, with the source line and carets under the culprit, and what may stand there."""
        start, end = min(span[0], len(self.text)), min(span[1], len(self.text))
        line_start = self.text.rfind("\n", 0, start) + 1
        line_end = self.text.find("\n", start)
        line_end = len(self.text) if line_end < 0 else line_end
        shown_from = line_start if start - line_start <= MARGIN else start - MARGIN
        shown_to = min(line_end, max(end, start + 1) + MARGIN, start + 2 * MARGIN)
        before = "" if shown_from == line_start else "…"
        after = "" if shown_to == line_end else "…"
        shown = "".join(c if c.isprintable() else " " for c in self.text[shown_from:shown_to])
        carets = "^" * max(1, min(end, shown_to) - start)
        excerpt = f"{before}{shown}{after}\n{' ' * (len(before) + start - shown_from)}{carets}"
        line = self.text.count("\n", 0, start) + 1
        return Problem(message, line, start - line_start + 1, excerpt, end - start, suggestions)


_STRUCTURE_WORDS = """
ALL AND AS ASC BETWEEN BY CASE CROSS DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS FETCH FROM FULL GROUP HAVING ILIKE IN
INNER INTERSECT INTO IS JOIN LEFT LIKE NATURAL NOT NULL OFFSET ON OR ORDER OUTER RIGHT SELECT THEN TOP UNION USING
WHEN WHERE WITH
"""

_FUNCTION_WORDS = """
ABS ACOS AREA ASIN ATAN ATAN2 AVG BOX CEILING CENTROID CIRCLE COALESCE CONTAINS COORD1 COORD2 COORDSYS COS COT COUNT
DEGREES DISTANCE EXP FLOOR INTERSECTS IN_UNIT LOG LOG10 LOWER MAX MIN MOD NULLIF PI POINT POLYGON POWER RADIANS RAND
REGION ROUND SIN SQRT SUM TAN TRUNCATE UPPER
"""

#: reserved words that give a query its shape; where a value or name is expected they are never meant as one
STRUCTURE = frozenset(_STRUCTURE_WORDS.split())

#: reserved words that are called like functions in the grammar of ADQL 2.1, and NULLIF
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
