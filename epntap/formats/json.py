"""JSON: one object with columns, rows as arrays, and how the answer ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import numpy as np
from psycopg import sql

from epntap.answer.model import Outcome, ResultColumn
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.projection import Spelling, quoted_in_json

__all__ = ["Json"]

_SEPARATOR = b"\x01"
# JSON has no words for these numbers; they become strings. Texts are quoted, so a cell that is such a word is a number.
_NO_NUMBER = re.compile(rb"(?:(?<=[\x01\n])|\A)(NaN|-?Infinity)(?=[\x01\n])")
#: a text as COPY writes it
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_CONTROL = re.compile(rb"[\x01-\x1f]")
_SHORT = {b"\b": b"\\b", b"\f": b"\\f", b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t"}
#: what stands for quotes and backslashes outside of texts
_STANDS_FOR = bytes.maketrans(b"\x02\x03", b'"\\')
_SIZE = 8


def counted(rows: Sequence[bytes | memoryview]) -> bytes:
    """A block of rows, with their number behind."""
    return b"".join((*rows, len(rows).to_bytes(_SIZE, "little")))


def _escaped(text: re.Match[bytes]) -> bytes:
    return _CONTROL.sub(_escape, text[0])


def _escape(control: re.Match[bytes]) -> bytes:
    return _SHORT.get(control[0]) or b"\\u%04x" % ord(control[0])


class Json(FormatDefaults):
    """`{"columns": [...], "infos": {...}, "data": [[...], ...], "status": "OK", "rows": 1}`.

    NaN and infinities are the strings "NaN", "Infinity" and "-Infinity"; binary data are hexadecimal.
    """

    media_type = "application/json"
    names = ("json",)
    extension = "json"
    pack = staticmethod(counted)
    spelling = Spelling.JSON

    def copy_options(self, columns: Sequence[ResultColumn]) -> sql.Composable:
        """CSV, with texts in the quotes of JSON and the backslashes that it wants before quotes and backslashes."""
        options = sql.SQL("FORMAT csv, DELIMITER E'\\x01', NULL 'null', QUOTE '\"', ESCAPE E'\\\\'")
        texts = quoted_in_json(columns)
        return options + sql.SQL(", FORCE_QUOTE ({})").format(sql.SQL(", ").join(texts)) if texts else options

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
        body = self._json(block[:-_SIZE], int.from_bytes(block[-_SIZE:], "little"))
        if b"NaN" in body or b"Infinity" in body:
            body = _NO_NUMBER.sub(rb'"\1"', body)
        body = self._between + b"[" + body[:-1].replace(b"\n", b"],\n[").replace(_SEPARATOR, b",") + b"]"
        self._between = b",\n"
        return body.translate(_STANDS_FOR) if b"\x02" in body else body

    def _json(self, body: bytes, rows: int) -> bytes:
        """The same with the control characters of texts escaped."""
        if np.count_nonzero(np.frombuffer(body, np.uint8) < ord(" ")) > rows * len(self._columns):
            return _TEXT.sub(_escaped, body)
        return body

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
