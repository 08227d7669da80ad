"""What one column over many files is: what is made equal, and what is said of the rest.

Files of one dataset differ: in FILLVAL, type, length of texts, number of channels, type of time, in whether they have a
variable at all. A column has one type, one shape and one fill; what each file holds is brought into it value by value,
found as a fill by that file's own FILLVAL. The rule, attribute by attribute, is in docs/reference/cutout-formats.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from epntap.cdf import FILL_TT2000, CdfFile, CdfType, Entry, Sparse, Variable, as_epochs, to_tt2000
from epntap.cdf.binary.compression import Compression
from epntap.cdf.binary.datatypes import element_type
from epntap.cdf.epochs import is_fill as is_no_time
from epntap.cdf.fills import is_fill, plain_fill

__all__ = [
    "ColumnModel",
    "Constant",
    "DifferenceError",
    "Member",
    "Records",
    "Stored",
    "distinct",
    "is_same_entry",
    "join",
    "text_variable",
]

Records = range | npt.NDArray[np.intp]

_WIDER = {"i1": CdfType.CDF_INT2, "i2": CdfType.CDF_INT4, "i4": CdfType.CDF_INT8}
_WIDER |= {"u1": CdfType.CDF_INT2, "u2": CdfType.CDF_INT4, "u4": CdfType.CDF_INT8}
_TYPES = {
    "i1": CdfType.CDF_INT1, "i2": CdfType.CDF_INT2, "i4": CdfType.CDF_INT4, "i8": CdfType.CDF_INT8,
    "u1": CdfType.CDF_UINT1, "u2": CdfType.CDF_UINT2, "u4": CdfType.CDF_UINT4,
    "f4": CdfType.CDF_REAL4, "f8": CdfType.CDF_REAL8,
}  # fmt: skip
_TIME_FILLS: dict[CdfType, Any] = {
    CdfType.CDF_TIME_TT2000: FILL_TT2000,
    CdfType.CDF_EPOCH: -1.0e31,
    CdfType.CDF_EPOCH16: complex(-1.0e31, -1.0e31),
}
_SCAN_BYTES = 1 << 20


class DifferenceError(Exception):
    """Files differ in what no column can hold; the message says in what."""


class Member(Protocol):
    """What one file holds of a column."""

    @property
    def variable(self) -> Variable:
        """As the file describes it; `dims` are those of one row."""
        ...

    @property
    def varies(self) -> bool:
        """Whether rows have values of their own."""
        ...

    def read(self, records: Records) -> npt.NDArray[Any]:
        """Values of rows, shape (n, *dims)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The records of a file, one for each row."""

    file: CdfFile
    variable: Variable
    #: whether the operating system's file is kept between reads; a process has only so many
    keep_open: bool = True
    varies: bool = True

    def read(self, records: Records) -> npt.NDArray[Any]:
        """See Member."""
        name = self.variable.name
        if isinstance(records, range):
            values = self.file.read(name, records.start, records.stop)
        else:
            values = self.file.read_at(name, records)
        if not self.variable.record_varying:
            values = np.repeat(values, len(records), axis=0)[: len(records)]
        if not self.keep_open:
            self.file.suspend()
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """One value that belongs to every row of a file."""

    variable: Variable
    #: shape (1, *dims)
    values: npt.NDArray[Any]
    varies: bool = False

    def read(self, records: Records) -> npt.NDArray[Any]:
        """See Member."""
        return np.repeat(self.values, len(records), axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class ColumnModel:
    """One column: how it is described, and how the values of each file become values of it."""

    #: as the column is described: one type, one shape, one fill
    variable: Variable
    #: by number of the file; one that is not there has no value in any row
    members: Mapping[int, Member]
    #: files whose values are taken as they are
    plain: frozenset[int]

    def read(self, number: int, records: Records) -> npt.NDArray[Any]:
        """Values of the rows of one file, shape (n, *dims)."""
        member = self.members.get(number)
        if member is None:
            return self.nothing(len(records))
        values = member.read(records)
        return values if number in self.plain else self._bring(values, member.variable)

    def nothing(self, count: int) -> npt.NDArray[Any]:
        """So many rows without a value."""
        return np.full((count, *self.variable.dims), _null(self.variable), self.variable.dtype)

    def _bring(self, values: npt.NDArray[Any], source: Variable) -> npt.NDArray[Any]:
        converted = _converted(values, source, self.variable)
        if converted.shape[1:] == self.variable.dims:
            return converted
        if prod(converted.shape[1:]) == prod(self.variable.dims):
            return converted.reshape(len(values), *self.variable.dims)
        wide = self.nothing(len(values))
        wide[(slice(None), *(slice(size) for size in converted.shape[1:]))] = converted
        return wide


def join(
    members: Mapping[int, Member], used: Sequence[int], rows: Callable[[int], Records], names: Mapping[int, str]
) -> ColumnModel:
    """Return the column of what some files hold, in the order of `used`, the files that have rows.

    `rows` are the records of a file that make rows. Raises DifferenceError with the files that no column can join.
    """
    here = {number: members[number] for number in used if number in members} or dict(members)
    only = next(iter(here.values()))
    first = only.variable
    complete = all(number in here for number in used)
    if len(here) == 1 and complete and first.record_varying == only.varies and _is_simple(first):
        return ColumnModel(first, here, frozenset(here))
    unlike = distinct(here)
    described = _described(unlike, names)
    if complete and _is_simple(first) and all(_is_alike(first, member.variable) for member in unlike.values()):
        return ColumnModel(described, here, frozenset(here))
    described = _with_fill(described, here, rows, padded=not complete or not _same_dims(here, described))
    plain = {number for number, member in here.items() if _is_plain(member.variable, described)}
    return ColumnModel(described, here, frozenset(plain))


def distinct(members: Mapping[int, Member]) -> dict[int, Member]:
    """The first of each of those that are described alike in all but the number of their records.

    Files of one dataset share what they say alike, so that nothing has to be compared for it.
    """
    found: dict[int, Member] = {}
    seen: set[object] = set()
    for number, member in members.items():
        one = member.variable
        if (id(one), member.varies) in seen:
            continue
        seen.add((id(one), member.varies))
        said = (one.cdf_type, one.dtype, one.dims, one.record_varying, one.pad.tobytes(), id(one.attributes))
        if (*said, member.varies) not in seen:
            seen.add((*said, member.varies))
            found[number] = member
    return found


def text_variable(name: str, length: int, attributes: Mapping[str, Entry]) -> Variable:
    """A variable of texts, one a record."""
    dtype = element_type(CdfType.CDF_CHAR, max(length, 1))
    return Variable(
        name=name,
        cdf_type=CdfType.CDF_CHAR,
        dtype=dtype,
        dims=(),
        records=0,
        record_varying=True,
        virtual=False,
        sparse=Sparse.NO,
        pad=np.array(b" " * dtype.itemsize, dtype),
        compression=Compression.NONE,
        attributes=MappingProxyType(dict(attributes)),
    )


def _described(here: Mapping[int, Member], names: Mapping[int, str]) -> Variable:
    """The column without its fill: type, shape, and the attributes on which all agree."""
    variables = [member.variable for member in here.values()]
    first = variables[0]
    cdf_type, dtype = _common_type(here, names)
    varies = any(member.varies for member in here.values()) or any(one.record_varying for one in variables)
    same_pads = len({one.pad.tobytes() for one in variables}) == 1 and first.dtype == dtype
    return replace(
        first,
        cdf_type=cdf_type,
        dtype=dtype,
        dims=_common_dims(here, names),
        record_varying=varies,
        pad=first.pad if same_pads else _default_null(cdf_type, dtype),
        attributes=MappingProxyType(_agreed(variables)),
    )


def _common_type(here: Mapping[int, Member], names: Mapping[int, str]) -> tuple[CdfType, np.dtype[Any]]:
    variables = [member.variable for member in here.values()]
    first = variables[0]
    kinds = {_kind(one) for one in variables}
    types = {one.cdf_type if kinds == {"time"} else one.dtype for one in variables}
    if len(kinds) == len(types) == 1:
        return first.cdf_type, first.dtype
    if kinds == {"time"}:
        return CdfType.CDF_TIME_TT2000, element_type(CdfType.CDF_TIME_TT2000, 1)
    if kinds == {"text"}:
        longest = max(one.dtype.itemsize for one in variables)
        return CdfType.CDF_CHAR, element_type(CdfType.CDF_CHAR, longest)
    common = np.result_type(*(one.dtype for one in variables)) if kinds == {"number"} else None
    # a double does not hold all integers of 64 bits
    if common is None or (
        any(one.dtype.kind in "iu" and one.dtype.itemsize == 8 for one in variables) and common.kind == "f"
    ):
        raise DifferenceError(_say(here, names, lambda one: one.cdf_type.name.removeprefix("CDF_")))
    exact = next((one for one in variables if one.dtype == common), None)
    return (_TYPES[common.str[1:]] if exact is None else exact.cdf_type), common


def _kind(variable: Variable) -> str:
    return "time" if variable.cdf_type.is_epoch else "text" if variable.cdf_type.is_text else "number"


def _common_dims(here: Mapping[int, Member], names: Mapping[int, str]) -> tuple[int, ...]:
    shapes = list(dict.fromkeys(member.variable.dims for member in here.values()))
    if len({len(dims) for dims in shapes}) == 1:
        return tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    if len({prod(dims) for dims in shapes}) == 1:
        return max(shapes, key=len)
    raise DifferenceError(_say(here, names, lambda one: "x".join(map(str, one.dims)) or "one value"))


def _say(here: Mapping[int, Member], names: Mapping[int, str], what: Callable[[Variable], str]) -> str:
    """`INT2 in a.cdf, CHAR in b.cdf`: each answer with the first file that gives it."""
    said: dict[str, str] = {}
    for number, member in here.items():
        said.setdefault(what(member.variable), names[number])
    return ", ".join(f"{answer} in {name}" for answer, name in said.items())


def _agreed(variables: Sequence[Variable]) -> dict[str, Entry]:
    """The attributes that no file contradicts."""
    found: dict[str, Entry] = {}
    contradicted = set()
    for variable in variables:
        for name, entry in variable.attributes.items():
            if not is_same_entry(found.setdefault(name, entry), entry):
                contradicted.add(name)
    return {name: entry for name, entry in found.items() if name not in contradicted}


def is_same_entry(one: Entry, other: Entry) -> bool:
    """Whether two files say the same with an attribute."""
    if one is other:
        return True
    if isinstance(one.value, str) or isinstance(other.value, str):
        both = isinstance(one.value, str) and isinstance(other.value, str)
        return (both and one.value == other.value) or one.text == other.text
    if one.value.shape != other.value.shape:
        return False
    both_nan = (one.value != one.value) & (other.value != other.value)
    return bool(np.all((one.value == other.value) | both_nan))


def _is_alike(one: Variable, other: Variable) -> bool:
    """Whether the values of two variables mean the same, fills included."""
    if one is other:
        return True
    shape = (one.dtype, one.dims, one.cdf_type.is_epoch, one.record_varying)
    if shape != (other.dtype, other.dims, other.cdf_type.is_epoch, other.record_varying):
        return False
    if one.cdf_type.is_epoch and one.cdf_type is not other.cdf_type:
        return False
    fills = one.attributes.get("FILLVAL"), other.attributes.get("FILLVAL")
    if fills[0] is None or fills[1] is None:
        return fills == (None, None)
    return fills[0].cdf_type is fills[1].cdf_type and is_same_entry(fills[0], fills[1])


def _is_simple(variable: Variable) -> bool:
    """Whether fills are found by comparing with one value of the variable's own type."""
    entry = variable.attributes.get("FILLVAL")
    if entry is None or variable.cdf_type.is_text or variable.cdf_type.is_epoch:
        return True
    if entry.cdf_type is variable.cdf_type and not isinstance(entry.value, str) and entry.value.size == 1:
        return True
    return not _has_fill(variable) or plain_fill(variable) is not None


def _has_fill(variable: Variable) -> bool:
    return is_fill(variable, np.empty((0, *variable.dims), variable.dtype)) is not None


def _same_dims(here: Mapping[int, Member], described: Variable) -> bool:
    return all(prod(member.variable.dims) == prod(described.dims) for member in here.values())


def _is_plain(source: Variable, target: Variable) -> bool:
    if (source.dtype, source.dims) != (target.dtype, target.dims) or _kind(source) != _kind(target):
        return False
    if target.cdf_type.is_text:
        return True
    if target.cdf_type.is_epoch:
        return source.cdf_type is target.cdf_type and source.fill in {None, target.fill}
    if not _has_fill(source):
        return True
    fills = plain_fill(source), plain_fill(target)
    return fills[0] is not None and fills[0] == fills[1]


def _with_fill(
    described: Variable, here: Mapping[int, Member], rows: Callable[[int], Records], *, padded: bool
) -> Variable:
    """The column with a fill that no file has as a value; without, where nothing is ever missing."""
    attributes = {name: entry for name, entry in described.attributes.items() if name != "FILLVAL"}
    if described.cdf_type.is_text:
        return described
    if described.cdf_type.is_epoch:
        fills = {str(member.variable.fill) for member in here.values()} if _same_type(here) else {None}
        if len(fills) == 1 and "FILLVAL" in described.attributes:
            return described
        return _filled(described, attributes, _TIME_FILLS[described.cdf_type])
    if not padded and not any(_has_fill(member.variable) for member in here.values()):
        return replace(described, attributes=MappingProxyType(attributes))
    for candidate in _candidates(described, here):
        if all(_is_free(candidate, described, member, rows(number)) for number, member in here.items()):
            return _filled(described, attributes, candidate)
    wider = _WIDER.get(described.dtype.str[1:])
    if wider is None:
        raise DifferenceError(f"no value of {described.cdf_type.name} is left to stand for missing ones")
    wide = replace(described, cdf_type=wider, dtype=element_type(wider, 1))
    return _filled(wide, attributes, np.iinfo(wide.dtype).min)


def _same_type(here: Mapping[int, Member]) -> bool:
    return len({member.variable.cdf_type for member in here.values()}) == 1


def _filled(variable: Variable, attributes: dict[str, Entry], fill: Any) -> Variable:
    value = np.array([fill], variable.dtype)
    return replace(
        variable,
        pad=value[0:1].reshape(()),
        attributes=MappingProxyType({**attributes, "FILLVAL": Entry(0, variable.cdf_type, value)}),
    )


def _candidates(described: Variable, here: Mapping[int, Member]) -> Iterator[Any]:
    """Fills that files use, the usual one of the type, then rare values."""
    own = (plain_fill(member.variable) for member in here.values())
    kind = described.dtype.kind
    fitting = [described.dtype.type(fill) for fill in own if fill is not None and fill == fill]  # noqa: PLR0124
    if kind == "f":
        usual: list[Any] = [-1.0e31, 1.0e31, -1.0e30, -9.9e36]
    else:
        limits = np.iinfo(described.dtype)
        usual = [limits.min, limits.max] if kind == "i" else [limits.max, limits.min]
        usual += [limits.min + 1, limits.max - 1]
    yield from dict.fromkeys((*fitting, *map(described.dtype.type, usual)))


def _is_free(candidate: Any, described: Variable, member: Member, records: Records) -> bool:
    """Whether no value of a file that is not a fill there looks like this one."""
    source = member.variable
    own = plain_fill(source)
    if own is not None and own == candidate:
        return True
    step = max(_SCAN_BYTES // max(source.dtype.itemsize * prod(source.dims), 1), 1)
    count = len(records) if member.varies else min(len(records), 1)
    for first in range(0, count, step):
        values = member.read(records[first : min(first + step, count)])
        found = values.astype(described.dtype) == candidate
        if found.any():
            fills = is_fill(source, values)
            if fills is None or (found & ~fills).any():
                return False
    return True


def _converted(values: npt.NDArray[Any], source: Variable, target: Variable) -> npt.NDArray[Any]:
    """Values of a file in the type of the column, fills as the column has them."""
    if target.cdf_type.is_text:
        width = target.dtype.itemsize
        return values if values.dtype.itemsize == width else np.char.ljust(values, width, b" ").astype(target.dtype)
    if target.cdf_type.is_epoch:
        epochs = as_epochs(values, source.cdf_type)
        if source.cdf_type is not target.cdf_type:
            return to_tt2000(epochs, source.cdf_type, source.fill).reshape(values.shape)
        fills = is_no_time(epochs, source.cdf_type, source.fill).reshape(values.shape)
        return np.where(fills, target.dtype.type(_TIME_FILLS[target.cdf_type]), values)
    found = is_fill(source, values)
    with np.errstate(over="ignore", invalid="ignore"):
        converted = values.astype(target.dtype)
    if found is not None and found.any():
        converted[found] = plain_fill(target)
    return converted


def _null(variable: Variable) -> Any:  # a scalar of the variable's type
    if variable.cdf_type.is_text:
        return b""
    if variable.cdf_type.is_epoch:
        return _TIME_FILLS[variable.cdf_type]
    fill = plain_fill(variable)
    return 0 if fill is None else fill


def _default_null(cdf_type: CdfType, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """A pad for a column whose files pad differently."""
    if cdf_type.is_text:
        return np.array(b" " * dtype.itemsize, dtype)
    if cdf_type.is_epoch:
        return np.array(_TIME_FILLS[cdf_type], dtype)
    if dtype.kind == "f":
        return np.array(-1.0e31, dtype)
    limits = np.iinfo(dtype)
    return np.array(limits.min if dtype.kind == "i" else limits.max, dtype)
