"""The rows of a {links} document: what can be had for a granule (DataLink 1.1 §3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from urllib.parse import quote, urlencode

from datalink.descriptors import Range
from epntap.answer import ResultColumn
from epntap.archive.store import LocatedGranule
from epntap.cdf import MIN_TT2000, format_utc, jd_from_tt2000
from epntap.errors import EpnTapError
from epntap.formats.votable import xml_text

__all__ = ["COLUMNS", "Link", "fault_link", "granule_range", "hapi_address", "links_of", "row_xml"]

#: the columns of DataLink 1.1 §3.2, with their UCDs
COLUMNS: tuple[ResultColumn, ...] = (
    ResultColumn("ID", "char", "*", ucd="meta.id;meta.main", description="identifier as it was asked for"),
    ResultColumn("access_url", "char", "*", ucd="meta.ref.url", description="address of the data or document"),
    ResultColumn("service_def", "char", "*", ucd="meta.ref", description="ID of the descriptor of a service"),
    ResultColumn("error_message", "char", "*", ucd="meta.code.error", description="why there is no link"),
    ResultColumn("description", "char", "*", ucd="meta.note", description="what the link leads to"),
    ResultColumn("semantics", "char", "*", ucd="meta.code", description="term of the vocabulary datalink/core"),
    ResultColumn("content_type", "char", "*", ucd="meta.code.mime", description="media type"),
    ResultColumn("content_length", "long", unit="byte", ucd="phys.size;meta.file", description="size"),
    ResultColumn("content_qualifier", "char", "*", description="kind of data product"),
    ResultColumn("local_semantics", "char", "*", ucd="meta.id.assoc", description="what this service calls the link"),
    ResultColumn("link_auth", "char", "*", ucd="meta.code", description="whether logging in is needed"),
    ResultColumn("link_authorized", "boolean", ucd="meta.code", description="whether the caller may have it"),
)

_FORMATS = (
    ("cdf", "application/x-cdf", "CDF file with ISTP attributes"),
    ("vot", "application/x-votable+xml", "VOTable"),
    ("csv", "text/csv", "CSV table with a header line"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """One row; exactly one of access_url, service_def and error_message is set. The fields are the columns."""

    ID: str
    access_url: str | None = None
    service_def: str | None = None
    error_message: str | None = None
    description: str | None = None
    semantics: str = "#this"
    content_type: str | None = None
    content_length: int | None = None
    content_qualifier: str | None = None
    local_semantics: str | None = None
    link_auth: str | None = "false"
    link_authorized: bool | None = True


def links_of(granule: LocatedGranule, base_url: str, schema: str | None = None) -> Iterator[Link]:
    """All links of a granule: its data, cut-outs, the HAPI service of its dataset, documentation."""
    uid = granule.granule_uid
    where = f"?{urlencode({'SCHEMA': schema})}" if schema else ""
    title = xml_free(granule.dataset.title)
    if granule.files:
        for extension, media_type, what in _FORMATS:
            yield Link(
                uid,
                access_url=f"{base_url}/data/{quote(uid, safe='')}.{extension}{where}",
                description=f"{title}: {what}",
                content_type=media_type,
                content_qualifier="#timeseries",
                local_semantics=extension,
                link_authorized=granule.is_open,
                link_auth="false" if granule.is_open else "true",
            )
        for service, semantics, what in (
            ("soda", "#proc", "Cut to an interval and reformat"),
            ("amda", "#proc", "Cut to an interval and reformat, with AMDA's parameter names"),
        ):
            yield Link(
                uid,
                service_def=service,
                description=f"{title}: {what}",
                semantics=semantics,
                content_type="application/x-cdf",
                local_semantics=service,
                link_authorized=granule.is_open,
                link_auth="false" if granule.is_open else "true",
            )
    else:
        yield Link(uid, error_message="NotFoundFault: no file of this dataset is held for this granule")
    if granule.dataset.hapi_url:
        yield Link(
            uid,
            access_url=hapi_address(granule),
            description=f"{title}: this interval from the HAPI server of the dataset",
            semantics="#coderived",
            content_type="text/csv",
            content_qualifier="#timeseries",
            local_semantics="hapi",
        )
        yield Link(
            uid,
            service_def="hapi",
            description=f"{title}: any interval from the HAPI server of the dataset",
            semantics="#proc",
            content_type="text/csv",
            local_semantics="hapi",
        )
    for address, what in (
        (granule.dataset.landing_url, "description of the dataset (SPASE)"),
        (granule.dataset.information_url, "further information"),
    ):
        if address:
            yield Link(
                uid,
                access_url=address,
                description=f"{title}: {what}",
                semantics="#documentation",
                content_type="text/html",
            )


def fault_link(identifier: str, error: EpnTapError) -> Link:
    """The row that says why there is nothing for an identifier (DataLink 1.1 §3.4.2)."""
    return Link(identifier, error_message=f"{error.fault}: {error.message}", link_auth=None, link_authorized=None)


def granule_range(granule: LocatedGranule) -> Range:
    """The interval of a granule as descriptors show it."""
    mjd = [f"{jd_from_tt2000(t) - 2_400_000.5:.8f}" for t in (granule.start_tt2000, granule.stop_tt2000)]
    return Range(_iso(granule.start_tt2000), _iso(granule.stop_tt2000), *mjd)


def _iso(tt2000: int) -> str:
    return format_utc(max(tt2000, MIN_TT2000), 3)


def hapi_address(
    granule: LocatedGranule,
    *,
    start: str | None = None,
    stop: str | None = None,
    parameters: str | None = None,
    response_format: str = "csv",
) -> str:
    """A request for an interval of the dataset to its HAPI server; HAPI 2 names, which HAPI 3 servers accept."""
    span = granule_range(granule)
    query = {
        "id": granule.dataset.hapi_id or granule.dataset.dataset_id,
        "time.min": f"{start or span.start}Z",
        "time.max": f"{stop or span.stop}Z",
        "parameters": parameters,
        "format": response_format,
    }
    return f"{granule.dataset.hapi_url}/data?" + urlencode({k: v for k, v in query.items() if v})


def xml_free(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())


def row_xml(link: Link) -> str:
    """The link as a TR."""
    cells = []
    for one in fields(link):
        value = getattr(link, one.name)
        cells.append("" if value is None else xml_text(str(value).lower() if isinstance(value, bool) else str(value)))
    return "<TR><TD>" + "</TD><TD>".join(cells) + "</TD></TR>\n"
