"""Cut-outs as VOTable 1.4: one TABLE for each time axis, times as timestamps, records as arrays."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import quoteattr

import numpy as np
import pyarrow as pa

from datalink.reformat.base import Provenance, Rendering, statements
from datalink.reformat.cells import lines
from datalink.reformat.units import is_dimensionless, to_vounit
from datalink.reformat.votable_cells import Cells, cells_of
from datalink.series import Axis, Column, SeriesCut
from epntap.formats.votable import xml_text

__all__ = ["VoTable"]

_START = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.ivoa.net/xml/VOTable/v1.3 http://www.ivoa.net/xml/VOTable/VOTable-1.4.xsd">\n'
    '<RESOURCE type="results">\n<INFO name="QUERY_STATUS" value="OK"/>\n'
)
_TIMESYS = '<TIMESYS ID="utc" timescale="UTC" refposition="UNKNOWN"/>\n'
_END = "</RESOURCE>\n</VOTABLE>\n"
_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BLOCK_BYTES = 1 << 20
_LINKED = re.compile(r"(DEPEND|LABL_PTR|REPRESENTATION)_\d+|DELTA_(PLUS|MINUS)_VAR|UNIT_PTR")


class VoTable:
    """VOTable with TABLEDATA, or with BINARY2, which is several times faster on both sides."""

    extension = "vot"

    def __init__(self, *, binary: bool = False) -> None:
        self._binary = binary
        serialization = "binary2" if binary else "tabledata"
        self.media_type = f"application/x-votable+xml;serialization={serialization}"
        short = (
            ("votable/b2", "binary2")
            if binary
            else ("votable", "vot", "votable/td", "application/x-votable+xml", "text/xml")
        )
        self.names = (*short, self.media_type)

    def render(self, cut: SeriesCut, provenance: Provenance) -> Rendering:
        """See SeriesFormat."""
        return Rendering(self._blocks(cut, provenance))

    def _blocks(self, cut: SeriesCut, provenance: Provenance) -> Iterator[bytes]:
        infos = "".join(_info(name, text) for name, texts in statements(cut, provenance) for text in texts)
        yield (_START + infos + _TIMESYS).encode()
        for number, axis in enumerate(cut.axes, 1):
            cells = [cells_of(column) for column in (axis.time, *axis.columns)]
            yield _table_start(number, axis, cells, _fixed_of(axis, cut)).encode()
            yield from _binary_rows(axis, cells) if self._binary else _text_rows(axis, cells)
            yield b"</TABLE>\n"
        yield _END.encode()


def _fixed_of(axis: Axis, cut: SeriesCut) -> list[Column]:
    """Return what does not vary and is pointed to by the variables of an axis."""
    names = {
        entry.text
        for column in (axis.time, *axis.columns)
        for attribute, entry in column.variable.attributes.items()
        if _LINKED.fullmatch(attribute)
    }
    return [column for column in cut.fixed if column.variable.name in names and len(column)]


def _table_start(table: int, axis: Axis, cells: Sequence[Cells], fixed: Iterable[Column]) -> str:
    params = "".join(_param(cells_of(column), f"param_{table}_{number}") for number, column in enumerate(fixed, 1))
    fields = "".join(
        _field(cell, f"field_{table}_{number}", is_time=cell.column is axis.time)
        for number, cell in enumerate(cells, 1)
    )
    return f'<TABLE name={_quoted(axis.name)} nrows="{len(axis)}">\n{params}{fields}'


def _field(cells: Cells, own_id: str, *, is_time: bool) -> str:
    null = f'<VALUES null="{cells.null}"/>' if cells.null is not None else ""
    ucd = "time.epoch" if is_time else None
    return f"<FIELD{_attributes(cells, own_id, ucd)}>{_description(cells.column)}{null}</FIELD>\n"


def _param(cells: Cells, own_id: str) -> str:
    # texts() gives XML content, in which only quotes are left to escape
    value = cells.texts(cells.column.read(0, 1))[0].as_py().replace('"', "&quot;")
    return f'<PARAM{_attributes(cells, own_id)} value="{value}">{_description(cells.column)}</PARAM>\n'


def _attributes(cells: Cells, own_id: str, ucd: str | None = None) -> str:
    column, variable = cells.column, cells.column.variable
    is_time = variable.cdf_type.is_epoch
    pairs = (
        # readers make an ID of the name; where they cannot, one is given
        ("ID", None if _NCNAME.fullmatch(variable.name) else own_id),
        ("name", variable.name),
        *cells.attributes,
        ("unit", None if is_time else to_vounit(column.units)),
        ("ref", "utc" if is_time else None),
        ("ucd", ucd),
    )
    return "".join(f" {name}={_quoted(value)}" for name, value in pairs if value is not None)


def _description(column: Column) -> str:
    """What the file says of a variable, its units where they are no VOUnit, and what lies along its dimensions."""
    variable, units = column.variable, column.units
    words = [variable.text("CATDESC") or variable.text("FIELDNAM") or variable.text("LABLAXIS") or ""]
    units = variable.units
    if units and not variable.cdf_type.is_epoch and not is_dimensionless(units) and to_vounit(units) is None:
        words.append(f"Units: {units}")
    along = zip(variable.depends, variable.labels, strict=True)
    words += [
        f"Dimension {number}: {depend or label}" for number, (depend, label) in enumerate(along, 1) if depend or label
    ]
    said = "; ".join(word for word in words if word)
    return f"<DESCRIPTION>{xml_text(said)}</DESCRIPTION>" if said else ""


def _text_rows(axis: Axis, cells: Sequence[Cells]) -> Iterator[bytes]:
    yield b"<DATA><TABLEDATA>\n"
    for first, stop in axis.blocks(_BLOCK_BYTES):
        pieces: list[pa.StringArray | str] = []
        for cell in cells:
            pieces += ["</TD><TD>", cell.texts(cell.column.read(first, stop))]
        yield lines(["<TR><TD>", *pieces[1:], "</TD></TR>\n"])
    yield b"</TABLEDATA></DATA>\n"


def _binary_rows(axis: Axis, cells: Sequence[Cells]) -> Iterator[bytes]:
    """VOTable 1.4 §5.4: null flags, then cells; here no cell is null, as NaN and VALUES null say it."""
    layout = np.dtype(
        [("nulls", np.uint8, (-(-len(cells) // 8),))]
        + [(f"f{number}", *cell.binary_type) for number, cell in enumerate(cells)]
    )
    yield b'<DATA><BINARY2><STREAM encoding="base64">\n'
    rest = b""
    for first, stop in axis.blocks(_BLOCK_BYTES):
        rows = np.zeros(stop - first, layout)
        for number, cell in enumerate(cells):
            rows[f"f{number}"] = cell.binary(cell.column.read(first, stop))
        content = rest + rows.tobytes()
        whole = len(content) - len(content) % 3
        rest = content[whole:]
        yield b64encode(content[:whole]) + b"\n"
    yield b64encode(rest) + b"\n</STREAM></BINARY2></DATA>\n"


def _info(name: str, value: str) -> str:
    return f"<INFO name={_quoted(name)} value={_quoted(value)}/>\n"


def _quoted(text: str) -> str:
    return quoteattr(_ILLEGAL.sub("\ufffd", text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
