"""The story of a query, from parameters to blocks of bytes. No HTTP here."""

from __future__ import annotations

import itertools
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
from psycopg import sql
from psycopg_pool import ConnectionPool

from epntap import adql
from epntap.access import Caller, Scope
from epntap.answer.admission import Admission, Place, Slots
from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.answer.watch import Ending, Watch, Watcher
from epntap.catalog.indexes import RELEASED
from epntap.catalog.model import Catalog, Table
from epntap.catalog.names import OWN_SCHEMA
from epntap.connection import Connection
from epntap.dali.params import MAXREC
from epntap.db.caller import seen_by
from epntap.db.pool import pooled
from epntap.db.rows.copy_statement import CopyStatement
from epntap.db.rows.failures import crowded_error, from_psycopg, timeout_error
from epntap.db.rows.plan import LONG_COST, planned, spelled_out
from epntap.db.rows.shards import ByShards
from epntap.db.rows.stream import RowStream
from epntap.db.rows.upload import TEMPORARY, loaded
from epntap.errors import ForbiddenError, ParameterError, UnavailableError
from epntap.formats.base import AnswerFacts, RowFormat
from epntap.formats.negotiate import HTML, choose_format
from epntap.formats.paging import Paging
from epntap.formats.projection import project
from epntap.pages import Pages
from epntap.settings import Settings
from epntap.tap.query.answer import Answer
from epntap.tap.query.explain import Explanation, explanation
from epntap.tap.query.params import TapRequest
from epntap.tap.query.provenance import provenance
from epntap.tap.query.questions import Key, Question, Questions
from epntap.upload.model import SCHEMA, Budget, Limits, ReadTable
from epntap.upload.read import read_uploads

__all__ = ["TapService"]

#: many queries that come at once hold all connections for a moment, until it is known which of them are long
PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that is understood, before it is put to the database."""

    form: RowFormat
    media_type: str
    maxrec: int
    #: rows of this page of it, where it is shown in pages
    most: int
    question: Question
    #: remembers it, once the database has understood it as well
    keep: Callable[[], None]
    facts: AnswerFacts
    #: of the catalogue by which it was understood
    version: int
    #: those that the question is about
    uploads: Sequence[ReadTable]
    #: whether there are more rows than the answer may have, as far as counts tell
    is_cut: bool

    def answer(
        self,
        *,
        stream: RowStream | None = None,
        first: list[bytes] | None = None,
        outcome: Outcome | None = None,
        resources: ExitStack | None = None,
    ) -> Answer:
        """The answer to it."""
        columns = list(self.question.translation.columns)
        answer = Answer(
            self.form, self.media_type, columns, self.facts, stream=stream, first=first, outcome=outcome,
            resources=resources,
        )  # fmt: skip
        answer.most_rows, answer.is_cut = self.maxrec, self.is_cut
        return answer


@dataclass(slots=True)
class TapService:
    """What answering needs: built once in each process and handed to the views."""

    settings: Settings
    #: where queries run: standbys, where there are some
    pool: ConnectionPool[Connection]
    catalog: Callable[[], Catalog]
    admission: Admission
    watcher: Watcher
    #: where what writes, and what a standby cannot answer, runs; None: `pool` is there already
    primary: ConnectionPool[Connection] | None = None
    features: adql.Features = field(default_factory=adql.Features)
    #: XML of service descriptors for an answer with these columns
    describe: Callable[[list[ResultColumn]], list[str]] = lambda _columns: []
    pages: Pages = field(default_factory=Pages)
    #: tables of somebody's own, which only their queries see, and the schema of the database that they are in
    own: Callable[[Caller], tuple[str, Sequence[Table]]] = lambda _caller: ("", ())
    #: since when this process answers
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    #: requests whose uploads are being read
    reading: Slots = field(init=False)
    #: queries that hold a connection, and, among them, answers that last
    running: Slots = field(init=False)
    slow: Slots = field(init=False)
    #: what needs not be understood again
    questions: Questions = field(default_factory=Questions)
    #: the same of whoever is in a group
    of_groups: Questions = field(default_factory=Questions)
    _of_nobody: tuple[Catalog | None, Catalog] = field(default=(None, Catalog()))

    def __post_init__(self) -> None:
        connections = self.settings.query_connections
        self.running = self.admission.counted("queries", connections)
        # not all connections either: some are left for what is short
        half = max(1, self.admission.most // 2)
        self.slow = self.admission.kind("slow answers", min(half, max(1, connections * 2 // 3)))
        self.reading = self.admission.kind("uploads", half)

    def answer(self, request: TapRequest, client: socket.socket | None = None) -> Answer:
        """Start the query and wait for its first block, so that what fails early fails with a proper error.

        The answer must be closed by its receiver. Raises our errors; ClientGoneError when nobody waits any more.
        """

        def prepare(watch: Watch) -> None:
            watch.client = client
            watch.send_timeout_s = self.settings.send_timeout_s
            watch.slow_from = time.monotonic() + self.settings.long_query_s

        return self._start(request, "sync", self.settings.sync_timeout_s, prepare, Place(self.slow))

    def answer_job(
        self, request: TapRequest, *, timeout_s: float, on_cancel: Callable[[Callable[[], None]], None]
    ) -> Answer:
        """The same for a job, with a time limit of its own and nobody on the line.

        `on_cancel` is handed what ends the query, from any thread and as often as called; ClientGoneError then.
        """

        def prepare(watch: Watch) -> None:
            watch.send_timeout_s = math.inf  # how long a disk takes is not ours to judge
            on_cancel(lambda: _cancel(watch))

        return self._start(request, "async", timeout_s, prepare)

    def _start(
        self,
        request: TapRequest,
        resource: str,
        timeout_s: float,
        prepare: Callable[[Watch], None],
        place: Place | None = None,
    ) -> Answer:
        deadline = time.monotonic() + timeout_s
        with ExitStack() as stack:
            asked = self._asked(request, resource, self._uploads(request, stack, deadline, timeout_s))
            if asked.maxrec == 0:  # DALI 1.1 §3.4.4: metadata and an overflow, nothing needs to run
                return asked.answer(outcome=Outcome(OutcomeStatus.OVERFLOW, 0))
            stream = self._stream(asked, request.caller, stack, deadline, place)
            prepare(stream.watch)
            first = self._first(stream)
            asked.keep()
            if stream.outcome is None:
                if place is not None and not place.take():
                    raise UnavailableError("Too many answers are being sent; please try again in a few seconds.", 5)
            else:
                stack.close()  # a short answer gives back its slot before the client has read it …
                self.watcher.add(stream.watch)  # … but a client that does not read it must not keep the thread
                stack.callback(self.watcher.remove, stream.watch)
            answer = asked.answer(stream=stream, first=first, resources=stack.pop_all())
            stack.callback(answer.close)
            answer.begin()
            stack.pop_all()
            return answer

    def _asked(
        self, request: TapRequest, resource: str, uploads: Sequence[ReadTable], catalog: Catalog | None = None
    ) -> _Asked:
        """The question in SQL, and all that its answer says besides its rows."""
        form, media_type = choose_format(request.response_format)
        maxrec, catalog = self._maxrec(request), catalog or self._catalog_of(request.caller)
        # a job has all its rows in one file
        paging = _paging(request, maxrec) if form is HTML and resource == "sync" else None
        question, keep = self._question(request, catalog, uploads, maxrec, paging, form)
        translation = question.translation
        infos = provenance(
            request.query,
            catalog,
            translation.tables,
            address=self.settings.addresses.tap(resource),
            now=datetime.now(UTC),
        )
        facts = AnswerFacts(
            infos=infos, descriptors=question.descriptors, kept=question.kept, pages=self.pages, paging=paging
        )
        wanted = [upload for upload in uploads if upload.table.qualified_name in translation.tables]
        most = maxrec if paging is None else paging.most
        is_cut = _is_cut(translation, catalog, maxrec)
        return _Asked(form, media_type, maxrec, most, question, keep, facts, catalog.version, wanted, is_cut)

    def _question(
        self,
        request: TapRequest,
        catalog: Catalog,
        uploads: Sequence[ReadTable],
        maxrec: int,
        paging: Paging | None,
        form: RowFormat,
    ) -> tuple[Question, Callable[[], None]]:
        """What is to be asked of the database, and what remembers it for the next time."""
        limit, passed_over = _bounds(maxrec, paging)
        key = Key(request.query, self.settings.base_url, limit, passed_over, form)
        questions = self.of_groups if request.caller.groups else self.questions
        is_own = bool(uploads) or _names_own(request, catalog)
        if not is_own and (known := questions.known(key, catalog)) is not None:
            return known, _nothing
        translation = self._translated(request, catalog, uploads, maxrec, paging)
        columns = list(translation.columns)
        statement = _copied(translation.statement, translation.params, columns, form, translation.relations)
        question = Question(translation, statement, self.describe(columns), _by_shards(translation, form))
        return question, _nothing if is_own else lambda: questions.keep(key, catalog, question)

    def _stream(
        self, asked: _Asked, caller: Caller, stack: ExitStack, deadline: float, place: Place | None
    ) -> RowStream:
        """The rows, which begin to come when the first of them is asked for; `stack` ends the query."""
        wanted, by_shards = asked.uploads, asked.question.by_shards
        # a standby takes no temporary tables, and one of a coordinator does not tell of which publication shards are
        on_primary = bool(wanted) or by_shards is not None
        self._admit(stack, self.running, "queries are running")
        stream = RowStream(
            self._primary_pool if on_primary else self.pool,
            asked.question.statement,
            pack=asked.form.pack,
            maxrec=asked.most,
            timeout_s=deadline - time.monotonic(),
            around=_around(caller, wanted),
            weigh=self._scales(place),
            primary=None if on_primary else self.primary,
            version=asked.version,
            by_shards=by_shards,
        )
        stack.callback(stream.close)
        if place is not None:
            stream.watch.find_place = place.take
            stack.callback(place.close)
        self.watcher.add(stream.watch)
        stack.callback(self.watcher.remove, stream.watch)
        return stream

    def _catalog_of(self, caller: Caller) -> Catalog:
        """What the caller's queries are about; the same object until something is published."""
        catalog = self.catalog()
        if caller.groups:
            return catalog
        if self._of_nobody[0] is not catalog:
            self._of_nobody = catalog, catalog.for_nobody(RELEASED)
        return self._of_nobody[1]

    def explain(self, request: TapRequest) -> Explanation:
        """What would be done for a question, which is not run. Raises our errors."""
        timeout_s = self.settings.sync_timeout_s
        with ExitStack() as stack:
            uploads = self._uploads(request, stack, time.monotonic() + timeout_s, timeout_s)
            # what the planner expects would tell how many rows there are that the caller may not see
            asked = self._asked(request, "sync", uploads, self.catalog().opened)
            statement, params = asked.question.translation.statement, asked.question.translation.params
            self._admit(stack, self.running, "queries are running")
            connection = stack.enter_context(self._lent(asked.uploads))
            try:
                with loaded(connection, asked.uploads) if asked.uploads else nullcontext():
                    plan = planned(connection, statement, params)
                    text = spelled_out(connection, statement, params)
            except psycopg.Error as exc:
                raise from_psycopg(exc, timeout_s=timeout_s) from exc
        return explanation(text, plan, self.catalog(), maxrec=asked.maxrec, timeout_s=timeout_s)

    def refuse_when_away(self) -> None:
        """Raises UnavailableError while no query can be answered."""
        self.catalog()
        with self._lent(()) as connection:
            connection.execute("SELECT 1")

    @property
    def _primary_pool(self) -> ConnectionPool[Connection]:
        return self.primary or self.pool

    @contextmanager
    def _lent(self, uploads: Sequence[ReadTable]) -> Iterator[Connection]:
        """A connection for a question that is quickly answered. Raises UnavailableError."""
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(pooled(self._primary_pool if uploads else self.pool))
            except UnavailableError:
                if self.primary is None or uploads:
                    raise
                connection = stack.enter_context(pooled(self.primary))
            yield connection

    def check(self, request: TapRequest) -> str:
        """The media type of the answer, without running the query. Raises our errors as far as they show before."""
        _, media_type = choose_format(request.response_format)
        if not request.uploads:
            self._translated(request, self.catalog(), [], self._maxrec(request), None)
        return media_type

    def _translated(
        self,
        request: TapRequest,
        catalog: Catalog,
        uploads: Sequence[ReadTable],
        maxrec: int,
        paging: Paging | None,
    ) -> adql.Translation:
        limit, passed_over = _bounds(maxrec, paging)
        place, own = self.own(request.caller) if _names_own(request, catalog) else ("", ())
        extra = [*(upload.table for upload in uploads), *own]
        return adql.translate(
            request.query,
            catalog.with_tables(extra) if extra else catalog,
            base_url=self.settings.base_url,
            row_limit=limit,
            passed_over=passed_over,
            schemas={SCHEMA: TEMPORARY, **({OWN_SCHEMA: place} if own else {})},
            features=self.features,
        )

    def _uploads(self, request: TapRequest, stack: ExitStack, deadline: float, timeout_s: float) -> list[ReadTable]:
        if not request.uploads:
            return []
        if Scope.UPLOAD not in request.caller.scopes:
            raise ForbiddenError("This token does not do that; it lacks the scope 'upload'.")
        settings = self.settings
        limits = Limits(
            settings.upload_rows,
            settings.upload_bytes,
            settings.upload_tables,
            settings.upload_fetch_s,
            settings.upload_private_addresses,
        )
        with ExitStack() as reading:
            self._admit(reading, self.reading, "uploads are being read")
            uploads = read_uploads(request.uploads, Budget(limits, deadline, lambda: timeout_error(timeout_s)))
        for upload in uploads:
            stack.callback(upload.close)
        return uploads

    def _maxrec(self, request: TapRequest) -> int:
        wanted = self.settings.maxrec_default if request.maxrec is None else request.maxrec
        return min(wanted, self.settings.maxrec_hard)

    def _admit(self, stack: ExitStack, slots: Slots, what: str) -> None:
        if not slots.acquire(PATIENCE_S):
            raise UnavailableError(f"Too many {what} at the moment; please try again in a few seconds.", 5)
        stack.callback(slots.release)

    def _scales(self, place: Place | None) -> Callable[[float], None] | None:
        """What weighs a query before it runs, once so many run that long ones could take all connections."""
        if place is None or self.running.in_use <= (self.running.most - self.slow.most) // 2:
            return None

        def weigh(planned_cost: float) -> None:
            if planned_cost > LONG_COST and not place.take():
                raise crowded_error()

        return weigh

    def _first(self, stream: RowStream) -> list[bytes]:
        with stream.watch.telling():
            return list(itertools.islice(stream, 1))


def _copied(
    statement: sql.Composable,
    params: Mapping[str, object],
    columns: Sequence[ResultColumn],
    form: RowFormat,
    relations: Sequence[tuple[str, str]] = (),
) -> CopyStatement:
    return CopyStatement(project(statement, columns, form.spelling), params, form.copy_options(columns), relations)


def _by_shards(translation: adql.Translation, form: RowFormat) -> ByShards | None:
    per_shard = translation.per_shard
    if per_shard is None:
        return None

    def on(relation: str) -> CopyStatement:
        return _copied(*per_shard.on(relation), translation.columns, form)

    return ByShards(per_shard.schema, per_shard.table, on, per_shard.most)


def _paging(request: TapRequest, maxrec: int) -> Paging:
    """The page that is asked for, and what asks for the others."""
    asked = [("LANG", "ADQL"), ("QUERY", request.query)]
    if request.maxrec is not None:
        asked.append((MAXREC, str(request.maxrec)))
    asked += [("UPLOAD", f"{one.name},{one.address}") for one in request.uploads if one.address]
    paging = Paging(request.page, maxrec, tuple(asked), can_ask_again=all(one.address for one in request.uploads))
    if not paging.most and maxrec:
        raise ParameterError(f"There is no page {paging.number}: the answer has {maxrec:,} rows at most (MAXREC).")
    return paging


def _bounds(maxrec: int, paging: Paging | None) -> tuple[int, int]:
    """How many rows are asked for, one more than the answer may have, and how many of them are left out."""
    return (maxrec + 1, 0) if paging is None else (paging.before + paging.most + 1, paging.before)


def _names_own(request: TapRequest, catalog: Catalog) -> bool:
    """Whether somebody's query may be about tables of their own, which are theirs alone.

    A service that was called so before people had tables of their own keeps its name; theirs are then not asked.
    """
    if request.caller.is_anonymous or OWN_SCHEMA not in request.query.casefold():
        return False
    return all(table.schema != OWN_SCHEMA for table in catalog.tables)


def _around(caller: Caller, uploads: Sequence[ReadTable]) -> Callable[[Connection], AbstractContextManager[object]]:
    """What a query runs within: its uploads are there, and it sees what its caller may see."""
    if not uploads and not caller.groups:
        return nullcontext

    @contextmanager
    def around(connection: Connection) -> Iterator[None]:
        with loaded(connection, uploads) if uploads else nullcontext(), seen_by(connection, caller):
            yield

    return around


def _nothing() -> None:
    """There is nothing to remember."""


def _is_cut(translation: adql.Translation, catalog: Catalog, maxrec: int) -> bool:
    """Whether the counts of the catalogue say that the answer has more rows than it may."""
    schema, _, name = translation.rows_of.partition(".")
    table = catalog.table(schema, name)
    if table is None or table.rows is None:
        return False
    return min(table.rows, table.rows if translation.top is None else translation.top) > maxrec


def _cancel(watch: Watch) -> None:
    # not watch.end(): a query that was just about to be sent has missed the first call and needs a second
    watch.ending = watch.ending or Ending.CLIENT_GONE
    threading.Thread(target=watch.on_end, args=(watch.ending,), daemon=True).start()
