"""Bytes of VOTable BINARY2 and BINARY, from rows of COPY BINARY written by hand."""

from __future__ import annotations

import re
import struct
from base64 import b64decode
from collections.abc import Sequence

import pytest

from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.formats.base import AnswerFacts, RowFormat
from epntap.formats.binary.binary2 import Binary, Binary2
from epntap.formats.binary.copy_binary import framed

NAN = struct.pack(">d", float("nan"))
TEXT = ResultColumn("t", "char", "*")
DOUBLE = ResultColumn("x", "double", pg_type="double precision")
INT = ResultColumn("i", "int", pg_type="integer")


def row(*cells: bytes | None) -> bytes:
    written = [struct.pack(">i", -1) if cell is None else struct.pack(">i", len(cell)) + cell for cell in cells]
    return struct.pack(">h", len(cells)) + b"".join(written)


def written(form: RowFormat, columns: Sequence[ResultColumn], *blocks: Sequence[bytes]) -> bytes:
    writer = form.writer(columns, AnswerFacts())
    count = sum(map(len, blocks))
    body = [writer.header(), *(writer.rows(framed(block)) for block in blocks)]
    document = b"".join([*body, *writer.trailer(Outcome(OutcomeStatus.OK, count))])
    stream = re.search(rb'<STREAM encoding="base64">([^<]*)</STREAM>', document)
    assert stream is not None
    return b64decode(stream[1])


def test_the_second_of_three_is_null() -> None:
    # VOTable 1.4 §5.4: the first column is the most significant bit
    one = row(b"ab", None, struct.pack(">i", 7))
    assert written(Binary2(), [TEXT, DOUBLE, INT], [one]) == b"\x40\0\0\0\x02ab" + NAN + b"\0\0\0\x07"


def test_the_ninth_column_is_the_first_bit_of_the_second_byte() -> None:
    number = struct.pack(">i", 1)
    one = row(*[number] * 8, None)
    assert written(Binary2(), [INT] * 9, [one])[:2] == b"\x00\x80"


def test_binary_says_null_with_a_value() -> None:
    assert written(Binary(), [TEXT, DOUBLE, INT], [row(None, None, None)]) == bytes(4) + NAN + b"\x80\0\0\0"


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 3), (5,)])
def test_blocks_of_any_size_make_one_stream(sizes: tuple[int, ...]) -> None:
    blocks = [[row(b"x" * (n % 3), NAN if n % 2 else None, None) for n in range(size)] for size in sizes]
    apart = b"".join(written(Binary2(), [TEXT, DOUBLE, INT], block) for block in blocks)
    assert written(Binary2(), [TEXT, DOUBLE, INT], *blocks) == apart


def test_text_in_sixteen_bits() -> None:
    column = ResultColumn("u", "unicodeChar", "*")
    rows = [row("é\U0001f600".encode()), row(None), row(b"")]
    wanted = b"\0" + b"\0\0\0\x03" + "é\U0001f600".encode("utf-16-be") + b"\x80\0\0\0\0" + b"\0\0\0\0\0"
    assert written(Binary2(), [column], rows) == wanted


def test_values_with_high_bytes_are_not_taken_for_text() -> None:
    columns = [TEXT, DOUBLE, INT]
    one = row(b"ascii", struct.pack(">d", -1e300), struct.pack(">i", -2))
    other = row("é".encode(), struct.pack(">d", -1e300), struct.pack(">i", -2))
    numbers = struct.pack(">di", -1e300, -2)
    assert written(Binary2(), columns, [one, other]) == (b"\0\0\0\0\x05ascii" + numbers + b"\0\0\0\0\x01?" + numbers)
