"""What clients must know of the records of a dataset before they ask for them, kept so that no file has to be opened.

A series is one time axis of a dataset with what is measured along it, as its files say. It has a public identifier,
which is given once and kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from psycopg.types.json import Jsonb

from epntap.connection import Connection

__all__ = [
    "Bins",
    "Described",
    "HeldSeries",
    "Series",
    "SeriesVariable",
    "all_series",
    "next_release",
    "public_id",
    "series_of",
    "series_of_service",
    "specimens_of",
    "write_series",
]


@dataclass(frozen=True, slots=True)
class Bins:
    """What the places along one dimension stand for, such as energies."""

    name: str
    units: str | None = None
    #: one finite number for each place; None where they vary with time or are no numbers
    centers: tuple[float, ...] | None = None
    #: variable of the same series that holds them, where they vary with time
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """What the description of the dataset says of a variable; texts are as it spells them."""

    #: key of the parameter
    key: str
    title: str | None = None
    description: str | None = None
    units: str | None = None
    #: whether the units of the files mean the same, or cannot be compared: then these are said
    units_hold: bool = True
    ucd: str | None = None
    coordinate_system: str | None = None
    #: names of vector components
    components: tuple[str, ...] = ()
    #: (): a scalar, or not said
    shape: tuple[int, ...] = ()
    fill: str | None = None


@dataclass(frozen=True, slots=True)
class SeriesVariable:
    """One variable of a series, as the files say it."""

    #: of the CDF variable
    name: str
    #: of the CDF type, such as CDF_REAL4
    cdf_type: str
    #: shape of one record, () for a scalar
    dims: tuple[int, ...] = ()
    #: bytes of one text in UTF-8, or decimals of a second of one instant; 0 for numbers
    length: int = 0
    #: reads back exactly; None: the files name none
    fill: str | None = None
    #: of all components, or of each of them; empty: not said
    units: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    coordinate_system: str | None = None
    #: names of vector components as the files spell them, of each component; empty: not said
    representation: tuple[str, ...] = ()
    #: one for each dimension; empty: nothing is said of any
    bins: tuple[Bins, ...] = ()
    #: holds integers that a double cannot
    is_wide: bool = False
    #: the files do not agree about the units, so that none are said
    units_differ: bool = False
    #: what a description says of it, where there is one beside the files
    described: Described | None = None

    @property
    def said_units(self) -> tuple[str, ...]:
        """Of all components, or of each of them: those of the description where these hold."""
        described = self.described
        if described and described.units and described.units_hold and not self.units_differ:
            return (described.units,)
        return self.units

    @property
    def said_coordinate_system(self) -> str | None:
        """That of the description, else that of the files."""
        return (self.described.coordinate_system if self.described else None) or self.coordinate_system


@dataclass(frozen=True, slots=True)
class Series:
    """One time axis of a dataset."""

    #: name of the epoch variable
    axis: str
    #: of the CDF type
    cdf_type: str
    #: decimals of a second that its instants need
    decimals: int
    #: in the order of the files
    variables: tuple[SeriesVariable, ...] = ()
    #: usual time between two records, nanoseconds; None for a single record
    cadence_ns: int | None = None
    #: a short interval with records, TT2000 nanoseconds, half-open
    sample_start: int = 0
    sample_stop: int = 0
    #: shortest and longest time between two records that a description names, seconds
    described_cadence_s: tuple[float, float] | None = None
    #: the one that all units are written in, as HAPI calls it
    units_schema: str | None = None


@dataclass(frozen=True, slots=True)
class HeldSeries:
    """A series with the dataset that it belongs to."""

    public_id: str
    schema: str
    dataset_id: str
    title: str
    description: str | None
    resource_id: str | None
    access_rights: str
    #: DALI timestamp, UTC
    embargoed_until: str | None
    landing_url: str | None
    information_url: str | None
    doi: str | None
    publisher: str | None
    #: CDF variable -> key of the one parameter that the description of the dataset has for it
    keys: Mapping[str, str]
    #: first and last instant of the files, TT2000 nanoseconds, both inclusive
    first_tt2000: int
    last_tt2000: int
    #: when the newest file was changed, nanoseconds since 1970
    changed_ns: int
    series: Series
    #: key of a parameter of the description -> its name within the service, which was given once
    parameter_ids: Mapping[str, str] = field(default_factory=dict)
    #: whoever is in one of these has the data in any case
    groups: tuple[str, ...] = ()
    #: what who uses the data is asked to say
    acknowledgement: str | None = None


_ALL = """
SELECT s.public_id, s.schema_name, s.dataset_id, d.title, d.description, d.resource_id, d.access_rights,
       d.embargoed_until, d.landing_url, d.information_url, d.doi, v.publisher,
       (SELECT coalesce(json_object_agg(p.variable, p.name), '{}') FROM (
            SELECT variable, min(name) AS name FROM archive.parameter p
            WHERE p.schema_name = s.schema_name AND p.dataset_id = s.dataset_id AND p.variable IS NOT NULL
            GROUP BY variable HAVING count(*) = 1
        ) p) AS keys,
       f.first, f.last, f.changed, s.said,
       (SELECT coalesce(json_object_agg(p.name, p.public_id), '{}') FROM archive.parameter p
        WHERE p.schema_name = s.schema_name AND p.dataset_id = s.dataset_id AND p.public_id IS NOT NULL) AS ids,
       d.groups, d.acknowledgement
FROM archive.series s
JOIN archive.dataset d USING (schema_name, dataset_id)
JOIN archive.service v USING (schema_name)
JOIN (
    SELECT schema_name, dataset_id, min(tt2000_min) AS first, max(tt2000_max) AS last, max(mtime_ns) AS changed
    FROM archive.file WHERE tt2000_min IS NOT NULL AND (embargoed_until IS NULL OR embargoed_until <= %(now)s)
    GROUP BY schema_name, dataset_id
) f USING (schema_name, dataset_id)
ORDER BY s.schema_name, s.dataset_id, s.position, s.public_id
"""


def all_series(connection: Connection, now: str) -> list[HeldSeries]:
    """Every series of every service, by service, dataset and axis; files that are embargoed now do not count.

    `now` is a DALI timestamp.
    """
    return [
        _held(facts, _series(said), ids, groups, thanks)
        for *facts, said, ids, groups, thanks in connection.execute(_ALL, {"now": now})
    ]


def series_of(connection: Connection, schema: str, dataset_id: str) -> list[Series]:
    """The series of one dataset, the most important axis first."""
    rows = connection.execute(
        "SELECT said FROM archive.series WHERE schema_name = %s AND dataset_id = %s ORDER BY position, axis",
        (schema, dataset_id),
    )
    return [_series(said) for (said,) in rows]


def _held(
    facts: Sequence[Any], series: Series, ids: Mapping[str, str], groups: Sequence[str], thanks: str | None
) -> HeldSeries:  # in the order of _ALL
    names = [one.name for one in fields(HeldSeries)]
    return HeldSeries(**dict(zip(names, (*facts, series, ids, tuple(groups), thanks), strict=True)))


def next_release(connection: Connection, now: str) -> str | None:
    """When the next embargo of a dataset or file ends, both as DALI timestamps; None when none does."""
    row = connection.execute(
        "SELECT least((SELECT min(embargoed_until) FROM archive.dataset WHERE embargoed_until > %(now)s), "
        "(SELECT min(embargoed_until) FROM archive.file WHERE embargoed_until > %(now)s))",
        {"now": now},
    ).fetchone()
    return row[0] if row else None


@dataclass(frozen=True, slots=True)
class _Known:
    specimens: str
    #: axis -> public identifier
    ids: dict[str, str] = field(default_factory=dict)


def series_of_service(connection: Connection, schema: str) -> list[tuple[str, Series]]:
    """The series of a service with the datasets that they belong to."""
    found = connection.execute(
        "SELECT dataset_id, said FROM archive.series WHERE schema_name = %s ORDER BY dataset_id, position", (schema,)
    )
    return [(str(dataset_id), _series(said)) for dataset_id, said in found]


def specimens_of(connection: Connection, schema: str) -> dict[str, str]:
    """From which files the series of each dataset were told, as `write_series` was given it."""
    return {name: known.specimens for name, known in _known(connection, schema).items()}


def write_series(connection: Connection, schema: str, dataset_id: str, specimens: str, found: Sequence[Series]) -> None:
    """Make the series of a dataset these, the most important axis first. Part of the caller's transaction."""
    known = _known(connection, schema).get(dataset_id, _Known(""))
    own = _public_id_of(connection, schema, dataset_id)
    connection.execute(
        "DELETE FROM archive.series WHERE schema_name = %s AND dataset_id = %s AND axis <> ALL (%s)",
        (schema, dataset_id, [one.axis for one in found]),
    )
    taken = {str(row[0]) for row in connection.execute("SELECT public_id FROM archive.series")}
    for position, one in enumerate(found):
        public = known.ids.get(one.axis) or public_id(
            schema, own, "" if not position and not known.ids else one.axis, taken
        )
        taken.add(public)
        connection.execute(
            "INSERT INTO archive.series (schema_name, dataset_id, axis, position, public_id, specimens, said) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (schema_name, dataset_id, axis) DO UPDATE "
            "SET position = excluded.position, specimens = excluded.specimens, said = excluded.said",
            (schema, dataset_id, one.axis, position, public, specimens, Jsonb(asdict(one))),
        )


def _public_id_of(connection: Connection, schema: str, dataset_id: str) -> str:
    """The name of the dataset where no service is named, which was given to it when it was published."""
    row = connection.execute(
        "SELECT public_id FROM archive.dataset WHERE schema_name = %s AND dataset_id = %s", (schema, dataset_id)
    ).fetchone()
    return row[0] if row and row[0] else dataset_id


def public_id(schema: str, dataset_id: str, axis: str, taken: Collection[str]) -> str:
    """An identifier that nobody has, also in other case: the dataset's own, else with the schema before it."""
    suffix = f"_{axis}" if axis else ""
    folded = {one.casefold() for one in taken}
    # a comma is the one character that an identifier must not have, beside those that cannot be seen (HAPI 3.3 §8.2)
    names = [f"{dataset_id}{suffix}".replace(",", "_"), f"{schema}.{dataset_id}{suffix}".replace(",", "_")]
    number = 1
    while (name := names.pop(0)).casefold() in folded:
        if not names:
            number += 1
            names.append(f"{schema}.{dataset_id}{suffix}_{number}".replace(",", "_"))
    return name


def _known(connection: Connection, schema: str) -> dict[str, _Known]:
    found: dict[str, _Known] = {}
    for dataset_id, axis, public, specimens in connection.execute(
        "SELECT dataset_id, axis, public_id, specimens FROM archive.series WHERE schema_name = %s", (schema,)
    ):
        found.setdefault(dataset_id, _Known(specimens)).ids[axis] = public
    return found


def _series(said: Mapping[str, Any]) -> Series:  # JSON
    variables = tuple(_variable(one) for one in said["variables"])
    cadence = _tuple(said.get("described_cadence_s"))
    return Series(**{**said, "variables": variables, "described_cadence_s": cadence})


def _variable(said: Mapping[str, Any]) -> SeriesVariable:  # JSON
    bins = tuple(Bins(**{**one, "centers": _tuple(one["centers"])}) for one in said["bins"])
    lists = {name: tuple(said[name]) for name in ("dims", "units", "labels", "representation")}
    return SeriesVariable(**{**said, **lists, "bins": bins, "described": _described(said.get("described"))})


def _described(said: Mapping[str, Any] | None) -> Described | None:  # JSON
    if said is None:
        return None
    return Described(**{**said, "components": tuple(said["components"]), "shape": tuple(said["shape"])})


def _tuple(values: list[float] | None) -> Any:  # a tuple, of as many numbers
    return None if values is None else tuple(values)
