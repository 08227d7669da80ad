"""What the page of the state says; asked of the database at most once in some seconds."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

import epntap
from epntap.archive.kept.told import RefusedFile, refused_files, report_of
from epntap.archive.services import Service, services
from epntap.connection import Connection
from epntap.db.caller import seen_whole
from epntap.db.rows.failures import from_psycopg
from epntap.errors import EpnTapError
from epntap.settings import Settings
from epntap.uws.worker import MISSING_BEATS

__all__ = ["Ingested", "Queue", "State", "States"]

#: how old what the database said may be
_ASK_AGAIN_S = 10.0
#: of the files of one service that cannot be used
MOST_REFUSED = 100

_JOBS = "SELECT kind, phase, count(*) FROM uws.job WHERE destruction > now() GROUP BY kind, phase ORDER BY kind, phase"
_WAITING = "SELECT extract(epoch FROM now() - min(queued))::float8 FROM uws.job WHERE phase = 'QUEUED'"
_WORKERS = "SELECT count(*), coalesce(sum(jobs), 0) FROM uws.worker WHERE seen > now() - make_interval(secs => %s)"
_SIZE = "SELECT pg_database_size(current_database())"
_HIDDEN = "SELECT EXISTS (SELECT FROM archive.dataset WHERE schema_name = %s AND hidden)"
_HELD = "SELECT count(*), coalesce(sum(granules), 0) FROM archive.quarantine WHERE schema_name = %s"


@dataclass(frozen=True, slots=True)
class Ingested:
    """A service and what its last ingestion did."""

    service: Service
    #: see Report.summary of ingestion; None: not kept
    report: Mapping[str, Any] | None
    refused: Sequence[RefusedFile]
    refused_count: int
    #: rows that are kept out until somebody has looked at them
    quarantined: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Jobs and who works at them."""

    #: kind → phase → how many
    jobs: Mapping[str, Mapping[str, int]]
    #: since the first job in the queue waits; None: there is none
    waiting_s: float | None
    workers: int
    #: jobs that they run at once
    places: int


@dataclass(frozen=True, slots=True)
class State:
    """How the service is."""

    at: datetime
    #: why nothing is known; None when the database answers
    failure: str | None = None
    ingested: Sequence[Ingested] = ()
    queue: Queue | None = None
    database_bytes: int | None = None
    #: of the disk of results
    free_bytes: int | None = None
    total_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:  # ready for json.dumps
        """Everything, for scripts."""
        queue = self.queue
        return {
            "version": epntap.__version__,
            "at": f"{self.at:%Y-%m-%dT%H:%M:%S}Z",
            "database": "ok" if self.failure is None else self.failure,
            "services": [
                {
                    "schema": one.service.schema_name,
                    "title": one.service.title,
                    "granules": one.service.granule_count,
                    "last_ingested": f"{one.service.last_ingested:%Y-%m-%dT%H:%M:%S}Z",
                    "quarantined": one.quarantined,
                    "refused_files": one.refused_count,
                    "refused": [{"path": file.path, "reason": file.reason} for file in one.refused],
                    "report": one.report,
                }
                for one in self.ingested
            ],
            "jobs": queue and {kind: dict(phases) for kind, phases in queue.jobs.items()},
            "waiting_seconds": queue and queue.waiting_s,
            "workers": queue and queue.workers,
            "worker_places": queue and queue.places,
            "database_bytes": self.database_bytes,
            "disk_free_bytes": self.free_bytes,
            "disk_total_bytes": self.total_bytes,
        }


@dataclass(slots=True)
class States:
    """Asks how the service is."""

    settings: Settings
    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: State | None = None
    _asked: float = 0.0

    def now(self) -> State:
        """The state, at most some seconds old."""
        with self._lock:
            if self._known is None or time.monotonic() - self._asked >= _ASK_AGAIN_S:
                self._known, self._asked = self._ask(), time.monotonic()
            return self._known

    def _ask(self) -> State:
        at = datetime.now(UTC)
        free, total = _room(self.settings.results_dir)
        try:
            with self.connect() as connection:
                return State(
                    at,
                    ingested=[_ingested(connection, service) for service in services(connection)],
                    queue=_queue(connection, self.settings.job_heartbeat_s * MISSING_BEATS),
                    database_bytes=_one(connection, _SIZE),
                    free_bytes=free,
                    total_bytes=total,
                )
        except (EpnTapError, psycopg.Error) as exc:
            failure = exc if isinstance(exc, EpnTapError) else from_psycopg(exc, timeout_s=0)
            return State(at, failure.message, free_bytes=free, total_bytes=total)


def _ingested(connection: Connection, service: Service) -> Ingested:
    if _is_partly_hidden(connection, service):
        return Ingested(service, None, (), 0, 0)
    refused, count = refused_files(connection, service.schema_name, MOST_REFUSED)
    held = connection.execute(_HELD, (service.schema_name,)).fetchone()
    return Ingested(service, report_of(connection, service.schema_name), refused, count, int(held[1]) if held else 0)


def _is_partly_hidden(connection: Connection, service: Service) -> bool:
    """Whether what an ingestion did would tell of what not everybody may know of."""
    with seen_whole(connection):
        row = connection.execute(_HIDDEN, (service.schema_name,)).fetchone()
    return service.has_closed_rows or row == (True,)


def _queue(connection: Connection, alive_s: float) -> Queue:
    jobs: dict[str, dict[str, int]] = {}
    for kind, phase, count in connection.execute(_JOBS):
        jobs.setdefault(kind, {})[phase] = count
    workers, places = connection.execute(_WORKERS, (alive_s,)).fetchone() or (0, 0)
    return Queue(jobs, _one(connection, _WAITING), int(workers), int(places))


def _one(connection: Connection, query: Any) -> Any:  # one value of any type, of a query of ours
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _room(folder: Path) -> tuple[int | None, int | None]:
    """Bytes that are free and that there are on the disk of a folder, which need not exist yet."""
    place = next((one for one in (folder, *folder.parents) if one.exists()), None)
    try:
        usage = shutil.disk_usage(place) if place else None
    except OSError:
        return None, None
    return (usage.free, usage.total) if usage else (None, None)
