"""Which datasets are asked for by facets and words, and what else could be chosen. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from epntap.dali.params import Params, single
from epntap.errors import ParameterError
from voweb.datasets.facts import FACETS, DatasetFacts, Datasets

__all__ = ["PAGE", "Choice", "Facet", "Found", "choose", "read_choice"]

#: datasets on one page
PAGE = 50
#: values of a facet that are shown before the rest is unfolded
_MOST_WORDS = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for; it is the address of the page."""

    text: str = ""
    #: facet → values, of which a dataset has all
    values: Mapping[str, tuple[str, ...]] | None = None
    page: int = 1

    def query(
        self, *, without: tuple[str, str] | None = None, more: tuple[str, str] | None = None, page: int = 1
    ) -> list[tuple[str, str]]:
        """The parameters of the address of this choice, or of one that differs by a value."""
        pairs = [("q", self.text)] if self.text else []
        pairs += [(facet, value) for facet, values in (self.values or {}).items() for value in values]
        pairs = [pair for pair in pairs if pair != without]
        return [*pairs, *([more] if more else []), *([("page", str(page))] if page > 1 else [])]


@dataclass(frozen=True, slots=True)
class Facet:
    """What can be chosen of one kind: value, how many datasets would be left, whether it is chosen."""

    name: str
    title: str
    values: Sequence[tuple[str, int, bool]]


@dataclass(frozen=True, slots=True)
class Found:
    """The datasets of one page, and what could be chosen next."""

    count: int
    shown: Sequence[DatasetFacts]
    facets: Sequence[Facet]
    pages: int


def read_choice(params: Params) -> Choice:
    """The choice of an address. Raises ParameterError for a page that is no number."""
    number = (single(params, "PAGE") or "1").strip()
    if not (number.isascii() and number.isdigit() and int(number[:9]) >= 1):
        raise ParameterError(f"page must be a number from 1 on, but is {number[:40]!r}.")
    values = {
        facet: tuple(dict.fromkeys(value for value in params.get(facet.upper(), ()) if value)) for facet in FACETS
    }
    return Choice((single(params, "Q") or "").strip()[:500], {k: v for k, v in values.items() if v}, int(number[:9]))


def choose(datasets: Datasets, choice: Choice) -> Found:
    """The datasets that have all that is asked for."""
    state = datasets.state()
    everything = list(state.all.values())
    chosen = (1 << len(everything)) - 1
    for facet, values in (choice.values or {}).items():
        for value in values:
            chosen &= state.bits[facet].get(value, 0)
    words = choice.text.casefold().split()[:_MOST_WORDS]
    if words:
        for place, text in enumerate(state.texts.values()):
            if chosen >> place & 1 and not all(word in text for word in words):
                chosen &= ~(1 << place)
    places = [place for place in range(len(everything)) if chosen >> place & 1]
    first = (choice.page - 1) * PAGE
    return Found(
        len(places),
        [everything[place] for place in places[first : first + PAGE]],
        list(_facets(state.bits, chosen, choice.values or {})),
        -(-len(places) // PAGE),
    )


def _facets(bits: Mapping[str, Mapping[str, int]], chosen: int, values: Mapping[str, Sequence[str]]) -> Iterator[Facet]:
    for name, title in FACETS.items():
        taken = values.get(name, ())
        counts = [(value, (mask & chosen).bit_count(), value in taken) for value, mask in bits[name].items()]
        counts += [(value, 0, True) for value in taken if value not in bits[name]]
        left = [one for one in counts if one[1] or one[2]]
        left.sort(key=lambda one: (not one[2], -one[1], one[0].casefold()))
        if len(left) > 1 or any(one[2] for one in left):
            yield Facet(name, title, left)
