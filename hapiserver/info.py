"""What /about, /capabilities, /catalog and /info say, as values that become JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import prod
from typing import Any

from epntap.archive.kept.series import Bins, Described, HeldSeries, SeriesVariable
from epntap.cdf import format_utc
from hapiserver.datasets import HapiDataset, HapiParameter, HapiType, hapi_dataset
from hapiserver.status import OK, status_of

__all__ = ["Terms", "about", "capabilities", "catalog", "duration", "info", "short_title", "time_text"]

#: a longer title of a dataset or server is warned of
_TITLE = 40
_NS = 1_000_000_000
#: how files spell the components of vectors, and HAPI does (3.3 §3.6.11)
_COMPONENTS = {
    "x": "x",
    "y": "y",
    "z": "z",
    "r": "r",
    "rho": "rho",
    "lat": "latitude",
    "latitude": "latitude",
    "colat": "colatitude",
    "colatitude": "colatitude",
    "lon": "longitude",
    "long": "longitude",
    "longitude": "longitude",
    "alt": "altitude",
    "altitude": "altitude",
}
#: more of them describe, and name what they are about anywhere
_WORDS_OF_A_LABEL = 2
#: names of coordinate systems (SPASE 2.4.1 §CoordinateSystemName)
_FRAME_NAMES = (
    "Carrington CGM CSO DM ECD ECEF ENP GEI GEO GPHIO GSE GSEQ GSM HAE HCC HCI HCR HEE HEEQ HERTN HG HGI HGRTN HPC "
    "HPR HSM J2000 JSM JSO KSM KSO LGM MAG MFA MSO RTN SC SE SM SpacecraftOrbitPlane SR SR2 SSE SSE_L TIIS VSO WGS84"
)
_SPASE_FRAMES = frozenset(_FRAME_NAMES.split())
_UNITS_DIFFER = "Files do not agree about its units"
_NOT_DESCRIBED = Described("")


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all datasets."""

    #: of values, about so many are given in one answer
    most_bytes: int
    license_url: str = ""


def time_text(tt2000: int, decimals: int = 9) -> str:
    """An instant as answers say it."""
    return f"{format_utc(tt2000, min(decimals, 9))}{'0' * max(decimals - 9, 0)}Z"


def short_title(text: str) -> str:
    """A title of at most 40 characters."""
    return text if len(text) <= _TITLE else f"{text[: _TITLE - 1].rstrip()}…"


def about(identity: str, title: str, contact: str, citation: str, held: Sequence[HeldSeries]) -> dict[str, Any]:
    """Who answers (§3.3)."""
    said = {**status_of(OK), "id": identity, "title": short_title(title), "contact": contact}
    if citation:
        said["serverCitation"] = citation
    if held:
        first = held[0]
        parameters = hapi_dataset(first).parameters
        query = {
            "dataset": first.public_id,
            "parameters": parameters[min(1, len(parameters) - 1)].name,
            "start": time_text(first.series.sample_start),
            "stop": time_text(first.series.sample_stop),
        }
        said["dataTest"] = {"name": f"First records of {first.public_id}", "query": query}
    return said


def capabilities() -> dict[str, Any]:
    """What can be asked (§3.4)."""
    return {
        **status_of(OK),
        "outputFormats": ["csv", "binary", "json"],
        "catalogDepthOptions": ["dataset", "all"],
    }


def catalog(held: Iterable[HeldSeries], terms: Terms, *, with_info: bool) -> dict[str, Any]:
    """All datasets (§3.5)."""
    entries = []
    for one in held:
        entry: dict[str, Any] = {"id": one.public_id, "title": short_title(_title(one))}
        if with_info:
            entry["info"] = info(hapi_dataset(one), terms)
        entries.append(entry)
    return {**status_of(OK), "catalog": entries}


def _title(held: HeldSeries) -> str:
    # the identifier tells the axes of a dataset apart
    suffix = held.public_id.removeprefix(held.dataset_id)
    return held.title if not suffix or held.public_id.endswith(f".{held.dataset_id}") else f"{suffix[1:]}: {held.title}"


def info(dataset: HapiDataset, terms: Terms, parameters: Sequence[HapiParameter] | None = None) -> dict[str, Any]:
    """What is to be known of a dataset (§3.6), without HAPI and status."""
    held, series = dataset.held, dataset.held.series
    decimals = series.decimals
    said: dict[str, Any] = {
        "startDate": time_text(held.first_tt2000, decimals),
        "stopDate": time_text(dataset.last_tt2000, decimals),
        "sampleStartDate": time_text(series.sample_start, decimals),
        "sampleStopDate": time_text(series.sample_stop, decimals),
    }
    if series.cadence_ns:
        said["cadence"] = duration(series.cadence_ns)
        record = sum(one.record_bytes for one in dataset.parameters)
        said["maxRequestDuration"] = duration(max(terms.most_bytes // record, 1) * series.cadence_ns, whole=True)
    optional = {
        "description": _description(held),
        "resourceURL": held.landing_url or held.information_url,
        "resourceID": held.resource_id,
        "datasetCitation": f"https://doi.org/{held.doi}" if held.doi else None,
        "licenseURL": terms.license_url,
        "x_acknowledgement": held.acknowledgement,
        "contact": held.publisher,
        "modificationDate": _changed(held),
        "unitsSchema": series.units_schema,
        "coordinateSystemSchema": _coordinate_schema(dataset),
        "additionalMetadata": {"name": "SPASE", "contentURL": held.landing_url}
        if held.resource_id and held.landing_url
        else None,
    }
    said |= {name: value for name, value in optional.items() if value}
    return {**said, "parameters": [_parameter(dataset, one) for one in parameters or dataset.parameters]}


def duration(ns: int, *, whole: bool = False) -> str:
    """An ISO 8601 duration, exact, or in whole seconds as long at most."""
    seconds, rest = divmod(ns, _NS)
    if whole and seconds:
        rest = 0
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    clock = "".join(f"{value}{unit}" for value, unit in ((hours, "H"), (minutes, "M")) if value)
    if seconds or fraction or not (clock or days):
        clock += f"{seconds}{fraction}S"
    return f"P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


def _description(held: HeldSeries) -> str:
    return held.title if not held.description else f"{held.title}. {held.description}"


def _changed(held: HeldSeries) -> str:
    return f"{datetime.fromtimestamp(held.changed_ns // _NS, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _parameter(dataset: HapiDataset, one: HapiParameter) -> dict[str, Any]:
    variable = one.variable
    said: dict[str, Any] = {"name": one.name, "type": one.type.value}
    if one.length:
        said["length"] = one.length
    if one.size:
        said["size"] = list(one.size)
    said["units"] = "UTC" if one.type is HapiType.TIME else _each(variable.said_units if variable else (), one.size)
    said["fill"] = one.fill
    if variable is None:
        return said
    described = variable.described or _NOT_DESCRIBED
    optional = {
        "description": _parameter_description(variable),
        "label": _label(variable, one.size),
        "coordinateSystemName": _frame(variable.said_coordinate_system),
        "vectorComponents": _components(one),
        "bins": [_bins(dataset, bins) for bins in variable.bins],
        # keys of our own begin so (§3.3)
        "x_ucd": described.ucd,
    }
    return said | {name: value for name, value in optional.items() if value}


def _parameter_description(variable: SeriesVariable) -> str | None:
    told = variable.described or _NOT_DESCRIBED
    text = told.description or variable.description or told.title or variable.title
    if not variable.units_differ:
        return text
    return f"{text}. {_UNITS_DIFFER}" if text else _UNITS_DIFFER


def _label(variable: SeriesVariable, size: tuple[int, ...]) -> str | list[str | None] | None:
    """Those of the components, as files say them, else what the description or the files call it."""
    told = variable.described or _NOT_DESCRIBED
    if len(variable.labels) > 1:
        return _each(variable.labels, size)
    return told.title or _each(variable.labels, size) or variable.title


def _frame(text: str | None) -> str | None:
    """`GSE` of `GSE>Geocentric Solar Ecliptic` (ISTP: short name, then long name)."""
    return (text.partition(">")[0].strip() or None) if text else None


def _coordinate_schema(dataset: HapiDataset) -> str | None:
    """SPASE, where every coordinate system that is named is one of its list."""
    variables = [one.variable for one in dataset.parameters if one.variable]
    names = {_frame(one.said_coordinate_system) for one in variables} - {None}
    return "spase2.4.1" if names and names <= _SPASE_FRAMES else None


def _each(texts: Sequence[str], size: tuple[int, ...]) -> str | list[str | None] | None:
    """One text for all components, or one for each of them."""
    if not texts:
        return None
    if len(texts) == 1:
        return texts[0] or None if prod(size) != 1 or not size else [texts[0] or None]
    return [text or None for text in texts]


def _components(one: HapiParameter) -> str | list[str] | None:
    variable = one.variable
    if variable is None or one.type not in {HapiType.DOUBLE, HapiType.INTEGER}:
        return None
    described = variable.described or _NOT_DESCRIBED
    if not one.size:
        return _component(variable, described)
    if one.size != (3,):
        return None
    for words in (described.components, variable.representation, variable.labels):
        told = [_COMPONENTS.get(_last_word(text)) for text in words]
        if len(told) == 3 and None not in told and len(set(told)) == 3:
            return [text for text in told if text]
    # three numbers without a word are taken for x, y and z (§3.6.11), which nobody has said
    return ["other"] * 3


def _component(variable: SeriesVariable, described: Described) -> str | None:
    """Of a scalar: what the description says, or where a coordinate system is said, what a label of few words names."""
    if len(described.components) == 1:
        return _COMPONENTS.get(described.components[0])
    if not variable.said_coordinate_system:
        return None
    texts = (*variable.labels[:1], described.title or "", variable.title or "", variable.name)
    told = (_COMPONENTS.get(_last_word(text)) for text in texts if len(text.split()) <= _WORDS_OF_A_LABEL)
    return next((text for text in told if text), None)


def _last_word(text: str) -> str:
    """`x` of "Bx (GSE)" and of "B_x": the component that a label names."""
    plain = re.sub(r"\([^)]*\)|\[[^\]]*\]|\b(gse|gsm|rtn|sm|mag|dmpa|bcs)\b", " ", text.casefold())
    words: list[str] = re.findall(r"[a-z]+", plain)
    if not words:
        return ""
    return words[-1] if words[-1] in _COMPONENTS else words[-1][-1] if len(words[-1]) <= 2 else words[-1]


def _bins(dataset: HapiDataset, bins: Bins) -> Mapping[str, Any]:
    centers: list[float] | str | None = list(bins.centers) if bins.centers else None
    if bins.variable:
        centers = dataset.name_of(bins.variable)
    # the schema wants a text where the standard would take null
    return {"name": bins.name, "units": bins.units or "unknown", "centers": centers}
