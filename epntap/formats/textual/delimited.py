"""CSV and TSV: COPY writes them nearly as they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import LiteralString

from epntap.answer.model import Outcome, ResultColumn
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.projection import Spelling

__all__ = ["Csv", "Tsv"]


class _Delimited(FormatDefaults):
    spelling = Spelling.TEXT
    says_outcome = False


class Csv(_Delimited):
    """RFC 4180 with a header line; NULL is empty, an empty string is two quotes, and so is NULL alone in a row."""

    media_type = "text/csv;header=present;charset=utf-8"
    names = ("csv", "text/csv")
    extension = "csv"
    spelling = Spelling.CSV
    options: LiteralString = "FORMAT csv"

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:  # noqa: ARG002  # no place for facts
        """A writer for one answer."""
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([column.name for column in columns])
        return _Writer(line.getvalue())


class Tsv(_Delimited):
    """Tabs between cells; tabs and newlines inside them become blanks (TAP 1.1 §3.2)."""

    media_type = "text/tab-separated-values;charset=utf-8"
    names = ("tsv", "text/tab-separated-values")
    extension = "tsv"
    options: LiteralString = "FORMAT text, NULL ''"

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:  # noqa: ARG002  # no place for facts
        """A writer for one answer."""
        return _TsvWriter("\t".join(re.sub(r"\s", " ", column.name) for column in columns) + "\n")


class _Writer:
    def __init__(self, names: str) -> None:
        self._names = names

    def header(self) -> bytes:
        return self._names.encode()

    def rows(self, block: bytes) -> bytes:
        return block

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:  # noqa: ARG002  # neither format can say it
        return []

    def close(self) -> None:
        pass


_TSV_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


def _unescape(match: re.Match[bytes]) -> bytes:
    escaped = match.group(1)
    return b" " if escaped in b"tnrbfv" else escaped


class _TsvWriter(_Writer):
    def rows(self, block: bytes) -> bytes:
        return _TSV_ESCAPE.sub(_unescape, block) if b"\\" in block else block
