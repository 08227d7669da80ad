"""The story of a bulk answer: from parameters to blocks of bytes. No HTTP here."""

from __future__ import annotations

import itertools
import logging
import math
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cutouts.cutouts import Cutouts
from cutouts.interval import EventEnds
from datalink.bulk.archives import tar_blocks, zip_blocks
from datalink.bulk.manifest import manifest
from datalink.bulk.members import Members
from datalink.bulk.params import Ask, BulkRequest, Packing, bulk_request
from epntap.access import Caller
from epntap.answer.admission import Slots
from epntap.answer.blocks import Blocks
from epntap.answer.watch import Watch
from epntap.dali.params import Params
from epntap.errors import UnavailableError
from epntap.media import MEDIA_TYPES

__all__ = ["BulkService"]

log = logging.getLogger(__name__)

_BUSY_S = 30
_MEDIA_TYPES = {Packing.ZIP: MEDIA_TYPES["zip"], Packing.TAR: MEDIA_TYPES["tar"]}


@dataclass(frozen=True, slots=True)
class BulkService:
    """Fetches many cut-outs at once; so few such answers at a time that other requests find a thread."""

    cutouts: Cutouts
    #: answers a query with the granule_uid of at most so many rows
    ask: Ask
    #: knows tables of events
    events: EventEnds
    #: answers that are packed
    places: Slots
    #: cut-outs in one answer, and bytes of values that they may hold together
    most_members: int
    most_bytes: int
    #: where members are put aside
    spool: Path
    #: seconds that a client may take to accept one block
    send_timeout_s: float

    def answer(self, params: Params, caller: Caller, client: socket.socket | None = None) -> Blocks:
        """Begin an answer, which must be closed by its receiver. Raises our errors."""
        request = bulk_request(params, most=self.most_members, ask=self.ask, events=self.events, caller=caller)
        if request.packing not in _MEDIA_TYPES:
            nameless = [cut.identifier for cut in request.cuts if cut.schema is None]
            owners = self.cutouts.finder.owners(nameless, caller) if nameless else {}
            addresses = manifest(request, self.cutouts.addresses, owners)
            return Blocks(addresses, "text/plain; charset=utf-8", file_name="cutouts.txt")
        with ExitStack() as stack:
            if not self.places.acquire():
                raise UnavailableError("Too many bulk answers are being made; please try again in a minute.", _BUSY_S)
            stack.callback(self.places.release)
            return self._packed(request, client, stack.pop_all())

    def _packed(self, request: BulkRequest, client: socket.socket | None, resources: ExitStack) -> Blocks:
        with ExitStack() as stack:
            stack.push(resources)
            try:
                self.spool.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                log.exception("the folder of spooled answers cannot be made")
                raise UnavailableError("The server cannot put cut-outs aside at the moment.", _BUSY_S) from exc
            members = Members(self.cutouts, request, self.spool, self.most_bytes)
            stack.callback(members.close)
            watch = Watch(math.inf, lambda _ending: members.close(), client, self.send_timeout_s)
            self.cutouts.watcher.add(watch)
            stack.callback(self.cutouts.watcher.remove, watch)
            blocks = zip_blocks(members) if request.packing is Packing.ZIP else tar_blocks(members)
            stack.callback(blocks.close)
            # what is wrong with the first member is in the index; what is wrong with all is said with a status
            first = list(itertools.islice(blocks, 1))
            name = f"cutouts.{request.packing}"
            media_type = _MEDIA_TYPES[request.packing]
            rest = itertools.chain(first, blocks)
            answer = Blocks(rest, media_type, file_name=name, resources=stack.pop_all())
            answer.has_place = True
            answer.watch = watch
            return answer
