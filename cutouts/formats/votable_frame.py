"""What a VOTable says of a cut-out around its rows: origin, time system, FIELDs and PARAMs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cutouts.formats.base import Provenance, is_short, statements, too_long
from cutouts.formats.cells import lines
from cutouts.formats.votable_cells import Cells, cells_of
from cutouts.joined.series import Axis, Column, SeriesCut
from epntap.formats.votable import RESULTS_START, VOTABLE_END, VOTABLE_START, info
from epntap.units.vounit import is_dimensionless, to_vounit
from epntap.xml import attribute, is_ncname, xml_text

__all__ = ["END", "Extra", "Frame", "start"]

END = f"</RESOURCE>\n{VOTABLE_END}"
_TIMESYS = '<TIMESYS ID="utc" timescale="UTC" refposition="UNKNOWN"/>\n'
_LINKED = re.compile(r"(DEPEND|LABL_PTR|REPRESENTATION)_\d+|DELTA_(PLUS|MINUS)_VAR|UNIT_PTR")
#: what lies along a dimension, by its unit
_AXIS_UCDS = {"eV": "phys.energy", "keV": "phys.energy", "MeV": "phys.energy", "GeV": "phys.energy", "J": "phys.energy"}
_AXIS_UCDS |= dict.fromkeys(("Hz", "kHz", "MHz", "GHz", "mHz"), "em.freq")


@dataclass(frozen=True, slots=True)
class Extra:
    """A whole number beside a variable."""

    #: variable that it stands behind
    column: Column
    name: str
    about: str


def start(cut: SeriesCut, provenance: Provenance) -> str:
    """The document up to its first TABLE."""
    infos = "".join(info(name, text) for name, texts in statements(cut, provenance) for text in texts)
    return VOTABLE_START + RESULTS_START + infos + _TIMESYS


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The TABLE of one time axis."""

    #: from 1
    number: int
    axis: Axis
    cut: SeriesCut
    provenance: Provenance

    def table_start(self, cells: Sequence[Cells], extras: Sequence[Extra] = ()) -> str:
        """TABLE with its PARAMs and FIELDs."""
        fixed = self._fixed()
        long = [f"{one.variable.name}: {too_long(one)}" for one in fixed if not is_short(one)]
        infos = "".join(info("Cutout_constant", text) for text in long)
        params = "".join(
            self._param(column, f"param_{self.number}_{one}") for one, column in enumerate(fixed, 1) if is_short(column)
        )
        fields = []
        for one, cell in enumerate(cells, 1):
            fields.append(self._field(cell, f"field_{self.number}_{one}"))
            fields += [_extra(extra) for extra in extras if extra.column is cell.column]
        name = attribute(self.axis.name)
        return f'<TABLE name={name} nrows="{len(self.axis)}">\n{infos}{params}{"".join(fields)}'

    def _columns(self) -> Sequence[Column]:
        return (self.axis.time, *self.axis.columns)

    def _fixed(self) -> list[Column]:
        """What does not vary and the variables of the axis point to; in the first table also what nothing points to."""
        pointing = [_pointed_to(axis) for axis in self.cut.axes]
        own = pointing[self.number - 1]
        if self.number == 1:
            own = own | {column.variable.name.casefold() for column in self.cut.fixed}.difference(*pointing)
        return [column for column in self.cut.fixed if column.variable.name.casefold() in own and len(column)]

    def _field(self, cells: Cells, own_id: str) -> str:
        null = f'<VALUES null="{cells.null}"/>' if cells.null is not None else ""
        return f"<FIELD{self._attributes(cells, own_id)}>{self._description(cells)}{null}</FIELD>\n"

    def _param(self, column: Column, own_id: str) -> str:
        cells = cells_of(column)
        # XML content from the end of a start tag, in which only quotes are left to escape
        value = lines(cells.contents(column.read(0, 1))).decode()[1:].replace('"', "&quot;")
        return f'<PARAM{self._attributes(cells, own_id)} value="{value}">{self._description(cells)}</PARAM>\n'

    def _attributes(self, cells: Cells, own_id: str) -> str:
        column, variable = cells.column, cells.column.variable
        is_time = variable.cdf_type.is_epoch
        pairs = (
            # readers make an ID of the name; where they cannot, one is given
            ("ID", None if is_ncname(variable.name) else own_id),
            ("name", variable.name),
            *cells.attributes,
            ("unit", None if is_time else to_vounit(self._units(column))),
            ("ref", "utc" if is_time else None),
            ("ucd", self._ucd(column)),
        )
        return "".join(f" {name}={attribute(value)}" for name, value in pairs if value is not None)

    def _units(self, column: Column) -> str | None:
        """As the file spells them, or where it is silent as the catalogue does."""
        if column.units_differ:
            return None
        parameter = self.provenance.parameter(column.variable)
        return column.units or (parameter.units if parameter else None)

    def _ucd(self, column: Column) -> str | None:
        if column is self.axis.time:
            return "time.epoch"
        parameter = self.provenance.parameter(column.variable)
        if parameter is not None and parameter.ucd:
            return parameter.ucd
        along = {depend for one in self._columns() for depend in one.variable.depends}
        return _AXIS_UCDS.get(to_vounit(column.units) or "") if column.variable.name in along else None

    def _description(self, cells: Cells) -> str:
        """What the file says of a variable, its units where VOUnit spells them differently, and its dimensions."""
        variable, units = cells.column.variable, self._units(cells.column)
        words = [variable.about or ""]
        if units and not variable.cdf_type.is_epoch and not is_dimensionless(units) and to_vounit(units) != units:
            words.append(f"Units: {units}")
        along = zip(variable.depends, variable.labels, strict=True)
        words += [
            f"Dimension {number}: {depend or label}"
            for number, (depend, label) in enumerate(along, 1)
            if depend or label
        ]
        words.append(cells.about or "")
        said = "; ".join(word for word in words if word)
        return f"<DESCRIPTION>{xml_text(said)}</DESCRIPTION>" if said else ""


def _pointed_to(axis: Axis) -> set[str]:
    return {
        entry.text.casefold()
        for column in (axis.time, *axis.columns)
        for name, entry in column.variable.attributes.items()
        if _LINKED.fullmatch(name)
    }


def _extra(extra: Extra) -> str:
    size = extra.column.variable.dims
    count = f' arraysize="{"x".join(map(str, reversed(size)))}"' if size and max(size) > 1 else ""
    name = f'name={attribute(extra.name)} datatype="long"{count}'
    return f"<FIELD {name}><DESCRIPTION>{xml_text(extra.about)}</DESCRIPTION></FIELD>\n"
