"""Rules of a definition applied to records."""

from __future__ import annotations

import pytest

from epntap.errors import DefinitionError
from ingest.tables.rules import RowProblem, read_rules
from tests.support.mappings import mapped, strict


def test_fields_templates_and_constants() -> None:
    rules = 'granule_uid = "{kind}-{number}"\nobs_id = "number"\nprocessing_level = 3\n'
    assert mapped(rules, {"kind": "raw", "number": "007"}) == {
        "granule_uid": "raw-007",
        "obs_id": "007",
        "processing_level": 3,
    }


def test_the_first_field_with_a_value_counts() -> None:
    rules = 'target_name = { from = ["a", "b"], otherwise = "Mars" }'
    assert mapped(rules, {"a": "", "b": "Earth"}) == {"target_name": "Earth"}
    assert mapped(rules, {"a": None, "b": "NULL"}) == {"target_name": "Mars"}


def test_a_template_with_a_gap_is_null() -> None:
    assert mapped('obs_id = "{a}-{b}"', {"a": "x", "b": None}) == {}


def test_scale_and_offset_come_before_the_unit() -> None:
    rules = 'subsolar_latitude_min = { from = "colatitude", scale = -1, offset = 90 }'
    assert mapped(rules, {"colatitude": "038"}) == {"subsolar_latitude_min": 52.0}


def test_words_have_meanings() -> None:
    rules = 'target_class = { from = "t", values = { MARS = "planet", MOON = "satellite" } }'
    assert mapped(rules, {"t": "MOON"}) == {"target_class": "satellite"}


def test_units_of_the_source_serve_where_the_rule_has_none() -> None:
    rules = 'sun_distance_min = "d"\nearth_distance_min = { from = "d", unit = "AU" }\nobs_id = "d"'
    values = mapped(rules, {"d": 149597870.7}, {"d": "km"})
    assert values["sun_distance_min"] == pytest.approx(1.0)
    assert values["earth_distance_min"] == 149597870.7


def test_wavelengths_change_places() -> None:
    rules = 'spectral_range_min = { from = "lo", unit = "um" }\nspectral_range_max = { from = "hi", unit = "um" }'
    values = mapped(rules, {"lo": "2.0", "hi": "4.0"})
    assert values["spectral_range_min"] == pytest.approx(299792458.0 / 4e-6)
    assert values["spectral_range_max"] == pytest.approx(299792458.0 / 2e-6)
    assert mapped(rules, {"lo": "2.0", "hi": None}) == {"spectral_range_max": pytest.approx(299792458.0 / 2e-6)}


def test_two_ways_must_agree() -> None:
    rules = 'incidence_min = { from = "a", check = { from = "b", unit = "rad" } }'
    assert mapped(rules, {"a": "180", "b": "3.141592653589793"}) == {"incidence_min": 180.0}
    assert mapped(rules, {"a": "180", "b": None}) == {"incidence_min": 180.0}
    with pytest.raises(RowProblem, match=r"incidence_min is 180.0 by a and 57.29\d* by b"):
        mapped(rules, {"a": "180", "b": "1"})


def test_all_problems_of_a_row_are_told_at_once() -> None:
    with pytest.raises(RowProblem) as caught:
        mapped('time_min = "t"\nphase_min = "p"', {"t": "never", "p": "full"})
    assert "time_min needs a time" in str(caught.value)
    assert "phase_min needs a number" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('time_mn = "x"', "'time_mn' is not a column of EPN-TAP 2.0 and has no [custom.time_mn] table. Did you mean"),
        ("time_min = {}", "one of from, text and otherwise is needed"),
        ('time_min = { from = "a", text = "{b}" }', "from and text cannot both be given"),
        ('time_min = { from = "a", units = "MJD" }', "unknown key 'units'"),
        ('time_min = { from = "a", null = [true] }', "null must be a word or a number"),
        ('target_name = { from = "a", values = { x = 1 } }', "values must be a table of word = word"),
        ("time_min = []", "time_min must be a table, but it is a list"),
    ],
)
def test_rules_that_are_wrong(text: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_rules(strict(text), {})
    assert expected in str(caught.value)
