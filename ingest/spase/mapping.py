"""A SPASE dataset as facts: each column of epn_core that is the same for all granules of the dataset.

The rules are set out in docs/reference/spase.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from string import printable
from types import MappingProxyType
from urllib.parse import quote

from epntap.access import OPEN
from epntap.archive.model import Dataset, Parameter
from epntap.epncore.text import clean_text, hash_list
from epntap.epncore.vocabulary import ParticleSpectralType, ProcessingLevel, SpatialFrameType
from epntap.errors import UnreadableFileError
from ingest.facts import DatasetFacts, Value
from ingest.spase.document import DatasetRecord, InstrumentRecord, ObservatoryRecord, ParameterRecord
from ingest.spase.durations import parse_date, parse_duration
from ingest.spase.hosts import host_names, instrument_names, last_segment
from ingest.spase.measurements import measured_ucds, parameter_ucd
from ingest.spase.regions import Targets, mission_regions, targets_of
from ingest.spase.spectra import energy_range_ev, frequency_range_hz

__all__ = ["Registry", "product_key", "to_facts"]

#: qualifiers of the elements of a vector in Cartesian coordinates
_CARTESIAN = ("Component.I", "Component.J", "Component.K")
#: SPASE ProcessingLevel -> processing_level
_LEVELS: Mapping[str, ProcessingLevel] = MappingProxyType(
    {
        "Raw": ProcessingLevel.RAW,
        "Uncalibrated": ProcessingLevel.RAW,
        "Calibrated": ProcessingLevel.CALIBRATED,
        "ValueAdded": ProcessingLevel.DERIVED,
    }
)

#: processing_level -> granule_gid of products that are neither ephemeris nor model
_GROUPS: Mapping[ProcessingLevel, str] = MappingProxyType(
    {
        ProcessingLevel.RAW: "raw",
        ProcessingLevel.CALIBRATED: "calibrated",
        ProcessingLevel.DERIVED: "derived",
        ProcessingLevel.ANCILLARY: "ancillary",
    }
)

#: ParticleType -> formula, where the word means one species
_SPECIES: Mapping[str, str | None] = MappingProxyType(
    {"Proton": "H+", "AlphaParticle": "He++", "Ion": None, "Atom": None, "Molecule": None}
)

#: the DOI of SPASE templates
_PLACEHOLDER_DOIS = frozenset({"10.1026/1234567"})
_DOI = re.compile(r"10\.\d{4,9}/[!-~]+")
_WEB_ADDRESS = re.compile(r"(?:https?|ftp)://[^\s<>\"]+")

#: naming authorities whose records hpde.io shows as pages
_SHOWN_AT_HPDE = frozenset(
    {"ASWS", "CCMC", "CNES", "CSA", "ESA", "GBO", "ISWI", "IUGONET", "JAXA", "NASA", "NOAA", "SANSA", "SMWG"}
)

#: start and stop of records that nobody has filled in
_PLACEHOLDER_DATE = datetime(1970, 1, 1)  # noqa: DTZ001  # UTC without tzinfo

#: more channels than this make a spectrum and not a vector, a tensor or a set of sectors
_CHANNELS = 10


@dataclass(frozen=True, slots=True)
class Registry:
    """The instruments and observatories that dataset records refer to, by ResourceID."""

    instruments: Mapping[str, InstrumentRecord]
    observatories: Mapping[str, ObservatoryRecord]


@dataclass(frozen=True, slots=True)
class _Kind:
    ephemeris: bool
    modelled: bool


def product_key(record: DatasetRecord) -> str:
    """Key of the dataset: the ProductKey of its HAPI access, else the first one. Raises UnreadableFileError."""
    keyed = [access for access in record.access_urls if access.product_key]
    keyed.sort(key=lambda access: access.style != "HAPI")
    if not keyed:
        raise UnreadableFileError(
            "Expected a ProductKey in AccessInformation/AccessURL but found none; it is the key of the dataset."
        )
    return keyed[0].product_key


def to_facts(record: DatasetRecord, registry: Registry, *, today: date, origin: str) -> DatasetFacts:
    """The dataset that a record describes and the values that its granules share.

    Raises UnreadableFileError where the record lacks what a granule cannot do without.
    """
    key = product_key(record)
    if not record.resource_id:
        raise UnreadableFileError(f"Expected a ResourceID in the record of {key} but found none.")
    start, stop = _interval(record, today)
    cadence = _cadence(record)
    kind = _kind(record, registry)
    hapi = next((access for access in record.access_urls if access.style == "HAPI" and access.url), None)
    dataset = Dataset(
        dataset_id=key,
        title=record.title or key,
        description=record.description or None,
        resource_id=record.resource_id,
        start=start,
        stop=stop,
        cadence_min_s=cadence[0] if cadence else None,
        cadence_max_s=cadence[1] if cadence else None,
        access_rights=next((rights for rights in record.access_rights if rights != OPEN), OPEN),
        hapi_url=hapi.url.rstrip("/") if hapi else None,
        hapi_id=(hapi.product_key or key) if hapi else None,
        landing_url=_landing_page(record.resource_id),
        information_url=next((_as_ascii(url) for url in record.information_urls if _WEB_ADDRESS.fullmatch(url)), None),
        doi=_doi(record.doi),
        contacts=_contacts(record),
        acknowledgement=record.acknowledgement or None,
        parameters=_parameters(record.parameters),
    )
    values = dict(_values(record, registry, dataset, kind))
    return DatasetFacts(dataset, MappingProxyType(values), origin, _guessed(record))


def _values(record: DatasetRecord, registry: Registry, dataset: Dataset, kind: _Kind) -> Iterator[tuple[str, Value]]:
    level = _processing_level(record, kind)
    targets = _targets(record, registry)
    systems = {parameter.coordinate_system for parameter in record.parameters} - {""}
    found: dict[str, Value] = {
        "granule_gid": _group(level, kind),
        "dataproduct_type": _dataproduct_type(record),
        "measurement_type": hash_list(measured_ucds(record, modelled=kind.modelled)),
        "processing_level": int(level),
        "processing_level_desc": clean_text(record.provider_processing_level),
        "target_name": hash_list(targets.names),
        "target_class": hash_list(targets.classes),
        "target_region": targets.region,
        "time_sampling_step_min": dataset.cadence_min_s,
        "time_sampling_step_max": dataset.cadence_max_s,
        "spatial_frame_type": SpatialFrameType.NONE.value,
        "spatial_coordinate_description": clean_text(systems.pop()) if len(systems) == 1 else None,
        "instrument_host_name": hash_list(
            host_names(record.instrument_ids, registry.instruments, registry.observatories)
        ),
        "instrument_name": hash_list(instrument_names(record.instrument_ids, registry.instruments)),
        "external_link": dataset.information_url or dataset.landing_url,
        "bib_reference": dataset.doi,
        "species": _species(record),
        "messenger": _messenger(record),
    }
    yield from ((name, value) for name, value in found.items() if value is not None)
    yield from _spectral_values(record)


def _spectral_values(record: DatasetRecord) -> Iterator[tuple[str, Value]]:
    frequencies = frequency_range_hz(record.parameters)
    if frequencies is not None:
        yield "spectral_range_min", frequencies[0]
        yield "spectral_range_max", frequencies[1]
    energies = energy_range_ev(record.parameters)
    if energies is not None:
        # the whole set or none of it (EPN-TAP 2.0 §2.3)
        yield "particle_spectral_type", ParticleSpectralType.ENERGY.value
        yield "particle_spectral_range_min", energies[0]
        yield "particle_spectral_range_max", energies[1]
        for part in ("sampling_step", "resolution"):
            yield f"particle_spectral_{part}_min", None
            yield f"particle_spectral_{part}_max", None


def _interval(record: DatasetRecord, today: date) -> tuple[datetime, datetime] | tuple[None, None]:
    start = _required_date("StartDate", record.start)
    if record.relative_stop and not record.stop:
        duration = parse_duration(record.relative_stop)
        if duration is None:
            raise UnreadableFileError(
                f"Expected an ISO 8601 duration in TimeSpan/RelativeStopDate but found {record.relative_stop!r}."
            )
        stop = duration.after(datetime(today.year, today.month, today.day))  # noqa: DTZ001  # UTC without tzinfo
    else:
        stop = _required_date("StopDate", record.stop)
    if stop < start:
        raise UnreadableFileError(
            f"Expected a StopDate that is not before the StartDate but found {start.isoformat()} to {stop.isoformat()}."
        )
    if start == stop == _PLACEHOLDER_DATE:
        return None, None
    return start, stop


def _required_date(name: str, text: str) -> datetime:
    if not text:
        raise UnreadableFileError(f"Expected a date in TemporalDescription/TimeSpan/{name} but found none.")
    moment = parse_date(text)
    if moment is None:
        raise UnreadableFileError(
            f"Expected an ISO 8601 date in TemporalDescription/TimeSpan/{name} but found {text!r}."
        )
    return moment


def _cadence(record: DatasetRecord) -> tuple[float, float] | None:
    """Shortest and longest step in seconds over the dataset and those parameters that have one of their own."""
    written = (
        record.cadence,
        record.cadence_min,
        record.cadence_max,
        *(parameter.cadence for parameter in record.parameters),
    )
    durations = (parse_duration(text) for text in written if text)
    steps = [seconds for duration in durations if duration is not None and (seconds := duration.seconds)]
    steps = [step for step in steps if step > 0]
    return (min(steps), max(steps)) if steps else None


def _kind(record: DatasetRecord, registry: Registry) -> _Kind:
    """Whether the dataset is the orbit of a platform or comes out of a model.

    Records of particle counts that call themselves Ephemeris exist: the instrument decides.
    """
    types = {
        word
        for instrument_id in record.instrument_ids
        if (instrument := registry.instruments.get(instrument_id)) is not None
        for word in instrument.types
    }
    modelled = any(last_segment(instrument_id) == "Models" for instrument_id in record.instrument_ids)
    ephemeris = set(record.measurement_types) == {"Ephemeris"} and (not types or "Platform" in types)
    return _Kind(ephemeris=ephemeris and not modelled, modelled=modelled)


def _processing_level(record: DatasetRecord, kind: _Kind) -> ProcessingLevel:
    if record.processing_level in _LEVELS:
        return _LEVELS[record.processing_level]
    if kind.modelled:
        return ProcessingLevel.DERIVED
    if kind.ephemeris or set(record.measurement_types) == {"InstrumentStatus"}:
        return ProcessingLevel.ANCILLARY
    return ProcessingLevel.CALIBRATED


def _group(level: ProcessingLevel, kind: _Kind) -> str:
    if kind.modelled:
        return "model"
    return "ephemeris" if kind.ephemeris else _GROUPS[level]


def _dataproduct_type(record: DatasetRecord) -> str:
    """`ts`, `ds` or `ts#ds`: parameters that only support the others do not count if there are others."""
    if not record.parameters and "Spectrum" in record.measurement_types:
        return "sp"
    if not record.parameters and "Profile" in record.measurement_types:
        return "pr"
    measured = [parameter for parameter in record.parameters if parameter.nature != "Support"] or record.parameters
    spectral = [_is_spectral(parameter) for parameter in measured]
    codes = ("ts" if not all(spectral) or not spectral else None, "ds" if any(spectral) else None)
    return "#".join(code for code in codes if code)


def _is_spectral(parameter: ParameterRecord) -> bool:
    many = any(size.isdigit() and int(size) > _CHANNELS for size in parameter.sizes)
    return "Spectrogram" in parameter.displays or (many and parameter.nature in {"Particle", "Wave", "Field"})


def _guessed(record: DatasetRecord) -> frozenset[str]:
    """Columns that follow from the mission alone, because the record names no region that is known."""
    said = targets_of(record.regions, record.resource_id)
    known = targets_of(mission_regions(record.resource_id), record.resource_id)
    return frozenset({"target_name", "target_class"}) if said is None and known is not None else frozenset()


def _targets(record: DatasetRecord, registry: Registry) -> Targets:
    """Targets of the regions in the record, else of its mission, else of its observatory."""
    observatories = (
        registry.observatories[observatory_id]
        for instrument_id in record.instrument_ids
        if instrument_id in registry.instruments
        for observatory_id in registry.instruments[instrument_id].observatory_ids
        if observatory_id in registry.observatories
    )
    choices = (
        record.regions,
        mission_regions(record.resource_id),
        tuple(region for observatory in observatories for region in observatory.regions),
    )
    for regions in choices:
        targets = targets_of(regions, record.resource_id)
        if targets is not None:
            return targets
    found = f"found {', '.join(record.regions)}" if record.regions else "found none"
    raise UnreadableFileError(
        f"Expected a known ObservedRegion, from which the target class follows, but {found}; "
        "add one to the record or to its observatory."
    )


def _species(record: DatasetRecord) -> str | None:
    """The one species that all particle parameters are about; electrons are no chemical species."""
    words = {word for parameter in record.parameters for word in parameter.particle_types if word in _SPECIES}
    return _SPECIES[words.pop()] if len(words) == 1 else None


def _messenger(record: DatasetRecord) -> str | None:
    photons = any("Photon" in parameter.wave_types for parameter in record.parameters)
    return "Photon" if photons else None


def _doi(text: str) -> str | None:
    match = _DOI.search(text)
    return match[0] if match and match[0] not in _PLACEHOLDER_DOIS else None


def _as_ascii(url: str) -> str:
    return quote(url, safe=printable)


def _contacts(record: DatasetRecord) -> tuple[str, ...]:
    """People by the names in their identifiers (`spase://CNES/Person/Jean.Dupont`), with what they are."""
    roles: dict[str, list[str]] = {}
    for person, role in record.contacts:
        name = " ".join(person.rpartition("/")[2].replace(".", " ").replace("_", " ").split())
        if name:
            roles.setdefault(name, []).append(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", role).lower())
    said = {name: ", ".join(dict.fromkeys(filter(None, some))) for name, some in roles.items()}
    return tuple(f"{name} ({some})" if some else name for name, some in said.items())


def _landing_page(resource_id: str) -> str | None:
    path = resource_id.removeprefix("spase://")
    shown = path != resource_id and path.split("/")[0] in _SHOWN_AT_HPDE
    return f"https://hpde.io/{quote(path)}" if shown else None


def _parameters(records: tuple[ParameterRecord, ...]) -> tuple[Parameter, ...]:
    found: dict[str, Parameter] = {}
    for position, record in enumerate(records, start=1):
        name = record.key or record.name or f"parameter_{position}"
        if name in found:
            name = f"{name}_{position}"
        found[name] = Parameter(
            name=name,
            position=position,
            title=record.name or None,
            description=record.description or None,
            units=record.units or None,
            ucd=parameter_ucd(record),
            shape=_shape(record.sizes),
            fill_value=record.fill_value or None,
            coordinate_system=record.coordinate_system or None,
            components=_components(record),
        )
    return tuple(found.values())


def _components(record: ParameterRecord) -> tuple[str, ...]:
    """Names of vector components: those of the elements, or what qualifiers and the representation stand for."""
    names = tuple(name for name, _ in record.elements)
    is_cartesian = record.coordinate_representation == "Cartesian"
    if is_cartesian and tuple(qualifier for _, qualifier in record.elements) == _CARTESIAN:
        return "x", "y", "z"
    if is_cartesian and not names and record.sizes == ("3",):
        return "x", "y", "z"
    if is_cartesian and not names and not record.sizes:
        return tuple(name for name, qualifier in zip("xyz", _CARTESIAN, strict=True) if qualifier in record.qualifiers)
    return names if record.coordinate_representation and all(names) else ()


def _shape(sizes: tuple[str, ...]) -> tuple[int, ...]:
    if not all(size.isdigit() and int(size) > 0 for size in sizes):
        return ()
    return tuple(int(size) for size in sizes)
