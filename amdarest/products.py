"""Datasets and parameters as AMDA names them: one name for each parameter of all services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from epntap.access import Caller
from epntap.archive.holdings import Held, names_of_variables
from epntap.archive.kept.series import Bins, HeldSeries, SeriesVariable
from epntap.cdf import CdfType
from epntap.errors import NotFoundError
from epntap.hints import did_you_mean, shortened

__all__ = ["AmdaDataset", "AmdaParameter", "Argument", "Chosen", "Products"]

#: so many components without bins are told one by one, more are a spectrum
_MOST_COMPONENTS = 16
#: a component as clients ask for it: `imf(0)`, `tensor(0,2)`
_COMPONENT = re.compile(r"(?P<name>.+)\((?P<index>[0-9]{1,6}(?:,[0-9]{1,6}){0,3})\)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Argument:
    """One dimension of a spectrum, of which a place is chosen."""

    key: str
    name: str
    size: int
    #: what the places are called; empty where nobody knows
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AmdaParameter:
    """One variable with numbers."""

    #: unique among all services
    id: str
    #: unique within the dataset
    name: str
    variable: SeriesVariable
    #: of the template that names one bin of a spectrum; empty where there is none
    template_id: str = ""

    @property
    def is_spectrum(self) -> bool:
        """Whether it is drawn as a spectrogram."""
        dims = self.variable.dims
        has_bins = any(one.centers or one.variable for one in self.variable.bins)
        return bool(dims) and (has_bins or len(dims) > 1 or dims[0] > _MOST_COMPONENTS)

    @property
    def components(self) -> int:
        """How many are told one by one; 0 of a scalar and of spectra."""
        dims = self.variable.dims
        return dims[0] if dims and not self.is_spectrum else 0

    @property
    def description(self) -> str:
        """What it is, in words."""
        told = self.variable.described
        found = (told.description or told.title) if told else None
        return found or self.variable.description or self.variable.title or self.variable.name

    @property
    def units(self) -> str:
        """Of all components; empty where they differ, or are not said."""
        said = set(self.variable.said_units)
        return said.pop() if len(said) == 1 else ""

    @property
    def template(self) -> str:
        """How one bin of a spectrum is named, with the key of an argument between ## for each dimension."""
        return f"{self.id}({','.join(f'##{argument.key}##' for argument in self.arguments)})"

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What the template wants to be told."""
        dims, bins = self.variable.dims, self.variable.bins
        told: list[Bins | None] = [*bins] if len(bins) == len(dims) else [None] * len(dims)
        return tuple(_argument(number, *one) for number, one in enumerate(zip(dims, told, strict=True)))

    def component(self, number: int) -> str:
        """What a component is called."""
        told = self.variable.described
        for names in (told.components if told else (), self.variable.labels):
            if len(names) == self.components:
                return names[number]
        return f"{self.name}[{number}]"


@dataclass(frozen=True, slots=True)
class AmdaDataset:
    """One dataset: a time axis with the numbers that are measured along it."""

    held: HeldSeries
    parameters: tuple[AmdaParameter, ...]

    @property
    def id(self) -> str:
        """Its public identifier."""
        return self.held.public_id


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a client has named: a parameter, or a component of it."""

    dataset: AmdaDataset
    parameter: AmdaParameter
    #: place of the component; None: all of them
    index: tuple[int, ...] | None = None

    @property
    def id(self) -> str:
        """As the client has spelled it."""
        return self.parameter.id if self.index is None else f"{self.parameter.id}({','.join(map(str, self.index))})"


class Products(Held):
    """All datasets at one time, as AMDA has them."""

    def __init__(self, series: Iterable[HeldSeries], generation: int = 0) -> None:
        held = list(series)
        super().__init__(held, generation)
        taken: set[str] = set()
        made = {one.public_id: _dataset(one, taken) for one in held}
        # after all parameters, whose names are told elsewhere too
        self._datasets = {key: _with_templates(one, taken) for key, one in made.items()}
        self._templates = {
            parameter.template_id: parameter
            for one in self._datasets.values()
            for parameter in one.parameters
            if parameter.template_id
        }
        self._parameters = {
            parameter.id: (dataset, parameter)
            for dataset in self._datasets.values()
            for parameter in dataset.parameters
        }

    def datasets(self, caller: Caller) -> Iterator[AmdaDataset]:
        """Those that the caller may have and that hold numbers."""
        for one in self.all(caller):
            if self._datasets[one.public_id].parameters:
                yield self._datasets[one.public_id]

    def dataset(self, public_id: str, caller: Caller) -> AmdaDataset:
        """The dataset with this identifier. Raises NotFoundError; also for one that the caller may not have."""
        if self.series(public_id, caller) is None:
            known = [one.id for one in self.datasets(caller)]
            raise NotFoundError(
                f"datasetID: there is no dataset {shortened(public_id)!r}.{did_you_mean(public_id, known)}"
            )
        return self._datasets[public_id]

    def parameter(self, name: str, caller: Caller) -> Chosen:
        """The parameter, or the component, with this identifier. Raises NotFoundError as `dataset` does."""
        found = self._parameters.get(name)
        index: tuple[int, ...] | None = None
        if found is None and (match := _COMPONENT.fullmatch(name)):
            found = self._parameters.get(match["name"])
            index = tuple(int(number) for number in match["index"].split(","))
        if found is None and name in self._templates:
            example = self._templates[name].template
            for argument in self._templates[name].arguments:
                example = example.replace(f"##{argument.key}##", "0")
            raise NotFoundError(
                f"parameterID: {shortened(name)!r} is a template; ask for one of its bins, as {example}."
            )
        if found is None or self.series(found[0].id, caller) is None:
            raise NotFoundError(
                f"parameterID: there is no parameter {shortened(name)!r}.{did_you_mean(name, self._names(caller))}"
            )
        dims = found[1].variable.dims
        if index is not None and (
            len(index) != len(dims) or any(one >= size for one, size in zip(index, dims, strict=True))
        ):
            raise NotFoundError(
                f"parameterID: {shortened(found[1].id)!r} has the shape {list(dims)}, "
                f"so there is no component ({','.join(map(str, index))}); the first is ({','.join('0' for _ in dims)})."
                if dims
                else f"parameterID: {shortened(found[1].id)!r} is a scalar, which has no components."
            )
        return Chosen(*found, index)

    def _names(self, caller: Caller) -> list[str]:
        return [parameter.id for dataset in self.datasets(caller) for parameter in dataset.parameters]


def _dataset(held: HeldSeries, taken: set[str]) -> AmdaDataset:
    by_name = {one.name: one for one in held.series.variables}
    parameters = []
    for variable, name in names_of_variables(held).items():
        if _is_given(by_name[variable]):
            public = _free_id(held, by_name[variable], name, taken)
            parameters.append(AmdaParameter(public, name, by_name[variable]))
    return AmdaDataset(held, tuple(parameters))


def _with_templates(dataset: AmdaDataset, taken: set[str]) -> AmdaDataset:
    return replace(dataset, parameters=tuple(_with_template(one, taken) for one in dataset.parameters))


def _with_template(parameter: AmdaParameter, taken: set[str]) -> AmdaParameter:
    if not parameter.is_spectrum:
        return parameter
    wanted, number = f"{parameter.id}_bin", 1
    while wanted.casefold() in taken:
        number += 1
        wanted = f"{parameter.id}_bin_{number}"
    taken.add(wanted.casefold())
    return replace(parameter, template_id=wanted)


def _argument(number: int, size: int, bins: Bins | None) -> Argument:
    """The argument for a dimension; places that have the same name are told by their number."""
    if bins is None:
        return Argument(f"bin{number + 1}", f"Place along dimension {number + 1}", size)
    places: tuple[str, ...] = ()
    if bins.centers and len(bins.centers) == size:
        unit = f" {bins.units}" if bins.units else ""
        named = tuple(f"{center:g}{unit}" for center in bins.centers)
        places = named if len(set(named)) == size else ()
    return Argument(f"bin{number + 1}", bins.name, size, places)


def _is_given(variable: SeriesVariable) -> bool:
    """Whether there are numbers: no texts, no instants."""
    kind = CdfType[variable.cdf_type]
    return not kind.is_epoch and not kind.is_text


def _free_id(held: HeldSeries, variable: SeriesVariable, name: str, taken: set[str]) -> str:
    """The name within the service; with the service before it where another service has it already."""
    key = variable.described.key if variable.described else held.keys.get(variable.name, "")
    own = held.parameter_ids.get(key) or f"{held.public_id}_{name}"
    wanted = [own, f"{held.schema}.{own}", f"{held.public_id}_{name}"]
    number = 1
    while True:
        for one in wanted:
            if one.casefold() not in taken:
                taken.add(one.casefold())
                return one
        number += 1
        wanted = [f"{held.public_id}_{name}_{number}"]
