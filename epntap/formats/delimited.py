"""CSV and TSV: COPY writes them nearly as they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import LiteralString

from epntap.answer import Outcome, ResultColumn
from epntap.formats.base import AnswerFacts, BlockTransform
from epntap.formats.projection import Spelling

__all__ = ["Csv", "Tsv"]


class Csv:
    """RFC 4180 with a header line; NULL is empty and an empty string is two quotes."""

    media_type = "text/csv;header=present"
    names = ("csv", "text/csv", "text/csv;header=present")
    extension = "csv"
    copy_options: LiteralString = "FORMAT csv"
    spelling = Spelling.TEXT
    says_outcome = False

    def header(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> bytes:  # noqa: ARG002  # CSV has no place for facts
        """The line of names."""
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([column.name for column in columns])
        return line.getvalue().encode()

    def transform(self, columns: Sequence[ResultColumn]) -> BlockTransform:  # noqa: ARG002
        """COPY writes CSV."""
        return bytes

    def trailer(self, outcome: Outcome, facts: AnswerFacts) -> bytes:  # noqa: ARG002
        """Nothing."""
        return b""


_TSV_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


def _unescape(match: re.Match[bytes]) -> bytes:
    escaped = match.group(1)
    return b" " if escaped in b"tnrbfv" else escaped


class Tsv:
    """Tabs between cells; tabs and newlines inside them become blanks (TAP 1.1 §3.2)."""

    media_type = "text/tab-separated-values"
    names = ("tsv", "text/tab-separated-values")
    extension = "tsv"
    copy_options: LiteralString = "FORMAT text, NULL ''"
    spelling = Spelling.TEXT
    says_outcome = False

    def header(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> bytes:  # noqa: ARG002
        """The line of names."""
        return ("\t".join(re.sub(r"\s", " ", column.name) for column in columns) + "\n").encode()

    def transform(self, columns: Sequence[ResultColumn]) -> BlockTransform:  # noqa: ARG002
        """COPY text without its escapes."""
        return lambda block: _TSV_ESCAPE.sub(_unescape, block) if b"\\" in block else block

    def trailer(self, outcome: Outcome, facts: AnswerFacts) -> bytes:  # noqa: ARG002
        """Nothing."""
        return b""
