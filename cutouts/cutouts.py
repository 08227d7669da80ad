"""The story of a cut-out: from a request to blocks of bytes. No HTTP here."""

from __future__ import annotations

import math
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field

from cutouts.files import archived_file, check_access, check_files
from cutouts.formats.cdf import Cdf
from cutouts.interval import Interval
from cutouts.make import CutAnswer, make_cut
from cutouts.plan import CutPlan, Limit, NothingThereError, check_format
from cutouts.processes.pool import Cutters
from cutouts.request import CutRequest
from cutouts.windows import reaching
from epntap.access import Caller
from epntap.addresses import Addresses
from epntap.answer.admission import Slots
from epntap.answer.blocks import Blocks
from epntap.answer.watch import Watch, Watcher
from epntap.archive.finding.finder import Finder
from epntap.archive.finding.locate import LocatedGranule
from epntap.errors import UnavailableError
from epntap.settings import Settings

__all__ = ["CutAnswer", "Cutouts", "NothingThereError", "sync_limit"]

_BUSY_S = 5


@dataclass(frozen=True, slots=True)
class Cutouts:
    """Makes cut-outs; so many at once that queries still find a thread."""

    finder: Finder
    watcher: Watcher
    #: what is being made or sent
    places: Slots
    #: of this service, which cut-outs name as where they are from
    addresses: Addresses
    #: of a cut-out that is made while its client waits
    limit: Limit
    #: up to so many bytes of values, from files of up to so many bytes, are made in this process
    inline_bytes: int
    inline_files_bytes: int
    #: where larger ones are made
    cutters: Cutters = field(default_factory=Cutters)

    def plan(self, request: CutRequest, limit: Limit | None = None) -> CutPlan:
        """Find what a request needs. Raises our errors; NothingThereError when no file reaches into the interval."""
        granule = self.finder.holding(request.identifier, request.schema, request.caller)
        return self.plan_of(granule, request, limit or self.limit)

    def plan_of(self, granule: LocatedGranule, request: CutRequest, limit: Limit) -> CutPlan:
        """The same for a granule that is located already."""
        check_access(granule, request.caller)
        interval = request.interval.intersect(Interval(granule.start_tt2000, granule.stop_tt2000))
        files = reaching(granule.files, interval)
        check_files(granule, files)
        return CutPlan(
            granule.granule_uid,
            files,
            interval,
            request.parameters,
            request.format_name,
            request.compress,
            self.addresses.base,
            limit,
            granule.dataset,
            granule.schema,
        )

    def cut(self, request: CutRequest) -> CutAnswer:
        """Begin a cut-out and make its first block, so that what fails early fails with a proper error.

        A small one is made here, a large one in a process of its own. The answer must be closed by its receiver.
        Raises our errors; NothingThereError without a record.
        """
        check_format(request)
        return self.make(self.plan(request))

    def make(self, plan: CutPlan, client: socket.socket | None = None) -> CutAnswer:
        """As `cut`, of what is planned already; a large one ends when the client leaves."""
        with ExitStack() as stack:
            self._take_slot(stack)
            answer = self._small(plan) or self._large(plan, client)
            answer.has_place = True
            answer.version = plan.version
            if plan.dataset is not None:
                answer.datasets = ((plan.schema, plan.dataset.dataset_id),)
            answer.on_close(stack.pop_all().close)
            return answer

    def _large(self, plan: CutPlan, client: socket.socket | None) -> CutAnswer:
        with ExitStack() as stack:
            session = self.cutters.session()
            stack.callback(session.close)
            watch = Watch(math.inf, lambda _ending: session.close(), client)
            self.watcher.add(watch)
            stack.callback(self.watcher.remove, watch)
            with watch.telling():
                answer = session.cut(plan)
            answer.watch = watch
            answer.on_close(stack.pop_all().close)
            return answer

    def _small(self, plan: CutPlan) -> CutAnswer | None:
        if plan.archived_bytes > self.inline_files_bytes:
            return None
        return make_cut(plan, small_bytes=self.inline_bytes)

    def original(self, granule_uid: str, schema: str | None, caller: Caller) -> Blocks | None:
        """The very file of a granule that stands for one file, byte for byte; None for other granules.

        The answer must be closed by its receiver. Raises our errors as `cut` does.
        """
        granule = self.finder.holding(granule_uid, schema, caller)
        if not granule.is_file:
            return None
        check_access(granule, caller)
        check_files(granule, granule.files)
        answer = archived_file(granule.files[0], Cdf.media_type)
        answer.datasets = ((granule.schema, granule.dataset.dataset_id),)
        return answer

    def _take_slot(self, stack: ExitStack) -> None:
        if not self.places.acquire():
            raise UnavailableError("Too many cut-outs are being made; please try again in a few seconds.", _BUSY_S)
        stack.callback(self.places.release)


def sync_limit(settings: Settings) -> Limit:
    """What is made while the client waits."""
    most = settings.soda_sync_bytes
    return Limit(
        most,
        f"the {most:,} that are made at once; please ask for a shorter interval or for fewer PARAMETERS, "
        f"or post the same request to {settings.addresses.soda('async')}.",
    )
