"""Datasets, parameters and planes as das2 names them, made of what ingestion keeps of each series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from epntap.archive.holdings import Held, names_of_variables
from epntap.archive.kept.series import HeldSeries, SeriesVariable
from epntap.cdf import CdfType
from epntap.units.vounit import is_dimensionless, to_vounit

__all__ = ["Das2Dataset", "Datasets", "Parameter", "Plane", "das2_unit"]

#: wider variables have no summaries either
_MOST_COMPONENTS = 4096
#: so many components without bins are lines, more are a spectrum
_MOST_LINES = 9
#: spectra of one variable, which are the places along all its dimensions but the last
_MOST_SPECTRA = 64
#: values that four bytes hold exactly
_SINGLE = frozenset({"CDF_REAL4", "CDF_FLOAT", "CDF_INT1", "CDF_BYTE", "CDF_UINT1", "CDF_INT2", "CDF_UINT2"})
_LONGEST_NAME = 48
#: a unit of which nobody here knows more, such as Re: das2 takes any word for one
_WORD = re.compile(r"[A-Za-z]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Plane:
    """Numbers of each record that are one line, or one spectrum."""

    #: letters, digits and underscores
    name: str
    #: of the components of its variable: the first, and how many
    first: int = 0
    count: int = 1
    #: what the places of a spectrum stand for; empty for a line
    tags: tuple[float, ...] = ()
    tag_units: str = ""
    tag_label: str = ""
    units: str = ""
    #: the unit as the files spell it is at its end where das2 has no word for it
    label: str = ""

    @property
    def is_spectrum(self) -> bool:
        """Whether it is a spectrum."""
        return bool(self.tags)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One variable that can be asked for."""

    name: str
    variable: SeriesVariable
    planes: tuple[Plane, ...]

    @property
    def components(self) -> int:
        """Numbers of one record."""
        return prod(self.variable.dims)

    @property
    def is_single(self) -> bool:
        """Whether four bytes hold a value."""
        return self.variable.cdf_type in _SINGLE

    @property
    def has_spectra(self) -> bool:
        """Whether its planes are spectra."""
        return self.planes[0].is_spectrum

    @property
    def description(self) -> str:
        """What it is, in words."""
        told = self.variable.described
        found = (told.description or told.title) if told else None
        return found or self.variable.description or self.variable.title or self.variable.name


@dataclass(frozen=True)
class Das2Dataset:
    """One dataset: a time axis with the numbers that are measured along it."""

    held: HeldSeries

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """All that can be asked for: no texts, no times, no integers beyond what a double holds."""
        by_name = {one.name: one for one in self.held.series.variables}
        taken: set[str] = set()
        found = []
        for variable, name in names_of_variables(self.held).items():
            if _is_given(by_name[variable]):
                planes = tuple(_planes(name, by_name[variable], taken))
                found.append(Parameter(name, by_name[variable], planes))
        return tuple(found)


class Datasets(Held):
    """All datasets at one time, as das2 has them."""

    def __init__(self, series: Iterable[HeldSeries], generation: int = 0) -> None:
        made = list(series)
        super().__init__(made, generation)
        self.described = {one.public_id: Das2Dataset(one) for one in made}


def das2_unit(text: str | None) -> tuple[str, str]:
    """The unit in words of das2, and what has to be said of it elsewhere: how the files spell it."""
    found = to_vounit(text)
    if found is not None:
        return found.replace(".", " "), ""
    said = (text or "").strip()
    if _WORD.fullmatch(said) and not is_dimensionless(said):
        return said, ""
    return "", "" if is_dimensionless(said) else said


def _is_given(variable: SeriesVariable) -> bool:
    kind = CdfType[variable.cdf_type]
    if kind.is_epoch or kind.is_text or variable.is_wide:
        return False
    return 1 <= prod(variable.dims) <= _MOST_COMPONENTS and prod(variable.dims[:-1]) <= _MOST_SPECTRA


def _planes(name: str, variable: SeriesVariable, taken: set[str]) -> Iterator[Plane]:
    count = prod(variable.dims)
    if _are_lines(variable):
        for place in range(count):
            ending = f"_{_component(variable, place)}" if count > 1 else ""
            unit, spelled = das2_unit(_one_of(variable.said_units, place, count))
            label = _one_of(variable.labels, place, count) or _title(variable) or name
            yield Plane(_free(f"{name}{ending}", taken), place, units=unit, label=_with(label, spelled))
        return
    length = variable.dims[-1]
    tags, tag_units, tag_label = _tags(variable, length)
    unit, spelled = das2_unit(variable.said_units[0] if len(set(variable.said_units)) == 1 else "")
    spectra = count // length
    for place in range(spectra):
        ending = f"_{place + 1}" if spectra > 1 else ""
        label = f"{_title(variable) or name}{f' {place + 1}' if ending else ''}"
        plane = _free(f"{name}{ending}", taken)
        yield Plane(plane, place * length, length, tags, tag_units, tag_label, unit, _with(label, spelled))


def _title(variable: SeriesVariable) -> str | None:
    return (variable.described.title if variable.described else None) or variable.title


def _are_lines(variable: SeriesVariable) -> bool:
    count = prod(variable.dims)
    if count == 1:
        return True
    if len(variable.dims) > 1 or count > _MOST_LINES:
        return False
    return not any(one.centers or one.variable for one in variable.bins)


def _tags(variable: SeriesVariable, length: int) -> tuple[tuple[float, ...], str, str]:
    """What the places of spectra stand for; where that varies with time, or is not said, they are counted."""
    bins = variable.bins[-1] if variable.bins else None
    if bins is not None and bins.centers and len(bins.centers) == length:
        unit, spelled = das2_unit(bins.units)
        return bins.centers, unit, _with(bins.name, spelled)
    moving = f" ({bins.variable} has what it stands for)" if bins is not None and bins.variable else ""
    return tuple(float(place) for place in range(length)), "", f"channel{moving}"


def _component(variable: SeriesVariable, place: int) -> str:
    """What tells a component from the others, in a name."""
    words = [_plain(text) for text in variable.labels]
    return words[place] if len({word.casefold() for word in words}) == prod(variable.dims) else str(place + 1)


def _one_of(texts: Sequence[str], place: int, count: int) -> str:
    if len(texts) == count:
        return texts[place]
    return texts[0] if len(texts) == 1 else ""


def _with(label: str, spelled: str) -> str:
    return f"{label} ({spelled})" if spelled else label


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")


def _free(wanted: str, taken: set[str]) -> str:
    """A name of letters, digits and underscores that no other plane has, and take it."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", wanted)[:_LONGEST_NAME]
    base = plain if not plain[:1].isdigit() else f"_{plain}"
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name.casefold())
    return name
