"""Cuts time series out of files: which records of which variables, joined in time. Values are read later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from itertools import islice
from math import prod
from pathlib import Path
from types import MappingProxyType

import numpy as np

from cutouts.interval import Interval
from cutouts.joined.columns import ColumnModel, Constant, DifferenceError, Member, Records, Stored, join
from cutouts.joined.companions import Companions
from cutouts.joined.remarks import Remarks, enumerate_names
from cutouts.joined.rows import Found, find_rows
from cutouts.joined.series import Axis, Column, RunOfRows, SeriesCut
from cutouts.names import Held, Holdings
from epntap.archive.model import ArchiveFile
from epntap.cdf import CdfFile, CdfType, Entry, Kind, Variable
from epntap.cdf.binary.compression import Compression
from epntap.errors import ParameterError, UnreadableFileError
from epntap.hints import nearest

__all__ = ["cut_files", "open_cut"]

# the operating system lends about a thousand files to a process
_MOST_OPEN_FILES = 32
# what does not vary but differs between the files becomes a column up to this size
_MOST_REPEATED_BYTES = 1 << 26
# what a variable needs to be understood (ISTP guidelines, "Variable attributes")
_NEEDED = re.compile(r"(DEPEND|LABL_PTR|REPRESENTATION)_\d+|DELTA_(PLUS|MINUS)_VAR|(UNIT|FORM|SCAL)_PTR")


@contextmanager
def open_cut(files: Iterable[ArchiveFile], interval: Interval, parameters: Sequence[str] = ()) -> Iterator[SeriesCut]:
    """Lend the records of indexed files that lie in an interval; see `cut_files`.

    A file that is not the one that was indexed any more is an UnreadableFileError.
    """
    ordered = sorted(files, key=lambda file: (file.tt2000_min is None, file.tt2000_min or 0, file.path))
    versions = [(file.size_bytes, file.mtime_ns) for file in ordered]
    with cut_files([Path(file.root, file.path) for file in ordered], interval, parameters, versions) as cut:
        yield cut


@contextmanager
def cut_files(
    paths: Sequence[Path],
    interval: Interval,
    parameters: Sequence[str] = (),
    versions: Sequence[tuple[int, int]] = (),
) -> Iterator[SeriesCut]:
    """Lend the records of files, given in the order of time, that lie in an interval.

    Every variable is cut along its own time axis. Records keep the order of their file, also where time runs
    backwards, and files follow each other; where files overlap, a record that an earlier file has with the same
    values is not taken again, and if they interleave, the rows of the axis are sorted by time.

    Without `parameters` there is every variable that can be cut and all that do not vary with the record; what
    cannot be cut is left out and named. With them there are these variables, their axes and what they point to
    (DEPEND_1, LABL_PTR_1, …); a name that is not known or cannot be cut is a ParameterError. A file that cannot be
    read, or that does not have its size and time of change in `versions`, is an UnreadableFileError.
    """
    opened: list[CdfFile] = []
    try:
        for number, path in enumerate(paths):
            opened.append(CdfFile(path))
            if versions and opened[-1].version != versions[number]:
                raise UnreadableFileError(f"{path.name} was changed since it was indexed; it has to be ingested again")
            if number >= _MOST_OPEN_FILES:
                opened[-1].read_descriptions()
                opened[-1].suspend()
        yield _Joint(opened).cut(interval, parameters)
    finally:
        for file in opened:
            file.close()


class _Joint:
    """Several files of one dataset taken as one."""

    def __init__(self, files: Sequence[CdfFile]) -> None:
        self._files = files
        self._holdings = Holdings(files)
        self._file_names = {number: file.path.name for number, file in enumerate(files)}
        self._remarks = Remarks(self._file_names)
        self._companions = Companions(files, self._remarks)
        #: name of each variable that nothing can be given of, and why
        self._unavailable: dict[str, str] = {}

    def cut(self, interval: Interval, parameters: Sequence[str]) -> SeriesCut:
        """Return what lies in the interval."""
        asked = self._resolve_all(parameters)
        chosen = self._with_needs(asked) if parameters else list(self._held)
        parts = [self._axis_part(name, interval, chosen) for name in self._axes_of(chosen)]
        used = sorted({number for part in parts for number in part.found.records})
        fixed = self._fixed_columns(chosen, parts, used)
        self._refuse_unavailable(asked)
        self._say_of_files(used, parts)
        for file in self._files[_MOST_OPEN_FILES:]:
            file.suspend()
        axes = [Axis(part.time, part.columns) for part in parts]
        taken = self._taken_names(axes, fixed)
        return SeriesCut(
            interval=interval,
            sources=[self._file_names[number] for number in used],
            attributes=self._files[min(used, default=0)].attributes if self._files else {},
            axes=axes,
            fixed=fixed,
            known=frozenset(self._held),
            left_out={} if parameters else {name: why for name, why in self._unavailable.items() if name not in taken},
            remarks=self._remarks.sentences(),
        )

    @property
    def _held(self) -> Mapping[str, Mapping[int, Held]]:
        return self._holdings.held

    def _taken_names(self, axes: Sequence[Axis], fixed: Sequence[Column]) -> set[str]:
        columns = [column for axis in axes for column in (axis.time, *axis.columns)]
        return {column.variable.name for column in (*columns, *fixed)}

    def _resolve_all(self, parameters: Sequence[str]) -> list[str]:
        """The names that are asked for. A name may contain commas, at which the request was taken apart."""
        found: list[str] = []
        rest = [name.strip() for name in parameters]
        while rest:
            for count in range(len(rest), 0, -1):
                names = self._named(",".join(rest[:count])) or self._named(", ".join(rest[:count]))
                if names:
                    found += names
                    rest = rest[count:]
                    break
            else:
                near = nearest(rest[0], self._held, most=3, likeness=0.5)
                hint = f"did you mean {' or '.join(near)}?" if near else f"there are {enumerate_names(self._held)}"
                raise ParameterError(
                    f"PARAMETERS: expected names of variables of this dataset, found '{rest[0]}'; {hint}"
                )
        return list(dict.fromkeys(found))

    def _named(self, wanted: str) -> list[str]:
        same = [known for known in self._held if known.casefold() == wanted.casefold()]
        found = wanted if wanted in self._held else same[0] if len(same) == 1 else None
        return [] if found is None else [found, *self._holdings.parts.get(found, ())]

    def _with_needs(self, asked: Sequence[str]) -> list[str]:
        """What is asked for with the axes and whatever it points to, in the order of the files."""
        chosen = set(asked)
        if not any(name in self._holdings.axis_of for name in chosen):
            for name in asked:
                if not any(held.role.kind is Kind.WHOLE for held in self._held[name].values()):
                    self._unavailable[name] = self._say_nowhere(name, {})
            self._refuse_unavailable(asked)
            axes = self._axis_names
            if len(axes) != 1:
                raise ParameterError(
                    f"PARAMETERS: expected at least one variable that varies with time, found {enumerate_names(asked)}"
                )
            chosen.update(axes)
        waiting = list(chosen)
        while waiting:
            for needed in self._needs(waiting.pop()):
                if needed not in chosen:
                    chosen.add(needed)
                    waiting.append(needed)
        return [name for name in self._held if name in chosen]

    def _needs(self, name: str) -> Iterator[str]:
        """Yield the variables that a variable points to, as far as they can accompany it."""
        axis = self._holdings.axis_of.get(name)
        if axis is not None:
            yield axis
        for number, held in self._held[name].items():
            file = self._files[number]
            for attribute, entry in file.variables[held.name].attributes.items():
                target = file.resolve(entry.text) if _NEEDED.fullmatch(attribute) else None
                if target is None:
                    continue
                known = self._holdings.known(number, target.name)
                if known in self._held and self._holdings.axis_of.get(known, axis) == axis:
                    yield known

    @cached_property
    def _axis_names(self) -> list[str]:
        along = set(self._holdings.axis_of.values())
        return [name for name in self._held if name in along]

    def _axes_of(self, chosen: Sequence[str]) -> list[str]:
        wanted = {self._holdings.axis_of.get(name) for name in chosen}
        return [name for name in self._axis_names if name in wanted]

    def _refuse_unavailable(self, asked: Sequence[str]) -> None:
        for name in asked:
            if name in self._unavailable:
                raise ParameterError(f"PARAMETERS: {name} cannot be cut out: {self._unavailable[name]}")

    def _along(self, axis: str) -> dict[int, dict[str, str]]:
        """By number of the file, what is measured along an axis: its name here and there."""
        found: dict[int, dict[str, str]] = {}
        for name, by_file in self._held.items():
            for number, held in by_file.items():
                if name != axis and self._holdings.axis_in(number, name) == axis:
                    found.setdefault(number, {})[name] = held.name
        return found

    def _axis_part(self, name: str, interval: Interval, chosen: Sequence[str]) -> _AxisPart:
        held = {number: one for number, one in self._held[name].items() if self._holdings.axis_in(number, name) == name}
        names = {number: one.name for number, one in held.items()}
        found = find_rows(self._files, names, cache(partial(self._along, name)), interval, _MOST_OPEN_FILES)
        members: dict[int, Member] = {number: self._stored(number, one) for number, one in held.items()}
        model = self._join(name, members, found)
        assert model is not None  # instants can always be joined
        part = _AxisPart(name, found, Column(model, found.rows))
        for number, last in found.last.items():
            self._remarks.say(self._files[number].outdated_leap_table(held[number].name, last))
        for number, count in found.contested.items():
            self._remarks.contested(name, number, count)
        members_here = [one for one in chosen if one != name and self._holdings.axis_of.get(one) == name]
        self._check(part, members_here)
        for member in members_here:
            part.columns += self._series(member, part)
        return part

    def _series(self, name: str, part: _AxisPart) -> list[Column]:
        """The column of a variable along an axis, with those that say what differs; none if no file has it."""
        numbers = list(part.found.records) or list(self._held[name])
        members: dict[int, Member] = {}
        lacking: dict[int, str] = {}
        for number in numbers:
            member = self._member(name, number, part)
            if isinstance(member, str):
                lacking[number] = member
            else:
                members[number] = member
        if not any(member.varies for member in members.values()):
            if any(self._is_whole(name, number) for number in members):
                return []  # it does not vary in these files
            self._unavailable.setdefault(name, self._say_lacking(name, lacking))
            return []
        model = self._join(name, members, part.found)
        if model is None:
            return []
        self._remarks.missing(name, lacking, model.variable)
        along = _along(model, part.name)
        return self._companions.with_companions(along, part.found.rows, list(part.found.records), part.time)

    def _member(self, name: str, number: int, part: _AxisPart) -> Member | str:
        """What a file has of a variable along an axis, or why it has nothing."""
        held = self._held[name].get(number)
        if held is None:
            return self._holdings.elsewhere.get(name, {}).get(number, "")
        if held.role.kind is Kind.NOWHERE:
            return held.role.reason
        try:
            if held.role.kind is Kind.WHOLE:
                return self._constant(number, held)
            damaged = part.damaged.get((number, name))
            return self._stored(number, held) if damaged is None else damaged
        except UnreadableFileError as exc:
            return str(exc)

    def _check(self, part: _AxisPart, names: Sequence[str]) -> None:
        """Find out before the first byte what cannot be read of these variables, one file after the other."""
        for number, records in part.found.records.items():
            file = self._files[number]
            for name in names:
                held = self._held[name].get(number)
                if held is not None and held.role.kind is Kind.SERIES:
                    try:
                        self._try(file, held.name, records, number)
                    except UnreadableFileError as exc:
                        part.damaged[number, name] = str(exc)
            if number >= _MOST_OPEN_FILES:
                file.suspend()

    def _try(self, file: CdfFile, name: str, records: Records, number: int) -> None:
        first, last = int(records[0]), int(records[-1])
        file.check(name, first, last + 1)
        if number < _MOST_OPEN_FILES and file.variables[name].compression is not Compression.NONE:
            file.read(name, first, first + 1)  # its block is kept for those who ask next

    def _stored(self, number: int, held: Held) -> Stored:
        file = self._files[number]
        return Stored(file, file.variables[held.name], keep_open=number < _MOST_OPEN_FILES)

    def _constant(self, number: int, held: Held) -> Constant:
        file = self._files[number]
        variable, values = file.variables[held.name], file.read_whole(held.name)
        if number >= _MOST_OPEN_FILES:
            file.suspend()
        whole = replace(variable, dims=values.shape[1:], record_varying=False, records=len(values))
        return Constant(whole, values)

    def _is_whole(self, name: str, number: int) -> bool:
        held = self._held[name].get(number)
        return held is not None and held.role.kind is Kind.WHOLE

    def _join(self, name: str, members: Mapping[int, Member], found: Found) -> ColumnModel | None:
        """The column of what files hold; None if they differ too much, which is remembered."""
        used = list(found.records)
        try:
            model = join(members, used, lambda number: found.records.get(number, range(0)), self._file_names)
        except DifferenceError as exc:
            self._unavailable.setdefault(name, f"{name} is {exc}; ask for the files one by one")
            return None
        if model.variable.name != name:
            model = replace(model, variable=replace(model.variable, name=name))
        if len(members) > 1:
            self._remarks.joined(name, model, [number for number in used if number in members] or list(members))
        elif members and model.variable is not next(iter(members.values())).variable:
            self._remarks.types_and_shapes(name, model)
        return model

    def _say_nowhere(self, name: str, damaged: Mapping[int, str]) -> str:
        reasons = {number: held.role.reason for number, held in self._held[name].items()}
        return self._say_lacking(name, reasons | dict(damaged))

    def _say_lacking(self, name: str, lacking: Mapping[int, str]) -> str:
        reasons = list(dict.fromkeys(filter(None, lacking.values())))
        if not reasons:
            return f"{name} is not in {enumerate_names(self._file_names[number] for number in lacking)}"
        where = "" if len(self._files) == 1 else f" ({enumerate_names(self._file_names[one] for one in lacking)})"
        return f"{reasons[0]}{where}"

    def _fixed_columns(self, chosen: Sequence[str], parts: Sequence[_AxisPart], used: Sequence[int]) -> list[Column]:
        """What does not vary, but for what differs between the files: that becomes a column of an axis."""
        taken = {column.variable.name for part in parts for column in part.columns} | {part.name for part in parts}
        fixed = []
        for name in chosen:
            if name in taken:
                continue
            column = self._fixed(name, parts, used)
            if column is not None:
                fixed.append(column)
        return fixed

    def _fixed(self, name: str, parts: Sequence[_AxisPart], used: Sequence[int]) -> Column | None:
        numbers = [number for number in self._held[name] if self._is_whole(name, number)]
        numbers = [number for number in numbers if number in used] or numbers[:1]
        members: dict[int, Member] = {}
        lacking: dict[int, str] = {}
        for number in numbers:
            try:
                members[number] = self._constant(number, self._held[name][number])
            except UnreadableFileError as exc:
                lacking[number] = str(exc)
        if not members:
            self._unavailable.setdefault(name, self._say_nowhere(name, lacking))
            return None
        lacking_files = [number for number in used if number not in members]
        equal = _all_equal(members)
        texts = all(one.variable.cdf_type.is_text for one in members.values())
        if not equal or (lacking_files and not texts):
            part = self._axis_for(name, parts, members)
            if part is not None:
                self._repeat(name, members, part)
                return None
        if not equal:
            self._remarks.first_only(name, members)
            members = dict(islice(members.items(), 1))
        elif lacking_files:
            self._remarks.not_in_all(name, lacking_files)
        number, member = next(iter(members.items()))
        assert isinstance(member, Constant)
        model = join({number: member}, [number], lambda _number: range(1), self._file_names)
        if model.variable.name != name:
            model = replace(model, variable=replace(model.variable, name=name))
        return Column(
            model, RunOfRows(number, range(len(member.values))), self._units(number, self._held[name][number])
        )

    def _units(self, number: int, held: Held) -> str | None:
        return self._files[number].units_of(held.name)

    def _axis_for(self, name: str, parts: Sequence[_AxisPart], members: Mapping[int, Member]) -> _AxisPart | None:
        """The axis along which something that differs between the files is best told; None if it is too large."""
        pointing = [part for part in parts if any(self._points(column.variable, name) for column in part.columns)]
        candidates = pointing if len(pointing) == 1 else sorted(pointing or parts, key=lambda one: -len(one.found.rows))
        size = max(member.variable.dtype.itemsize * prod(member.variable.dims) for member in members.values())
        for part in candidates[:1]:
            if size * len(part.found.rows) <= _MOST_REPEATED_BYTES:
                return part
        return None

    def _points(self, variable: Variable, name: str) -> bool:
        entries = variable.attributes.items()
        return any(
            _NEEDED.fullmatch(attribute) and entry.text.casefold() == name.casefold() for attribute, entry in entries
        )

    def _repeat(self, name: str, members: Mapping[int, Member], part: _AxisPart) -> None:
        """Make a column of an axis of what does not vary within a file."""
        here = {number: member for number, member in members.items() if number in part.found.records}
        model = self._join(name, here or members, part.found)
        if model is None:
            return
        varying = _along(model, part.name)
        lacking = dict.fromkeys((number for number in part.found.records if number not in here), "")
        self._remarks.missing(name, lacking, varying.variable)
        self._remarks.repeated(name, part.name)
        part.columns += self._companions.with_companions(varying, part.found.rows, list(part.found.records), part.time)

    def _say_of_files(self, used: Sequence[int], parts: Sequence[_AxisPart]) -> None:
        self._remarks.spelled(self._held, used)
        self._remarks.global_attributes([self._files[number] for number in used])
        for part in parts:
            self._remarks.time_types(part.name, part.time.model)


@dataclass(slots=True, eq=False)
class _AxisPart:
    """A time axis on its way into a cut."""

    name: str
    found: Found
    time: Column
    columns: list[Column] = field(default_factory=list)
    #: by number of the file and name of a variable, why it cannot be read
    damaged: dict[tuple[int, str], str] = field(default_factory=dict)


def _along(model: ColumnModel, axis: str) -> ColumnModel:
    """The column as one that varies with a time axis, which it names unless the files relied on its length."""
    variable = model.variable
    if variable.record_varying and variable.depend_0 == axis:
        return model
    named = [member.variable.depend_0 is not None or not member.varies for member in model.members.values()]
    entries = {"DEPEND_0": Entry(0, CdfType.CDF_CHAR, axis)} if any(named) else {}
    attributes = MappingProxyType({**variable.attributes, **entries})
    return replace(model, variable=replace(variable, record_varying=True, attributes=attributes))


def _all_equal(members: Mapping[int, Member]) -> bool:
    """Whether something that does not vary is the same in all files."""
    first, *others = members.values()
    values = first.read(range(1))
    for other in others:
        found = other.read(range(1))
        if found.shape != values.shape or found.dtype.kind != values.dtype.kind:
            return False
        same = np.array_equal(found, values) or (
            found.dtype.kind in "fc" and np.array_equal(found, values, equal_nan=True)
        )
        if not same:
            return False
    return True
