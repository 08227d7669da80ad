"""What the variables of a CDF are to each other: time axes, series along them, and what is carried whole.

Pure: it looks at descriptions only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epntap.cdf.variable import Variable

__all__ = ["Kind", "Role", "axes_of", "resolve_name", "roles_of"]

# of one dimension, or of the values as they are (ISTP guidelines, "Variable attributes")
_POINTER = re.compile(
    r"(?:DEPEND|LABL_PTR)_(?P<dimension>[1-9]\d*)|DELTA_(?:PLUS|MINUS)_VAR|(?:UNIT|FORM|SCAL)_PTR|REPRESENTATION_\d+"
)


class Kind(StrEnum):
    """How a variable goes with time."""

    #: a record for each record of a time axis
    SERIES = "series"
    #: all of it belongs to every record
    WHOLE = "whole"
    #: its records belong to no known time
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """What a variable is in its file."""

    kind: Kind
    #: of a series
    axis: Variable | None = None
    #: why it is nowhere, a sentence without its full stop
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Pointer:
    owner: Variable
    #: number of values along the dimension that is meant, None if all values are
    size: int | None


def roles_of(variables: Mapping[str, Variable], axes: Sequence[Variable]) -> dict[str, Role]:
    """Return the role of each variable of one file, by name."""
    return _Finder(variables, axes).all()


class _Finder:
    """Finds the roles of the variables of one file."""

    def __init__(self, variables: Mapping[str, Variable], axes: Sequence[Variable]) -> None:
        self._variables = variables
        self._axes = axes
        self._known: dict[str, Role] = {}

    def all(self) -> dict[str, Role]:
        return {name: self._of(variable) for name, variable in self._variables.items()}

    @cached_property
    def _pointers(self) -> dict[str, list[_Pointer]]:
        return _pointers(self._variables)

    def _of(self, variable: Variable) -> Role:
        role = self._known.get(variable.name)
        if role is None:
            # whoever asks again meanwhile goes round in circles of pointers
            self._known[variable.name] = _nowhere(f"{variable.name} names no time axis (DEPEND_0)")
            role = self._known[variable.name] = self._find(variable)
        return role

    def _find(self, variable: Variable) -> Role:
        if variable in self._axes:
            return Role(Kind.SERIES, variable)
        if variable.is_to_be_computed:
            return _nowhere(variable.say_virtual())
        if variable.depend_0 is not None:
            return self._dated(variable, variable.depend_0)
        if not variable.record_varying:
            return Role(Kind.WHOLE)
        return self._undated(variable)

    def _dated(self, variable: Variable, depend_0: str) -> Role:
        """What names its time axis."""
        axis = resolve_name(self._variables, depend_0)
        known = axis in self._axes
        if not variable.record_varying:
            single = known and axis is not None and axis.records == 1 and variable.records == 1
            return Role(Kind.SERIES, axis) if single else Role(Kind.WHOLE)
        if axis is None or not known:
            return _nowhere(f"{variable.name} depends on {depend_0}, which is not a time axis of the file")
        if axis.is_to_be_computed:
            return _nowhere(f"{variable.name} depends on {depend_0}: {axis.say_virtual()}")
        if axis.records != variable.records:
            count = f"{variable.records} record{'s' * (variable.records != 1)}"
            return _nowhere(f"{variable.name} has {count}, its time axis {axis.name} has {axis.records}")
        return Role(Kind.SERIES, axis)

    def _undated(self, variable: Variable) -> Role:
        """What varies with the record and names no time axis.

        What others point to belongs to a dimension of theirs; that it has as many records as an axis says nothing,
        unless one record has all that the dimension needs.
        """
        pointers = self._pointers.get(variable.name, ())
        if any(self._is_whole(variable, pointer) for pointer in pointers):
            return Role(Kind.WHOLE)
        for pointer in pointers:
            axis = self._of(pointer.owner).axis
            if axis is not None and axis.records == variable.records and (pointer.size is None or variable.dims):
                return Role(Kind.SERIES, axis)
        if not pointers:
            same = [axis for axis in self._axes if axis.records == variable.records]
            if len(same) == 1:
                return Role(Kind.SERIES, same[0])
            if variable.records == 1:
                return Role(Kind.WHOLE)
        return _nowhere(f"{variable.name} names no time axis (DEPEND_0)")

    def _is_whole(self, variable: Variable, pointer: _Pointer) -> bool:
        if variable.records == 1:
            return True
        if pointer.size is not None:
            return not variable.dims and variable.records == pointer.size
        owner = pointer.owner
        if self._of(owner).kind is not Kind.WHOLE:
            return False
        same = (owner.records, owner.dims) == (variable.records, variable.dims)
        return same or (not variable.dims and variable.records in owner.dims)


def resolve_name(variables: Mapping[str, Variable], name: str) -> Variable | None:
    """Return the variable that an attribute names: exactly, or in another spelling of upper and lower case."""
    found = variables.get(name)
    if found is None:
        same = [known for known in variables if known.casefold() == name.casefold()]
        found = variables[same[0]] if len(same) == 1 else None
    return found


def _nowhere(reason: str) -> Role:
    return Role(Kind.NOWHERE, reason=reason)


def axes_of(variables: Mapping[str, Variable]) -> tuple[Variable, ...]:
    """The epoch variables that a DEPEND_0 leads to; without any, all that vary with the record; else a single one."""
    epochs = {name: one for name, one in variables.items() if one.cdf_type.is_epoch and prod(one.dims) == 1}
    named = (resolve_name(variables, one.depend_0) for one in variables.values() if one.depend_0 is not None)
    axes = {axis.name: axis for axis in named if axis is not None and axis.name in epochs}
    varying = {name: one for name, one in epochs.items() if one.record_varying}
    if axes or varying:
        return tuple((axes or varying).values())
    return tuple(epochs.values()) if len(epochs) == 1 else ()


def _pointers(variables: Mapping[str, Variable]) -> dict[str, list[_Pointer]]:
    """By name of a variable, what points to it."""
    found: dict[str, list[_Pointer]] = {}
    for owner in variables.values():
        for attribute, entry in owner.attributes.items():
            dimension = _dimension_of(attribute)
            variable = None if dimension is None else resolve_name(variables, entry.text)
            if dimension is None or variable is None or variable is owner or dimension > len(owner.dims):
                continue
            size = owner.dims[dimension - 1] if dimension else None
            found.setdefault(variable.name, []).append(_Pointer(owner, size))
    return found


@lru_cache(maxsize=4096)
def _dimension_of(attribute: str) -> int | None:
    """Which dimension an attribute points for, 0 if for the values as they are; None if it is no pointer."""
    match = _POINTER.fullmatch(attribute)
    return None if match is None else int(match["dimension"] or 0)
