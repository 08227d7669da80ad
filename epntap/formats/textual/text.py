"""Plain text: aligned columns under a line of names, readable by people and as an ASCII table by STIL and astropy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import LiteralString

from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.projection import Spelling

__all__ = ["Text"]

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
#: what calls for quotes or for something else in their place
_SPECIAL = re.compile(rb"[^!$-&(-\[\]-~\t\n]")
_UNQUOTED = re.compile(r"[!$-&(-\[\]-~]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_EMPTY = '""'
#: no column is made wider than this to align the others
_WIDEST = 40
#: so many short cells are remembered at most
_MOST_CELLS = 4096
_NUMBERS = frozenset({"short", "int", "long", "float", "double"})


class Text(FormatDefaults):
    """Blanks between cells; texts with blanks or quotes are quoted; NULL and an empty text are `""`."""

    media_type = "text/plain;charset=utf-8"
    names = ("text", "txt", "text/plain")
    extension = "txt"
    options: LiteralString = "FORMAT text, NULL ''"
    spelling = Spelling.TEXT

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:  # noqa: ARG002  # no place for facts
        """A writer for one answer."""
        return _Writer(columns)


class _Writer:
    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._names = [_quoted(column.name) for column in columns]
        self._sides = [">" if c.datatype in _NUMBERS and c.arraysize is None else "<" for c in columns]
        self._pattern = ""
        self._cells = _Cells()

    def header(self) -> bytes:
        return b""  # with the first rows, when it is known how wide the columns are

    def rows(self, block: bytes) -> bytes:
        lines = block.decode()[:-1].split("\n")
        if _SPECIAL.search(block):
            known = self._cells
            table = [[known[cell] for cell in line.split("\t")] for line in lines]
        else:
            table = [[cell or _EMPTY for cell in line.split("\t")] for line in lines]
        head = "" if self._pattern else self._measure(table)
        written = [self._pattern.format(*cells).rstrip() for cells in table]
        return (head + "\n".join(written) + "\n").encode()

    def _measure(self, table: Sequence[Sequence[str]]) -> str:
        names = ["# " + self._names[0], *self._names[1:]]
        widths = [len(name) for name in names]
        for cells in table:
            widths = [max(width, len(cell)) for width, cell in zip(widths, cells, strict=True)]
        self._pattern = " ".join(f"{{:{side}{min(w, _WIDEST)}}}" for side, w in zip(self._sides, widths, strict=True))
        return self._pattern.replace(">", "<", 1).format(*names).rstrip() + "\n"

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:
        head = "" if self._pattern else self._measure([])
        if outcome.status is OutcomeStatus.OVERFLOW:
            head += f"# OVERFLOW: only the first {outcome.rows} rows; there are more, raise MAXREC to see them\n"
        elif outcome.status is OutcomeStatus.ERROR:
            head += "# ERROR: the answer is not complete; " + " ".join(outcome.message.split()) + "\n"
        return [head.encode()]

    def close(self) -> None:
        pass


class _Cells(dict[str, str]):
    """What short cells are written as; most of an answer's are there many times."""

    def __missing__(self, written: str) -> str:
        said = _cell(written)
        if len(written) <= _WIDEST:
            if len(self) >= _MOST_CELLS:
                self.clear()
            self[written] = said
        return said


def _cell(written: str) -> str:
    if "\\" in written:
        written = _ESCAPE.sub(lambda m: " " if m.group(1) in "tnrbfv" else m.group(1), written)
    return _quoted(written)


def _quoted(text: str) -> str:
    if not _UNQUOTED.fullmatch(text):
        inner = _CONTROLS.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{inner}"'
    return text
