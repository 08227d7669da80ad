"""A database as the first releases left it (tests/data/first_home)."""

from __future__ import annotations

import gzip
from pathlib import Path

import psycopg

from epntap.db.migrate import make_roles
from epntap.db.pool import Database

__all__ = ["JOB", "RESULTS", "load_first_home"]

_FOLDER = Path(__file__).parent.parent / "data" / "first_home"
RESULTS = _FOLDER / "results"
#: a completed one, whose result is there
JOB = "5e5bb92babd3b62591bc945b1433899b"


def load_first_home(database: Database) -> None:
    """Fill an empty database. Jobs, which would have gone long since, stay for an hour more."""
    make_roles(database)
    script = gzip.decompress((_FOLDER / "epntap.sql.gz").read_bytes())
    with psycopg.connect(database.url) as connection:
        connection.execute(script.replace(b"OWNER TO postgres", b"OWNER TO CURRENT_USER"))
        connection.execute("UPDATE uws.job SET destruction = now() + interval '1 hour'")
