"""What is known of datasets: of all what they are chosen by, read once for each publication; of one the rest."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from cutouts.interval import Interval
from epntap.access import ANONYMOUS, Caller, Rights, may_now, rights_of
from epntap.archive.kept.groups import granule_groups
from epntap.archive.kept.series import Series, next_release, series_of
from epntap.catalog.model import Catalog, Table
from epntap.catalog.narrow.reading import of_dataset, rows_of
from epntap.connection import Connection
from epntap.db.caller import seeing, seen_whole
from epntap.epncore.vocabulary import DATAPRODUCT_TYPES
from epntap.errors import NotFoundError
from epntap.hints import nearest
from epntap.instants.julian import dali_timestamp, datetime_from_jd
from epntap.pages.words import duration
from previews.inventory import extent_of
from voweb.datasets.calendar import days_of

__all__ = ["FACETS", "DatasetFacts", "Datasets", "Gaps", "ParameterFacts", "UnknownDatasetError"]

#: facet → what it is called
FACETS = {
    "service": "Service",
    "quantity": "Measurement type",
    "observatory": "Observatory",
    "instrument": "Instrument",
    "target": "Target",
    "region": "Region",
    "cadence": "Cadence",
    "product": "Product",
    "access": "Access rights",
}
#: facet → column of the groups of granules
_GROUPED = {
    "quantity": "measurement_type",
    "observatory": "instrument_host_name",
    "instrument": "instrument_name",
    "target": "target_name",
    "region": "target_region",
    "product": "dataproduct_type",
}
#: seconds below which a cadence is called so
_CADENCES = ((1, "less than 1 s"), (60, "1 s to 1 min"), (3_600, "1 min to 1 h"), (86_400, "1 h to 1 day"))
_SLOW = "1 day and more"
_MOST_GAPS = 12
#: combinations of groups of which the datasets are kept
_MOST_GROUPS = 8
_ALL = """
SELECT d.schema_name, d.dataset_id, d.title, d.description, d.resource_id, d.start_time, d.stop_time, d.cadence_min_s,
       d.cadence_max_s, d.access_rights, d.hapi_url, d.hapi_id, d.landing_url, d.information_url, d.doi, d.contacts,
       d.embargoed_until, d.groups, d.hidden, d.granule, d.public_id, v.title AS service_title, v.creator,
       v.publisher, v.reference_url, v.last_ingested,
       coalesce((SELECT c.rows FROM archive.value_count c WHERE c.schema_name = d.schema_name
           AND c.column_name = 'dataset_id' AND c.value = d.dataset_id), d.granule_count) AS granule_count,
       coalesce(p.parameters, 0) AS parameter_count, coalesce(p.words, '') AS parameter_words,
       coalesce(f.files, 0) AS file_count, coalesce(f.bytes, 0)::bigint AS file_bytes
FROM archive.dataset d JOIN archive.service v USING (schema_name)
LEFT JOIN (
    SELECT schema_name, dataset_id, count(*) AS parameters,
           left(string_agg(concat_ws(' ', name, title), ' '), 4000) AS words
    FROM archive.parameter GROUP BY schema_name, dataset_id
) p USING (schema_name, dataset_id)
LEFT JOIN (
    SELECT schema_name, dataset_id, count(*) AS files, sum(size_bytes) AS bytes
    FROM archive.file o JOIN archive.dataset h USING (schema_name, dataset_id)
    WHERE NOT h.hidden OR archive.may_have('Open', o.embargoed_until, h.groups)
    GROUP BY schema_name, dataset_id
) f USING (schema_name, dataset_id)
ORDER BY d.schema_name, d.dataset_id
"""
#: of parameters, in the order of ParameterFacts; those that a service of an older version does not publish are NULL
_PARAMETER_COLUMNS = (
    *("name", "title", "description", "unit", "ucd", "shape", "coordinate_system", "variable", "fill_value"),
    *("value_min", "value_max", "filled_share", "first_time", "last_time"),
)


class UnknownDatasetError(NotFoundError):
    """There is no such dataset; `similar` are those that are called nearly so."""

    def __init__(self, message: str, similar: Sequence[DatasetFacts] = ()) -> None:
        super().__init__(message)
        self.similar = similar


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """One dataset as lists show it. Instants are UTC without tzinfo."""

    schema_name: str
    dataset_id: str
    title: str
    description: str | None
    resource_id: str | None
    start_time: datetime | None
    stop_time: datetime | None
    cadence_min_s: float | None
    cadence_max_s: float | None
    access_rights: str
    hapi_url: str | None
    hapi_id: str | None
    landing_url: str | None
    information_url: str | None
    doi: str | None
    contacts: Sequence[str]
    embargoed_until: str | None
    groups: Sequence[str]
    hidden: bool
    granule: str
    public_id: str | None
    service_title: str
    creator: str | None
    publisher: str | None
    reference_url: str | None
    last_ingested: datetime
    granule_count: int
    parameter_count: int
    parameter_words: str
    file_count: int
    file_bytes: int
    #: first and last instant of the granules; None without any
    first: datetime | None = None
    last: datetime | None = None
    #: facet → what the dataset has there
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rights(self) -> Rights:
        """Who may have the data."""
        return rights_of(self.access_rights, self.embargoed_until, groups=self.groups, hidden=self.hidden)

    @property
    def is_open(self) -> bool:
        """Whether everybody may have the data now."""
        return may_now(ANONYMOUS, self.rights)

    @property
    def cadence(self) -> str:
        """The time between two records in words, empty where it is not said."""
        low, high = self.cadence_min_s, self.cadence_max_s
        if low is None:
            return ""
        return _cadence(low) if high is None or high == low else f"{_cadence(low)} to {_cadence(high)}"

    @property
    def text(self) -> str:
        """What free text is looked for in, small letters."""
        words = (self.dataset_id, self.title, self.description or "", self.resource_id or "", self.parameter_words)
        return "\n".join((*words, *(value for values in self.facets.values() for value in values))).casefold()


@dataclass(frozen=True, slots=True)
class ParameterFacts:
    """One parameter, as the service publishes it."""

    name: str
    title: str | None
    description: str | None
    unit: str | None
    ucd: str | None
    shape: str | None
    coordinate_system: str | None
    variable: str | None
    fill_value: str | None
    value_min: float | None
    value_max: float | None
    filled_share: float | None
    first_time: str | None
    last_time: str | None


@dataclass(frozen=True, slots=True)
class Gaps:
    """Times without records."""

    count: int = 0
    seconds: float = 0.0
    #: the longest: start, stop, seconds
    longest: Sequence[tuple[str, str, float]] = ()


@dataclass(slots=True)
class _State:
    """What was read of one publication."""

    catalog: Catalog | None = None
    #: when something is released next, a DALI timestamp
    until: str | None = None
    all: dict[tuple[str, str], DatasetFacts] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    #: facet → value → which datasets, as bits in the order of `all`
    bits: dict[str, dict[str, int]] = field(default_factory=dict)
    #: days with granules of those that were looked at
    days: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(slots=True)
class Datasets:
    """All datasets, read again after each publication."""

    catalog: Callable[[], Catalog]
    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _state: _State = field(default_factory=_State)
    #: those that groups see
    _of_groups: dict[frozenset[str], Datasets] = field(default_factory=dict)

    def seen_by(self, caller: Caller) -> Datasets:
        """The datasets that there are for a caller; these here are those of the world."""
        if not caller.groups:
            return self
        with self._lock:
            if caller.groups not in self._of_groups:
                if len(self._of_groups) >= _MOST_GROUPS:
                    self._of_groups.clear()
                self._of_groups[caller.groups] = Datasets(self.catalog, seeing(self.connect, caller))
            return self._of_groups[caller.groups]

    def state(self) -> _State:
        """What there is now."""
        catalog = self.catalog()
        with self._lock:
            now = dali_timestamp(datetime.now(UTC).replace(tzinfo=None))
            if catalog is not self._state.catalog or (self._state.until and self._state.until <= now):
                with self.connect() as connection:
                    self._state = _read(connection, catalog)
                    with seen_whole(connection):
                        self._state.until = next_release(connection, now)
            return self._state

    def get(self, schema: str, dataset_id: str) -> DatasetFacts:
        """One dataset, also by its public name, SPASE identifier or in other case. Raises UnknownDatasetError."""
        known = self.state().all
        if (schema, dataset_id) in known:
            return known[schema, dataset_id]
        of_schema = {one.dataset_id: one for one in known.values() if one.schema_name == schema}
        folded = dataset_id.casefold()
        for one in of_schema.values():
            if folded in {
                (one.public_id or "").casefold(),
                (one.resource_id or "").casefold(),
                one.dataset_id.casefold(),
            }:
                return one
        if not of_schema:
            schemas = sorted({name for name, _ in known})
            near = nearest(schema, schemas, 1)
            said = f"services with datasets are {', '.join(schemas)}" if schemas else "no datasets are published yet"
            similar = [known[near[0], dataset_id]] if near and (near[0], dataset_id) in known else []
            raise UnknownDatasetError(f"There is no service {schema[:100]!r} with datasets; {said}.", similar)
        similar = [of_schema[name] for name in nearest(dataset_id, of_schema, 5, 0.5)]
        hint = f" Did you mean {similar[0].dataset_id!r}?" if similar else ""
        raise UnknownDatasetError(f"The service {schema} has no dataset {dataset_id[:100]!r}.{hint}", similar)

    # -- of one dataset, asked of the database each time

    def parameters(self, one: DatasetFacts, first: int = 0, most: int | None = None) -> list[ParameterFacts]:
        """Its parameters in the order of the description."""
        table = self.catalog().table(one.schema_name, "parameter")
        if table is None:
            return []
        columns = [
            sql.Identifier(name) if table.column(name) is not None else sql.SQL("NULL") for name in _PARAMETER_COLUMNS
        ]
        statement = sql.SQL(
            "SELECT {} FROM {} WHERE dataset_id = %s ORDER BY parameter_index, name OFFSET %s LIMIT %s"
        ).format(sql.SQL(", ").join(columns), sql.Identifier(one.schema_name, "parameter"))
        with self.connect() as connection:
            return [ParameterFacts(*row) for row in connection.execute(statement, (one.dataset_id, first, most))]

    def gaps(self, one: DatasetFacts) -> Gaps:
        """Its gaps, none where nothing is known of them."""
        if self.catalog().table(one.schema_name, "gap") is None:
            return Gaps()
        statement = sql.SQL(
            "SELECT start_time, stop_time, duration, count(*) OVER (), sum(duration) OVER () FROM {} "
            "WHERE dataset_id = %s ORDER BY duration DESC, start_time LIMIT %s"
        ).format(sql.Identifier(one.schema_name, "gap"))
        with self.connect() as connection:
            rows = connection.execute(statement, (one.dataset_id, _MOST_GAPS)).fetchall()
        return Gaps(rows[0][3], rows[0][4], [row[:3] for row in rows]) if rows else Gaps()

    def days(self, one: DatasetFacts) -> list[tuple[int, int]]:
        """Runs of days that its granules reach into (`days_of`)."""
        state, key = self.state(), (one.schema_name, one.dataset_id)
        if key not in state.days:
            statement = sql.SQL(
                "SELECT time_min, time_max FROM {} WHERE {} AND time_min <= time_max ORDER BY time_min"
            ).format(*self._granules(one))
            with self.connect() as connection:
                state.days[key] = days_of((row[0], row[1]) for row in connection.execute(statement, (one.dataset_id,)))
        return state.days[key]

    def granules_of(self, one: DatasetFacts, start: float, stop: float, most: int) -> list[tuple[str, float, float]]:
        """The first granules that reach into an interval of Julian dates: granule_uid, time_min, time_max."""
        statement = sql.SQL(
            "SELECT granule_uid, time_min, time_max FROM {} WHERE {} AND time_min < %s AND time_max >= %s "
            "AND time_min <= time_max ORDER BY time_min, granule_uid LIMIT %s"
        ).format(*self._granules(one))
        with self.connect() as connection:
            return [
                (row[0], row[1], row[2]) for row in connection.execute(statement, (one.dataset_id, stop, start, most))
            ]

    def newest(self, one: DatasetFacts, start: float, stop: float) -> str:
        """The last granule in an interval of Julian dates, one with data before those without; empty without any."""
        table = self.catalog().table(one.schema_name, "epn_core")
        first = "access_url IS NULL, " if table and table.column("access_url") else ""
        statement = sql.SQL(
            "SELECT granule_uid FROM {} WHERE {} AND time_min < %s AND time_max >= %s "
            "AND time_min <= time_max ORDER BY {} time_min DESC, granule_uid DESC LIMIT 1"
        ).format(*self._granules(one), sql.SQL(first))
        with self.connect() as connection:
            row = connection.execute(statement, (one.dataset_id, stop, start)).fetchone()
        return str(row[0]) if row else ""

    def _granules(self, one: DatasetFacts) -> tuple[sql.Composable, sql.Composable]:
        """What is read for its granules, and a condition on it with the dataset_id as its parameter."""
        table = self.catalog().table(one.schema_name, "epn_core") or Table(one.schema_name, "epn_core", ())
        return rows_of(table), of_dataset(table)

    def extent(self, one: DatasetFacts) -> Interval | None:
        """From the first record to the last of files that are not embargoed; None without one."""
        with self.connect() as connection:
            first, last, _ = extent_of(connection, one.schema_name, one.dataset_id)
        return None if first is None or last is None else Interval(first, last + 1)

    def series(self, one: DatasetFacts) -> dict[str, Series]:
        """What is held here by its identifier on the HAPI server, the most important time axis first."""
        with self.connect() as connection:
            names = connection.execute(
                "SELECT public_id, axis FROM archive.series WHERE schema_name = %s AND dataset_id = %s",
                (one.schema_name, one.dataset_id),
            ).fetchall()
            by_axis = {axis: str(name) for name, axis in names}
            return {by_axis[each.axis]: each for each in series_of(connection, one.schema_name, one.dataset_id)}


def _read(connection: Connection, catalog: Catalog) -> _State:
    """Everything that lists need."""
    published = {table.schema for table in catalog.tables if table.name == "epn_core" and table.column("dataset_id")}
    shared: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    spans: dict[tuple[str, str], list[float]] = defaultdict(list)
    for group in granule_groups(connection):
        key = (group.schema_name, group.dataset_id or "")
        for facet, column in _GROUPED.items():
            shared[key][facet] |= {item.strip() for item in (getattr(group, column) or "").split("#") if item.strip()}
        spans[key] += [jd for jd in (group.time_min, group.time_max) if jd is not None]
    state = _State(catalog)
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(_ALL):
            key = (row["schema_name"], row["dataset_id"])
            if key[0] not in published:
                continue
            one = DatasetFacts(**row)
            times = spans[key]
            state.all[key] = replace(
                one,
                first=_moment(min(times, default=None)) or one.start_time,
                last=_moment(max(times, default=None)) or one.stop_time,
                facets=_facets(one, shared[key]),
            )
    state.texts = {key: one.text for key, one in state.all.items()}
    state.bits = _bits(state.all.values())
    return state


def _facets(one: DatasetFacts, shared: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    found = {facet: tuple(sorted(shared.get(facet, ()))) for facet in _GROUPED}
    found["product"] = tuple(DATAPRODUCT_TYPES.get(code, code) for code in found["product"])
    found["service"] = (one.schema_name,)
    if one.cadence_min_s is not None:
        found["cadence"] = (next((name for most, name in _CADENCES if one.cadence_min_s < most), _SLOW),)
    found["access"] = (one.access_rights if one.is_open or one.access_rights != "Open" else "Embargoed",)
    return found


def _bits(datasets: Iterable[DatasetFacts]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {facet: defaultdict(int) for facet in FACETS}
    for place, one in enumerate(datasets):
        for facet, values in one.facets.items():
            for value in values:
                found[facet][value] |= 1 << place
    return found


def _moment(jd: float | None) -> datetime | None:
    try:
        return None if jd is None else datetime_from_jd(jd)
    except (ValueError, OverflowError):  # a year that no calendar has
        return None


def _cadence(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return re.sub(r"\.0 s$", " s", duration(seconds))


def plain(value: Any) -> Any:  # of any column
    """A value for JSON: instants as DALI timestamps."""
    return f"{value:%Y-%m-%dT%H:%M:%S}" if isinstance(value, datetime) else value
