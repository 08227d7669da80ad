"""What a service holds over the years, as the archive knows it: no file is opened."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from epntap.cdf import InstantError, parse_utc
from epntap.connection import Connection
from previews.plan import Bar, Row

__all__ = ["extent_of", "inventory_rows"]

#: stretches of files that hold records; those between which less than a pixel is missing are one
_HELD = """
WITH files AS (
    SELECT dataset_id, tt2000_min AS first, tt2000_max AS last,
           max(tt2000_max) OVER (PARTITION BY dataset_id ORDER BY tt2000_min, tt2000_max
                                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM archive.file JOIN archive.dataset USING (schema_name, dataset_id)
    WHERE schema_name = %(schema)s AND tt2000_min IS NOT NULL
    AND NOT (hidden AND coalesce(file.embargoed_until > %(now)s, false))
), numbered AS (
    SELECT *, count(*) FILTER (WHERE before IS NULL OR first::numeric - before > %(pixel)s)
           OVER (PARTITION BY dataset_id ORDER BY first, last ROWS UNBOUNDED PRECEDING) AS stretch
    FROM files
)
SELECT dataset_id, min(first), max(last) FROM numbered GROUP BY dataset_id, stretch ORDER BY dataset_id, stretch
"""
_SPAN = """
SELECT max(tt2000_max) - min(tt2000_min) FROM archive.file JOIN archive.dataset USING (schema_name, dataset_id)
WHERE schema_name = %(schema)s AND tt2000_min IS NOT NULL
AND NOT (hidden AND coalesce(file.embargoed_until > %(now)s, false))
"""
_DATASETS = "SELECT dataset_id, start_time, stop_time FROM archive.dataset WHERE schema_name = %s ORDER BY dataset_id"


def extent_of(connection: Connection, schema: str, dataset_id: str) -> tuple[int | None, int | None, int]:
    """First and last instant of the files of a dataset that are not embargoed now, and how many there are in all."""
    row = connection.execute(
        "SELECT min(tt2000_min) FILTER (WHERE embargoed_until IS NULL OR embargoed_until <= %(now)s), "
        "max(tt2000_max) FILTER (WHERE embargoed_until IS NULL OR embargoed_until <= %(now)s), count(*) "
        "FROM archive.file WHERE schema_name = %(schema)s AND dataset_id = %(dataset)s AND tt2000_min IS NOT NULL",
        {"schema": schema, "dataset": dataset_id, "now": _now()},
    ).fetchone()
    assert row is not None
    return row[0], row[1], int(row[2])


def inventory_rows(connection: Connection, schema: str, pixels: int) -> tuple[str, list[Row]]:
    """The title of a service, and its datasets: those with files first, then by name."""
    asked = {"schema": schema, "now": _now()}
    title, span = connection.execute(
        f"SELECT title, ({_SPAN}) FROM archive.service WHERE schema_name = %(schema)s",  # noqa: S608  # our own text
        asked,
    ).fetchone() or (schema, None)
    held: dict[str, list[Bar]] = defaultdict(list)
    for name, first, last in connection.execute(_HELD, {**asked, "pixel": int(span or 0) // pixels}):
        held[name].append(Bar(int(first), int(last)))
    rows = [
        Row(name, tuple(held[name]), _described(start, stop))
        for name, start, stop in connection.execute(_DATASETS, (schema,))
    ]
    return str(title), sorted(rows, key=lambda row: (not row.held, row.dataset_id))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _described(start: datetime | None, stop: datetime | None) -> Bar | None:
    if start is None or stop is None or stop < start:
        return None
    try:
        return Bar(parse_utc(start.isoformat()), parse_utc(min(stop, datetime(2200, 1, 1)).isoformat()))  # noqa: DTZ001  # UTC without tzinfo
    except InstantError:
        return None
