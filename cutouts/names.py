"""The variables of several files of one dataset: which are one, and along which axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from epntap.cdf import CdfFile, Kind, Role

__all__ = ["Held", "Holdings"]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A variable as one file has it."""

    #: as the file spells it
    name: str
    role: Role


class Holdings:
    """What the files hold, by name.

    A name is that of the first file that has it. Names that differ in upper and lower case are one, unless a file has
    both. So are time axes of other names, where no file has both and a variable goes along the one here and along the
    other there. A variable whose axis changes although files have both is one variable for each axis.
    """

    def __init__(self, files: Sequence[CdfFile]) -> None:
        self._names = _one_name_each(files)
        #: by name and number of the file
        self.held: dict[str, dict[int, Held]] = {}
        alike: dict[int, list[tuple[dict[int, Held], Held]]] = {}
        for number, file in enumerate(files):
            # files of one structure share their roles
            places = alike.get(id(file.roles))
            if places is None:
                places = alike[id(file.roles)] = [
                    (self.held.setdefault(self._names[number][name], {}), Held(name, role))
                    for name, role in file.roles.items()
                ]
            for by_number, held in places:
                by_number[number] = held
        #: time axis of every series
        self.axis_of: dict[str, str] = {}
        #: further names of a variable whose axis changes
        self.parts: dict[str, list[str]] = {}
        #: by name and number of the file, why it is not there
        self.elsewhere: dict[str, dict[int, str]] = {}
        self._join_axes()
        self._split_by_axis()

    def known(self, number: int, name: str) -> str:
        """The name here of a variable that a file spells its own way."""
        return self._names[number][name]

    def axis_in(self, number: int, name: str) -> str | None:
        """Name here of the time axis that a variable has in a file; None where it is no series."""
        held = self.held[name].get(number)
        if held is None or held.role.kind is not Kind.SERIES or held.role.axis is None:
            return None
        return self._names[number][held.role.axis.name]

    def _join_axes(self) -> None:
        for name in list(self.held):
            axes = self._axes_of(name)
            for other in list(axes)[1:]:
                first = next(iter(axes))
                if first in self.held and other in self.held and not self.held[first].keys() & self.held[other].keys():
                    self._rename(other, first)

    def _rename(self, other: str, first: str) -> None:
        self.held[first] |= self.held.pop(other)
        for names in self._names:
            for spelled, known in names.items():
                if known == other:
                    names[spelled] = first

    def _split_by_axis(self) -> None:
        for name in list(self.held):
            axes = self._axes_of(name)
            if not axes:
                continue
            first, *others = axes
            self.axis_of[name] = first
            for axis in others:
                part = self._free_name(f"{name}_{axis}")
                numbers = axes[axis]
                self.held[part] = {number: self.held[name].pop(number) for number in numbers}
                self.axis_of[part] = axis
                self.parts.setdefault(name, []).append(part)
                for number in numbers:
                    reason = f"it goes along {axis} there and is called {part}"
                    self.elsewhere.setdefault(name, {})[number] = reason
                for number in axes[first]:
                    reason = f"it goes along {first} there and is called {name}"
                    self.elsewhere.setdefault(part, {})[number] = reason

    def _axes_of(self, name: str) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number in self.held.get(name, ()):
            axis = self.axis_in(number, name)
            if axis is not None:
                found.setdefault(axis, []).append(number)
        return found

    def _free_name(self, wanted: str) -> str:
        name, count = wanted, 2
        while name in self.held:
            name, count = f"{wanted}_{count}", count + 1
        return name


def _one_name_each(files: Sequence[CdfFile]) -> list[dict[str, str]]:
    """For each file, by the spelling there, the name that stands for a variable in all files.

    Files with the same variables share one.
    """
    variables = {id(file.variables): file.variables for file in files}
    if len(variables) == 1:
        return [{name: name for name in files[0].variables}] * len(files)
    spellings: dict[str, dict[str, None]] = {}
    several = set()
    for names in variables.values():
        folded: set[str] = set()
        for name in names:
            key = name.casefold()
            spellings.setdefault(key, {})[name] = None
            if key in folded:
                several.add(key)
            folded.add(key)
    first = {key: next(iter(names)) for key, names in spellings.items() if key not in several}
    found = {key: {name: first.get(name.casefold(), name) for name in names} for key, names in variables.items()}
    return [found[id(file.variables)] for file in files]
