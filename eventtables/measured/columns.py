"""Statistics as columns of a catalogue. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from epntap.epncore.ucd import is_valid_ucd
from eventtables.measured.request import Measurable
from eventtables.model import EventColumn, Kind, Values
from summaries.statistics import Bins

__all__ = ["MeasuredColumns"]

#: name, what it is, UCD before or behind that of the parameter, whether it has the unit of the parameter
_STATISTICS = (
    ("count", "Values of {} that are neither fill nor NaN", "meta.number", False),
    ("min", "Least value of {}", "{};stat.min", True),
    ("max", "Greatest value of {}", "{};stat.max", True),
    ("mean", "Mean of {}", "{};stat.mean", True),
    ("std", "Standard deviation of {}, divided by the number of values", "stat.stdev;{}", True),
    ("filled", "Share of the records in which {} has a value", "stat.filling", False),
)


@dataclass(slots=True)
class MeasuredColumns:
    """Columns of statistics that grow by an event at a time."""

    chosen: Sequence[Measurable]
    _records: list[int] = field(default_factory=list)
    #: by parameter and statistic, the values of each event
    _cells: dict[tuple[str, str], list[Any]] = field(default_factory=dict)

    def add(self, bins: Bins) -> None:
        """Take the statistics of one event: one bin, or none."""
        records = int(bins.records[0]) if len(bins) else 0
        self._records.append(records)
        for one in self.chosen:
            for name, cell in zip((fact[0] for fact in _STATISTICS), _cells(one, bins, records), strict=True):
                self._cells.setdefault((one.name, name), []).append(cell)

    def described(self) -> list[EventColumn]:
        """The columns."""
        found = [EventColumn("records", Kind.INT, ucd="meta.number", description="Records of the dataset in the event")]
        for one in self.chosen:
            said = set(one.variable.said_units)
            unit = said.pop() if len(said) == 1 else ""
            for name, what, ucd, has_unit in _STATISTICS:
                found.append(
                    EventColumn(
                        f"{one.name}_{name}",
                        _kind(one, name),
                        unit=unit if has_unit else "",
                        ucd=_ucd(one, ucd),
                        description=what.format(one.name),
                        size=one.components,
                    )
                )
        return found

    def values(self) -> list[Values]:
        """What they hold, in the same order."""
        found = [_objects(self._records)]
        for one in self.chosen:
            for name, *_ in _STATISTICS:
                cells = self._cells.get((one.name, name), [])
                if _kind(one, name) is Kind.INT:
                    found.append(_objects(cells))
                elif one.components == 1:
                    found.append(np.array(cells, dtype=np.float64))
                else:
                    found.append(np.array(cells, dtype=np.float64).reshape(len(cells), one.components))
        return found


def _kind(one: Measurable, name: str) -> Kind:
    """Whole numbers where a cell holds one: of counts, and of the ends of what is counted."""
    whole = name == "count" or (name in {"min", "max"} and _is_whole(one))
    return Kind.INT if whole and one.components == 1 else Kind.DOUBLE


def _is_whole(one: Measurable) -> bool:
    kind = one.variable.cdf_type
    return "INT" in kind or "BYTE" in kind


def _cells(one: Measurable, bins: Bins, records: int) -> list[Any]:
    """The statistics of a parameter in one event, in their order."""
    found = bins.variables.get(one.variable.name) if len(bins) else None
    several = one.components > 1
    if found is None:
        nothing = [np.nan] * one.components
        share = [0.0 if records else np.nan] * one.components
        cells: list[list[Any]] = [[0] * one.components, nothing, nothing, nothing, nothing, share]
    else:
        place = slice(None) if one.place is None else slice(one.place, one.place + 1)
        count = found.count[0, place]
        there = count > 0
        cells = [
            count.tolist(),
            *(np.where(there, values[0, place].astype(object), np.nan).tolist() for values in (found.low, found.high)),
            np.where(there, found.mean[0, place], np.nan).tolist(),
            found.deviation[0, place].tolist(),
            (count / records).tolist(),
        ]
    if several:
        return cells
    return [
        None if _kind(one, name) is Kind.INT and cell[0] != cell[0] else cell[0]  # NaN
        for (name, *_), cell in zip(_STATISTICS, cells, strict=True)
    ]


def _ucd(one: Measurable, form: str) -> str:
    told = one.variable.described
    ucd = (told.ucd if told else None) or ""
    if "{}" not in form:
        return form
    found = form.format(ucd)
    return found if ucd and is_valid_ucd(found) else ""


def _objects(values: Sequence[object]) -> Values:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
