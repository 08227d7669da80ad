"""Service descriptors: how a client is told to call a service on a row (DataLink 1.1 §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from epntap.answer import ResultColumn
from epntap.formats.votable import field_ids, xml_text

__all__ = [
    "DATALINK",
    "SODA_SYNC",
    "InputParam",
    "Range",
    "amda_descriptor",
    "descriptors_for_answer",
    "hapi_descriptor",
    "links_descriptor",
    "service_descriptor",
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
        start = "<PARAM" + "".join(f" {key}={quoteattr(text)}" for key, text in attributes if text)
        content = f"<DESCRIPTION>{xml_text(self.description)}</DESCRIPTION>" if self.description else ""
        values = "".join(
            f"<{tag} value={quoteattr(text)}/>" for tag, text in (("MIN", self.minimum), ("MAX", self.maximum)) if text
        ) + "".join(f"<OPTION name={quoteattr(name)} value={quoteattr(value)}/>" for value, name in self.options)
        if values:
            content += f"<VALUES>{values}</VALUES>"
        return f"{start} value={quoteattr(self.value)}>{content}</PARAM>\n"


def service_descriptor(
    resource_id: str,
    access_url: str,
    params: Sequence[InputParam],
    *,
    name: str,
    description: str,
    standard_id: str | None = None,
    content_type: str | None = None,
) -> str:
    """A whole RESOURCE element; a sibling of the results, because pyvo looks at the top level only."""
    fixed = [("accessURL", access_url), ("standardID", standard_id), ("contentType", content_type)]
    return (
        f'<RESOURCE type="meta" utype="adhoc:service" ID={quoteattr(resource_id)} name={quoteattr(name)}>\n'
        f"<DESCRIPTION>{xml_text(description)}</DESCRIPTION>\n"
        + "".join(
            f'<PARAM name="{key}" datatype="char" arraysize="*" value={quoteattr(value)}/>\n'
            for key, value in fixed
            if value
        )
        + '<GROUP name="inputParams">\n'
        + "".join(param.xml() for param in params)
        + "</GROUP>\n</RESOURCE>\n"
    )


def _where(schema: str | None) -> list[InputParam]:
    """The same name may be in two services: a fixed parameter says which one is meant."""
    return [InputParam("SCHEMA", "service of the granule", value=schema)] if schema else []


def links_descriptor(base_url: str, id_ref: str, schema: str) -> str:
    """The {links} service, for an answer whose FIELD with this ID holds granule_uid of a schema."""
    return service_descriptor(
        "datalink",
        f"{base_url}/datalink/links",
        [InputParam("ID", "granule_uid of the row", ref=id_ref, ucd="meta.id;meta.main"), *_where(schema)],
        name="Links",
        description="Data in several formats, documentation and services for a granule",
        standard_id=DATALINK,
        content_type="application/x-votable+xml;content=datalink",
    )


def descriptors_for_answer(base_url: str, columns: Sequence[ResultColumn]) -> list[str]:
    """What a TAP answer with these columns should carry: nothing without granule_uid."""
    for column, field_id in zip(columns, field_ids(columns), strict=True):
        if column.origin is not None and column.origin[1] == "granule_uid" and column.origin[0].endswith(".epn_core"):
            return [links_descriptor(base_url, field_id, column.origin[0].partition(".")[0])]
    return []


@dataclass(frozen=True, slots=True)
class Range:
    """First and last instant of a granule, as users write them (ISO) and as SODA does (MJD)."""

    start: str
    stop: str
    mjd_start: str
    mjd_stop: str


_FORMATS = (("CDF", "CDF (ISTP)"), ("VOTable", "VOTable"), ("CSV", "CSV table"))
_AMDA_FORMATS = (("CDF_ISTP", "CDF (ISTP)"), ("VOTable", "VOTable"), ("ASCII", "ASCII table"))


def _bound(name: str, about: str, ucd: str, span: Range | None) -> InputParam:
    return InputParam(
        name,
        about,
        xtype="timestamp",
        ucd=ucd,
        minimum=span.start if span else None,
        maximum=span.stop if span else None,
    )


def soda_descriptor(base_url: str, id_ref: str, span: Range | None = None, schema: str | None = None) -> str:
    """The cut-out service as SODA has it; START, STOP, PARAMETERS and FORMAT are our own parameters beside TIME."""
    params = [
        InputParam("ID", "granule_uid", ref=id_ref, ucd="meta.ref.url;meta.curation"),
        InputParam(
            "TIME",
            "closed interval to keep, MJD UTC",
            datatype="double",
            arraysize="2",
            xtype="interval",
            unit="d",
            ucd="time.interval;obs.exposure",
            minimum=span.mjd_start if span else None,
            maximum=span.mjd_stop if span else None,
        ),
        _bound("START", "first instant to keep, UTC", "time.start", span),
        _bound("STOP", "instant before which to end, UTC", "time.end", span),
        InputParam("PARAMETERS", "names of parameters, separated by commas; all if left out", ucd="meta.id"),
        InputParam("FORMAT", "format of the result; CDF if left out", ucd="meta.code.mime", options=_FORMATS),
        *_where(schema),
    ]
    return service_descriptor(
        "soda",
        f"{base_url}/datalink/soda/sync",
        params,
        name="Cut-out",
        description="Cut the data of a granule to an interval and choose the format",
        standard_id=SODA_SYNC,
    )


def amda_descriptor(base_url: str, id_ref: str, span: Range | None = None, schema: str | None = None) -> str:
    """The same service with the parameter names that AMDA users know; a custom service, so without standardID."""
    params = [
        InputParam("datasetID", "granule_uid or dataset", ref=id_ref, ucd="meta.id;meta.main"),
        _bound("startTime", "first instant to keep, UTC", "time.start", span),
        _bound("stopTime", "instant before which to end, UTC", "time.end", span),
        InputParam("outputFormat", "format of the result", ucd="meta.code.mime", options=_AMDA_FORMATS),
        *_where(schema),
    ]
    return service_descriptor(
        "amda",
        f"{base_url}/datalink/soda/sync",
        params,
        name="Time cut-out with AMDA's parameter names",
        description="Subset a dataset in time and choose the output format",
    )


def hapi_descriptor(base_url: str, id_ref: str, span: Range | None = None, schema: str | None = None) -> str:
    """The dataset's own HAPI service, by way of an address of ours that answers with a redirection.

    Clients change the case of parameter names, which a HAPI server does not bear.
    """
    params = [
        InputParam("ID", "granule_uid", ref=id_ref, ucd="meta.id;meta.main"),
        _bound("START", "first instant, UTC", "time.start", span),
        _bound("STOP", "instant before which to end, UTC", "time.end", span),
        InputParam("PARAMETERS", "names of HAPI parameters, separated by commas; all if left out", ucd="meta.id"),
        InputParam("FORMAT", "csv, binary or json", ucd="meta.code.mime", options=(("csv", "CSV"), ("json", "JSON"))),
        *_where(schema),
    ]
    return service_descriptor(
        "hapi",
        f"{base_url}/datalink/hapi",
        params,
        name="HAPI",
        description="The same dataset from the HAPI server of its data centre",
        content_type="text/csv",
    )
