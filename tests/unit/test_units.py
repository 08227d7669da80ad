"""Factors between units, against astropy; and who may import it."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from astropy import units

from epntap.units.convert import UnitProblem, conversion, exact_factor
from tests.support.source import imports, modules


@pytest.mark.parametrize(
    ("given", "wanted"), [("km", "m"), ("m/s", "km/h"), ("eV", "J"), ("nT", "T"), ("deg", "rad"), ("d", "s")]
)
def test_factors_agree_with_astropy(given: str, wanted: str) -> None:
    expected = units.Unit(given, format="vounit").to(units.Unit(wanted, format="vounit"))
    operator, number = exact_factor(given, wanted)
    assert (number if operator == "*" else 1 / number) == pytest.approx(expected, rel=1e-14)
    assert conversion(given, wanted).apply(2.0) == pytest.approx(2 * expected, rel=1e-14)


def test_a_query_is_read_by_the_standard_and_a_label_as_people_write() -> None:
    assert conversion("DEG", "rad").apply(180.0) == pytest.approx(3.141592653589793)
    with pytest.raises(UnitProblem, match="'DEG' is no unit of VOUnit"):
        exact_factor("DEG", "rad")


@pytest.mark.parametrize("text", ["m**99999999", "m^99999999", "m" * 101, "furlong"])
def test_what_is_no_unit_is_refused_at_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(UnitProblem):
        exact_factor(text, "m")
    with pytest.raises(UnitProblem):
        conversion(text, "m")
    assert time.process_time() - began < 2


def test_astropy_units_are_imported_in_one_place_and_late() -> None:
    users = [path for path, text in modules() if any(f"{name}.".startswith("astropy.units.") for name in imports(text))]
    assert users == ["epntap/units/convert.py"]
    program = "import sys, epntap.units.convert, epntap.adql; sys.exit('astropy' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
