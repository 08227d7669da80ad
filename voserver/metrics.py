"""/metrics: what Prometheus asks for. Names and numbers only, no text of users; cheap to ask for.

What processes count lies in files that all of them map (prometheus_client's multi-process mode), so that whichever of
them is asked tells of all. What the database knows is asked from there, at most once in some seconds.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter as Counted
from collections.abc import Iterator
from dataclasses import dataclass, field

import flask
import psycopg
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from epntap.db.pool import Pool, pooled
from epntap.db.standbys import Standby, standbys_of
from epntap.errors import EpnTapError
from epntap.http.wing import Wing
from epntap.uws.worker import MISSING_BEATS
from voserver.house import House

__all__ = ["FILES_VARIABLE", "Metrics", "forget_process", "observe_answer", "observe_request", "routes"]

#: names the folder of the files that processes share; set before this module is imported
FILES_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_SAMPLE_S = 1.0
#: how old what the database said may be
_ASK_AGAIN_S = 10.0

_REQUESTS = Counter("epntap_requests", "Requests answered.", ["endpoint", "method", "status"])
_SECONDS = Histogram(
    "epntap_request_seconds",
    "Time from the request to the last byte of its answer.",
    ["endpoint"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 60, 300),
)
_ROWS = Counter("epntap_answer_rows", "Rows of query answers sent.")
_BYTES = Counter("epntap_answer_bytes", "Bytes of query answers sent, before compression.")
_IN_USE = Gauge("epntap_places_in_use", "Work in progress that is counted.", ["work"], multiprocess_mode="livesum")
_MOST = Gauge("epntap_places", "How much of it is taken at once.", ["work"], multiprocess_mode="livesum")
_REFUSED = Counter("epntap_refused", "Requests for which there was no place (503, or no wait).", ["work"])
_POOL = Gauge("epntap_pool_connections", "Connections to the database.", ["pool", "state"], multiprocess_mode="livesum")
_POOL_WAITING = Gauge("epntap_pool_waiting", "Requests that wait for one.", ["pool"], multiprocess_mode="livesum")

_PLACES = Gauge(
    "epntap_query_connections", "Connections for queries, by the server they lead to.", ["server"],
    multiprocess_mode="livesum",
)  # fmt: skip
_HANDED_ON = Counter("epntap_queries_on_primary", "Queries that no standby could answer, and why.", ["reason"])
_ALL = (_REQUESTS, _SECONDS, _ROWS, _BYTES, _IN_USE, _MOST, _REFUSED, _POOL, _POOL_WAITING, _PLACES, _HANDED_ON)

_JOBS = "SELECT kind, phase, count(*) FROM uws.job GROUP BY kind, phase"
_QUEUE = "SELECT coalesce(extract(epoch FROM now() - min(queued)), 0)::float8 FROM uws.job WHERE phase = 'QUEUED'"
_WORKERS = """
    SELECT count(*), coalesce(sum(jobs), 0), coalesce(extract(epoch FROM now() - max(seen)), 0)::float8
    FROM uws.worker WHERE seen > now() - make_interval(secs => %s)
"""
_SERVICES = """
    SELECT schema_name, granule_count, extract(epoch FROM last_ingested AT TIME ZONE 'UTC')::float8 FROM archive.service
"""


def observe_request(endpoint: str, method: str, status: int, seconds: float) -> None:
    """A request was answered; the endpoint is the pattern of its address, never the address itself."""
    _REQUESTS.labels(endpoint, method, str(status)).inc()
    _SECONDS.labels(endpoint).observe(seconds)


def observe_answer(rows: int, size_bytes: int) -> None:
    """The answer of a query was sent, or as much of it as was taken."""
    _ROWS.inc(rows)
    _BYTES.inc(size_bytes)


def forget_process(pid: int) -> None:
    """A web process has ended: what it was doing is not being done any more."""
    if FILES_VARIABLE in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library's own omission


def routes(house: House) -> Wing:
    """The page, in a process that begins to look at its places and connections."""
    known = Metrics(house)
    known.start()
    blueprint = flask.Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def metrics() -> flask.Response:
        return flask.Response(known.text(), content_type=CONTENT_TYPE_LATEST)

    return Wing(name="metrics", blueprints=(blueprint,))


@dataclass(slots=True)
class Metrics:
    """What one web process tells, and the page that tells of all."""

    house: House
    _told: dict[str, int] = field(default_factory=dict)
    _places: set[str] = field(default_factory=set)
    _handed_on: Counted[str] = field(default_factory=Counted)
    _asked: float = -_ASK_AGAIN_S
    _known: list[GaugeMetricFamily] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Look at places and pools from now on; call it after a fork."""
        threading.Thread(target=self._sample, name="metrics", daemon=True).start()

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        self.sample()
        registry = CollectorRegistry()
        if FILES_VARIABLE in os.environ:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's own omission
        else:
            for metric in _ALL:
                registry.register(metric)
        registry.register(_Given(self._database()))
        return generate_latest(registry)

    def sample(self) -> None:
        """Note how full this process is."""
        with self._lock:
            for work, slots in self.house.admission.kinds.items():
                _IN_USE.labels(work).set(slots.in_use)
                _MOST.labels(work).set(slots.most)
                refused = slots.refused
                _REFUSED.labels(work).inc(refused - self._told.get(work, 0))
                self._told[work] = refused
            for name, pool in self.house.pools.to_tell():
                now = pool.get_stats()
                size, free = now.get("pool_size", 0), now.get("pool_available", 0)
                _POOL.labels(name, "in_use").set(size - free)
                _POOL.labels(name, "idle").set(free)
                _POOL_WAITING.labels(name).set(now.get("requests_waiting", 0))
            self._sample_standbys()

    def _sample_standbys(self) -> None:
        queries = self.house.pools.queries
        if self.house.pools.primary is None or not isinstance(queries, Pool):
            return
        places = queries.places
        self._places |= places.keys()
        for place in self._places:
            _PLACES.labels(place).set(places[place])
        for why, count in queries.handed_on.items():
            _HANDED_ON.labels(why).inc(count - self._handed_on[why])
            self._handed_on[why] = count

    def _sample(self) -> None:
        while True:
            self.sample()
            time.sleep(_SAMPLE_S)

    def _database(self) -> list[GaugeMetricFamily]:
        with self._lock:
            if time.monotonic() - self._asked >= _ASK_AGAIN_S:
                try:
                    self._known = self._ask()
                except (EpnTapError, psycopg.Error):
                    self._known = [GaugeMetricFamily("epntap_database_up", _UP, 0)]
                self._known += _of_standbys(standbys_of(self.house.database))
                self._asked = time.monotonic()
            return self._known

    def _ask(self) -> list[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("epntap_jobs", "Jobs that are kept.", labels=["kind", "phase"])
        granules = GaugeMetricFamily("epntap_granules", "Rows of a published table.", labels=["schema"])
        ingested = GaugeMetricFamily(
            "epntap_last_ingestion_timestamp_seconds", "When a table was last refreshed.", labels=["schema"]
        )
        with pooled(self.house.pools.internal) as connection:
            for kind, phase, count in connection.execute(_JOBS):
                jobs.add_metric([kind, phase], count)
            ((queue_age,),) = connection.execute(_QUEUE).fetchall()
            ((workers, capacity, seen),) = connection.execute(
                _WORKERS, (self.house.settings.job_heartbeat_s * MISSING_BEATS,)
            ).fetchall()
            for schema, count, instant in connection.execute(_SERVICES):
                granules.add_metric([schema], count)
                ingested.add_metric([schema], instant)
        return [
            GaugeMetricFamily("epntap_database_up", _UP, 1),
            jobs,
            GaugeMetricFamily("epntap_queue_age_seconds", "How long the first job in the queue has waited.", queue_age),
            GaugeMetricFamily("epntap_workers", "Workers that live.", workers),
            GaugeMetricFamily("epntap_worker_jobs", "Jobs that they run at once.", capacity),
            GaugeMetricFamily("epntap_worker_seen_seconds", "Time since the last sign of life of any of them.", seen),
            granules,
            ingested,
        ]


_UP = "Whether the database answers."


def _of_standbys(found: list[Standby]) -> list[GaugeMetricFamily]:
    if not found:
        return []
    up = GaugeMetricFamily("epntap_query_server_up", "Whether a server for queries answers.", labels=["server"])
    lag = GaugeMetricFamily(
        "epntap_replica_lag_seconds", "Since the newest change that it has was made; 0: all.", labels=["server"]
    )
    primary = GaugeMetricFamily("epntap_query_server_is_primary", "Whether it is no standby.", labels=["server"])
    for one in found:
        up.add_metric([one.place], not one.failure)
        if not one.failure:
            primary.add_metric([one.place], one.is_primary)
        if one.lag_s is not None:
            lag.add_metric([one.place], one.lag_s)
    return [up, primary, lag]


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """Metrics that are known already, in the way in which a registry asks for them."""

    families: list[GaugeMetricFamily]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self.families
