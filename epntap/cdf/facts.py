"""What ingestion wants to know of one CDF file: time range, origin, parameters. Reads epochs, no data."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from epntap.cdf.epochs import to_tt2000
from epntap.cdf.reader import CdfFile, Variable
from epntap.errors import UnreadableFileError
from epntap.instants.tt2000 import FILL_TT2000

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from epntap.cdf.datatypes import CdfType

__all__ = ["GLOBAL_ATTRIBUTES", "AxisFacts", "FileFacts", "VariableFacts", "index_file"]

#: global attributes that say where a file comes from (ISTP guidelines, "Global attributes")
GLOBAL_ATTRIBUTES = (
    "Logical_source",
    "Logical_source_description",
    "Logical_file_id",
    "Mission_group",
    "Source_name",
    "Descriptor",
    "Data_type",
    "Data_version",
    "Discipline",
    "Project",
    "Instrument_type",
    "PI",
    "PI_name",
    "PI_affiliation",
    "TITLE",
    "TEXT",
    "Acknowledgement",
    "Rules_of_use",
    "Generation_date",
    "spase_DatasetResourceID",
)
# running text comes in one entry per line
_RUNNING_TEXT = frozenset({"TEXT", "Acknowledgement", "Rules_of_use"})


@dataclass(frozen=True, slots=True)
class AxisFacts:
    """One time axis of a file."""

    name: str
    cdf_type: CdfType
    records: int
    #: records whose epoch stands for no time
    fill_epochs: int
    #: first and last instant in time (not in file order), TT2000; None when there is none
    tt2000_min: int | None
    tt2000_max: int | None


@dataclass(frozen=True, slots=True)
class VariableFacts:
    """One parameter that a file describes."""

    name: str
    #: VAR_TYPE as written, "" when absent
    var_type: str
    #: time axis it can be cut by, None if it has none
    axis: str | None
    #: shape of one record, () for a scalar
    dims: tuple[int, ...]
    units: str | None
    catdesc: str | None
    fieldnam: str | None
    lablaxis: str | None
    #: FILLVAL as text
    fill: str | None
    coordinate_system: str | None
    #: described but not stored
    virtual: bool


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is in a file, as far as an index needs it."""

    size_bytes: int
    mtime_ns: int
    #: over all time axes, fills left out
    tt2000_min: int
    tt2000_max: int
    fill_epochs: int
    #: of the longest time axis
    records: int
    axes: tuple[AxisFacts, ...]
    #: those of VAR_TYPE data; in a file without VAR_TYPE, all that have a time axis and are not one
    variables: tuple[VariableFacts, ...]
    #: first entry of each of GLOBAL_ATTRIBUTES that the file has; running text whole
    attributes: Mapping[str, str] = field(default_factory=dict)
    #: why some variables cannot be cut, one sentence each
    remarks: tuple[str, ...] = ()

    @property
    def layout(self) -> str:
        """A line for each time axis: its name, then the parameters along it, with tabs between."""
        names = {axis.name: [axis.name] for axis in self.axes}
        for variable in self.variables:
            if variable.axis in names and not variable.virtual:
                names[variable.axis].append(variable.name)
        return "\n".join(map("\t".join, names.values()))


def index_file(path: Path) -> FileFacts:
    """Return the facts of a file; one that is damaged, has no time axis or no record is an UnreadableFileError."""
    try:
        status = path.stat()
    except OSError as exc:
        reason = (exc.strerror or type(exc).__name__).lower()
        raise UnreadableFileError(f"{path.name} cannot be opened: {reason}") from exc
    with CdfFile(path) as file:
        axes = tuple(_axis_facts(file, axis) for axis in file.time_axes())
        if not axes:
            raise UnreadableFileError(
                f"{path.name} has no time axis: expected a record-varying variable of an epoch type, found none"
            )
        starts = [axis.tt2000_min for axis in axes if axis.tt2000_min is not None]
        stops = [axis.tt2000_max for axis in axes if axis.tt2000_max is not None]
        if not starts:
            raise UnreadableFileError(f"{path.name} holds no record: {_say_axes(axes)}")
        return FileFacts(
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            tt2000_min=min(starts),
            tt2000_max=max(stops),
            fill_epochs=sum(axis.fill_epochs for axis in axes),
            records=max(axis.records for axis in axes),
            axes=axes,
            variables=tuple(_variable_facts(file, variable) for variable in _parameters(file)),
            attributes=MappingProxyType(_global_attributes(file)),
            remarks=tuple(file.uncuttable().values()),
        )


def _axis_facts(file: CdfFile, axis: Variable) -> AxisFacts:
    virtual = axis.virtual and axis.records == 0
    instants = np.empty(0, np.int64) if virtual else to_tt2000(file.epochs(axis.name), axis.cdf_type, axis.fill)
    known = instants[instants != FILL_TT2000]
    return AxisFacts(
        name=axis.name,
        cdf_type=axis.cdf_type,
        records=axis.records,
        fill_epochs=len(instants) - len(known),
        tt2000_min=int(known.min()) if len(known) else None,
        tt2000_max=int(known.max()) if len(known) else None,
    )


def _say_axes(axes: tuple[AxisFacts, ...]) -> str:
    if any(axis.records for axis in axes):
        return "all its epochs are fill values"
    names = [axis.name for axis in axes]
    shown = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
    return f"its time {'axis is' if len(names) == 1 else 'axes are'} empty ({shown})"


def _parameters(file: CdfFile) -> list[Variable]:
    typed = [v for v in file.variables.values() if (v.text("VAR_TYPE") or "").casefold() == "data"]
    if typed:
        return typed
    axes = file.time_axes()
    return [v for v in file.variables.values() if v not in axes and file.axis_of(v.name) is not None]


def _variable_facts(file: CdfFile, variable: Variable) -> VariableFacts:
    axis = file.axis_of(variable.name)
    fill = variable.attributes.get("FILLVAL")
    return VariableFacts(
        name=variable.name,
        var_type=variable.text("VAR_TYPE") or "",
        axis=axis.name if axis is not None else None,
        dims=variable.dims,
        units=file.units_of(variable.name),
        catdesc=variable.text("CATDESC"),
        fieldnam=variable.text("FIELDNAM"),
        lablaxis=variable.text("LABLAXIS"),
        fill=fill.text if fill is not None else None,
        coordinate_system=variable.text("COORDINATE_SYSTEM"),
        virtual=variable.virtual,
    )


def _global_attributes(file: CdfFile) -> dict[str, str]:
    found = {}
    for name in GLOBAL_ATTRIBUTES:
        entries = file.attributes.get(name, ())
        chosen = entries if name in _RUNNING_TEXT else entries[:1]
        text = " ".join(entry.text for entry in chosen).strip()
        if text:
            found[name] = text
    return found
