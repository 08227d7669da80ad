"""What ingestion wants to know of one CDF file: time range, origin, parameters. Reads epochs, no data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import chain
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from epntap.cdf.binary.damage import refusing
from epntap.cdf.epochs import to_tt2000
from epntap.cdf.reader import CdfFile
from epntap.cdf.variable import Variable
from epntap.errors import UnreadableFileError
from epntap.instants.days import Days, days_of
from epntap.instants.tt2000 import FILL_TT2000

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from epntap.cdf.binary.datatypes import CdfType

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
    #: those that hold records
    days: Days


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
    def days(self) -> Days:
        """Those that hold records of any axis."""
        found = dict.fromkeys(axis.days for axis in self.axes)
        return next(iter(found)) if len(found) == 1 else Days.of(np.unique(np.fromiter(chain(*found), np.int64)))

    @property
    def layout(self) -> str:
        """A line for each time axis: its name with a digest, then the parameters along it, with tabs between.

        The digest is of what files may say differently of the same parameters: shapes, units and frames.
        """
        along: dict[str, list[VariableFacts]] = {axis.name: [] for axis in self.axes}
        for variable in self.variables:
            if variable.axis in along and not variable.virtual:
                along[variable.axis].append(variable)
        return "\n".join(
            "\t".join([f"{axis}\x1f{_digest(variables)}", *(one.name for one in variables)])
            for axis, variables in along.items()
        )


def _digest(variables: Iterable[VariableFacts]) -> str:
    said = repr([(one.dims, one.units, one.coordinate_system) for one in variables])
    return hashlib.blake2b(said.encode(errors="replace"), digest_size=6).hexdigest()


def index_file(path: Path) -> FileFacts:
    """Return the facts of a file; one that is damaged, has no time axis or no record is an UnreadableFileError."""
    try:
        status = path.stat()
    except OSError as exc:
        reason = (exc.strerror or type(exc).__name__).lower()
        raise UnreadableFileError(f"{path.name} cannot be opened: {reason}") from exc
    with CdfFile(path) as file, refusing(path.name):
        axes = tuple(_axis_facts(file, axis) for axis in file.time_axes())
        if not axes:
            raise UnreadableFileError(f"{path.name} has no time axis: {_say_no_axis(file)}")
        starts = [axis.tt2000_min for axis in axes if axis.tt2000_min is not None]
        stops = [axis.tt2000_max for axis in axes if axis.tt2000_max is not None]
        if not starts:
            raise UnreadableFileError(f"{path.name} holds no record: {_say_undated(file, axes)}")
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
            remarks=(*file.uncuttable().values(), *_say_outdated(file, axes)),
        )


def _axis_facts(file: CdfFile, axis: Variable) -> AxisFacts:
    count = 0
    extremes: list[int] = []
    days = np.empty(0, np.int64)
    for _, epochs in file.epoch_blocks(axis.name):
        instants = to_tt2000(epochs, axis.cdf_type, axis.fill)
        known = instants[instants != FILL_TT2000]
        if len(known):
            count += len(known)
            bounds = int(known.min()), int(known.max())
            extremes += bounds
            found = days_of(known, *bounds)
            days = np.union1d(days, found) if len(days) else found
    return AxisFacts(
        name=axis.name,
        cdf_type=axis.cdf_type,
        records=axis.records,
        fill_epochs=0 if axis.is_to_be_computed else axis.records - count,
        tt2000_min=min(extremes, default=None),
        tt2000_max=max(extremes, default=None),
        days=Days.of(days),
    )


def _say_no_axis(file: CdfFile) -> str:
    inside = [one for one in file.variables.values() if one.cdf_type.is_epoch and prod(one.dims) > 1]
    if inside:
        shown = ", ".join(f"{one.name} of {' x '.join(map(str, one.dims))}" for one in inside[:3])
        return f"expected an epoch for each record, found times along a dimension ({shown}), which cannot be cut"
    return "expected a record-varying variable of an epoch type, found none"


def _say_undated(file: CdfFile, axes: tuple[AxisFacts, ...]) -> str:
    """Why no axis has an instant: the axes are virtual, hold fill values only, or are empty."""
    virtual = [axis.name for axis in axes if file.variables[axis.name].virtual]
    filled = [axis.name for axis in axes if axis.name not in virtual and axis.records]
    empty = [axis.name for axis in axes if axis.name not in virtual and not axis.records]
    names = {axis.name for axis in axes}
    others = [one.name for one in file.variables.values() if one.cdf_type.is_epoch and one.name not in names]
    said = []
    if virtual:
        said.append(f"{_axes(virtual)} virtual, to be computed and not stored ({_shown(virtual)})")
    if filled:
        all_of_them = not (virtual or empty)
        said.append("all its epochs are fill values" if all_of_them else f"others hold only fills ({_shown(filled)})")
    if empty:
        said.append(f"{_axes(empty)} empty ({_shown(empty)})")
    if others:
        said.append(f"no DEPEND_0 leads to its other times ({_shown(others)})")
    return "; ".join(said)


def _axes(names: Sequence[str]) -> str:
    return f"its time {'axis is' if len(names) == 1 else 'axes are'}"


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _say_outdated(file: CdfFile, axes: tuple[AxisFacts, ...]) -> Iterator[str]:
    for axis in axes:
        said = None if axis.tt2000_max is None else file.outdated_leap_table(axis.name, axis.tt2000_max)
        if said is not None:
            yield said


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
        catdesc=variable.text("CATDESC") or variable.text("DESCRIPTION"),
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
