"""The members of a bulk answer, one after the other: each is there as a whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import logging
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from cutouts.cutouts import Cutouts
from cutouts.make import CutAnswer
from cutouts.plan import CutPlan, Limit, NothingThereError, changed_at
from cutouts.processes.pool import CutterSession
from cutouts.request import CutRequest, labelled_name
from datalink.bulk.params import BulkRequest
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc
from epntap.errors import EpnTapError, ServiceError

__all__ = ["INDEX_NAME", "Entry", "Member", "Members", "index_csv"]

log = logging.getLogger(__name__)

INDEX_NAME = "index.csv"
#: smaller members are put aside in memory
_IN_MEMORY_BYTES = 8 * 1024 * 1024
_COPY_BYTES = 256 * 1024
_COLUMNS = ("name", "granule_uid", "start", "stop", "records", "bytes", "sha256", "crc32", "status", "message")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index says of one cut-out. Texts are empty for what does not exist."""

    granule_uid: str
    #: OK, EMPTY, or a label of SODA
    status: str
    name: str = ""
    start: str = ""
    stop: str = ""
    records: int | None = None
    size: int | None = None
    sha256: str = ""
    crc32: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A cut-out that is made, and kept aside until it is closed."""

    name: str
    size: int
    #: when the newest of its files was changed, UTC
    changed: datetime
    content: IO[bytes]

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes from the beginning."""
        self.content.seek(0)
        yield from iter(lambda: self.content.read(_COPY_BYTES), b"")


class Members:
    """Makes the members of a bulk request. `entries` holds a line for each that was tried; `close` ends the work."""

    def __init__(self, service: Cutouts, request: BulkRequest, spool: Path, most_bytes: int) -> None:
        self.entries: list[Entry] = []
        self._service = service
        self._request = request
        self._spool = spool
        self._most_bytes = self._left_bytes = most_bytes
        self._taken: set[str] = {INDEX_NAME}
        self._session: CutterSession | None = None
        self._is_closed = False

    def __iter__(self) -> Iterator[Member]:
        for cut in self._request.cuts:
            member = self._make(cut)
            if member is not None:
                with closing(member.content):
                    yield member

    def close(self) -> None:
        """End the process that makes cut-outs. May be called from another thread, and again."""
        self._is_closed = True
        if self._session is not None:
            self._session.close()

    def _make(self, cut: CutRequest) -> Member | None:
        """A member with its entry, or only an entry that says why not."""
        start, stop = cut.interval.start_tt2000, cut.interval.stop_tt2000
        try:
            plan = self._service.plan(cut, self._limit())
            start, stop = plan.interval.start_tt2000, plan.interval.stop_tt2000
            answer = self._begin(plan)
            member, entry = self._put_aside(cut, plan, answer)
        except EpnTapError as exc:
            if self._is_closed:
                raise
            status = "EMPTY" if isinstance(exc, NothingThereError) else exc.label
            self.entries.append(
                Entry(cut.identifier, status, start=_iso(start), stop=_iso(stop), message=" ".join(exc.message.split()))
            )
            return None
        self._left_bytes -= answer.size_bytes
        self.entries.append(entry)
        return member

    def _begin(self, plan: CutPlan) -> CutAnswer:
        if self._session is None or self._session.has_ended:
            self._session = self._service.cutters.session()
        return self._session.cut(plan)

    def _put_aside(self, cut: CutRequest, plan: CutPlan, answer: CutAnswer) -> tuple[Member, Entry]:
        name = (
            labelled_name(answer.file_name, cut.interval) if self._request.has_several_intervals else answer.file_name
        )
        name = self._free(name)
        digest, crc, size = hashlib.sha256(), 0, 0
        content: IO[bytes] | None = None
        try:
            content = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(self._spool))  # noqa: SIM115  # Member has it
            for block in answer:
                content.write(block)
                digest.update(block)
                crc = zlib.crc32(block, crc)
                size += len(block)
            content.flush()
        except BaseException as exc:
            if self._session is not None:
                self._session.close()  # what it has not said yet is not for the next member
            if content is not None:
                with suppress(OSError):
                    content.close()
            if isinstance(exc, OSError):
                log.error("a member of a bulk answer cannot be put aside: %s", exc)  # noqa: TRY400  # the reason is enough
                raise ServiceError(
                    f"There is not enough room on the server to put {name} aside; please try again later."
                ) from exc
            raise
        entry = Entry(
            cut.identifier,
            "OK",
            name,
            _iso(plan.interval.start_tt2000),
            _iso(plan.interval.stop_tt2000),
            answer.records,
            size,
            digest.hexdigest(),
            f"{crc:08x}",
        )
        return Member(name, size, changed_at(plan.files), content), entry

    def _free(self, name: str) -> str:
        """The name, or one like it where file systems would take it for another."""
        stem, _, extension = name.rpartition(".")
        free, number = name, 1
        while free.casefold() in self._taken:
            number += 1
            free = f"{stem}_{number}.{extension}"
        self._taken.add(free.casefold())
        return free

    def _limit(self) -> Limit:
        most = self._service.limit.most_bytes
        if self._left_bytes < most:
            return Limit(
                self._left_bytes,
                f"the {self._left_bytes:,} that are left of the {self._most_bytes:,} of one bulk request; "
                "please make another request for it.",
            )
        return Limit(
            most,
            f"the {most:,} that one of many may hold; please ask for a shorter interval or for "
            f"fewer PARAMETERS, or post it to {self._service.addresses.soda('async')}.",
        )


def index_csv(entries: Sequence[Entry]) -> bytes:
    """The index: one line for each cut-out that was asked for, made or not."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in entries:
        writer.writerow(
            [
                one.name,
                one.granule_uid,
                one.start,
                one.stop,
                "" if one.records is None else one.records,
                "" if one.size is None else one.size,
                one.sha256,
                one.crc32,
                one.status,
                one.message,
            ]
        )
    return text.getvalue().encode()


def _iso(tt2000: int) -> str:
    return "" if tt2000 in {MIN_TT2000, MAX_TT2000} else f"{format_utc(tt2000)}Z"
