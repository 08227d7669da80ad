"""VOTable BINARY2 and BINARY: the rows of COPY BINARY in base64 (VOTable 1.4 §5.3, §5.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import LiteralString

import numpy as np
import pybase64

from epntap.answer.model import Outcome, ResultColumn
from epntap.errors import ParameterError
from epntap.formats import votable
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.binary.cells import INTEGER_NULLS, NULL_CELLS, add_cells, shape_of
from epntap.formats.binary.copy_binary import Assembly, Rows, framed
from epntap.formats.projection import Spelling

__all__ = ["Binary", "Binary2"]


class _Serialization(FormatDefaults):
    """What BINARY and BINARY2 have in common."""

    extension = "vot"
    options: LiteralString = "FORMAT binary"
    pack = staticmethod(framed)
    spelling = Spelling.BINARY
    element: str
    masked: bool

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:
        """A writer for one answer."""
        return _Writer(columns, facts, self.element, self.masked)


class Binary2(_Serialization):
    """VOTable with BINARY2 serialization: a mask of NULLs before each row."""

    media_type = "application/x-votable+xml;serialization=binary2"
    names = ("votable/b2", "binary2", "votableb2")
    element = "BINARY2"
    masked = True


class Binary(_Serialization):
    """VOTable with BINARY serialization: NULL is NaN, an empty text, or the VALUES null of the FIELD."""

    media_type = "application/x-votable+xml;serialization=binary"
    names = ("votable/b", "binary", "votableb")
    element = "BINARY"
    masked = False


class _Writer:
    def __init__(self, columns: Sequence[ResultColumn], facts: AnswerFacts, element: str, masked: bool) -> None:
        self._columns = columns
        self._shapes = [shape_of(column) for column in columns]
        self._facts = facts
        self._element = element
        self._masked = masked
        self._rest = b""

    def header(self) -> bytes:
        nulls = {} if self._masked else {name: str(value) for name, value in INTEGER_NULLS.items()}
        start = votable.document_start(self._columns, self._facts, nulls=nulls)
        return start + f'<DATA><{self._element}><STREAM encoding="base64">\n'.encode()

    def rows(self, block: bytes) -> bytes:
        rows = Rows(block, len(self._columns))
        assembly = Assembly(rows)
        if not self._masked:
            self._refuse_what_says_null(rows)
        else:
            bits = np.packbits(rows.nulls, axis=0)
            assembly.made(np.arange(rows.count + 1) * len(bits), bits.T.tobytes())
        add_cells(assembly, rows, self._columns, self._shapes)
        written = b"".join((self._rest, assembly.rows()))
        whole = len(written) - len(written) % 3
        self._rest = written[whole:]
        return pybase64.b64encode(memoryview(written)[:whole]) + b"\n"

    def _refuse_what_says_null(self, rows: Rows) -> None:
        for n, (column, shape) in enumerate(zip(self._columns, self._shapes, strict=True)):
            null = INTEGER_NULLS.get(column.datatype)
            if null is None or column.arraysize is not None or rows.nulls[n].all():
                continue
            said = np.frombuffer(NULL_CELLS[column.datatype], f"u{shape.width}")
            if (rows.numbers(n, shape.width)[~rows.nulls[n]] == said).any():
                raise ParameterError(
                    f"The column {column.name} holds {null}, which says NULL in BINARY (VOTable 1.4 §5.5); "
                    "ask for votable/b2 or votable/td, where the two differ."
                )

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:
        end = f"</STREAM></{self._element}></DATA>\n".encode()
        return [pybase64.b64encode(self._rest) + b"\n" + end + votable.document_end(outcome, self._facts)]

    def close(self) -> None:
        pass
