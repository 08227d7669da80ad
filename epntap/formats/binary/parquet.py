"""Parquet with VOTable metadata (VOParquet 1.0), written as a stream: rows in groups, everything else at the end."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import LiteralString

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from epntap.answer.model import Outcome, ResultColumn
from epntap.formats import votable
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.binary.arrow import Sink, Table
from epntap.formats.binary.copy_binary import framed
from epntap.formats.projection import Spelling

__all__ = ["Parquet"]

#: a row group ends with the block that brings it to this many bytes
GROUP_BYTES = 16 * 1024 * 1024
#: characters that a text column has in any case: astropy writes None where there is none, and should not cut it
_SHORTEST = 4


class Parquet(FormatDefaults):
    """A Parquet file. Its last bytes make it readable, so that a broken answer cannot be taken for a whole one."""

    media_type = "application/vnd.apache.parquet"
    names = ("parquet", "application/x-parquet", "application/parquet")
    extension = "parquet"
    options: LiteralString = "FORMAT binary"
    pack = staticmethod(framed)
    spelling = Spelling.BINARY
    says_outcome = False
    compressible = False

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:
        """A writer for one answer."""
        return _Writer(columns, facts)


class _Writer:
    def __init__(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> None:
        self._columns = columns
        self._facts = facts
        self._table = Table(columns)
        self._sink = Sink()
        self._file = pq.ParquetWriter(
            self._sink, self._table.schema, compression="snappy", write_statistics=True, store_schema=False
        )
        self._batches: list[pa.RecordBatch] = []
        self._size = 0
        self._longest = {n: _SHORTEST for n, field in enumerate(self._table.schema) if pa.types.is_string(field.type)}

    def header(self) -> bytes:
        return self._sink.take()

    def rows(self, block: bytes) -> bytes:
        batch = self._table.batch(block)
        self._batches.append(batch)
        self._size += batch.nbytes
        if self._size < GROUP_BYTES:
            return b""
        self._end_group()
        return self._sink.take()

    def _end_group(self) -> None:
        group = pa.Table.from_batches(self._batches, schema=self._table.schema)
        for n, longest in self._longest.items():
            self._longest[n] = max(longest, pc.max(pc.binary_length(group.column(n))).as_py() or 0)
        self._file.write_table(group)
        self._batches, self._size = [], 0

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:
        if self._batches:
            self._end_group()
        described = votable.document_start(self._bounded(), self._facts) + votable.document_end(outcome, self._facts)
        self._file.add_key_value_metadata(
            {
                "IVOA.VOTable-Parquet.version": "1.0",
                "IVOA.VOTable-Parquet.content": described.decode(),
                "ARROW:schema": self._arrow_schema(),
            }
        )
        self._file.close()
        return [self._sink.take()]

    def _bounded(self) -> list[ResultColumn]:
        # "*" is right as well, but astropy's parquet.votable cannot put that together with columns of fixed width
        return [
            replace(column, arraysize=f"{self._longest[n]}*")
            if n in self._longest and column.arraysize == "*"
            else column
            for n, column in enumerate(self._columns)
        ]

    def _arrow_schema(self) -> str:
        # What pyarrow would have written at the start, with what is known at the end only: how long the texts are.
        # astropy makes columns of fixed width; without these entries it measures every text, and fails on a NULL.
        schema = self._table.schema
        lengths = {f"table::len::{schema.field(n).name}": str(longest) for n, longest in self._longest.items()}
        schema = schema.with_metadata(lengths)
        return base64.b64encode(schema.serialize()).decode()

    def close(self) -> None:
        self._batches = []
        self._sink.take()
