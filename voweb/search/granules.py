"""The granules that a search finds, a page at a time: by key in the order of time, never counted off.

Months say between which instants enough granules begin, so that each query reads a short piece of an index.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import psycopg

from epntap.adql import translate
from epntap.archive.kept.groups import FIRST_MONTH, LAST_MONTH, jd_of_month, month_of_jd
from epntap.connection import Connection
from epntap.errors import ParameterError
from epntap.hints import shortened
from epntap.instants.julian import datetime_from_jd
from voweb.search.find import Found

__all__ = ["PAGE_GRANULES", "Granule", "Granules", "page_of_granules"]

PAGE_GRANULES = 50
#: identifiers that are named so that the index of datasets serves; more are no help
_MOST_NAMED = 300
#: milliseconds; a list that takes longer is not worth the wait
_TIMEOUT_MS = 5_000
_COLUMNS = (
    "granule_uid", "time_min", "time_max", "target_name", "instrument_name", "dataproduct_type",
    "dataset_id", "access_url", "access_estsize",
)  # fmt: skip
_NO_TIME = "-"


@dataclass(frozen=True, slots=True)
class Granule:
    """What a list shows of a granule."""

    schema: str
    granule_uid: str
    time_min: float | None
    time_max: float | None
    target_name: str | None = None
    instrument_name: str | None = None
    dataproduct_type: str | None = None
    dataset_id: str | None = None
    access_url: str | None = None
    #: kilobytes
    access_estsize: int | None = None

    @property
    def key(self) -> str:
        """After this the list goes on."""
        when = _NO_TIME if self.time_min is None else repr(self.time_min)
        return f"{when} {self.schema} {self.granule_uid}"

    @property
    def order(self) -> tuple[float, str, str]:
        """Its place among all: by time, then by name; those without a time come last."""
        return (math.inf if self.time_min is None else self.time_min, self.schema, self.granule_uid)

    @property
    def begins(self) -> datetime | None:
        """UTC; None without a time, or for one that no calendar has."""
        return _moment(self.time_min)

    @property
    def ends(self) -> datetime | None:
        """UTC."""
        return _moment(self.time_max)


@dataclass(frozen=True, slots=True)
class Granules:
    """One page of the list."""

    rows: Sequence[Granule] = ()
    #: key of the last of these, where more follow
    after: str = ""
    #: why there is no list
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Key:
    """After which granule a page begins."""

    time: float | None
    schema: str
    uid: str


def page_of_granules(found: Found, connect: Callable[[], AbstractContextManager[Connection]]) -> Granules:
    """The page after the key of the search. Raises ParameterError for a key that is none."""
    key = _read_key(found.search.after) if found.search.after else None
    if not found.granules:
        return Granules()
    try:
        with connect() as connection, connection.transaction():
            connection.execute("SELECT set_config('statement_timeout', %s, true)", (str(_TIMEOUT_MS),))
            streams = [_of_service(connection, found, schema, key) for schema, _ in found.services]
            rows = []
            for granule in heapq.merge(*streams, key=lambda one: one.order):
                rows.append(granule)
                if len(rows) > PAGE_GRANULES:
                    break
    except psycopg.errors.QueryCanceled:
        return Granules(refusal="The list takes too long at the moment; the table can be had as a file below.")
    more = len(rows) > PAGE_GRANULES
    page = rows[:PAGE_GRANULES]
    return Granules(page, page[-1].key if more else "")


def _read_key(text: str) -> _Key:
    when, _, rest = text.partition(" ")
    schema, _, uid = rest.partition(" ")
    time = None if when == _NO_TIME else _number(when)
    if not uid or "\0" in text or (time is not None and not math.isfinite(time)):
        raise ParameterError(f"after must be what a page of this list ends with, but is {shortened(text)!r}.")
    return _Key(time, schema, uid)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _of_service(connection: Connection, found: Found, schema: str, key: _Key | None) -> Iterator[Granule]:
    """Granules of a service after the key, in order, asked for as they are needed."""
    named = _named_datasets(found, schema)
    if key is None or key.time is not None:
        for low, high in _windows(found, schema, key):
            more = [*named, *([f"time_min >= {low!r}"] if low is not None else [])]
            more += [f"time_min < {high!r}"] if high is not None else []
            if key is not None:
                more.append(_after(key, schema))
            yield from _ask(connection, found, schema, [*more, "time_min IS NOT NULL"], "time_min, granule_uid")
    if not found.search.period:
        uid = key.uid if key is not None and key.time is None else ""
        if key is None or key.time is not None or schema >= key.schema:
            later = [f"granule_uid > {_text(uid)}"] if uid and key is not None and schema == key.schema else []
            if _may_lack_times(found, schema):
                yield from _ask(connection, found, schema, [*named, "time_min IS NULL", *later], "granule_uid")


def _may_lack_times(found: Found, schema: str) -> bool:
    groups = [found.shelf.groups[number] for number in _numbers(found, schema)]
    return any(group.granule_count > sum(group.granules) for group in groups)


def _numbers(found: Found, schema: str) -> Sequence[int]:
    service = found.shelf.schemas.index(schema)
    return [int(one) for one in np.flatnonzero((found.shelf.service_of == service) & (found.counts > 0))]


def _named_datasets(found: Found, schema: str) -> list[str]:
    """The datasets that have granules of the search, which says nothing new, but lets an index serve."""
    shelf = found.shelf
    service = shelf.service_of == shelf.schemas.index(schema)
    wanted = {shelf.groups[number].dataset_id for number in _numbers(found, schema)}
    if None in wanted or len(wanted) > _MOST_NAMED:
        return []
    if len(wanted) == len({shelf.groups[int(one)].dataset_id for one in np.flatnonzero(service)}):
        return []
    return [f"dataset_id IN ({', '.join(_text(str(one)) for one in sorted(wanted, key=str))})"]


def _after(key: _Key, schema: str) -> str:
    if schema < key.schema:
        return f"time_min > {key.time!r}"
    if schema > key.schema:
        return f"time_min >= {key.time!r}"
    return f"(time_min > {key.time!r} OR (time_min = {key.time!r} AND granule_uid > {_text(key.uid)}))"


def _windows(found: Found, schema: str, key: _Key | None) -> Iterator[tuple[float | None, float | None]]:
    """Intervals of time_min, one after the other, in which enough granules begin for a page, and more in each."""
    shelf = found.shelf
    wanted = np.zeros(shelf.count, dtype=np.bool_)
    wanted[_numbers(found, schema)] = True
    spans = wanted[shelf.owner]
    if found.search.period.start is not None:
        spans &= shelf.last >= month_of_jd(found.search.period.start)
    months, places = np.unique(shelf.first[spans], return_inverse=True)
    if not len(months):
        yield None, None
        return
    begun = np.bincount(places, weights=shelf.rows[spans])
    low = jd_of_month(int(months[0])) if months[0] > FIRST_MONTH else None
    if key is not None and key.time is not None:
        keep = months >= month_of_jd(key.time)
        months, begun = months[keep], begun[keep]
        low = key.time
    enough, many = PAGE_GRANULES + 1, 0.0
    for month, rows in zip(months, begun, strict=True):
        many += rows
        if many >= enough and month < LAST_MONTH:
            high = jd_of_month(int(month) + 1)
            yield low, high
            low, many, enough = high, 0.0, 2 * enough
    yield low, None


def _ask(connection: Connection, found: Found, schema: str, more: Sequence[str], order: str) -> Iterator[Granule]:
    columns = [name for name in _COLUMNS if name in found.shelf.columns[schema]]
    query = f"{found.adql(schema, ', '.join(columns), more)}\nORDER BY {order}"
    made = translate(query, found.shelf.catalog, row_limit=PAGE_GRANULES + 1)
    for row in connection.execute(made.statement, made.params):
        yield Granule(schema, **dict(zip(columns, row, strict=True)))


def _text(value: str) -> str:
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


def _moment(jd: float | None) -> datetime | None:
    try:
        return None if jd is None else datetime_from_jd(jd)
    except (ValueError, OverflowError):
        return None
