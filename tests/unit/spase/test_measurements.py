"""UCDs of parameters: the wrong ones that occur in records are mended, all others are refused."""

from dataclasses import replace

import pytest

from epntap.epncore.ucd import is_valid_ucd
from ingest.spase.document import ParameterRecord
from ingest.spase.measurements import MEASUREMENT_UCDS, parameter_ucd

PLAIN = ParameterRecord(
    name="p",
    key="p",
    description="",
    ucds=(),
    units="",
    cadence="",
    coordinate_system="",
    coordinate_representation="",
    qualifiers=(),
    elements=(),
    displays=(),
    sizes=(),
    fill_value="",
    nature="",
    quantities=(),
    particle_types=(),
    wave_types=(),
    ranges=(),
)


@pytest.mark.parametrize(
    ("written", "quantity", "ucd"),
    [
        ("phys.magField", "", "phys.magField"),
        ("Phys.magField", "", "phys.magField"),
        ("phys.temperature;phys.atmol.Ionstage", "", "phys.temperature;phys.atmol.ionStage"),
        ("pos.earth;instr.obsty", "", "pos.ephem;pos.earth;instr.obsty"),
        ("pos.bodyrc;instr.obsty", "", "pos.ephem;pos.bodyrc;instr.obsty"),
        ("phys.flux;phys.electron;arith.rate", "CountRate", "arith.rate;phys.flux;phys.electron"),
        ("phys.electron", "NumberFlux", "phys.flux;phys.electron"),
        ("phys.electron", "", "phys.density;phys.electron"),
        ("phys.elecField", "", "phys.electField"),
        (
            "phys.flux;phys.polarization.circular.RR;phys.electField;em.radio",
            "",
            "phys.flux;phys.polarization.circular;phys.electField;em.radio",
        ),
        ("no.such.word", "", None),
        ("", "", None),
    ],
)
def test_ucds_are_mended(written: str, quantity: str, ucd: str | None) -> None:
    record = replace(PLAIN, ucds=(written,), quantities=(quantity,))
    assert parameter_ucd(record) == ucd
    assert ucd is None or is_valid_ucd(ucd)


def test_a_second_ucd_counts_where_the_first_is_none() -> None:
    assert parameter_ucd(replace(PLAIN, ucds=("no.such.word", "phys.magField"))) == "phys.magField"


def test_measurement_types_stand_for_valid_ucds() -> None:
    for ucds in MEASUREMENT_UCDS.values():
        assert all(is_valid_ucd(ucd) for ucd in ucds)
