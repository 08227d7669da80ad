"""SPASE records of the sample archive, built like those of a data centre (SPASE 2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from lxml import etree

from ingest.demo.istp import DataVariable, variables_of
from ingest.demo.plan import PRODUCTS, SPACECRAFT, Product, ProductKind, Spacecraft
from ingest.spase.document import NAMESPACE

__all__ = ["write_records"]

_RELEASED = "2020-01-01T00:00:00Z"
_LAUNCHED = "2016-01-01T00:00:00Z"
_HOME_PAGE = "https://example.org/synthia"
_HAPI = "https://hapi.example.org/synthia/hapi"
_GROUP = "spase://Example/Observatory/Synthia"
_REPOSITORY = "spase://Example/Repository/Synthia"
_CONTACT = "spase://Example/Person/Nobody"

#: variable -> UCD, and what SPASE says about its nature
_UCDS = {
    "B_vector": "phys.magField",
    "B_magnitude": "phys.magField",
    "quality_flag": "meta.code.qual",
    "density": "phys.density;phys.atmol.ionStage",
    "velocity": "phys.veloc;phys.atmol.ionStage",
    "temperature": "phys.temperature;phys.atmol.ionStage",
    "ion_flux": "phys.flux;phys.atmol.ionStage",
}
_PARTICLE_QUANTITIES = {
    "density": "NumberDensity",
    "velocity": "Velocity",
    "temperature": "Temperature",
    "ion_flux": "NumberFlux",
}
_ENERGY_RANGES = {False: ("20", "20000"), True: ("20", "40000")}
_CHANNELS = "24"


def write_records(folder: Path, first: datetime, last: datetime) -> None:
    """Write the records of all products, instruments and observatories below a folder.

    `first` and `last` are the first and last sample of the archive, UTC.
    """
    for resource_id, element in _resources(first, last):
        path = folder / f"{resource_id.removeprefix('spase://Example/')}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        document = _spase("Spase", _spase("Version", "2.4.1"), element)
        path.write_bytes(etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _resources(first: datetime, last: datetime) -> Iterator[tuple[str, etree._Element]]:
    yield _GROUP, _observatory(_GROUP, "Synthia", "A SYNTHETIC mission of three invented spacecraft.", ())
    for spacecraft in SPACECRAFT:
        about = f"SYNTHETIC: an invented spacecraft {spacecraft.where}."
        resource_id = _observatory_id(spacecraft)
        yield resource_id, _observatory(resource_id, spacecraft.name, about, spacecraft.regions)
    for product in PRODUCTS:
        yield _instrument_id(product), _instrument(product)
        yield _dataset_id(product), _dataset(product, first, last)


def _spase(name: str, *content: str | etree._Element) -> etree._Element:
    element = etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={None: NAMESPACE})  # type: ignore[dict-item]  # unknown to the stubs
    for part in content:
        if isinstance(part, str):
            element.text = part
        else:
            element.append(part)
    return element


def _observatory_id(spacecraft: Spacecraft) -> str:
    return f"{_GROUP}/{spacecraft.name}"


def _instrument_id(product: Product) -> str:
    return f"spase://Example/Instrument/{product.spacecraft.name}/{product.kind.instrument}"


def _dataset_id(product: Product) -> str:
    kind: ProductKind = product.kind
    return f"spase://Example/NumericalData/{product.spacecraft.name}/{kind.instrument}/{product.key}"


def _header(name: str, about: str) -> etree._Element:
    return _spase(
        "ResourceHeader",
        _spase("ResourceName", name),
        _spase("ReleaseDate", _RELEASED),
        _spase("Description", about),
        _spase("Contact", _spase("PersonID", _CONTACT), _spase("Role", "GeneralContact")),
        _spase("InformationURL", _spase("Name", "About the sample archive"), _spase("URL", _HOME_PAGE)),
    )


def _observatory(resource_id: str, name: str, about: str, regions: tuple[str, ...]) -> etree._Element:
    group = [_spase("ObservatoryGroupID", _GROUP)] if resource_id != _GROUP else []
    places = [_spase("ObservatoryRegion", region) for region in regions or ("Heliosphere",)]
    return _spase(
        "Observatory",
        _spase("ResourceID", resource_id),
        _header(name, about),
        *group,
        _spase("Location", *places),
        _spase("OperatingSpan", _spase("StartDate", _LAUNCHED)),
    )


def _instrument(product: Product) -> etree._Element:
    kind = product.kind
    about = f"SYNTHETIC: an invented instrument for {kind.title} on {product.spacecraft.name}."
    return _spase(
        "Instrument",
        _spase("ResourceID", _instrument_id(product)),
        _header(kind.instrument, about),
        _spase("InstrumentType", kind.instrument_type),
        _spase("InvestigationName", f"{kind.instrument} on {product.spacecraft.name} (SYNTHETIC)"),
        _spase("ObservatoryID", _observatory_id(product.spacecraft)),
    )


def _dataset(product: Product, first: datetime, last: datetime) -> etree._Element:
    kind, spacecraft = product.kind, product.spacecraft
    about = (
        f"SYNTHETIC {kind.title} of {spacecraft.name}, an invented spacecraft {spacecraft.where}, "
        f"every {product.step_s} seconds. For trying out software; nothing here was observed."
    )
    return _spase(
        "NumericalData",
        _spase("ResourceID", _dataset_id(product)),
        _header(f"SYNTHETIC - {spacecraft.name} - {kind.instrument} - {kind.title}", about),
        _access(product),
        _spase("ProcessingLevel", "Calibrated"),
        _spase("ProviderName", "Synthia"),
        _spase("ProviderResourceName", product.logical_source),
        _spase("InstrumentID", _instrument_id(product)),
        _spase("MeasurementType", kind.measurement_type),
        _spase(
            "TemporalDescription",
            _spase("TimeSpan", _spase("StartDate", _moment(first)), _spase("StopDate", _moment(last))),
            _spase("Cadence", f"PT{product.step_s}S"),
        ),
        *(_spase("ObservedRegion", region) for region in spacecraft.regions),
        *(_parameter(product, variable) for variable in variables_of(product)),
    )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _access(product: Product) -> etree._Element:
    return _spase(
        "AccessInformation",
        _spase("RepositoryID", _REPOSITORY),
        _spase("Availability", "Online"),
        _spase("AccessRights", product.access_rights),
        _spase(
            "AccessURL",
            _spase("Name", "HAPI server of the sample archive (does not exist)"),
            _spase("URL", _HAPI),
            _spase("Style", "HAPI"),
            _spase("ProductKey", product.key),
        ),
        _spase("Format", "CDF"),
    )


def _parameter(product: Product, variable: DataVariable) -> etree._Element:
    children = [
        _spase("Name", variable.label),
        _spase("ParameterKey", variable.name),
        _spase("Description", f"{variable.what} (SYNTHETIC)"),
        _spase("UCD", _UCDS[variable.name]),
    ]
    if variable.units.strip():
        children.append(_spase("Units", variable.units))
    if variable.frame:
        children.append(
            _spase(
                "CoordinateSystem",
                _spase("CoordinateRepresentation", "Cartesian"),
                _spase("CoordinateSystemName", variable.frame),
            )
        )
    display = "Spectrogram" if variable.spectrogram else "TimeSeries"
    children.append(_spase("RenderingHints", _spase("DisplayType", display)))
    if variable.components:
        children.append(_structure(variable))
    elif variable.spectrogram:
        children.append(_spase("Structure", _spase("Size", _CHANNELS)))
    children += [
        _spase("ValidMin", str(variable.valid[0])),
        _spase("ValidMax", str(variable.valid[1])),
        _spase("FillValue", "-32768" if variable.support else "-1.0E31"),
        _nature(product, variable),
    ]
    return _spase("Parameter", *children)


def _structure(variable: DataVariable) -> etree._Element:
    elements = [
        _spase(
            "Element",
            _spase("Name", component),
            _spase("Qualifier", f"Component.{'IJK'[index]}"),
            _spase("Index", str(index + 1)),
            _spase("ParameterKey", f"{variable.name}({index})"),
        )
        for index, component in enumerate(variable.components)
    ]
    return _spase("Structure", _spase("Size", str(len(elements))), *elements)


def _nature(product: Product, variable: DataVariable) -> etree._Element:
    if variable.support:
        return _spase("Support", _spase("SupportQuantity", "DataQuality"))
    quantity = _PARTICLE_QUANTITIES.get(variable.name)
    if quantity is None:
        return _spase("Field", _spase("FieldQuantity", "Magnetic"))
    parts = [_spase("ParticleType", "Ion"), _spase("ParticleQuantity", quantity)]
    if variable.spectrogram:
        low, high = _ENERGY_RANGES[product.moving_energies]
        parts.append(_spase("EnergyRange", _spase("Low", low), _spase("High", high), _spase("Units", "eV")))
    return _spase("Particle", *parts)
