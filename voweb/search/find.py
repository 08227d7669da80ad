"""What a search finds: how many granules of which groups, what else may be chosen, and the same as ADQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from epntap.archive.kept.counts import COUNTED_TABLE
from epntap.archive.kept.groups import GROUPED, ends_in_month, group_columns, jd_of_month, month_of_jd
from epntap.catalog.names import written_name
from epntap.connection import Connection
from epntap.epncore.vocabulary import DATAPRODUCT_TYPES
from epntap.hints import nearest
from voweb.search.form import Facet, Period, Search
from voweb.search.shelf import LISTS, TEXTS, Dataset, Shelf, Whole
from voweb.search.words import LEVELS, TARGET_NAMES, folded, quantity_called

__all__ = ["Choice", "Found", "Missing", "Offer", "condition", "find"]

Mask = NDArray[np.bool_]
#: names that are offered in place of one that is not there
_MOST_SIMILAR = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that was chosen, and what it means."""

    facet: Facet
    #: as it was given
    value: str
    #: as the rows have it
    key: str
    label: str
    groups: Mask
    #: condition in the table of a service
    adql: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that nothing has, and those that may have been meant."""

    facet: Facet
    value: str
    similar: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """A value of a facet that may be chosen or taken back."""

    value: str
    label: str
    #: granules that have it, whatever else is chosen of its facet
    granules: int
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a search finds."""

    shelf: Shelf
    search: Search
    choices: Sequence[Choice]
    missing: Sequence[Missing]
    #: groups that are searched for, whatever the period
    groups: Mask
    #: granules of each group within the period; 0 for those that are not searched for
    counts: Whole
    offers: Mapping[Facet, Sequence[Offer]]
    #: conditions that do not depend on the service
    _words: Sequence[_Word] = field(default=(), repr=False)

    @property
    def granules(self) -> int:
        """How many there are."""
        return int(self.counts.sum())

    @property
    def services(self) -> list[tuple[str, int]]:
        """Services that have some, and how many."""
        sums = np.bincount(self.shelf.service_of, weights=self.counts, minlength=len(self.shelf.schemas))
        return [(schema, int(sums[number])) for number, schema in enumerate(self.shelf.schemas) if sums[number]]

    @property
    def datasets(self) -> list[tuple[int, Dataset, int]]:
        """Datasets that have some, with their numbers and how many; those whose title has the words come first."""
        sums = np.bincount(self.shelf.dataset_of, weights=self.counts, minlength=len(self.shelf.datasets))
        found = [(int(one), self.shelf.datasets[one], int(sums[one])) for one in np.flatnonzero(sums)]
        words = self.search.words
        return sorted(
            found,
            key=lambda one: (
                -sum(word in f"{one[1].dataset_id} {one[1].title}".lower() for word in words),
                one[1].schema,
                one[1].dataset_id or "",
            ),
        )

    def conditions(self, schema: str) -> list[str]:
        """What the granules of a service are asked for, as ADQL; all hold."""
        found = []
        for facet in Facet:
            parts = [choice.adql(schema) for choice in self.choices if choice.facet is facet]
            if parts and facet is not Facet.SERVICE:
                found.append(_any_of(parts))
        found += [adql for word in self._words if (adql := word.adql(self.shelf, schema))]
        if self.search.with_data:
            found.append("access_url IS NOT NULL")
        return found + _period(self.search.period)

    def adql(self, schema: str, selected: str = "*", more: Sequence[str] = ()) -> str:
        """The granules of a service as a query."""
        conditions = [*self.conditions(schema), *more]
        where = "\nWHERE " + "\n  AND ".join(conditions) if conditions else ""
        return f"SELECT {selected}\nFROM {written_name(schema)}.{COUNTED_TABLE}{where}"  # ADQL, quoted


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the text: the datasets that it occurs in, and values of columns of rows that are of none of these."""

    datasets: Mask
    values: Mapping[str, frozenset[str]]
    groups: Mask

    def adql(self, shelf: Shelf, schema: str) -> str:
        of_service = shelf.service_of == shelf.schemas.index(schema)
        if bool(self.groups[of_service].all()):
            return ""
        ids = {
            dataset.dataset_id
            for number in np.flatnonzero(self.datasets)
            if (dataset := shelf.datasets[number]).schema == schema and dataset.dataset_id is not None
        }
        parts = [_is_one_of("dataset_id", ids)] if ids else []
        parts += [
            _is_one_of(column, values & _values(shelf, schema, column))
            for column, values in self.values.items()
            if values & _values(shelf, schema, column)
        ]
        return _any_of(parts)


def _values(shelf: Shelf, schema: str, column: str) -> frozenset[str]:
    return frozenset(getattr(group, column) for group in shelf.groups if group.schema_name == schema)


def find(shelf: Shelf, search: Search, connect: Callable[[], AbstractContextManager[Connection]]) -> Found:
    """The answer to a search."""
    choices, missing = _resolve(shelf, search)
    by_facet = {facet: _of_facet(shelf, search, choices, facet) for facet in Facet}
    words = [_word(shelf, word) for word in search.words]
    base = np.ones(shelf.count, dtype=np.bool_)
    for one in words:
        base &= one.groups
    if search.with_data:
        base &= shelf.has_access
    counts = _in_period(shelf, search.period, connect)
    offers: dict[Facet, Sequence[Offer]] = {
        facet: _offers(
            shelf,
            facet,
            np.where(_all_of(base, (mask for other, mask in by_facet.items() if other is not facet)), counts, 0),
            [choice for choice in choices if choice.facet is facet],
        )
        for facet in Facet
        if facet is not Facet.DATASET
    }
    groups = _all_of(base, by_facet.values())
    return Found(shelf, search, choices, missing, groups, np.where(groups, counts, 0), offers, words)


def _all_of(base: Mask, masks: Iterable[Mask]) -> Mask:
    return reduce(lambda one, other: one & other, masks, base)


def _of_facet(shelf: Shelf, search: Search, choices: Sequence[Choice], facet: Facet) -> Mask:
    masks = [choice.groups for choice in choices if choice.facet is facet]
    if masks:
        return reduce(lambda one, other: one | other, masks)
    return np.full(shelf.count, not search.values(facet), dtype=np.bool_)


def _offers(shelf: Shelf, facet: Facet, counts: Whole, chosen: Sequence[Choice]) -> list[Offer]:
    """Values that would find something, most granules first; those that are chosen stand at the head."""
    index = shelf.index[facet]
    sums = np.bincount(index.value_of, weights=counts[index.group_of], minlength=len(index.labels))
    known = {choice.key for choice in chosen}
    found = [Offer(choice.value, choice.label, int(counts[choice.groups].sum()), is_chosen=True) for choice in chosen]
    rest = [
        Offer(index.labels[number], _label(facet, index.labels[number]), int(sums[number]))
        for key, number in index.keys.items()
        if key not in known and sums[number]
    ]
    return found + sorted(rest, key=lambda one: (-one.granules, one.label.lower()))


def _label(facet: Facet, value: str) -> str:
    if facet is Facet.TYPE and value in DATAPRODUCT_TYPES:
        return f"{DATAPRODUCT_TYPES[value]} ({value})"
    return f"{LEVELS[value]} ({value})" if facet is Facet.LEVEL and value in LEVELS else value


# -- what values mean --------------------------------------------------------------------------------------------------


def _resolve(shelf: Shelf, search: Search) -> tuple[list[Choice], list[Missing]]:
    choices: list[Choice] = []
    missing: list[Missing] = []
    for facet, values in search.chosen.items():
        for value in values:
            choice = _quantity(shelf, value) if facet is Facet.QUANTITY else _value(shelf, facet, value)
            if choice is None:
                missing.append(Missing(facet, value, _similar(shelf, facet, value)))
            elif choice.key not in {one.key for one in choices if one.facet is facet}:
                choices.append(choice)
    return choices, missing


def _value(shelf: Shelf, facet: Facet, value: str) -> Choice | None:
    index = shelf.index[facet]
    key = _key(index.keys, facet, value)
    if key is None:
        return None
    label = index.labels[index.keys[key]]
    groups = index.groups(key, shelf.count)
    return Choice(facet, value, key, _label(facet, label), groups, lambda schema: condition(facet, label, schema))


def _key(keys: Mapping[str, int], facet: Facet, value: str) -> str | None:
    """The value that is meant: this one, one that differs in case or blanks, or another name of a target."""
    for name in (value, value.lower()):
        if name in keys:
            return name
    by_folded = {folded(key): key for key in keys}
    wanted = folded(value)
    if wanted and wanted in by_folded:
        return by_folded[wanted]
    if facet is Facet.LEVEL:
        return next((level for level, name in LEVELS.items() if folded(name) == wanted and level in keys), None)
    if facet is Facet.TARGET:
        names = next((names for names in TARGET_NAMES if wanted in map(folded, names)), ())
        return next((by_folded[folded(name)] for name in names if folded(name) in by_folded), None)
    return None


def _quantity(shelf: Shelf, value: str) -> Choice | None:
    quantity = quantity_called(value)
    if quantity is not None:
        name, parts = quantity.name, quantity.parts
    else:
        spelled = next((one for one in shelf.kinds if one.lower() == value.lower()), None) or next(
            (word for one in shelf.kinds for word in one.split(";") if word.lower() == value.lower()), None
        )
        if spelled is None:
            return None
        name, parts = spelled, (spelled,)
    kinds = [group.measurement_type or "" for group in shelf.groups]
    groups = np.array([any(part in one for part in parts) for one in kinds], dtype=np.bool_)
    adql = _any_of([f"measurement_type LIKE {_text(f'%{part}%')}" for part in parts])
    return Choice(Facet.QUANTITY, value, name, name, groups, lambda _schema: adql)


def _similar(shelf: Shelf, facet: Facet, value: str) -> list[str]:
    index = shelf.index[facet]
    names = {label.lower(): label for label in index.labels}
    if facet is Facet.TARGET:
        names |= {name.lower(): name for some in TARGET_NAMES for name in some if _key(index.keys, facet, name)}
    parts = [names[name] for name in names if len(value) > 2 and value.lower() in name]
    return list(dict.fromkeys([*nearest(value, names.values(), most=_MOST_SIMILAR), *sorted(parts)]))[:_MOST_SIMILAR]


def _word(shelf: Shelf, word: str) -> _Word:
    datasets = np.array([word in dataset.text for dataset in shelf.datasets], dtype=np.bool_)
    values: dict[str, frozenset[str]] = {}
    groups = datasets[shelf.dataset_of]
    for column in TEXTS:
        texts = [getattr(group, column) or "" for group in shelf.groups]
        has = np.array([word in text.lower() for text in texts], dtype=np.bool_)
        if more := {texts[number] for number in np.flatnonzero(has & ~groups)}:
            values[column] = frozenset(more)
        groups = groups | has
    return _Word(datasets, values, groups)


# -- the period --------------------------------------------------------------------------------------------------------


def _in_period(shelf: Shelf, period: Period, connect: Callable[[], AbstractContextManager[Connection]]) -> Whole:
    """Granules of each group with something of a period: from months, and from rows in months that it cuts."""
    if not period:
        return shelf.totals
    within = np.ones(len(shelf.rows), dtype=np.bool_)
    less = np.zeros(shelf.count, dtype=np.int64)
    if period.stop is not None:
        month = month_of_jd(period.stop)
        within &= shelf.first < month
        less -= _partial(shelf, "begin", period.stop, connect)
    if period.start is not None:
        month = month_of_jd(period.start)
        within &= shelf.last >= month
        less += _partial(shelf, "end", period.start, connect)
    counts = np.bincount(shelf.owner, weights=np.where(within, shelf.rows, 0), minlength=shelf.count)
    return counts.astype(np.int64) - less


def _partial(shelf: Shelf, what: str, jd: float, connect: Callable[[], AbstractContextManager[Connection]]) -> Whole:
    """Granules of each group that begin, or end, from the start of a month on and before an instant in it."""
    month = jd_of_month(month_of_jd(jd))
    if jd <= month:
        return np.zeros(shelf.count, dtype=np.int64)
    if what == "begin":
        condition = sql.SQL("time_min <= time_max AND time_min >= %(start)s AND time_min < %(jd)s")
    else:
        condition = ends_in_month()

    def count() -> Whole:
        found = np.zeros(shelf.count, dtype=np.int64)
        numbers = {(group.schema_name, *group.values): number for number, group in enumerate(shelf.groups)}
        with connect() as connection:
            for schema in shelf.schemas:
                table = shelf.catalog.table(schema, COUNTED_TABLE)
                assert table is not None
                statement = sql.SQL("SELECT {}, count(*) FROM {} WHERE {} GROUP BY {}").format(
                    group_columns(table),
                    sql.Identifier(schema, COUNTED_TABLE),
                    condition,
                    sql.SQL(", ").join(sql.SQL(str(place)) for place in range(1, len(GROUPED) + 2)),
                )
                for *values, rows in connection.execute(statement, {"start": month, "jd": jd}):
                    number = numbers.get((schema, *values))
                    if number is not None:  # else published a moment ago
                        found[number] += rows
        return found

    return shelf.remembered((what, "", jd), count)


def _period(period: Period) -> list[str]:
    """As ADQL; what ends when the period begins has nothing of it, unless it begins there too."""
    found = []
    if period.stop is not None:
        found.append(f"time_min < {period.stop!r}")
    if period.start is not None:
        start = repr(period.start)
        found += [f"time_max >= {start}", f"(time_max > {start} OR time_min = {start})"]
    return found


# -- ADQL --------------------------------------------------------------------------------------------------------------


def condition(facet: Facet, value: str, schema: str) -> str:
    """That granules of a service have a value, as ADQL."""
    if facet in LISTS:
        return f"1 = ivo_hashlist_has({LISTS[facet]}, {_text(value)})"
    if facet is Facet.LEVEL:
        return f"processing_level = {value}"
    if facet is Facet.DATASET:
        return f"dataset_id = {_text(value)}"
    if facet is Facet.RIGHTS:
        datasets = f"SELECT d.dataset_id FROM {written_name(schema)}.dataset AS d"  # noqa: S608  # ADQL
        return f"dataset_id IN ({datasets} WHERE d.access_rights = {_text(value)})"
    return ""


def _is_one_of(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(map(_text, sorted(values)))
    return f"{column} IN ({listed})"


def _any_of(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _text(value: str) -> str:
    quoted = value.replace("'", "''")
    return f"'{quoted}'"
