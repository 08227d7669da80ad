"""The state machine of jobs in the database: whatever happens in whatever order, no job does what it may not."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from epntap.connection import Connection
from epntap.db.pool import Database, Role, open_pool, pooled
from epntap.errors import NotFoundError
from epntap.uws.model import ACTIVE, Filters, IllegalTransitionError, Job, JobError, JobResult, Phase
from epntap.uws.store import JobStore
from tests.support.examples import examples

RESULT = (JobResult("text/csv", "csv", 5),)
#: how a phase may be left, told independently of the statements (UWS 1.1 §2.1.3)
LEGAL = {
    Phase.PENDING: {Phase.QUEUED, Phase.ABORTED},
    Phase.QUEUED: {Phase.EXECUTING, Phase.ABORTED},
    Phase.EXECUTING: {Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.QUEUED},
    Phase.COMPLETED: set(),
    Phase.ERROR: set(),
    Phase.ABORTED: set(),
}


@pytest.fixture
def connect(database: Database) -> Iterator[Callable[[], AbstractContextManager[Connection]]]:
    with open_pool(database, Role.SERVICE, size=8, name="test") as pool:
        yield lambda: pooled(pool)


@pytest.fixture
def store(connect: Callable[[], AbstractContextManager[Connection]]) -> JobStore:
    return JobStore(connect)


def create(
    store: JobStore,
    *,
    phase: Phase = Phase.QUEUED,
    kind: str = "tap",
    session: str | None = None,
    client: str | None = None,
) -> Job:
    return store.create(
        kind,
        [("LANG", "ADQL")],
        phase=phase,
        session=session,
        client=client,
        run_id=None,
        execution_duration_s=60,
        lifetime_s=3600,
    )


def silence_workers(store: JobStore) -> None:
    with store.connect() as connection:
        connection.execute("UPDATE uws.job SET heartbeat = heartbeat - interval '1 hour'")


def claimed(store: JobStore, worker: str = "w") -> Job:
    job = store.claim(["tap"], worker)
    assert job is not None
    return job


class Machine(RuleBasedStateMachine):
    """Users and two workers do what comes to their minds; a model says what must be true afterwards."""

    jobs: Bundle[str] = Bundle("jobs")
    workers = st.sampled_from(["one", "two"])

    def __init__(self, store: JobStore) -> None:
        super().__init__()
        self.store = store
        self.phases: dict[str, Phase] = {}
        #: what each worker believes to have, which may be wrong by now
        self.held: dict[str, list[Job]] = {"one": [], "two": []}
        self.holder: dict[str, tuple[str, int]] = {}
        with store.connect() as connection:
            connection.execute("DELETE FROM uws.job")

    def move(self, job_id: str, act: Callable[[], object], legal: set[Phase], to: Phase | None = None) -> None:
        phase = self.phases.get(job_id)
        if phase is None:
            with pytest.raises(NotFoundError):
                act()
        elif phase in legal:
            act()
            self.phases[job_id] = to or phase
        else:
            with pytest.raises(IllegalTransitionError):
                act()

    @rule(target=jobs, run=st.booleans())
    def create(self, run: bool) -> str:
        job = create(self.store, phase=Phase.QUEUED if run else Phase.PENDING)
        self.phases[job.job_id] = job.phase
        return job.job_id

    @rule(job=jobs)
    def run(self, job: str) -> None:
        self.move(job, lambda: self.store.run("tap", job), {Phase.PENDING}, Phase.QUEUED)

    @rule(job=jobs)
    def abort(self, job: str) -> None:
        self.move(job, lambda: self.store.abort("tap", job), set(ACTIVE), Phase.ABORTED)

    @rule(job=jobs)
    def add_parameters(self, job: str) -> None:
        self.move(
            job,
            lambda: self.store.add_parameters("tap", job, [("A", "b")], replaced=["A"], run_id=None),
            {Phase.PENDING},
        )

    @rule(job=jobs)
    def set_duration(self, job: str) -> None:
        self.move(job, lambda: self.store.set_duration("tap", job, 5), set(ACTIVE))

    @rule(job=jobs)
    def delete(self, job: str) -> None:
        with suppress(NotFoundError):
            self.store.delete("tap", job)
            assert self.phases.pop(job)

    @rule(worker=workers)
    def claim(self, worker: str) -> None:
        job = self.store.claim(["tap"], worker)
        if job is None:
            assert Phase.QUEUED not in self.phases.values()
        else:
            assert self.phases[job.job_id] is Phase.QUEUED
            self.phases[job.job_id] = Phase.EXECUTING
            self.holder[job.job_id] = (worker, job.attempt)
            self.held[worker].append(job)

    def end(self, worker: str, act: Callable[[Job], bool], to: Phase) -> None:
        if not self.held[worker]:
            return
        job = self.held[worker].pop()
        is_own = self.phases.get(job.job_id) is Phase.EXECUTING and self.holder[job.job_id] == (worker, job.attempt)
        assert act(job) is is_own
        if is_own:
            self.phases[job.job_id] = to

    @rule(worker=workers)
    def complete(self, worker: str) -> None:
        self.end(worker, lambda job: self.store.complete(job, worker, RESULT), Phase.COMPLETED)

    @rule(worker=workers, late=st.booleans())
    def fail(self, worker: str, late: bool) -> None:
        to = Phase.ABORTED if late else Phase.ERROR
        self.end(worker, lambda job: self.store.fail(job, worker, JobError("no"), to), to)

    @rule(worker=workers)
    def give_back(self, worker: str) -> None:
        self.end(worker, lambda job: self.store.give_back(job, worker), Phase.QUEUED)

    @rule(worker=workers)
    def beat(self, worker: str) -> None:
        job_ids = {job.job_id for job in self.held[worker]}
        ours = {job.job_id for job in self.store.beat(worker, job_ids)}
        assert ours == {
            job_id
            for job_id in job_ids
            if self.phases.get(job_id) is Phase.EXECUTING and self.holder[job_id][0] == worker
        }

    @rule(dead=st.booleans())
    def recover(self, dead: bool) -> None:
        if dead:
            silence_workers(self.store)
        recovered = self.store.recover(1800)
        assert {job.job_id for job in recovered} == (
            {job_id for job_id, phase in self.phases.items() if phase is Phase.EXECUTING} if dead else set()
        )
        for job in recovered:
            assert job.phase is (Phase.QUEUED if job.attempt < 2 else Phase.ERROR)
            self.phases[job.job_id] = job.phase

    @invariant()
    def phases_are_as_the_model_says(self) -> None:
        found = {job.job_id: job for job in self.store.visible("tap", Filters(), session=None, everybody=True)}
        assert {job_id: job.phase for job_id, job in found.items()} == self.phases
        for job in found.values():
            assert bool(job.results) is (job.phase is Phase.COMPLETED)
            assert (job.ended is not None) is (job.phase not in ACTIVE)
            assert job.error is None or job.phase in {Phase.ERROR, Phase.ABORTED}


@pytest.mark.hypothesis
def test_no_sequence_of_operations_reaches_an_illegal_state(store: JobStore) -> None:
    run_state_machine_as_test(
        lambda: Machine(store),  # type: ignore[arg-type]  # a factory is documented to do, too
        settings=settings(max_examples=examples(25), stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )


def test_each_job_is_claimed_once(store: JobStore) -> None:
    expected = {create(store).job_id for _ in range(60)}

    def work(name: int) -> list[str]:
        taken = []
        while job := store.claim(["tap"], f"w{name}"):
            taken.append(job.job_id)
        return taken

    with ThreadPoolExecutor(6) as pool:
        taken = [job_id for ids in pool.map(work, range(6)) for job_id in ids]
    assert len(taken) == len(expected)
    assert set(taken) == expected


def test_the_first_in_the_queue_is_claimed_first_and_only_by_those_who_can_run_it(store: JobStore) -> None:
    first, _soda, third = create(store), create(store, kind="soda"), create(store)
    assert [claimed(store).job_id, claimed(store).job_id] == [first.job_id, third.job_id]
    assert store.claim(["tap"], "w") is None
    assert store.claim(["hapi", "soda"], "w") is not None


def test_a_user_and_a_worker_at_the_same_moment(store: JobStore) -> None:
    """Abort and complete race: exactly one of them wins."""
    for _ in range(20):
        create(store)
        job = claimed(store)
        with ThreadPoolExecutor(2) as pool:
            aborting = pool.submit(store.abort, "tap", job.job_id)
            completed = pool.submit(store.complete, job, "w", RESULT).result()
        assert completed is (aborting.exception() is not None)
        assert store.get("tap", job.job_id).phase is (Phase.COMPLETED if completed else Phase.ABORTED)


def test_a_job_is_run_once_more_and_then_given_up(store: JobStore) -> None:
    create(store)
    first = claimed(store, "one")
    silence_workers(store)
    assert [job.phase for job in store.recover(60)] == [Phase.QUEUED]
    second = claimed(store, "two")
    assert second.attempt == 2
    assert not store.complete(first, "one", RESULT), "the one who was given up comes too late"
    silence_workers(store)
    (given_up,) = store.recover(60)
    assert given_up.phase is Phase.ERROR
    assert given_up.error is not None
    assert "its worker stopped twice" in given_up.error.message


def test_a_job_given_back_loses_no_attempt(store: JobStore) -> None:
    create(store)
    for _ in range(5):
        job = claimed(store)
        assert job.attempt == 1
        assert store.give_back(job, "w")


def test_every_change_of_phase_is_told(store: JobStore, database: Database) -> None:
    with psycopg.connect(database.conninfo(Role.SERVICE), autocommit=True) as listening:
        listening.execute("LISTEN uws_job")
        job = create(store, phase=Phase.PENDING)
        store.run("tap", job.job_id)
        store.complete(claimed(store), "w", RESULT)
        store.set_destruction("tap", job.job_id, datetime.now(UTC) + timedelta(hours=1), 60)
        store.delete("tap", job.job_id)
        select.select([listening], [], [], 5)
        told = [notice.payload for notice in listening.notifies(timeout=0.5)]
    phases = ("PENDING", "QUEUED", "EXECUTING", "COMPLETED", "DELETED")
    assert told == [f"{job.job_id} {phase} tap" for phase in phases]


def test_jobs_past_their_destruction_are_unknown_until_they_are_removed(store: JobStore) -> None:
    job, other = create(store), create(store)
    store.set_destruction("tap", job.job_id, datetime(2001, 1, 1, tzinfo=UTC), 3600)
    with pytest.raises(NotFoundError):
        store.get("tap", job.job_id)
    with pytest.raises(NotFoundError):
        store.abort("tap", job.job_id)
    assert claimed(store).job_id == other.job_id
    assert store.claim(["tap"], "w") is None
    (gone,) = store.expired()
    store.expire([gone, other])
    assert store.known([job.job_id, other.job_id]) == {other.job_id}
    assert store.expired() == []


def test_a_destruction_is_no_further_away_than_a_lifetime(store: JobStore) -> None:
    job = create(store)
    store.set_destruction("tap", job.job_id, datetime(9999, 12, 31, tzinfo=UTC), 60)
    assert store.get("tap", job.job_id).destruction < datetime.now(UTC) + timedelta(seconds=90)


def test_lists_are_of_one_session_and_kind(store: JobStore) -> None:
    mine, _other, _none = create(store, session="me"), create(store, session="you"), create(store)
    create(store, session="me", kind="soda")

    def seen(session: str | None, *, everybody: bool = False) -> int:
        return len(store.visible("tap", Filters(), session=session, everybody=everybody))

    assert [job.job_id for job in store.visible("tap", Filters(), session="me", everybody=False)] == [mine.job_id]
    assert (seen("you"), seen(None), seen(None, everybody=True)) == (1, 0, 3)


def test_a_list_reads_ones_own_among_many_jobs(database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:

        def read() -> int:
            connection.execute("SELECT pg_stat_force_next_flush()")
            connection.execute("SELECT pg_stat_clear_snapshot()")
            row = connection.execute(
                "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_user_tables"
                " WHERE relid = 'uws.job'::regclass"
            ).fetchone()
            return int(row[0]) if row else 0

        connection.execute(
            "INSERT INTO uws.job (job_id, kind, phase, session, execution_duration_s, destruction)"
            " SELECT md5(n::text), 'tap', 'PENDING', 'somebody', 60, now() + interval '1 hour'"
            " FROM generate_series(1, 50000) AS n"
        )
        connection.execute("ANALYZE uws.job")
        store = JobStore(lambda: nullcontext(connection))
        mine = create(store, session="me")
        before = read()
        listed = store.visible("tap", Filters(), session="me", everybody=False)
        assert [job.job_id for job in listed] == [mine.job_id]
        assert read() - before < 100


def test_a_job_of_another_kind_is_unknown(store: JobStore) -> None:
    with pytest.raises(NotFoundError):
        store.get("soda", create(store).job_id)


def test_clients_take_turns(store: JobStore) -> None:
    first = [create(store, client="first").job_id for _ in range(3)]
    second = [create(store, client="second").job_id for _ in range(2)]
    other_kind = create(store, client="first", kind="soda").job_id
    nobody = create(store).job_id
    taken = []
    while (job := store.claim(["tap", "soda"], "w")) is not None:
        taken.append(job.job_id)
    assert taken[:4] == [first[0], second[0], other_kind, nobody]
    assert taken[4:] == [first[1], second[1], first[2]]


def test_the_jobs_of_one_client_leave_a_place_to_others(store: JobStore) -> None:
    store.present("w", ["tap", "soda"], 4)
    many = [create(store, client="greedy").job_id for _ in range(6)]
    taken = [claimed(store) for _ in range(3)]
    assert [job.job_id for job in taken] == many[:3]
    assert store.claim(["tap", "soda"], "w") is None
    other = create(store, client="other").job_id
    assert claimed(store).job_id == other
    assert store.complete(taken[0], "w", RESULT)
    assert claimed(store).job_id == many[3]


def test_a_single_worker_takes_what_there_is(store: JobStore) -> None:
    store.present("w", ["tap"], 1)
    jobs = [create(store, client="one").job_id for _ in range(2)]
    done = claimed(store)
    assert store.complete(done, "w", RESULT)
    assert [done.job_id, claimed(store).job_id] == jobs
