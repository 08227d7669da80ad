"""Standbys: servers that follow the primary and answer queries in its place, as far as they have what is asked for.

Nothing is asked of a standby that its primary could not be asked. So whatever a standby cannot do is done once more on
the primary, as long as nothing of the answer has left.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from epntap.connection import Connection
from epntap.db.pool import Database, Held, Pool, Role, connect, open_pool, place_of, prove
from epntap.errors import SetupError

__all__ = ["Standby", "check_standbys", "has_published", "query_pools", "standbys_of"]

log = logging.getLogger(__name__)

#: connections beside those that run queries, for whoever asks how it is
_SPARE = 2
#: a server that does not answer at once keeps nobody waiting who only asks how all are
_ASK_WITHIN_S = "2"
#: a lag that is worth a second look, after so long
_LATE_S = 1
_REPLAYED_WITHIN_S = 0.1
_PUBLISHED = "SELECT version FROM udf.published_version"
#: the same on a server and on those that follow it
_CLUSTER = "SELECT system_identifier FROM pg_control_system()"
# a server that has replayed all that it received is behind only where nothing reaches it
_STATE = """
SELECT pg_is_in_recovery(),
       CASE WHEN NOT pg_is_in_recovery() THEN 0
            WHEN pg_last_wal_replay_lsn() >= coalesce(pg_last_wal_receive_lsn(), '0/0')
                 AND EXISTS (SELECT FROM pg_stat_wal_receiver)
            THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
       END::float8
"""


@dataclass(frozen=True, slots=True)
class Standby:
    """A server that EPNTAP_QUERY_DATABASE_URL names, as it was a moment ago."""

    #: host and port
    place: str
    #: why nothing more is known; empty where it answers
    failure: str = ""
    is_primary: bool = False
    #: seconds since the newest change that it has was made, 0 if it has all; None: nobody knows
    lag_s: float | None = None


def query_pools(database: Database, size: int, **settings: str) -> tuple[Pool, Pool | None]:
    """Where queries run, and the primary if that is elsewhere; `settings` are those of the sessions."""
    standbys = database.standbys
    if standbys is None:
        return open_pool(database, Role.READER, size=size, name="queries", **settings), None
    queries = Pool(standbys, Role.READER, size=size + _SPARE, name="queries", settings=settings, rests=True)
    # opened when they are needed: by uploads, and by what no standby can answer
    return queries, Pool(database, Role.READER, size=size, name="primary", settings=settings, least=0)


def check_standbys(database: Database) -> None:
    """Raises SetupError where a standby gives sessions that may do too much, or is none of this database.

    Standbys that do not answer are no reason to stop: queries run on the primary meanwhile.
    """
    standbys = database.standbys
    if standbys is None:
        return
    try:
        session = psycopg.connect(standbys.conninfo(Role.READER), autocommit=True)
    except psycopg.OperationalError as exc:
        log.warning("No standby answers, so queries run on the primary: %s", str(exc).strip().splitlines()[0])
        return
    with session, connect(database, Role.READER, autocommit=True) as primary:
        prove(session, standbys, Role.READER)
        if _cluster(session) != _cluster(primary):
            raise SetupError(
                f"{standbys.named_by} leads to {place_of(session)}, which is no copy of the database that "
                f"{database.named_by} names: queries would be answered from other rows. A standby follows its primary "
                "by streaming replication (docs/howto/standbys.md)."
            )


def _cluster(connection: Connection) -> tuple[object, str]:
    row = connection.execute(_CLUSTER).fetchone()
    assert row is not None
    return row[0], connection.info.dbname


def standbys_of(database: Database) -> list[Standby]:
    """Each server that may answer queries in the place of the primary, asked now."""
    standbys = database.standbys
    return [] if standbys is None else [_asked(conninfo) for conninfo in _each(standbys.conninfo(Role.READER))]


def _each(conninfo: str) -> Iterator[str]:
    """An address of several servers, taken apart."""
    known = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    known.update(target_session_attrs="any", connect_timeout=_ASK_WITHIN_S)
    lists = {name: known[name].split(",") for name in ("host", "hostaddr", "port") if name in known}
    for number in range(max(map(len, lists.values()), default=1)):
        # one port may stand for all hosts
        known.update({name: values[number if len(values) > 1 else 0] for name, values in lists.items()})
        yield make_conninfo("", **known)


def _asked(conninfo: str) -> Standby:
    known = conninfo_to_dict(conninfo)
    place = f"{known.get('host') or known.get('hostaddr') or ''}:{known.get('port') or 5432}"
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            is_standby, lag_s = connection.execute(_STATE).fetchone() or (False, None)
            if lag_s is None or lag_s > _LATE_S:
                # what arrived this very moment makes the last commit of an idle primary look like one that is missing
                time.sleep(_REPLAYED_WITHIN_S)
                is_standby, lag_s = connection.execute(_STATE).fetchone() or (False, None)
    except psycopg.Error as exc:
        return Standby(place, failure=(str(exc).strip().splitlines() or [type(exc).__name__])[0])
    return Standby(place, is_primary=not is_standby, lag_s=lag_s)


def has_published(connection: Connection, version: int) -> bool:
    """Whether the server has what was published with this version of the catalogue. Raises psycopg.Error.

    It is asked only where it was not seen to have it before, so a round trip for each connection and publication.
    """
    assert isinstance(connection, Held)
    if connection.version < version:
        row = connection.execute(_PUBLISHED).fetchone()
        assert row is not None
        connection.version = int(row[0])
    return connection.version >= version
