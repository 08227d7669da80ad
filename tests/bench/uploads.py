"""A table of 10 000 rows that comes with the query: joined by identifier and by overlap in time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from epntap.db.pool import Role, connect
from tests.bench.measure import TABLE, Bench, Measure
from tests.support.multipart import query
from tests.support.votables import votable

__all__ = ["measure"]

ROWS = 10_000
_FIELDS = (
    '<FIELD name="uid" datatype="char" arraysize="*"/>'
    '<FIELD name="t1" datatype="double" unit="d"/><FIELD name="t2" datatype="double" unit="d"/>'
)
_WAYS = {
    "identifier": "e.granule_uid = u.uid",
    "overlap in time": "e.time_min <= u.t2 AND e.time_max >= u.t1",
}


def measure(bench: Bench) -> Iterator[Measure]:
    """From the request until the last row, with the table on its way."""
    table = _table(bench)
    for way, condition in _WAYS.items():
        text = (
            f"SELECT COUNT(*) AS n, MIN(e.time_min) AS earliest FROM {TABLE} AS e JOIN TAP_UPLOAD.u AS u ON {condition}"
        )
        times = []
        for _ in range(bench.rounds):
            started = time.perf_counter()
            reply = query(bench.server, text, u=table)
            times.append(time.perf_counter() - started)
            if reply.status != 200:
                raise RuntimeError(reply.body[:500])
        yield Measure.of(f"upload of {ROWS:,} rows joined by {way}", times, "s", "< 1.3")


def _table(bench: Bench) -> bytes:
    """Moments of ten minutes within granules that are there."""
    with connect(bench.database, Role.READER, autocommit=True) as connection:
        found = connection.execute(
            "SELECT granule_uid, (time_min + time_max) / 2 FROM bench.epn_core ORDER BY md5(granule_uid) LIMIT %s",
            (ROWS,),
        ).fetchall()
    rows = [f"<TR><TD>{uid}</TD><TD>{t!r}</TD><TD>{t + 0.007!r}</TD></TR>" for uid, t in found]
    return votable(_FIELDS, "".join(rows))
