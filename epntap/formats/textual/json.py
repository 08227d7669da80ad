"""JSON: one object with columns, rows as arrays, and how the answer ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import numpy as np
from psycopg import sql

from epntap.answer.model import Outcome, ResultColumn
from epntap.catalog.names import distinct
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.projection import Spelling, quoted_in_json

__all__ = ["Json", "NdJson", "Records"]

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
    names: tuple[str, ...] = ("json",)
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


class Records(Json):
    """`[{"name": value, …}, …]`: an object for each row, the second column `a` being `a_2`.

    There is no place in it for how the answer ended: what breaks it ends the connection.
    """

    media_type = "application/json;profile=records"
    names = ("records", "json-records")
    says_outcome = False

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:  # noqa: ARG002  # no place for facts
        """A writer for one answer."""
        return _ObjectWriter(columns, b"[\n", b",\n", b"\n]\n")


class NdJson(Json):
    """`{"name": value, …}` in a line for each row; otherwise as Records."""

    media_type = "application/x-ndjson"
    names = ("ndjson", "jsonl", "application/jsonl", "application/x-jsonlines")
    extension = "ndjson"
    says_outcome = False

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:  # noqa: ARG002  # no place for facts
        """A writer for one answer."""
        return _ObjectWriter(columns, b"", b"\n", b"\n")


class _ObjectWriter:
    """Rows as objects; `between` stands between two of them, `end` after the last."""

    def __init__(self, columns: Sequence[ResultColumn], begin: bytes, between: bytes, end: bytes) -> None:
        names = (json.dumps(name, ensure_ascii=False) for name in distinct([column.name for column in columns]))
        pairs = ", ".join(f"{name.replace('%', '%%')}: %b" for name in names)
        self._columns = len(columns)
        self._object = f"{{{pairs}}}".encode(errors="replace")
        self._begin, self._between, self._end = begin, between, end
        self._has_rows = False

    def header(self) -> bytes:
        return self._begin

    def rows(self, block: bytes) -> bytes:
        rows = _cells(block, self._columns)[:-1].split(b"\n")
        written = self._between.join([self._object % tuple(row.split(_SEPARATOR)) for row in rows])
        before = self._between if self._has_rows else b""
        self._has_rows = True
        return before + written.translate(_STANDS_FOR)

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:  # noqa: ARG002  # no place for it
        # lines end with their line; a list has its bracket in any case
        return [self._end] if self._has_rows or self._begin else []

    def close(self) -> None:
        pass


def _cells(block: bytes, columns: int) -> bytes:
    """The rows of a block, with cells that are JSON values."""
    body, rows = block[:-_SIZE], int.from_bytes(block[-_SIZE:], "little")
    if np.count_nonzero(np.frombuffer(body, np.uint8) < ord(" ")) > rows * columns:
        body = _TEXT.sub(_escaped, body)  # control characters within texts
    if b"NaN" in body or b"Infinity" in body:
        body = _NO_NUMBER.sub(rb'"\1"', body)
    return body


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
        body = _cells(block, len(self._columns))
        body = self._between + b"[" + body[:-1].replace(b"\n", b"],\n[").replace(_SEPARATOR, b",") + b"]"
        self._between = b",\n"
        return body.translate(_STANDS_FOR) if b"\x02" in body else body

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
