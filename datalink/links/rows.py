"""The rows of a {links} document: what can be had for a granule (DataLink 1.1 §3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict
from urllib.parse import quote, urlencode, urlsplit

from cutouts.formats import FORMATS
from datalink.links.offers import Offers, granule_range
from epntap.access import ANONYMOUS, Caller, may_now
from epntap.addresses import HAPI_SERVER, Addresses
from epntap.answer.model import ResultColumn
from epntap.archive.finding.granules import GranuleRow
from epntap.archive.finding.locate import LocatedGranule
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc
from epntap.errors import EpnTapError
from epntap.media import MEDIA_TYPES, known_media_type

__all__ = ["COLUMNS", "Link", "LinkMaker", "fault_link", "hapi_address", "has_hapi"]

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

#: what each format of a whole granule is called; formats that are not here have no ready-made link
_FORMATS = {"cdf": "CDF file with ISTP attributes", "vot": "VOTable", "csv": "CSV table", "parquet": "Parquet table"}
#: formats that hold several time axes
_MANY_AXES = {"cdf", "vot"}
#: dataproduct_type -> term of the vocabulary product-type
_QUALIFIERS = {"ts": "#timeseries", "ds": "#dynamic-spectrum", "sp": "#spectrum", "im": "#image", "cu": "#cube"}
#: files that are named one by one
MOST_FILES = 100
#: names that an address holds when it asks for one axis of several
_MOST_NAMES = 40


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


class LinkMaker:
    """Makes the rows of one document."""

    def __init__(self, addresses: Addresses, offers: Offers, caller: Caller = ANONYMOUS) -> None:
        self._addresses = addresses
        self._offers = offers
        self._caller = caller

    def links_of(self, identifier: str, row: GranuleRow) -> list[Link]:
        """All links of a granule, at least one: data, services, what it was made of, relatives, documentation."""
        return [replace(link, ID=identifier) for link in self._links_of(row)]

    def _links_of(self, row: GranuleRow) -> Iterator[Link]:
        if row.located is None:
            yield self._published(row)
        else:
            yield from self._data(row, row.located)
            yield from self._preview(row, row.located)
            yield from self._services(row.located)
            yield from self._files(row.located)
        yield from self._relatives(row)
        if row.located is not None and has_hapi(row.located, self._caller):
            yield from self._hapi(row.located)
        yield from self._documentation(row)

    def _published(self, row: GranuleRow) -> Link:
        """The file that is the granule, published as it is."""
        if row.access_url is None:
            return Link(row.granule_uid, error_message="NotFoundFault: nothing can be fetched for this granule")
        return Link(
            row.granule_uid,
            access_url=self._addresses.absolute(row.access_url),
            description=_said(row.granule_uid, row.granule_gid),
            content_type=row.access_format,
            content_length=row.sizes.get(row.access_url),
            content_qualifier=_QUALIFIERS.get(row.dataproduct_type or ""),
            local_semantics=row.granule_gid,
        )

    def _data(self, row: GranuleRow, granule: LocatedGranule) -> Iterator[Link]:
        """The granule in each format that it can have."""
        if not granule.files:
            yield Link(row.granule_uid, error_message="NotFoundFault: no file of this dataset is held for this granule")
            return
        axes = _axes(granule)
        for form in FORMATS:
            extension, media_type = form.extension, form.media_type.partition(";")[0]
            if form.names[0] not in {extension, "votable"} or extension not in _FORMATS:
                continue
            link = Link(
                row.granule_uid,
                access_url=self._addresses.data(row.granule_uid, extension, row.schema),
                description=_said(granule.dataset.title, _FORMATS[extension]),
                content_type=media_type,
                content_qualifier=_QUALIFIERS.get(row.dataproduct_type or "", "#timeseries"),
                local_semantics=extension,
                **_authority(granule, self._caller),
            )
            if extension in _MANY_AXES or len(axes) <= 1:
                yield self._original(link, granule) if extension == "cdf" and granule.is_file else link
            else:
                yield from self._by_axis(link, granule, axes, form.names[0])

    def _original(self, link: Link, granule: LocatedGranule) -> Link:
        return replace(
            link,
            description=_said(granule.dataset.title, "the original file"),
            content_length=granule.files[0].size_bytes,
        )

    def _by_axis(
        self, whole: Link, granule: LocatedGranule, axes: Mapping[str, Sequence[str]], format_name: str
    ) -> Iterator[Link]:
        """A table holds one time axis: a link for each that has something measured along it."""
        for axis, names in axes.items():
            if not 0 < len(names) <= _MOST_NAMES:
                continue
            query = [("ID", granule.granule_uid), ("PARAMETERS", ",".join(names)), ("FORMAT", format_name)]
            yield replace(
                whole,
                access_url=self._addresses.cutout(query, granule.schema),
                description=f"{whole.description} of {axis}: {', '.join(names)}",
            )

    def _preview(self, row: GranuleRow, granule: LocatedGranule) -> Iterator[Link]:
        """The picture of the granule over time."""
        if granule.files:
            yield Link(
                row.granule_uid,
                access_url=self._addresses.preview(row.granule_uid, row.schema),
                description=_said(granule.dataset.title, "lines and spectrograms over time"),
                semantics="#preview",
                content_type="image/png",
                content_qualifier="#image",
                local_semantics="preview",
                **_authority(granule, self._caller),
            )

    def _services(self, granule: LocatedGranule) -> Iterator[Link]:
        if not granule.files:
            return
        for service, what in (
            ("soda", "cut to an interval and reformat"),
            ("amda", "cut to an interval and reformat, with AMDA's parameter names"),
        ):
            yield Link(
                granule.granule_uid,
                service_def=self._offers.refer(service, granule),
                description=_said(granule.dataset.title, what),
                semantics="#cutout",
                content_type=MEDIA_TYPES["cdf"],
                local_semantics=service,
                **_authority(granule, self._caller),
            )

    def _files(self, granule: LocatedGranule) -> Iterator[Link]:
        """The files that a day or a month is cut from."""
        if granule.is_file:
            return
        for file in granule.files[:MOST_FILES]:
            name = file.path.rpartition("/")[2]
            yield Link(
                granule.granule_uid,
                access_url=self._addresses.file(granule.schema, file.path),
                description=f"File that this is cut from: {name}",
                semantics="#progenitor",
                content_type=MEDIA_TYPES["cdf"],
                content_length=file.size_bytes,
                local_semantics="file",
                **_authority(granule, self._caller),
            )

    def _relatives(self, row: GranuleRow) -> Iterator[Link]:
        """Other granules of the same observation, and the thumbnail."""
        if row.thumbnail_url:
            thumbnail = Link(
                row.granule_uid,
                access_url=self._addresses.absolute(row.thumbnail_url),
                description="Thumbnail",
                semantics="#thumbnail",
                content_type=known_media_type(urlsplit(row.thumbnail_url).path),
                content_length=row.sizes.get(row.thumbnail_url),
                content_qualifier="#image",
                local_semantics="thumbnail",
            )
            yield replace(thumbnail, **_authority(row.located, self._caller)) if row.located else thumbnail
        for one in row.relatives:
            if one.access_url is None or one.access_url == row.thumbnail_url:
                continue
            is_preview = "preview" in (one.granule_gid or "").lower()
            yield Link(
                row.granule_uid,
                access_url=self._addresses.absolute(one.access_url),
                description=f"The same observation: {_said(one.granule_uid, one.granule_gid)}",
                semantics="#preview" if is_preview else "#coderived",
                content_type=one.access_format,
                content_length=row.sizes.get(one.access_url),
                content_qualifier=_QUALIFIERS.get(one.dataproduct_type or ""),
                local_semantics=one.granule_gid,
            )

    def _hapi(self, granule: LocatedGranule) -> Iterator[Link]:
        if granule.stop_tt2000 > granule.start_tt2000:
            yield Link(
                granule.granule_uid,
                access_url=hapi_address(granule, self._addresses, self._caller),
                description=_said(granule.dataset.title, "this interval from the HAPI server"),
                semantics="#coderived",
                content_type="text/csv",
                content_qualifier="#timeseries",
                local_semantics="hapi",
            )
        yield Link(
            granule.granule_uid,
            service_def=self._offers.refer("hapi", granule),
            description=_said(granule.dataset.title, "any interval from the HAPI server"),
            semantics="#proc",
            content_type="text/csv",
            local_semantics="hapi",
        )

    def _documentation(self, row: GranuleRow) -> Iterator[Link]:
        pages: dict[str, str] = {}
        dataset = row.located.dataset if row.located else None
        if dataset and dataset.landing_url:
            pages[dataset.landing_url] = "Description of the dataset (SPASE)"
        if dataset and dataset.information_url:
            pages.setdefault(dataset.information_url, "Further information on the dataset")
        if dataset and dataset.doi:
            pages.setdefault(f"https://doi.org/{quote(dataset.doi, safe='/')}", "Digital object identifier")
        if row.external_link:
            pages.setdefault(row.external_link, "Further information")
        for address, what in pages.items():
            yield Link(
                row.granule_uid,
                access_url=self._addresses.absolute(address),
                description=_said(dataset.title, what) if dataset else what,
                semantics="#documentation",
                content_type="text/html",
                local_semantics="documentation",
            )


def _axes(granule: LocatedGranule) -> dict[str, list[str]]:
    """Time axes of all files of the granule with what is measured along them; empty when that is not known."""
    found: dict[str, list[str]] = {}
    for file in granule.files:
        for axis, names in file.axes.items():
            known = found.setdefault(axis, [])
            known += [name for name in names if name not in known]
    return found


class _Authority(TypedDict):
    link_auth: str
    link_authorized: bool


def _authority(granule: LocatedGranule, caller: Caller) -> _Authority:
    rights = granule.dataset.rights_to(granule.files)
    is_public = may_now(ANONYMOUS, rights)
    return {"link_auth": "false" if is_public else "true", "link_authorized": may_now(caller, rights)}


def _said(title: str, what: str | None) -> str:
    """Text on one line."""
    return " ".join((f"{title}: {what}" if what else title).split())


def fault_link(identifier: str, error: EpnTapError) -> Link:
    """The row that says why there is nothing for an identifier (DataLink 1.1 §3.4.2)."""
    return Link(identifier, error_message=f"{error.fault}: {error.message}", link_auth=None, link_authorized=None)


def has_hapi(granule: LocatedGranule, caller: Caller) -> bool:
    """Whether a HAPI server has the data: ours where it has files for the caller, else that of the data centre."""
    return _is_ours(granule, caller) or bool(granule.dataset.hapi_url)


def _is_ours(granule: LocatedGranule, caller: Caller) -> bool:
    owner = granule.dataset
    rights = owner.rights_to(granule.files)
    return owner.series_id is not None and bool(granule.files) and may_now(caller, rights)


def hapi_address(
    granule: LocatedGranule,
    addresses: Addresses,
    caller: Caller,
    *,
    start: str | None = None,
    stop: str | None = None,
    parameters: str | None = None,
    response_format: str = "csv",
) -> str:
    """A request for an interval of the dataset to its HAPI server; HAPI 2 names, which HAPI 3 servers accept.

    Ours is asked where files are held, in nanoseconds: a granule that is a file ends just after its last record.
    """
    dataset, is_ours, span = granule.dataset, _is_ours(granule, caller), granule_range(granule)
    first, last = span.start, span.stop
    if is_ours:
        bounds = (granule.start_tt2000, granule.stop_tt2000)
        first, last = (format_utc(min(max(one, MIN_TT2000), MAX_TT2000)) for one in bounds)
    query = {
        "id": dataset.series_id if is_ours else dataset.hapi_id or dataset.dataset_id,
        "time.min": f"{start or first}Z",
        "time.max": f"{stop or last}Z",
        "parameters": parameters,
        "format": response_format,
    }
    base = addresses.at(HAPI_SERVER) if is_ours else dataset.hapi_url
    return f"{base}/data?" + urlencode({k: v for k, v in query.items() if v})
