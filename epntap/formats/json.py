"""JSON: one object with columns, rows as arrays, and how the answer ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import LiteralString

from epntap.answer.model import Outcome, ResultColumn
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.projection import Spelling

__all__ = ["Json"]

# Inside the texts of PostgreSQL's JSON there is no control character, so a separator cannot be anything else.
_SEPARATOR = b"\x01"
# JSON has no words for these numbers; they become strings. Texts are quoted, so a cell that is such a word is a number.
_NO_NUMBER = re.compile(rb"(?:(?<=[\x01\n])|\A)(NaN|-?Infinity)(?=[\x01\n])")


class Json(FormatDefaults):
    """`{"columns": [...], "infos": {...}, "data": [[...], ...], "status": "OK", "rows": 1}`.

    NaN and infinities are the strings "NaN", "Infinity" and "-Infinity"; binary data are hexadecimal.
    """

    media_type = "application/json"
    names = ("json",)
    extension = "json"
    copy_options: LiteralString = "FORMAT text, DELIMITER E'\\x01', NULL 'null'"
    spelling = Spelling.JSON

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:
        """A writer for one answer."""
        return _Writer(columns, facts)


class _Writer:
    def __init__(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> None:
        self._columns = columns
        self._facts = facts
        self._between = b""

    def header(self) -> bytes:
        columns = ",\n".join(json.dumps(_described(column), ensure_ascii=False) for column in self._columns)
        infos = json.dumps({name: value for name, value, _ in self._facts.infos}, ensure_ascii=False)
        return f'{{"columns": [\n{columns}\n],\n"infos": {infos},\n"data": [\n'.encode(errors="replace")

    def rows(self, block: bytes) -> bytes:
        if b"NaN" in block or b"Infinity" in block:
            block = _NO_NUMBER.sub(rb'"\1"', block)
        block = block.replace(b"\\\\", b"\\")  # COPY doubles the backslashes, and finds nothing else to escape
        body = block[:-1].replace(_SEPARATOR, b",").replace(b"\n", b"],\n[")
        written = self._between + b"[" + body + b"]"
        self._between = b",\n"
        return written

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:
        end: dict[str, str | int] = {"status": outcome.status.value, "rows": outcome.rows}
        if outcome.message:
            end["message"] = outcome.message
        return [b"\n],\n" + json.dumps(end, ensure_ascii=False)[1:].encode() + b"\n"]

    def close(self) -> None:
        pass


def _described(column: ResultColumn) -> dict[str, str]:
    facts = {
        "name": column.name,
        "datatype": column.datatype,
        "arraysize": column.arraysize,
        "xtype": column.xtype,
        "unit": column.unit,
        "ucd": column.ucd,
        "utype": column.utype,
        "description": column.description,
    }
    return {name: value for name, value in facts.items() if value}
