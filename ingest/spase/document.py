"""SPASE XML files as plain records. Knows XML and the element names of SPASE 2; knows nothing of EPN-TAP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from epntap.errors import UnreadableFileError

__all__ = [
    "NAMESPACE",
    "AccessUrl",
    "DatasetRecord",
    "InstrumentRecord",
    "ObservatoryRecord",
    "ParameterRecord",
    "Range",
    "Record",
    "read_records",
]

NAMESPACE = "http://www.spase-group.org/data/schema"


@dataclass(frozen=True, slots=True)
class Range:
    """An EnergyRange, FrequencyRange or WavelengthRange as written: texts, not numbers."""

    kind: str
    low: str
    high: str
    units: str


@dataclass(frozen=True, slots=True)
class ParameterRecord:
    """One Parameter element."""

    name: str
    key: str
    description: str
    ucds: tuple[str, ...]
    units: str
    cadence: str
    coordinate_system: str
    coordinate_representation: str
    #: what a scalar is of something larger, such as Component.I
    qualifiers: tuple[str, ...]
    #: names and qualifiers of the elements of a structure, in the order of their indexes
    elements: tuple[tuple[str, str], ...]
    displays: tuple[str, ...]
    sizes: tuple[str, ...]
    fill_value: str
    #: Field, Particle, Wave, Mixed or Support, and the words of its quantity elements
    nature: str
    quantities: tuple[str, ...]
    particle_types: tuple[str, ...]
    wave_types: tuple[str, ...]
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class AccessUrl:
    """One AccessURL element."""

    url: str
    style: str
    product_key: str


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """One NumericalData element. An element that is missing is "" or ()."""

    resource_id: str
    title: str
    description: str
    doi: str
    information_urls: tuple[str, ...]
    #: PersonID and its Role, as often as there are roles
    contacts: tuple[tuple[str, str], ...]
    acknowledgement: str
    access_urls: tuple[AccessUrl, ...]
    access_rights: tuple[str, ...]
    processing_level: str
    provider_processing_level: str
    instrument_ids: tuple[str, ...]
    measurement_types: tuple[str, ...]
    start: str
    stop: str
    relative_stop: str
    cadence: str
    cadence_min: str
    cadence_max: str
    regions: tuple[str, ...]
    parameters: tuple[ParameterRecord, ...]


@dataclass(frozen=True, slots=True)
class InstrumentRecord:
    """One Instrument element."""

    resource_id: str
    name: str
    types: tuple[str, ...]
    observatory_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ObservatoryRecord:
    """One Observatory element."""

    resource_id: str
    name: str
    group_ids: tuple[str, ...]
    regions: tuple[str, ...]


Record = DatasetRecord | InstrumentRecord | ObservatoryRecord


def read_records(path: Path) -> Iterator[Record]:
    """Yield the datasets, instruments and observatories that a SPASE file describes; other resources are passed over.

    Raises UnreadableFileError for a file that is not well-formed or not SPASE. Nothing outside the file is read:
    no DTD, no entity, no address.
    """
    for resource in _root(path):
        match etree.QName(resource).localname:
            case "NumericalData":
                yield _dataset(resource)
            case "Instrument":
                yield _instrument(resource)
            case "Observatory":
                yield _observatory(resource)


def _root(path: Path) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        tree = etree.parse(path, parser)
    except etree.XMLSyntaxError as exc:
        raise UnreadableFileError(f"Expected a SPASE document but the XML is broken: {exc.msg}.") from exc
    except OSError as exc:
        raise UnreadableFileError(f"The file cannot be read: {exc.strerror or exc}.") from exc
    root = tree.getroot()
    if tree.docinfo.internalDTD is not None:
        raise UnreadableFileError(
            "Expected a SPASE document without a document type declaration but found one; entities are not expanded."
        )
    name = etree.QName(root)
    if name.namespace != NAMESPACE or name.localname != "Spase":
        where = f"namespace {name.namespace}" if name.namespace else "no namespace"
        raise UnreadableFileError(
            f"Expected the root element Spase in the namespace {NAMESPACE} but found {name.localname} in {where}."
        )
    return root


def _path(steps: str) -> str:
    return "/".join(f"{{{NAMESPACE}}}{step}" for step in steps.split("/"))


def _tidy(text: str | None) -> str:
    """Text without the line breaks and blanks of the XML layout."""
    return " ".join((text or "").split())


def _text(element: etree._Element, steps: str) -> str:
    return _tidy(element.findtext(_path(steps)))


def _texts(element: etree._Element, steps: str) -> tuple[str, ...]:
    """Every value that is not blank."""
    return tuple(text for found in element.findall(_path(steps)) if (text := _tidy(found.text)))


def _dataset(element: etree._Element) -> DatasetRecord:
    time = "TemporalDescription/"
    return DatasetRecord(
        resource_id=_text(element, "ResourceID"),
        title=_text(element, "ResourceHeader/ResourceName"),
        description=_text(element, "ResourceHeader/Description"),
        doi=_text(element, "ResourceHeader/DOI"),
        information_urls=_texts(element, "ResourceHeader/InformationURL/URL"),
        contacts=tuple(
            (_text(found, "PersonID"), role)
            for found in element.findall(_path("ResourceHeader/Contact"))
            for role in _texts(found, "Role") or ("",)
        ),
        acknowledgement=_text(element, "ResourceHeader/Acknowledgement"),
        access_urls=tuple(
            AccessUrl(_text(found, "URL"), _text(found, "Style"), _text(found, "ProductKey"))
            for found in element.findall(_path("AccessInformation/AccessURL"))
        ),
        access_rights=_texts(element, "AccessInformation/AccessRights"),
        processing_level=_text(element, "ProcessingLevel"),
        provider_processing_level=_text(element, "ProviderProcessingLevel"),
        instrument_ids=_texts(element, "InstrumentID"),
        measurement_types=_texts(element, "MeasurementType"),
        start=_text(element, f"{time}TimeSpan/StartDate"),
        stop=_text(element, f"{time}TimeSpan/StopDate"),
        relative_stop=_text(element, f"{time}TimeSpan/RelativeStopDate"),
        cadence=_text(element, f"{time}Cadence"),
        cadence_min=_text(element, f"{time}CadenceMin"),
        cadence_max=_text(element, f"{time}CadenceMax"),
        regions=_texts(element, "ObservedRegion"),
        parameters=tuple(_parameter(found) for found in element.findall(_path("Parameter"))),
    )


def _parameter(element: etree._Element) -> ParameterRecord:
    nature = ""
    quantities: list[str] = []
    particle_types: tuple[str, ...] = ()
    wave_types: tuple[str, ...] = ()
    ranges: list[Range] = []
    for kind in ("Field", "Particle", "Wave", "Mixed", "Support"):
        for found in element.findall(_path(kind)):
            nature = nature or kind
            quantities += _texts(found, f"{kind}Quantity")
            particle_types += _texts(found, "ParticleType")
            wave_types += _texts(found, "WaveType")
            ranges += _ranges(found)
    element_units = set(_texts(element, "Structure/Element/Units"))
    return ParameterRecord(
        name=_text(element, "Name"),
        key=_text(element, "ParameterKey"),
        description=_text(element, "Description"),
        ucds=_texts(element, "UCD"),
        units=_text(element, "Units") or (element_units.pop() if len(element_units) == 1 else ""),
        cadence=_text(element, "Cadence"),
        coordinate_system=_text(element, "CoordinateSystem/CoordinateSystemName"),
        coordinate_representation=_text(element, "CoordinateSystem/CoordinateRepresentation"),
        qualifiers=_texts(element, "Qualifier"),
        elements=_elements(element),
        displays=_texts(element, "RenderingHints/DisplayType"),
        sizes=tuple(size for text in _texts(element, "Structure/Size") for size in text.replace(",", " ").split()),
        fill_value=_text(element, "FillValue") or _text(element, "Structure/Element/FillValue"),
        nature=nature,
        quantities=tuple(quantities),
        particle_types=particle_types,
        wave_types=wave_types,
        ranges=tuple(ranges),
    )


def _elements(element: etree._Element) -> tuple[tuple[str, str], ...]:
    found = element.findall(_path("Structure/Element"))
    places = [_text(one, "Index") for one in found]
    if all(place.isdecimal() for place in places):
        found = [one for _, one in sorted(zip(places, found, strict=True), key=lambda pair: int(pair[0]))]
    return tuple((_text(one, "Name"), _text(one, "Qualifier")) for one in found)


def _ranges(element: etree._Element) -> list[Range]:
    return [
        Range(kind, _text(found, "Low"), _text(found, "High"), _text(found, "Units"))
        for kind in ("EnergyRange", "FrequencyRange", "WavelengthRange")
        for found in element.findall(_path(kind))
    ]


def _instrument(element: etree._Element) -> InstrumentRecord:
    return InstrumentRecord(
        resource_id=_text(element, "ResourceID"),
        name=_text(element, "ResourceHeader/ResourceName"),
        types=_texts(element, "InstrumentType"),
        observatory_ids=_texts(element, "ObservatoryID"),
    )


def _observatory(element: etree._Element) -> ObservatoryRecord:
    return ObservatoryRecord(
        resource_id=_text(element, "ResourceID"),
        name=_text(element, "ResourceHeader/ResourceName"),
        group_ids=_texts(element, "ObservatoryGroupID"),
        regions=_texts(element, "Location/ObservatoryRegion"),
    )
