"""Columns of run parameters, beside those of the standard. No I/O here."""

from __future__ import annotations

from epntap.catalog.model import Column

__all__ = ["RUN_COLUMNS"]


def _text(name: str, ucd: str, description: str) -> Column:
    return Column(name=name, datatype="char", arraysize="*", ucd=ucd, description=description)


def _number(name: str, unit: str | None, ucd: str, description: str) -> Column:
    return Column(name=name, datatype="double", unit=unit, ucd=ucd, description=description, pg_type="double precision")


#: as VOUnits writes what is also called a solar flux unit
_SOLAR_FLUX_UNIT = "10**-22W.m**-2.Hz**-1"

RUN_COLUMNS: tuple[Column, ...] = (
    _text("run_code", "meta.id;meta.software", "Simulation code"),
    _text("run_code_version", "meta.version;meta.software", "Version of the simulation code"),
    _number("run_duration", "s", "time.duration", "Length of the simulated time"),
    _number("run_step", "s", "time.resolution", "Time step of the simulation"),
    _text("run_species", "meta.id;phys.atmol", "Species that the run follows, as formulas joined by #"),
    _text("run_magnetic_field", "meta.id;phys.magField", "Model of the magnetic field"),
    _text("run_atmosphere", "meta.id;phys.atmol", "Model of the neutral atmosphere"),
    _number("run_f107", _SOLAR_FLUX_UNIT, "phot.flux.density;em.radio.1500-3000MHz", "Solar flux at 10.7 cm, input"),
    _number(
        "run_f107_mean",
        _SOLAR_FLUX_UNIT,
        "phot.flux.density;em.radio.1500-3000MHz;stat.mean",
        "Solar flux at 10.7 cm, mean of 81 days, input",
    ),
    _number("run_ap", None, "phys.magField", "Geomagnetic index Ap in units of 2 nT, input"),
)
