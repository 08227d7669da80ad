"""What descriptions say of the variables of files, and where the two do not agree. No I/O here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isclose, isnan
from operator import attrgetter

from epntap.archive.kept.series import Described, Series, SeriesVariable
from epntap.archive.model import Dataset, Parameter
from epntap.units.convert import UnitProblem, conversion, is_vounit
from epntap.units.vounit import to_vounit
from ingest.facts import Remark

__all__ = ["described_series", "differences"]

#: of fills that were written with six digits, and of cadences that are told in round numbers
_FILL_TOLERANCE, _CADENCE_TOLERANCE = 1e-5, 0.1
_NS = 1_000_000_000
#: instances that a line of the report names
_NAMED = 3
_VOUNITS = "vounits1.1"


def described_series(found: Iterable[Series], dataset: Dataset | None) -> list[Series]:
    """The series of a dataset with what its description says of them."""
    return [_with_schema(_described(one, dataset)) for one in found]


def _described(series: Series, dataset: Dataset | None) -> Series:
    if dataset is None or dataset.resource_id is None:
        return series
    parameters = _by_variable([one.name for one in series.variables], dataset.parameters)
    variables = [
        replace(one, described=_told(one, parameters[one.name])) if one.name in parameters else one
        for one in series.variables
    ]
    shortest = dataset.cadence_min_s or dataset.cadence_max_s
    longest = dataset.cadence_max_s or dataset.cadence_min_s
    cadence = (shortest, longest) if shortest and longest else None
    return replace(series, variables=tuple(variables), described_cadence_s=cadence)


def _by_variable(names: Sequence[str], parameters: Sequence[Parameter]) -> dict[str, Parameter]:
    """The one parameter that each variable is: the one with its name as variable, as key, or as title."""
    found: dict[str, Parameter] = {}
    taken: set[str] = set()
    for name_of in map(attrgetter, ("variable", "name", "title")):
        by_name: dict[str, list[Parameter]] = defaultdict(list)
        for one in parameters:
            if one.name not in taken:
                by_name[name_of(one) or ""].append(one)
        for name in names:
            if name not in found and len(by_name[name]) == 1:
                found[name] = by_name[name][0]
                taken.add(found[name].name)
    return found


def _told(variable: SeriesVariable, parameter: Parameter) -> Described:
    return Described(
        key=parameter.name,
        title=parameter.title,
        description=parameter.description,
        units=parameter.units,
        units_hold=all(_may_be_same(parameter.units, units) for units in variable.units),
        ucd=parameter.ucd,
        coordinate_system=parameter.coordinate_system,
        components=parameter.components,
        shape=parameter.shape,
        fill=parameter.fill_value,
    )


def _may_be_same(one: str | None, other: str | None) -> bool:
    """Whether units mean the same, or nobody can tell that they do not."""
    return not one or not other or _factor(one, other) in {1.0, None}


def _factor(one: str, other: str) -> float | None:
    """From the first unit to the second: 0 between different things, None where one of them cannot be read."""
    first, second = to_vounit(one) or one.strip(), to_vounit(other) or other.strip()
    if first == second:
        return 1.0
    try:
        conversion(first, first)
        conversion(second, second)
    except UnitProblem:
        return None
    try:
        factor = conversion(first, second).apply(1.0)
    except UnitProblem:
        return 0.0
    return 1.0 if isclose(factor, 1.0, rel_tol=1e-9) else factor


def _with_schema(series: Series) -> Series:
    """Say VOUnits where all units are of these."""
    variables = series.variables
    units = [text for one in variables for text in one.said_units if text]
    units += [bins.units or "" for one in variables for bins in one.bins]
    are_known = bool(units) and all(is_vounit(one) for one in units)
    return replace(series, units_schema=_VOUNITS if are_known else None)


# -- differences ------------------------------------------------------------------------------------------------------


def differences(held: Iterable[tuple[str, Series]]) -> tuple[Remark, ...]:
    """A line for each kind of disagreement between descriptions and files; `held` are datasets with their series."""
    found: dict[str, list[str]] = {"units": [], "fill": [], "shape": [], "cadence": []}
    compared = 0
    for dataset_id, series in held:
        for variable in series.variables:
            if variable.described is not None:
                compared += 1
                for kind, text in _differences_of(variable, variable.described):
                    found[kind].append(f"{dataset_id} {variable.name} ({text})")
        if text := _cadence_difference(series):
            found["cadence"].append(f"{dataset_id} ({text})")
    return tuple(
        Remark("descriptions and files", _line(kind, instances, compared))
        for kind, instances in found.items()
        if instances
    )


def _line(kind: str, instances: Sequence[str], compared: int) -> str:
    named = ", ".join(instances[:_NAMED])
    more = f" and {len(instances) - _NAMED:,} more" if len(instances) > _NAMED else ""
    among = "" if kind == "cadence" else f" of {compared:,} variables"
    return f"{kind} differ: {len(instances):,}{among}; {named}{more}"


def _differences_of(variable: SeriesVariable, described: Described) -> Iterable[tuple[str, str]]:
    units = ", ".join(dict.fromkeys(variable.units))
    if (
        described.units
        and variable.units
        and any(_factor(described.units, one) != 1.0 for one in variable.units if one)
    ):
        yield "units", f"{described.units!r} described, {units!r} in files"
    if described.fill and variable.fill and not _is_same_fill(described.fill, variable.fill):
        yield "fill", f"{described.fill} described, {variable.fill} in files"
    if described.shape and described.shape != variable.dims:
        yield "shape", f"{_size(described.shape)} described, {_size(variable.dims)} in files"


def _is_same_fill(one: str, other: str) -> bool:
    try:
        first, second = float(one), float(other)
    except ValueError:
        return one.strip() == other.strip()
    return isclose(first, second, rel_tol=_FILL_TOLERANCE) or (isnan(first) and isnan(second))


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "a scalar"


def _cadence_difference(series: Series) -> str:
    if series.described_cadence_s is None or not series.cadence_ns:
        return ""
    shortest, longest = series.described_cadence_s
    seconds = series.cadence_ns / _NS
    if shortest * (1 - _CADENCE_TOLERANCE) <= seconds <= longest * (1 + _CADENCE_TOLERANCE):
        return ""
    told = f"{shortest:g} s" if shortest == longest else f"{shortest:g} to {longest:g} s"
    return f"{told} described, {seconds:g} s in files"
