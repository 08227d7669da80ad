"""Service descriptors: how a client is told to call a service on a row (DataLink 1.1 §4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from cutouts.formats import FORMATS
from epntap.addresses import Addresses
from epntap.answer.model import ResultColumn
from epntap.formats.votable import field_ids
from epntap.xml import attribute, xml_text

__all__ = [
    "DATALINK",
    "SODA_SYNC",
    "Descriptor",
    "InputParam",
    "Offer",
    "Range",
    "amda_descriptor",
    "descriptors_for_answer",
    "hapi_descriptor",
    "links_descriptor",
    "soda_descriptor",
]

DATALINK = "ivo://ivoa.net/std/DataLink#links-1.1"
SODA_SYNC = "ivo://ivoa.net/std/SODA#sync-1.0"


@dataclass(frozen=True, slots=True)
class InputParam:
    """One PARAM of inputParams: from the row (`ref`), fixed (`value`), or asked of the user (neither)."""

    name: str
    description: str = ""
    value: str = ""
    ref: str | None = None
    datatype: str = "char"
    arraysize: str = "*"
    xtype: str | None = None
    unit: str | None = None
    ucd: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    #: (value, name to show)
    options: tuple[tuple[str, str], ...] = ()

    def xml(self) -> str:
        """The PARAM element."""
        attributes = (
            ("name", self.name),
            ("datatype", self.datatype),
            ("arraysize", self.arraysize),
            ("xtype", self.xtype),
            ("unit", self.unit),
            ("ucd", self.ucd),
            ("ref", self.ref),
        )
        start = "<PARAM" + "".join(f" {key}={attribute(text)}" for key, text in attributes if text)
        content = f"<DESCRIPTION>{xml_text(self.description)}</DESCRIPTION>" if self.description else ""
        values = "".join(
            f"<{tag} value={attribute(text)}/>" for tag, text in (("MIN", self.minimum), ("MAX", self.maximum)) if text
        ) + "".join(f"<OPTION name={attribute(name)} value={attribute(value)}/>" for value, name in self.options)
        if values:
            content += f"<VALUES>{values}</VALUES>"
        return f"{start} value={attribute(self.value)}>{content}</PARAM>\n"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A service and how it is called: a RESOURCE in documents, a form on pages."""

    resource_id: str
    access_url: str
    params: tuple[InputParam, ...]
    name: str
    description: str
    standard_id: str | None = None
    content_type: str | None = None
    #: a call that gives an answer
    example_url: str | None = None

    def xml(self) -> str:
        """The whole RESOURCE element; a sibling of the results, because pyvo looks at the top level only."""
        fixed = [
            ("accessURL", self.access_url),
            ("standardID", self.standard_id),
            ("contentType", self.content_type),
            ("exampleURL", self.example_url),
        ]
        return (
            f'<RESOURCE type="meta" utype="adhoc:service" ID={attribute(self.resource_id)} '
            f"name={attribute(self.name)}>\n<DESCRIPTION>{xml_text(self.description)}</DESCRIPTION>\n"
            + "".join(
                f'<PARAM name="{key}" datatype="char" arraysize="*" value={attribute(value)}/>\n'
                for key, value in fixed
                if value
            )
            + '<GROUP name="inputParams">\n'
            + "".join(param.xml() for param in self.params)
            + "</GROUP>\n</RESOURCE>\n"
        )


def _where(schema: str) -> InputParam:
    """The same name may be in two services: a fixed parameter says which one is meant."""
    return InputParam("SCHEMA", "service of the granule", value=schema)


def links_descriptor(addresses: Addresses, id_ref: str, schema: str) -> Descriptor:
    """The {links} service, for an answer whose FIELD with this ID holds granule_uid of a schema."""
    return Descriptor(
        "datalink",
        addresses.links(),
        (InputParam("ID", "granule_uid of the row", ref=id_ref, ucd="meta.id;meta.main"), _where(schema)),
        name="Links",
        description="Data in several formats, documentation and services for a granule",
        standard_id=DATALINK,
        content_type="application/x-votable+xml;content=datalink",
    )


def descriptors_for_answer(
    addresses: Addresses, columns: Sequence[ResultColumn], cut_of: Callable[[str], Range | None]
) -> list[str]:
    """What a TAP answer with these columns should carry: nothing without granule_uid.

    `cut_of` tells the interval that the data of a schema cover, None for one of which nothing can be cut.
    """
    for column, field_id in zip(columns, field_ids(columns), strict=True):
        if column.origin is not None and column.origin[1] == "granule_uid" and column.origin[0].endswith(".epn_core"):
            schema = column.origin[0].partition(".")[0]
            found = [links_descriptor(addresses, field_id, schema)]
            span = cut_of(schema)
            if span is not None:
                found.append(soda_descriptor(addresses, field_id, Offer(span), schema))
            return [one.xml() for one in found]
    return []


@dataclass(frozen=True, slots=True)
class Range:
    """First and last instant of a granule, as users write them (ISO) and as SODA does (MJD)."""

    start: str
    stop: str
    mjd_start: str
    mjd_stop: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What a form may say of its fields: the interval, what can be chosen, and a call that works."""

    span: Range | None = None
    #: (value, name to show) of what was measured
    parameters: tuple[tuple[str, str], ...] = ()
    #: parameters of a call, without the address
    example: tuple[tuple[str, str], ...] = ()
    #: of what, where a document has several descriptors of one service
    subject: str = ""

    def named(self, service: str) -> str:
        """Name of the service for this subject."""
        return f"{service}: {self.subject}" if self.subject else service


#: what the formats of cut-outs are called in forms; others by their own name
_FORMAT_NAMES = {
    "cdf": ("CDF", "CDF (ISTP)"),
    "votable": ("VOTable", "VOTable"),
    "votable/b2": ("votable/b2", "VOTable (BINARY2)"),
    "csv": ("CSV", "CSV table"),
    "txt": ("TXT", "text with comments"),
    "parquet": ("Parquet", "Parquet"),
}
_AMDA_FORMATS = (("CDF_ISTP", "CDF (ISTP)"), ("VOTable", "VOTable"), ("ASCII", "ASCII table"))


def _formats() -> tuple[tuple[str, str], ...]:
    return tuple(_FORMAT_NAMES.get(form.names[0], (form.names[0], form.names[0])) for form in FORMATS)


def _bounds(offer: Offer, names: tuple[str, str]) -> tuple[InputParam, InputParam]:
    """The two ends of an interval as timestamps."""
    start, stop = names
    first, last = (offer.span.start, offer.span.stop) if offer.span else (None, None)
    return (
        InputParam(
            start, "first instant to keep, UTC", xtype="timestamp", ucd="time.start", minimum=first, maximum=last
        ),
        InputParam(
            stop, "instant before which to end, UTC", xtype="timestamp", ucd="time.end", minimum=first, maximum=last
        ),
    )


def soda_descriptor(
    addresses: Addresses, id_ref: str, offer: Offer, schema: str, resource_id: str = "soda"
) -> Descriptor:
    """The cut-out service as SODA has it; START, STOP, PARAMETERS and FORMAT are our own parameters beside TIME."""
    params = (
        InputParam("ID", "granule_uid", ref=id_ref, ucd="meta.ref.url;meta.curation"),
        InputParam(
            "TIME",
            "closed interval to keep, MJD UTC; START and STOP say the same",
            datatype="double",
            arraysize="2",
            xtype="interval",
            unit="d",
            ucd="time.interval;obs.exposure",
            minimum=offer.span.mjd_start if offer.span else None,
            maximum=offer.span.mjd_stop if offer.span else None,
        ),
        *_bounds(offer, ("START", "STOP")),
        InputParam(
            "PARAMETERS",
            "names of parameters, separated by commas; all if left out",
            ucd="meta.id",
            options=offer.parameters,
        ),
        InputParam("FORMAT", "format of the result; CDF if left out", ucd="meta.code.mime", options=_formats()),
        _where(schema),
    )
    return Descriptor(
        resource_id,
        addresses.soda(),
        params,
        name=offer.named("Cut-out"),
        description="Cut the data of a granule to an interval and choose the format",
        standard_id=SODA_SYNC,
        example_url=f"{addresses.soda()}?{urlencode(offer.example)}" if offer.example else None,
    )


def amda_descriptor(
    addresses: Addresses, id_ref: str, offer: Offer, schema: str, resource_id: str = "amda"
) -> Descriptor:
    """The same service with the parameter names that AMDA users know; a custom service, so without standardID."""
    params = (
        InputParam("datasetID", "granule_uid or dataset", ref=id_ref, ucd="meta.id;meta.main"),
        *_bounds(offer, ("startTime", "stopTime")),
        InputParam("outputFormat", "format of the result", ucd="meta.code.mime", options=_AMDA_FORMATS),
        _where(schema),
    )
    return Descriptor(
        resource_id,
        addresses.soda(),
        params,
        name=offer.named("Time cut-out with AMDA's parameter names"),
        description="Subset a dataset in time and choose the output format",
    )


def hapi_descriptor(
    addresses: Addresses, id_ref: str, offer: Offer, schema: str, resource_id: str = "hapi"
) -> Descriptor:
    """The dataset's own HAPI service, by way of an address of ours that answers with a redirection.

    Clients change the case of parameter names, which a HAPI server does not bear.
    """
    params = (
        InputParam("ID", "granule_uid", ref=id_ref, ucd="meta.id;meta.main"),
        *_bounds(offer, ("START", "STOP")),
        InputParam("PARAMETERS", "names of HAPI parameters, separated by commas; all if left out", ucd="meta.id"),
        InputParam("FORMAT", "csv, binary or json", ucd="meta.code.mime", options=(("csv", "CSV"), ("json", "JSON"))),
        _where(schema),
    )
    return Descriptor(
        resource_id,
        addresses.hapi(),
        params,
        name=offer.named("HAPI"),
        description="The dataset from a HAPI server: this one where its files are held, else that of its data centre",
        content_type="text/csv",
    )
