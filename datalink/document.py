"""The {links} document: rows for every identifier, and the descriptors that they refer to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datalink.descriptors import DATALINK, Range, amda_descriptor, hapi_descriptor, soda_descriptor
from datalink.links import COLUMNS, Link, fault_link, granule_range, links_of, row_xml
from datalink.service import DatalinkService
from epntap.answer import Outcome, OutcomeStatus
from epntap.archive.store import LocatedGranule
from epntap.errors import EpnTapError, UnavailableError
from epntap.formats import votable
from epntap.formats.base import AnswerFacts

__all__ = ["links_document"]

_DESCRIPTORS: dict[str, Callable[[str, str, Range | None, str | None], str]] = {
    "soda": soda_descriptor,
    "amda": amda_descriptor,
    "hapi": hapi_descriptor,
}
_ID_FIELD = "ID"


def links_document(
    service: DatalinkService, identifiers: Sequence[str], schema: str | None = None, *, cut: bool = False
) -> bytes:
    """The VOTable; at least one row for each identifier. `cut` says that not all that were asked for are here.

    Raises UnavailableError when the database is away: that is not the fault of an identifier.
    """
    rows: list[Link] = []
    found: list[LocatedGranule] = []
    for identifier in identifiers:
        try:
            granule = service.granule(identifier, schema)
        except UnavailableError:
            raise
        except EpnTapError as exc:
            rows.append(fault_link(identifier, exc))
        else:
            found.append(granule)
            rows += links_of(granule, service.settings.base_url, schema)
    # The limits of one granule are told; for several, one descriptor has to do for all.
    span = granule_range(found[0]) if len(found) == 1 else None
    used = {link.service_def for link in rows}
    facts = AnswerFacts(
        infos=[("standardID", DATALINK, "")],
        descriptors=[
            build(service.settings.base_url, _ID_FIELD, span, schema)
            for name, build in _DESCRIPTORS.items()
            if name in used
        ],
    )
    outcome = Outcome(OutcomeStatus.OVERFLOW if cut else OutcomeStatus.OK, len(rows))
    return b"".join(
        (
            votable.document_start(COLUMNS, facts),
            b"<DATA><TABLEDATA>\n",
            "".join(map(row_xml, rows)).encode(),
            b"</TABLEDATA></DATA>\n",
            votable.document_end(outcome, facts),
        )
    )
