"""Units of CDF files as VOUnits."""

from __future__ import annotations

import json

import pytest
from astropy import units

from epntap.units.vounit import is_dimensionless, to_vounit
from tests.support.places import SHARED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nT", "nT"),
        (" km/s ", "km.s**-1"),
        ("km/sec", "km.s**-1"),
        ("cm^-3", "cm**-3"),
        ("cm-3", "cm**-3"),
        ("/cm**3", "cm**-3"),
        ("#/cc", "cm**-3"),
        ("1/cm2 s", "cm**-2.s**-1"),
        ("keV/(cm^2 s sr keV)", "keV.cm**-2.s**-1.sr**-1.keV**-1"),
        ("#/(cm^2-s-sr-eV)", "cm**-2.s**-1.sr**-1.eV**-1"),
        ("eV/(cm^2*s*str*MeV)", "eV.cm**-2.s**-1.sr**-1.MeV**-1"),
        ("(mV/m)*(s/m)", "mV.m**-1.s.m**-1"),
        ("eV/(km/s)", "eV.km**-1.s"),
        ("counts / s", "count.s**-1"),
        ("Degrees", "deg"),
        ("μs", "us"),
    ],
)
def test_spellings(text: str, expected: str) -> None:
    assert to_vounit(text) == expected
    units.Unit(expected, format="vounit")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "None",
        "dN",
        "Re",
        "N/cm3",
        "deg C",
        "nT (All Qs)",
        "eV/(km/s)^2",
        "(1=OK)",
        "0, 1",
        "%",
        "m)",
        "(m",
    ],
)
def test_what_is_not_understood_is_not_said(text: str | None) -> None:
    assert to_vounit(text) is None


def test_words_for_no_unit() -> None:
    assert is_dimensionless("None")
    assert is_dimensionless(None)
    assert not is_dimensionless("nT")


@pytest.mark.shared
def test_every_unit_of_real_files_is_a_vounit_or_nothing() -> None:
    described = json.loads((SHARED / "data/cdf/INDEX.json").read_text())
    spelled = {variable["units"] for file in described for variable in file.get("variables", ())} - {None}
    understood = {text: to_vounit(text) for text in spelled}
    for unit in set(understood.values()) - {None}:
        units.Unit(unit, format="vounit")
    assert sum(unit is not None for unit in understood.values()) > len(spelled) / 3
