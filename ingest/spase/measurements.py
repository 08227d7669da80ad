"""What was measured: UCDs of parameters, mended where needed, and what a MeasurementType stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from epntap.epncore.ucd import canonical_ucd
from ingest.spase.document import DatasetRecord, ParameterRecord

__all__ = ["MEASUREMENT_UCDS", "measured_ucds", "parameter_ucd"]

#: MeasurementType -> UCDs of a record none of whose parameters has one
MEASUREMENT_UCDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "MagneticField": ("phys.magField",),
        "ElectricField": ("phys.electField",),
        "ThermalPlasma": ("phys.density", "phys.temperature", "phys.veloc"),
        "EnergeticParticles": ("phys.flux;phys.particle",),
        "IonComposition": ("phys.abund;phys.atmol.ionStage",),
        "NeutralGas": ("phys.density;phys.atmol",),
        "NeutralAtomImages": ("phys.density;phys.atmol",),
        "Waves": ("phys.electField", "phys.magField"),
        "Waves.Passive": ("phys.electField", "phys.magField"),
        "Waves.Active": ("phys.electField", "phys.magField"),
        "Ephemeris": ("pos.ephem;instr.obsty",),
        "ActivityIndex": ("meta.code",),
        "Irradiance": ("phot.flux.density",),
        "Radiance": ("phot.radiance",),
        "InstrumentStatus": ("meta.code.status",),
        "Spectrum": ("phys.flux",),
    }
)

#: spellings that occur and are no UCD1+ -> what is meant
_MENDED: Mapping[str, str] = MappingProxyType(
    {
        # words that may not come first (UCD1+ §2) get the quantity that they qualify
        "pos.earth;instr.obsty": "pos.ephem;pos.earth;instr.obsty",
        "pos.bodyrc;instr.obsty": "pos.ephem;pos.bodyrc;instr.obsty",
        # misspelt or unknown words
        "phys.elecField": "phys.electField",
        "phys.flux;phys.polarization.circular.RR;phys.electField;em.radio": (
            "phys.flux;phys.polarization.circular;phys.electField;em.radio"
        ),
        "phys.flux;phys.polarization.circular.LL;phys.electField;em.radio": (
            "phys.flux;phys.polarization.circular;phys.electField;em.radio"
        ),
    }
)

#: what a bare particle word qualifies, by SPASE quantity
_QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "NumberFlux": "phys.flux",
        "EnergyFlux": "phys.flux.energy",
        "NumberDensity": "phys.density",
        "Temperature": "phys.temperature",
        "Velocity": "phys.veloc",
        "Pressure": "phys.pressure",
    }
)

#: words that only qualify and were put first or last against UCD1+ §2
_ONLY_SECOND = frozenset({"phys.electron", "phys.atmol", "phys.atmol.ionStage", "phys.particle.proton"})
_ONLY_FIRST = "arith.rate"

#: UCDs about the record keeping and not about nature: they do not belong into measurement_type (EPN-TAP 2.0 §2.1)
_BOOKKEEPING = ("meta.", "stat.", "arith.factor", "instr.setup", "time.epoch")

_MODELLED = "meta.modelled"


def parameter_ucd(parameter: ParameterRecord) -> str | None:
    """The UCD of a parameter as one valid UCD1+, or None if it has none or it cannot be mended."""
    return next((ucd for written in parameter.ucds if (ucd := _mend(written, parameter.quantities))), None)


def _mend(written: str, quantities: tuple[str, ...]) -> str | None:
    valid = canonical_ucd(written)
    if valid is not None:
        return valid
    if written in _ONLY_SECOND:
        quantity = next((_QUANTITIES[word] for word in quantities if word in _QUANTITIES), "phys.density")
        return canonical_ucd(f"{quantity};{written}")
    words = written.split(";")
    if _ONLY_FIRST in words[1:]:
        words.remove(_ONLY_FIRST)
        return canonical_ucd(";".join([_ONLY_FIRST, *words]))
    return canonical_ucd(_MENDED.get(written, ""))


def measured_ucds(record: DatasetRecord, *, modelled: bool) -> tuple[str, ...]:
    """UCDs of the physical quantities in a dataset, in order of first appearance.

    Those of its parameters, or those for its MeasurementTypes if no parameter has one. What a model computed says
    so (EPN-TAP 2.0 §2.1).
    """
    ucds = tuple(dict.fromkeys(_physical(record.parameters))) or tuple(
        dict.fromkeys(ucd for kind in record.measurement_types for ucd in MEASUREMENT_UCDS.get(kind, ()))
    )
    return tuple(_as_modelled(ucd) for ucd in ucds) if modelled else ucds


def _physical(parameters: Iterable[ParameterRecord]) -> Iterator[str]:
    for parameter in parameters:
        ucd = parameter_ucd(parameter)
        if ucd is not None and not ucd.startswith(_BOOKKEEPING):
            yield ucd


def _as_modelled(ucd: str) -> str:
    return ucd if _MODELLED in ucd.split(";") else f"{ucd};{_MODELLED}"
