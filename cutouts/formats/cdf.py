"""Cut-outs as CDF (ISTP): variables and attributes as in the files, with where they come from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np
from isal import isal_zlib

from cutouts.formats.base import Provenance, Rendering, statements
from cutouts.formats.cells import free_name
from cutouts.joined.series import Column, SeriesCut
from epntap.answer.spool import SpoolFile
from epntap.cdf import CdfType, Entry, Variable, format_utc
from epntap.cdf.binary.writer import CdfLayout, StoredBlock, VariableLayout, to_stored
from epntap.media import MEDIA_TYPES

__all__ = ["Cdf"]

_PIECE_BYTES = 1 << 20
#: of ISA-L, its highest: twenty times as fast as level 6 of zlib, for a few hundredths more bytes
_GZIP_LEVEL = 3
_GZIP_WINDOW_BITS = 31
# attributes that name other variables (ISTP guidelines, "Variable attributes")
_OF_THE_SAME_TYPE = frozenset({"FILLVAL", "VALIDMIN", "VALIDMAX", "SCALEMIN", "SCALEMAX"})
_POINTER = re.compile(r"(DEPEND|LABL_PTR|REPRESENTATION|COMPONENT)_\w+|\w+_PTR(_\d+)?|\w+_VAR")


class Cdf:
    """CDF 3.9, uncompressed unless asked for: its size is known before its first byte."""

    names = ("cdf", "cdf_istp", "application/x-cdf", "application/cdf")
    media_type = MEDIA_TYPES["cdf"]
    extension = "cdf"

    def __init__(self, *, compress: bool = False) -> None:
        self._compress = compress

    def render(self, cut: SeriesCut, provenance: Provenance) -> Rendering:
        """See SeriesFormat."""
        if self._compress:
            return _compressed(cut, provenance)
        layout = _plain_layout(cut, provenance)
        pieces = (_pieces(column) for column in cut.columns() if len(column))
        return Rendering(layout.stream(pieces), layout.size)


def _plain_layout(cut: SeriesCut, provenance: Provenance) -> CdfLayout:
    blocks = {
        column.variable.name: [StoredBlock(len(column), column.size_bytes)] if len(column) else []
        for column in cut.columns()
    }
    return _layout(cut, provenance, blocks, level=0)


def _compressed(cut: SeriesCut, provenance: Provenance) -> Rendering:
    """Compress all values a block at a time into a spool: what comes before them depends on their sizes."""
    blocks: dict[str, list[StoredBlock]] = {}
    spool = SpoolFile()
    try:
        for column in cut.columns():
            blocks[column.variable.name] = list(_spool(column, spool))
        layout = _layout(cut, provenance, blocks, _GZIP_LEVEL)
        spool.rewind()
    except BaseException:
        spool.close()
        raise
    sizes = (block.size for one in blocks.values() for block in one)
    return Rendering(layout.stream([spool.read(size)] for size in sizes), layout.size, spool.close)


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
                attributes=_consistent(column, cut, present),
                blocks=blocks[column.variable.name],
                compression_level=level,
            )
            for column in cut.columns()
        ],
    )


def _pieces(column: Column) -> Iterator[bytes]:
    for first, stop in column.blocks(_PIECE_BYTES):
        yield to_stored(column.read(first, stop))


def _spool(column: Column, spool: SpoolFile) -> Iterator[StoredBlock]:
    for first, stop in column.blocks(_PIECE_BYTES):
        plain = to_stored(column.read(first, stop))
        packer = isal_zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW_BITS)
        packed = packer.compress(plain) + packer.flush()
        # as the CDF library does: a block that would grow stays as it is
        smaller = len(packed) < len(plain)
        spool.write(packed if smaller else plain)
        yield StoredBlock(stop - first, len(packed) if smaller else len(plain), compressed=smaller)


def _consistent(column: Column, cut: SeriesCut, present: Mapping[str, str]) -> dict[str, Entry]:
    """Return attributes of a variable that hold here.

    Pointers to other variables are spelled as these are, or left out with them; values that are compared with those of
    the variable have its type (ISTP guidelines: FILLVAL, VALIDMIN, …), where they can be said in it.
    """
    known = {name.casefold() for name in cut.known}
    kept = {}
    for name, entry in column.variable.attributes.items():
        target = entry.text.casefold()
        if name in _OF_THE_SAME_TYPE:
            kept[name] = _typed(entry, column.variable)
        elif not _POINTER.fullmatch(name) or target not in known:
            kept[name] = entry
        elif target in present:
            kept[name] = replace(entry, value=present[target])
    return kept


def _typed(entry: Entry, variable: Variable) -> Entry:
    value, wanted = entry.value, variable.dtype
    if isinstance(value, str) or variable.cdf_type.is_text or entry.cdf_type is variable.cdf_type:
        return entry
    if value.dtype == wanted and not variable.cdf_type.is_epoch:  # CDF_REAL4 and CDF_FLOAT are one type
        return entry
    # a number is not an instant, unless its bits are
    if variable.cdf_type.is_epoch and (value.dtype != wanted or entry.cdf_type.is_epoch):
        return entry
    with np.errstate(over="ignore", invalid="ignore"):
        converted = value.astype(wanted)
    shorter = wanted.kind == "f" and value.dtype.kind == "f" and bool(np.isfinite(converted).all())
    if not shorter and not np.array_equal(converted, value):
        return entry
    return replace(entry, cdf_type=variable.cdf_type, value=converted)


def _global_attributes(cut: SeriesCut, provenance: Provenance) -> dict[str, Sequence[Entry]]:
    """What the first file says, what is said of every cut-out, and what ISTP wants to be true of this very file.

    Of the last kind the source's own is kept as Source_…, with a number if the archived file has that name itself; in
    a cut of a cut that of the archived file.
    """
    own = {
        "Logical_file_id": (_file_id(cut, provenance),),
        "Generation_date": (f"{provenance.changed:%Y%m%d}",),
        "Parents": tuple(f"CDF>{PurePath(name).stem}" for name in cut.sources),
    }
    kept: dict[str, Sequence[Entry]] = {name: found for name, found in cut.attributes.items() if name not in own}
    of_archive = "Cutout_of" not in cut.attributes
    for name in filter(cut.attributes.__contains__, own):
        if of_archive or f"Source_{name}" not in kept:
            kept[free_name(f"Source_{name}", {*kept})] = cut.attributes[name]
    added = {
        name: [Entry(number, CdfType.CDF_CHAR, text) for number, text in enumerate(texts)]
        for name, texts in (*own.items(), *statements(cut, provenance))
        if texts
    }
    return {**kept, **added}


def _file_id(cut: SeriesCut, provenance: Provenance) -> str:
    """Name of the cut-out as ISTP has it: dataset, first and last record, version of the data."""

    def said(name: str) -> str:
        entries = cut.attributes.get(name)
        return entries[0].text if entries else ""

    ends = [axis.time.instants(row, row + 1)[0] for axis in cut.axes if len(axis) for row in (0, len(axis) - 1)]
    moments = [re.sub(r"\D", "", format_utc(int(instant), 0)) for instant in (min(ends), max(ends))] if ends else []
    version = re.search(r"_([vV][0-9][0-9._]*)$", said("Logical_file_id")) or re.fullmatch(
        r"([vV]?[0-9][0-9._]*)", said("Data_version")
    )
    number = f"v{version[1].lstrip('vV')}" if version else ""
    return "_".join([said("Logical_source") or provenance.identifier, *moments] + ([number] if number else []))
