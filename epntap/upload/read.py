"""From the bytes of an upload to a checked table with its rows as COPY reads them, whatever it was written in."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from typing import BinaryIO, cast

from epntap.catalog.model import Table
from epntap.errors import UploadError
from epntap.fetch import fetched
from epntap.upload.columns import named
from epntap.upload.delimited import read_delimited
from epntap.upload.model import SCHEMA, Budget, Content, ReadTable, Source
from epntap.upload.parquet import read_parquet
from epntap.upload.votable import read_votable

__all__ = ["read_uploads"]

_IN_MEMORY = 4 * 1024 * 1024
_WRITE_LINES = 1_000
_WRITE_LETTERS = 256 * 1024
_COPY_BYTES = 256 * 1024
_HEAD = 512
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


def read_uploads(sources: Sequence[Source], budget: Budget) -> list[ReadTable]:
    """The tables, each to be closed. Raises UploadError with the name of the one that is wrong."""
    if len(sources) > budget.limits.tables:
        raise UploadError(
            f"The request uploads {len(sources)} tables; the limit for one request is {budget.limits.tables}."
        )
    with ExitStack() as stack:
        tables = []
        for source in sources:
            try:
                table = _read(source, budget)
            except UploadError as exc:
                raise UploadError(f"The upload {source.name} cannot be used. {exc}") from exc
            stack.callback(table.close)
            tables.append(table)
        stack.pop_all()
        return tables


def _read(source: Source, budget: Budget) -> ReadTable:
    rows = _scratch()
    try:
        opened = source.open() if source.open is not None else fetched(source.address, budget.limits, budget.deadline)
        with ExitStack() as stack:
            content = _content(stack.enter_context(opened), budget, stack)
            count = _spool(content, rows, budget)
        columns = named(content.columns())
    except BaseException:
        rows.close()
        raise
    rows.seek(0)
    table = Table(SCHEMA, source.name, columns, description=content.description(), rows=count)
    return ReadTable(table, rows, count)


def _spool(content: Content, rows: BinaryIO, budget: Budget) -> int:
    before = budget.rows
    lines: list[str] = []
    size = 0
    for line in content.rows:
        budget.take_row(len(line))
        lines.append(line)
        size += len(line)
        if size > _WRITE_LETTERS or len(lines) > _WRITE_LINES:
            _write(rows, lines)
            lines, size = [], 0
    _write(rows, lines)
    return budget.rows - before


def _write(rows: BinaryIO, lines: list[str]) -> None:
    rows.write("".join(f"{line}\n" for line in lines).encode())


def _content(file: BinaryIO, budget: Budget, stack: ExitStack) -> Content:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        file = stack.enter_context(_unpacked(file, budget))
        head = file.read(_HEAD)
        file.seek(0)
    else:
        budget.take_bytes(size)
    if not head:
        raise UploadError("It is empty; send a VOTable, CSV or Parquet.")
    if head.startswith(b"PAR1"):
        return read_parquet(file, budget.limits)
    if head.startswith(_UTF16) and b"<" not in head[:8]:
        raise UploadError("It is in UTF-16, in which only a VOTable may be; send it in UTF-8.")
    if head.removeprefix(_BOM).lstrip().startswith(b"<") or head.startswith(_UTF16):
        return read_votable(file)
    if head.startswith(b"SIMPLE  ="):
        raise UploadError("It is a FITS file, which is not read here; send a VOTable, CSV or Parquet.")
    return read_delimited(lambda: _from_start(file))


def _scratch() -> BinaryIO:
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # closed by whoever asks


def _from_start(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _unpacked(file: BinaryIO, budget: Budget) -> BinaryIO:
    plain = _scratch()
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as packed:
            while block := packed.read(_COPY_BYTES):
                budget.take_bytes(len(block))
                plain.write(block)
    except (EOFError, zlib.error, OSError) as exc:
        plain.close()
        raise UploadError("Its gzip compression is cut short or broken.") from exc
    except BaseException:
        plain.close()
        raise
    plain.seek(0)
    return plain
