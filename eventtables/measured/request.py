"""Which parameters of a dataset are asked for, and for which events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from epntap.access import Caller
from epntap.archive.holdings import Held, names_of_variables
from epntap.archive.kept.series import HeldSeries, SeriesVariable
from epntap.dali.params import Params, single
from epntap.errors import NotFoundError, ParameterError
from epntap.hints import did_you_mean, shortened
from eventtables.writers import WRITERS, Writer

__all__ = ["Measurable", "MeasureRequest", "measurables", "measure_request"]

#: values of a record that one column is made of
_MOST_COMPONENTS = 100
_COMPONENT = re.compile(r"(?P<name>.+)\((?P<index>[0-9]{1,6}(?:,[0-9]{1,6}){0,3})\)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Measurable:
    """A parameter, or one component of it."""

    #: as columns are called after it
    name: str
    variable: SeriesVariable
    #: place among the components; None: all of them
    place: int | None = None

    @property
    def components(self) -> int:
        """Values of a record."""
        return 1 if self.place is not None else prod(self.variable.dims)


@dataclass(frozen=True, slots=True)
class MeasureRequest:
    """Statistics of some parameters for each event of a table."""

    table: str
    held: HeldSeries
    chosen: tuple[Measurable, ...]
    caller: Caller


def measure_request(params: Params, datasets: Held, caller: Caller) -> tuple[MeasureRequest, Writer]:
    """What a job is asked for, and in which form. Raises ParameterError, NotFoundError."""
    table, dataset = (_required(params, name) for name in ("EVENTS", "DATASET"))
    names = [name.strip() for text in params.get("PARAMETERS", ()) for name in _apart(text) if name.strip()]
    form = (single(params, "FORMAT") or "votable").lower()
    if form not in WRITERS:
        raise ParameterError(f"FORMAT: expected {', '.join(WRITERS)}, found {shortened(form)!r}.")
    held, chosen = measurables(datasets, dataset, names, caller)
    return MeasureRequest(table, held, chosen, caller), WRITERS[form]


def measurables(
    datasets: Held, dataset: str, names: Sequence[str], caller: Caller
) -> tuple[HeldSeries, tuple[Measurable, ...]]:
    """The dataset of this public identifier and parameters of it. Raises NotFoundError, ParameterError."""
    held = datasets.series(dataset, caller)
    if held is None:
        all_of_them = [one.public_id for one in datasets.all(caller)]
        raise NotFoundError(
            f"DATASET: there is no dataset {shortened(dataset)!r} with records.{did_you_mean(dataset, all_of_them)}"
        )
    if not names:
        raise ParameterError(f"PARAMETERS: expected names of parameters of {dataset}, found none.")
    by_variable = {one.name: one for one in held.series.variables}
    known = {public: by_variable[variable] for variable, public in names_of_variables(held).items()}
    known = {**by_variable, **known}
    return held, tuple(_measurable(name, known) for name in dict.fromkeys(names))


def _measurable(name: str, known: dict[str, SeriesVariable]) -> Measurable:
    if name in known:
        found = Measurable(name, known[name])
        if found.components > _MOST_COMPONENTS:
            first = ",".join("0" for _ in found.variable.dims)
            raise ParameterError(
                f"PARAMETERS: {shortened(name)} has {found.components:,} values in a record, and a column at most "
                f"{_MOST_COMPONENTS}; name one of them as {shortened(name)}({first})."
            )
        return found
    match = _COMPONENT.fullmatch(name)
    if match is None or match["name"] not in known:
        raise ParameterError(
            f"PARAMETERS: there is no parameter {shortened(name)!r} in the dataset.{did_you_mean(name, known)}"
        )
    variable = known[match["name"]]
    index = [int(number) for number in match["index"].split(",")]
    dims = variable.dims
    if len(index) != len(dims) or any(one >= size for one, size in zip(index, dims, strict=True)):
        raise ParameterError(f"PARAMETERS: {match['name']} has the shape {list(dims)}, so there is no {name}.")
    place = 0
    for one, size in zip(index, dims, strict=True):
        place = place * size + one
    return Measurable(name, variable, place)


def _apart(text: str) -> list[str]:
    """Names between commas, but for the commas within brackets."""
    return re.split(r",(?![^()]*\))", text)


def _required(params: Params, name: str) -> str:
    text = single(params, name)
    if text is None:
        raise ParameterError(f"{name}: expected a value, found none.")
    return text.strip()
