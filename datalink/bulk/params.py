"""What a bulk request asks for: the parameters of cut-outs, for many granules, and how they are packed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cutouts.interval import EventEnds
from cutouts.plan import check_format
from cutouts.request import CutRequest
from datalink.soda.events import is_joined
from datalink.soda.params import cut_requests
from epntap.access import ANONYMOUS, Caller
from epntap.dali.params import Params, single
from epntap.errors import ParameterError

__all__ = ["Ask", "BulkRequest", "Identifiers", "Packing", "bulk_request"]


class Packing(StrEnum):
    """What the answer is."""

    ZIP = "zip"
    TAR = "tar"
    #: addresses for download tools, one a line
    MANIFEST = "manifest"
    ARIA2 = "aria2"
    CURL = "curl"


_NAMES = {packing.value: packing for packing in Packing} | {
    "application/zip": Packing.ZIP,
    "application/x-tar": Packing.TAR,
    "text/plain": Packing.MANIFEST,
    "text/uri-list": Packing.MANIFEST,
}


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What a query has found."""

    granule_uids: Sequence[str]
    #: service that they are from, where the query tells
    schema: str | None = None


#: answers a query of somebody with the granules of at most so many rows
Ask = Callable[[str, int, Caller], Identifiers]


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """Cut-outs, all in one format, and how they are packed."""

    cuts: Sequence[CutRequest]
    packing: Packing
    #: who asks
    caller: Caller = ANONYMOUS
    #: table whose events are one cut-out together; empty: none
    joined: str = ""

    @property
    def has_several_intervals(self) -> bool:
        """Whether names have to tell the interval."""
        return len({cut.interval for cut in self.cuts}) > 1


def bulk_request(params: Params, *, most: int, ask: Ask, events: EventEnds, caller: Caller) -> BulkRequest:
    """The request that the parameters describe.

    `ask` answers a query with at most so many granules. Raises ParameterError, also for more than `most` cut-outs,
    and what `ask` and `events` raise.
    """
    packing = _packing(single(params, "RESPONSEFORMAT"))
    wanted = {name: values for name, values in params.items() if name != "RESPONSEFORMAT"}
    query = single(params, "QUERY")
    if query is not None:
        if any(value.strip() for value in params.get("ID", ())):
            raise ParameterError("QUERY and ID both name granules; please give one or the other.")
        found = ask(query, most, caller)
        if not found.granule_uids:
            raise ParameterError("The query finds no granule, so there is nothing to fetch.")
        wanted["ID"] = found.granule_uids
        if found.schema is not None and single(params, "SCHEMA") is None:
            wanted["SCHEMA"] = [found.schema]
    elif not any(value.strip() for name in ("ID", "DATASETID") for value in params.get(name, ())):
        raise ParameterError(
            "ID or QUERY is missing; give the granule_uid of one granule or more, or an ADQL query with that column."
        )
    cuts = cut_requests(wanted, most=most, events=events, who="one request", caller=caller)
    check_format(cuts[0])
    return BulkRequest(cuts, packing, caller, (single(params, "EVENTS") or "") if is_joined(params) else "")


def _packing(text: str | None) -> Packing:
    wanted = (text or Packing.ZIP).split(";")[0].strip().lower()
    if wanted not in _NAMES:
        raise ParameterError(f"RESPONSEFORMAT {text!r} is not offered here; expected one of {', '.join(Packing)}.")
    return _NAMES[wanted]
