"""The {links} document: rows for every identifier batch by batch, then the descriptors that they refer to."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from datalink.links.formats import LinkFormat
from datalink.links.offers import Offers
from datalink.links.request import LinksRequest
from datalink.links.rows import Link, LinkMaker, fault_link
from epntap.addresses import Addresses
from epntap.answer.admission import Slots
from epntap.answer.blocks import Blocks
from epntap.answer.model import Outcome, OutcomeStatus
from epntap.archive.finding.batches import Batches
from epntap.archive.finding.finder import Finder
from epntap.errors import EpnTapError, UnavailableError
from epntap.pages import Pages

__all__ = ["Links"]

#: identifiers that are looked up at once; the first rows leave after so many
BATCH = 500
ID_FIELD = "ID"
_BUSY_S = 5


@dataclass(frozen=True, slots=True)
class Links:
    """Makes {links} documents; so few long ones at once that queries still find a thread."""

    finder: Finder
    addresses: Addresses
    #: documents with more identifiers than are looked up at once
    places: Slots
    pages: Pages

    def answer(self, request: LinksRequest, form: LinkFormat) -> Blocks:
        """Begin the document; at least one row for each identifier.

        Raises ParameterError for a schema that is not published, UnavailableError when the database is away or too
        many long documents are being written: neither is the fault of an identifier.
        """
        batches = self.finder.batches(request.schema, request.caller)
        is_long = len(request.identifiers) > BATCH
        with ExitStack() as stack:
            if is_long:
                if not self.places.acquire():
                    raise UnavailableError(
                        "Too many long lists of links are being written; please try again shortly.", _BUSY_S
                    )
                stack.callback(self.places.release)
            blocks = self._blocks(batches, request, form)
            stack.callback(blocks.close)
            # what fails before the first row fails before the answer has begun
            first = list(itertools.islice(blocks, 1))
            answer = Blocks(itertools.chain(first, blocks), form.media_type, resources=stack.pop_all())
        answer.compressible = True
        answer.has_place = is_long
        return answer

    def _blocks(self, batches: Batches, request: LinksRequest, form: LinkFormat) -> Generator[bytes, None, None]:
        offers = Offers(self.addresses, ID_FIELD, request.caller)
        maker = LinkMaker(self.addresses, offers, request.caller)
        writer = form.writer(request, self.pages)
        rows, is_cut = 0, request.is_cut
        yield_first = writer.header()
        for first in range(0, len(request.identifiers), BATCH):
            some = request.identifiers[first : first + BATCH]
            try:
                found = list(_links(batches, maker, some))
            except EpnTapError as exc:
                if yield_first or not form.says_outcome:
                    raise
                # the beginning has been sent: that it is not all is said at the end
                yield writer.trailer(Outcome(OutcomeStatus.ERROR, rows, exc.message), offers.descriptors())
                return
            taken, is_full = _take(found, None if request.maxrec is None else request.maxrec - rows)
            rows += len(taken)
            is_cut = is_cut or is_full
            yield yield_first + writer.rows(taken)
            yield_first = b""
            if is_full:
                break
        outcome = Outcome(OutcomeStatus.OVERFLOW if is_cut else OutcomeStatus.OK, rows)
        yield yield_first + writer.trailer(outcome, offers.descriptors())


def _take(found: Sequence[list[Link]], most: int | None) -> tuple[list[Link], bool]:
    """The links of as many identifiers as fit, and whether that is not all."""
    taken: list[Link] = []
    for links in found:
        if most is not None and len(taken) + len(links) > most:
            return taken, True
        taken += links
    return taken, False


def _links(batches: Batches, maker: LinkMaker, identifiers: Sequence[str]) -> Iterator[list[Link]]:
    for identifier, row in zip(identifiers, batches.rows(identifiers), strict=True):
        if isinstance(row, UnavailableError):
            raise row
        if isinstance(row, EpnTapError):
            yield [fault_link(identifier, row)]
        else:
            yield maker.links_of(identifier, row)
