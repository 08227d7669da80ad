"""How far the granules of a service reach: in time, in frequency, over targets and instruments."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

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
    """The extent of a published table."""
    time = _bounds(connection, table, "time_min", "time_max")
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
    rows = connection.execute(
        sql.SQL(
            "SELECT item FROM (SELECT {column} AS list, count(*) AS n FROM {table} WHERE {column} <> '' GROUP BY 1) l,"
            " unnest(string_to_array(list, '#')) item WHERE item <> ''"
            " GROUP BY item ORDER BY sum(n) DESC, item LIMIT {most}"
        ).format(
            column=sql.Identifier(column),
            table=sql.Identifier(table.schema, table.name),
            most=sql.Literal(MOST_NAMES),
        )
    )
    return tuple(sorted(item for (item,) in rows))
