"""Sessions of a database that wait for a lock."""

from __future__ import annotations

import time

from epntap.db.pool import Database, Role, connect

__all__ = ["wait_until_blocked"]


def wait_until_blocked(database: Database, sessions: int = 1, *, query: str = "", within_s: float = 20) -> None:
    """Until so many wait, with queries in which this regular expression is found."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database() AND query ~ %s"
    )
    until = time.monotonic() + within_s
    with connect(database, Role.ADMIN, autocommit=True) as other:
        while (other.execute(waiting, (query,)).fetchone() or (0,))[0] < sessions:
            assert time.monotonic() < until, f"not {sessions} wait for a lock"
            time.sleep(0.02)
