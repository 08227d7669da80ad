"""The bytes of the answer of a query, with how it ended."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack

from epntap.answer.blocks import Blocks
from epntap.answer.endings import BrokenStreamError, ClientGoneError
from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.answer.watch import Ending
from epntap.db.rows.stream import RowStream
from epntap.errors import EpnTapError
from epntap.formats.base import AnswerFacts, RowFormat

__all__ = ["Answer"]


class Answer(Blocks):
    """The bytes of the answer of a query; `close` ends the query in the database."""

    def __init__(
        self,
        form: RowFormat,
        media_type: str,
        columns: list[ResultColumn],
        facts: AnswerFacts,
        *,
        stream: RowStream | None = None,
        first: list[bytes] | None = None,
        outcome: Outcome | None = None,
        resources: ExitStack | None = None,
    ) -> None:
        self._written = self._write()
        super().__init__(self._written, media_type, resources=resources)
        self.on_close(self._written.close)
        self.extension = form.extension
        self.compressible = form.compressible
        self.content_encoding = form.content_encoding
        self.watch = stream.watch if stream is not None else None
        #: what broke the answer after its first block
        self.failure: EpnTapError | None = None
        self._form = form
        self._columns = columns
        self._facts = facts
        self._stream = stream
        self._first = first or []
        self._outcome = outcome

    @property
    def outcome(self) -> Outcome | None:
        """How the answer ended, when it has."""
        return self._stream.outcome if self._stream is not None and self._outcome is None else self._outcome

    @property
    def columns(self) -> Sequence[ResultColumn]:
        """What each row holds."""
        return self._columns

    @property
    def is_complete(self) -> bool:
        """True when all bytes are here already, so that the length can be told."""
        return self.outcome is not None and not (self._form.spools and self._stream is not None)

    @property
    def ending(self) -> str:
        """In a word or two, for the log."""
        if self.watch is not None and self.watch.ending is not None:
            return self.watch.ending.value
        return self.outcome.status.value if self.outcome else "left"

    def begin(self) -> None:
        """Make the first bytes, of a format that writes nothing before the last row all of them.

        What fails until then fails with a proper error.
        """
        self._blocks = itertools.chain(list(itertools.islice(self._written, 1)), self._written)

    def _write(self) -> Generator[bytes, None, None]:
        writer = self._form.writer(self._columns, self._facts)
        begun = False
        try:
            head = writer.header()
            rest: Iterator[bytes] = iter(self._stream) if self._stream is not None else iter(())
            try:
                for block in itertools.chain(self._first, rest):
                    if written := head + writer.rows(block):
                        begun = True
                        yield written
                    head = b""
            except EpnTapError as exc:
                self.failure = exc
                self._outcome = self._failure(exc, begun=begun)
            outcome = self.outcome
            assert outcome is not None
            for written in writer.trailer(outcome):
                yield head + written
                head = b""
            if head:
                yield head
        finally:
            writer.close()

    def _failure(self, exc: EpnTapError, *, begun: bool) -> Outcome:
        if self.watch is not None and self.watch.ending in {Ending.CLIENT_GONE, Ending.CLIENT_STALLED}:
            raise ClientGoneError from exc
        if not begun:
            raise exc
        if not self._form.says_outcome:
            raise BrokenStreamError(exc.message) from exc
        return Outcome(OutcomeStatus.ERROR, self._stream.rows if self._stream is not None else 0, exc.message)
