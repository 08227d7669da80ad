"""How far the granules of a service reach: in time, in frequency, over targets and instruments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from epntap.archive.kept.counts import ALL_ROWS, coverage, value_counts
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.epncore.vocabulary import MESSENGERS

__all__ = ["Extent", "read_extent"]


_MJD_ORIGIN_JD = 2_400_000.5
_PLANCK_J_S = 6.62607015e-34
#: names of one kind in a record; a registry is no catalogue of asteroids
MOST_NAMES = 30


@dataclass(frozen=True, slots=True)
class Extent:
    """What the rows cover; None or empty where the service does not say."""

    #: first and last instant, MJD
    time_mjd: tuple[float, float] | None
    #: energies of photons, joule
    energy_j: tuple[float, float] | None
    targets: tuple[str, ...]
    hosts: tuple[str, ...]
    instruments: tuple[str, ...]
    messengers: tuple[str, ...]


def read_extent(connection: Connection, table: Table) -> Extent:
    """The extent of a published table: as ingestion has recorded it, else as its rows say."""
    # by hand written rows are in no record of ingestion
    is_kept = value_counts(connection, table.schema, ALL_ROWS) is not None
    covered = coverage(connection, table.schema) if is_kept else None
    if covered is None:
        time = _bounds(connection, table, "time_min", "time_max")
    elif covered.time_min is None or covered.time_max is None:
        time = None
    else:
        time = covered.time_min, covered.time_max
    frequency = _bounds(connection, table, "spectral_range_min", "spectral_range_max")
    return Extent(
        time_mjd=None if time is None else (time[0] - _MJD_ORIGIN_JD, time[1] - _MJD_ORIGIN_JD),
        energy_j=None if frequency is None else (frequency[0] * _PLANCK_J_S, frequency[1] * _PLANCK_J_S),
        targets=_items(connection, table, "target_name"),
        hosts=_items(connection, table, "instrument_host_name"),
        instruments=_items(connection, table, "instrument_name"),
        messengers=tuple(name for name in _items(connection, table, "messenger") if name in MESSENGERS),
    )


def _bounds(connection: Connection, table: Table, low: str, high: str) -> tuple[float, float] | None:
    row = connection.execute(
        sql.SQL("SELECT min({}), max({}) FROM {}").format(
            sql.Identifier(low), sql.Identifier(high), sql.Identifier(table.schema, table.name)
        )
    ).fetchone()
    return None if row is None or row[0] is None or row[1] is None else (row[0], row[1])


def _items(connection: Connection, table: Table, column: str) -> tuple[str, ...]:
    """The items of a hash list that come in most rows, by name."""
    if table.column(column) is None:
        return ()
    rows: Counter[str] = Counter()
    for value, count in (value_counts(connection, table.schema, column) or _counts(connection, table, column)).items():
        for item in (value or "").split("#"):
            rows[item] += count
    del rows[""]
    ranked = sorted(rows, key=lambda item: (-rows[item], item))
    return tuple(sorted(ranked[:MOST_NAMES]))


def _counts(connection: Connection, table: Table, column: str) -> Mapping[str | None, int]:
    """Rows by value where ingestion does not count them."""
    return dict(
        connection.execute(
            sql.SQL("SELECT {0}, count(*) FROM {1} GROUP BY {0}").format(
                sql.Identifier(column), sql.Identifier(table.schema, table.name)
            )
        ).fetchall()
    )
