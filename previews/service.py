"""The story of a picture: found, permitted, kept already or drawn in a process of its own. No HTTP here."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from cutouts.files import check_access, check_files
from cutouts.interval import Interval
from cutouts.processes.pool import Cutters
from epntap.access import ANONYMOUS, may_now
from epntap.answer.admission import Slots
from epntap.answer.blocks import Blocks, Version
from epntap.answer.kept import KeptFiles
from epntap.answer.watch import Watch, Watcher
from epntap.archive.datasets import dataset
from epntap.archive.finding.finder import Finder
from epntap.archive.finding.locate import LocatedGranule
from epntap.archive.model import Dataset
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc
from epntap.connection import Connection
from epntap.db.caller import seen_by
from epntap.errors import ForbiddenError, NotFoundError, UnavailableError
from previews.inventory import extent_of, inventory_rows
from previews.marks import EventsWithin, Marks, marks_within
from previews.plan import InventoryPlan, PicturePlan
from previews.plotted import PlotPlan
from previews.remembered import Remembered
from previews.request import Form, PictureRequest
from previews.timegrid import MIN_SHOWN_NS, aligned
from summaries.reader import Asked, Summaries

__all__ = ["Picture", "Previews"]

_BUSY_S = 5
#: seconds that a picture may wait for others to be drawn
_PATIENCE_S = 10
#: a single instant is shown with so much around it
_AROUND_NS = 1_000_000_000
#: of an inventory
_MOST_ROWS = 200


def _no_events(name: str, *_interval: object) -> Sequence[tuple[str, str]]:
    raise NotFoundError(f"There is no table of events {name[:80]!r}.")


Plan = PicturePlan | InventoryPlan
#: of the catalogue
State = tuple[int, int, int]


class Picture(Blocks):
    """The bytes of a picture, all here."""

    def __init__(self, content: bytes, plan: Plan, version: Version) -> None:
        name = f"{plan.identifier}.{plan.form}"
        super().__init__([content], plan.form.media_type, file_name=name, length=len(content), version=version)
        self.compressible = plan.form is Form.SVG


@dataclass(frozen=True, slots=True)
class Previews:
    """Makes pictures. Build it once in each process."""

    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    finder: Finder
    summaries: Summaries
    watcher: Watcher
    #: of threads that wait for a picture, and of pictures that are drawn at one time
    places: Slots
    drawing: Slots
    kept: KeptFiles
    #: where pictures are drawn
    drawers: Cutters
    #: knows tables of events
    events: EventsWithin = _no_events
    patience_s: float = _PATIENCE_S
    #: what stands for what, until something is published
    remembered: Remembered = field(default_factory=Remembered)

    def plan(self, request: PictureRequest) -> PicturePlan:
        """Find what a picture needs. Raises our errors; NotFoundError for an interval outside of the data."""
        state = self.finder.version()
        found, wanted = self._interval(request, state)
        start, stop = wanted.start_tt2000, wanted.stop_tt2000
        if request.start is request.stop is None:
            start, stop = _with_room(start, stop)
        shown = aligned(Interval(start, stop), request.width)
        marks, remark = self._marks(request, shown)
        return PicturePlan(
            identifier=request.identifier,
            title=found.dataset.title,
            form=request.form,
            width=request.width,
            shown=shown,
            asked=self._ask(request, found, shown, state),
            parameters=request.parameters,
            # who may see a table of events is asked each time
            for_all=not request.events and may_now(ANONYMOUS, found.dataset.rights),
            marks=marks,
            remark=remark,
        )

    def plot(self, request: PictureRequest, points: int) -> PlotPlan:
        """Find what the values of a picture need. Raises our errors, as `plan` does."""
        state = self.finder.version()
        found, wanted = self._interval(request, state)
        marks, remark = self._marks(request, wanted)
        return PlotPlan(
            identifier=request.identifier,
            title=found.dataset.title,
            points=points,
            asked=self._ask(request, found, wanted, state),
            parameters=request.parameters,
            extent=found.extent,
            marks=marks,
            remark=remark,
        )

    def _marks(self, request: PictureRequest, interval: Interval) -> tuple[Marks, str]:
        if not request.events:
            return (), ""
        return marks_within(self.events, request.events, interval, request.caller)

    def _ask(self, request: PictureRequest, found: _Found, interval: Interval, state: State) -> Asked:
        within = interval.intersect(found.extent)
        wanted = request.schema, found.dataset.dataset_id, request.parameters

        def make() -> Asked:
            return self.summaries.ask(*wanted, interval=within, caller=request.caller)

        # what is kept of the values may change at any time
        return self.summaries.renewed(self.remembered.get(state, (*wanted, within, request.caller), make))

    def _interval(self, request: PictureRequest, state: State) -> tuple[_Found, Interval]:
        """What is asked for, and which interval of it. Raises our errors."""
        if request.schema not in self.finder.schemas():
            raise NotFoundError(f"No service {request.schema!r} with datasets of CDF files is published here.")
        who = request.schema, request.identifier, request.caller
        found = self.remembered.get(state, who, lambda: self._found(request))
        if found.granule is not None:
            check_files(found.granule, found.granule.files)
        extent = found.extent
        start = extent.start_tt2000 if request.start in {None, MIN_TT2000} else request.start
        stop = extent.stop_tt2000 if request.stop in {None, MAX_TT2000} else request.stop
        assert start is not None
        assert stop is not None
        if Interval(start, stop).intersect(extent).is_empty:
            raise NotFoundError(
                f"{request.identifier} has no record in this interval; it reaches from "
                f"{format_utc(extent.start_tt2000)}Z to {format_utc(extent.stop_tt2000)}Z."
            )
        return found, Interval(start, stop)

    def inventory(self, schema: str, form: Form, width: int) -> InventoryPlan:
        """Find what a service holds. Raises NotFoundError for one that is not published."""
        if schema not in self.finder.schemas():
            raise NotFoundError(f"No service {schema!r} with datasets of CDF files is published here.")
        with self.connect() as connection:
            title, rows = inventory_rows(connection, schema, width)
        return InventoryPlan(schema, title, form, width, tuple(rows[:_MOST_ROWS]), max(len(rows) - _MOST_ROWS, 0))

    def picture(self, plan: Plan, client: socket.socket | None = None) -> Picture:
        """The picture, from the folder of those that are kept where it may be there. Raises our errors."""
        version = plan.version
        key = version.etag if _is_for_all(plan) else None
        content = self.kept.get(key) if key else None
        if content is None:
            content = self._drawn(plan, client)
            if key:
                self.kept.put(key, content)
        return Picture(content, plan, version)

    def _found(self, request: PictureRequest) -> _Found:
        """What the identifier stands for, once it is sure that the caller may have it."""
        try:
            granule = self.finder.granule(request.identifier, request.schema, request.caller)
        except NotFoundError:
            with self.connect() as connection, seen_by(connection, request.caller):
                known = dataset(connection, request.schema, request.identifier)
                if known is None:
                    raise
                return _Found(known, _extent_of(connection, request, known))
        check_access(granule, request.caller)
        return _Found(granule.dataset, Interval(granule.start_tt2000, granule.stop_tt2000), granule)

    def values(self, plan: PlotPlan, client: socket.socket | None = None) -> Blocks:
        """The values as JSON. Raises our errors."""
        content = self._drawn(plan, client)
        answer = Blocks([content], "application/json", length=len(content), version=plan.version)
        answer.compressible = True
        return answer

    def _drawn(self, plan: Plan | PlotPlan, client: socket.socket | None) -> bytes:
        with ExitStack() as stack:
            for slots, patience_s in ((self.places, 0.0), (self.drawing, self.patience_s)):
                if not slots.acquire(patience_s):
                    raise UnavailableError(
                        "Too many pictures are being drawn; please try again in a few seconds.", _BUSY_S
                    )
                stack.callback(slots.release)
            session = self.drawers.session()
            stack.callback(session.close)
            watch = Watch(math.inf, lambda _ending: session.close(), client)
            self.watcher.add(watch)
            stack.callback(self.watcher.remove, watch)
            with watch.telling():
                answer = session.cut(plan if isinstance(plan, InventoryPlan) else plan.carried())
                stack.callback(answer.close)
                return b"".join(answer)


@dataclass(frozen=True, slots=True)
class _Found:
    """A dataset, and how far of it is meant."""

    dataset: Dataset
    extent: Interval
    #: where it is one, whose files have to be there
    granule: LocatedGranule | None = None


def _is_for_all(plan: Plan) -> bool:
    """Whether everybody may have it, whoever asks now: what is kept is handed out to all who may ask for it."""
    return isinstance(plan, InventoryPlan) or plan.for_all


def _extent_of(connection: Connection, request: PictureRequest, known: Dataset) -> Interval:
    """From the first record to the last of the files that are not embargoed. Raises our errors where there is none."""
    if not may_now(request.caller, known.rights):
        raise ForbiddenError(f"The data of {known.dataset_id} are not public; ask the data centre for access.")
    first, last, held = extent_of(connection, request.schema, known.dataset_id)
    if first is None or last is None:
        if held:
            raise ForbiddenError(f"The files of {known.dataset_id} are not public yet.")
        raise NotFoundError(
            f"No file with records of the dataset {known.dataset_id} is held; there is nothing to draw."
        )
    return Interval(first, last + 1)


def _with_room(start: int, stop: int) -> tuple[int, int]:
    """A single instant, or what is hardly more, in the middle of a second."""
    if stop - start >= MIN_SHOWN_NS:
        return start, stop
    middle = (start + stop) // 2
    return middle - _AROUND_NS // 2, middle + _AROUND_NS // 2
