"""Cut-outs as CDF (ISTP): variables and attributes as in the files, with where they come from."""

from __future__ import annotations

import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import IO

from datalink.reformat.base import Provenance, Rendering, statements
from datalink.series import Column, SeriesCut
from epntap.cdf import CdfType, Entry
from epntap.cdf.writer import CdfLayout, StoredBlock, VariableLayout, to_stored

__all__ = ["Cdf"]

_PIECE_BYTES = 1 << 20
_GZIP_LEVEL = 6
_GZIP_WINDOW_BITS = 31
# attributes that name other variables (ISTP guidelines, "Variable attributes")
_POINTER = re.compile(r"(DEPEND|LABL_PTR|REPRESENTATION|COMPONENT)_\w+|\w+_PTR(_\d+)?|\w+_VAR")
_SPOOL_BYTES = 1 << 24


class Cdf:
    """CDF 3.9, uncompressed unless asked for: its size is known before its first byte."""

    names = ("cdf", "cdf_istp", "application/x-cdf", "application/cdf")
    media_type = "application/x-cdf"
    extension = "cdf"

    def __init__(self, *, compress: bool = False) -> None:
        self._compress = compress

    def render(self, cut: SeriesCut, provenance: Provenance) -> Rendering:
        """See SeriesFormat."""
        if self._compress:
            return Rendering(_write_compressed(cut, provenance))
        layout = _plain_layout(cut, provenance)
        pieces = (_pieces(column) for column in cut.columns() if len(column))
        return Rendering(layout.stream(pieces), layout.size)


def _plain_layout(cut: SeriesCut, provenance: Provenance) -> CdfLayout:
    blocks = {
        column.variable.name: [StoredBlock(len(column), column.size_bytes)] if len(column) else []
        for column in cut.columns()
    }
    return _layout(cut, provenance, blocks, level=0)


def _write_compressed(cut: SeriesCut, provenance: Provenance) -> Iterator[bytes]:
    blocks: dict[str, list[StoredBlock]] = {}
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
        for column in cut.columns():
            blocks[column.variable.name] = list(_spool(column, spool))
        layout = _layout(cut, provenance, blocks, _GZIP_LEVEL)
        spool.seek(0)
        sizes = (block.size for one in blocks.values() for block in one)
        yield from layout.stream([spool.read(size)] for size in sizes)


def _layout(
    cut: SeriesCut, provenance: Provenance, blocks: Mapping[str, Sequence[StoredBlock]], level: int
) -> CdfLayout:
    present = {column.variable.name.casefold(): column.variable.name for column in cut.columns()}
    return CdfLayout(
        _global_attributes(cut, provenance),
        [
            VariableLayout(
                name=column.variable.name,
                cdf_type=column.variable.cdf_type,
                elements=column.variable.dtype.itemsize if column.variable.cdf_type.is_text else 1,
                dims=column.variable.dims,
                record_varying=column.variable.record_varying,
                pad=column.variable.pad,
                attributes=_consistent(column.variable.attributes, cut, present),
                blocks=blocks[column.variable.name],
                compression_level=level,
            )
            for column in cut.columns()
        ],
    )


def _pieces(column: Column) -> Iterator[bytes]:
    for first, stop in column.blocks(_PIECE_BYTES):
        yield to_stored(column.read(first, stop))


def _spool(column: Column, spool: IO[bytes]) -> Iterator[StoredBlock]:
    for first, stop in column.blocks(_PIECE_BYTES):
        plain = to_stored(column.read(first, stop))
        packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW_BITS)
        packed = packer.compress(plain) + packer.flush()
        # as the CDF library does: a block that would grow stays as it is
        smaller = len(packed) < len(plain)
        spool.write(packed if smaller else plain)
        yield StoredBlock(stop - first, len(packed) if smaller else len(plain), compressed=smaller)


def _consistent(attributes: Mapping[str, Entry], cut: SeriesCut, present: Mapping[str, str]) -> dict[str, Entry]:
    """Return attributes whose pointers to other variables hold here: spelled as these are, else without them."""
    known = {name.casefold() for name in cut.known}
    kept = {}
    for name, entry in attributes.items():
        target = entry.text.casefold()
        if not _POINTER.fullmatch(name) or target not in known:
            kept[name] = entry
        elif target in present:
            kept[name] = replace(entry, value=present[target])
    return kept


def _global_attributes(cut: SeriesCut, provenance: Provenance) -> dict[str, Sequence[Entry]]:
    added = {
        name: [Entry(number, CdfType.CDF_CHAR, text) for number, text in enumerate(texts)]
        for name, texts in statements(cut, provenance)
    }
    return {**cut.attributes, **added}
