"""What the rules say about the description of a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from epntap.catalog.model import Column, Table
from epntap.epncore.columns import columns_for_frame, columns_for_particles
from epntap.epncore.rules.all_rules import TABLE_RULES, Severity, TableFacts
from ingest.findings import table_findings
from tests.support.granules import full_table

WHOLE = full_table()


def without(*names: str) -> Table:
    return replace(WHOLE, columns=tuple(column for column in WHOLE.columns if column.name not in names))


def changed(name: str, **changes: object) -> Table:
    columns = tuple(replace(c, **changes) if c.name == name else c for c in WHOLE.columns)  # type: ignore[arg-type]
    return replace(WHOLE, columns=columns)


def added(column: Column) -> Table:
    return replace(WHOLE, columns=(*WHOLE.columns, column))


def problems(table: Table, **facts: str) -> dict[str, tuple[str, ...]]:
    return {finding.rule: finding.details for finding in table_findings(table, TableFacts(**facts))}  # type: ignore[arg-type]


def test_a_right_table_breaks_no_rule() -> None:
    assert problems(WHOLE, frame="body", particles="energy") == {}


CASES = {
    "A1": (replace(WHOLE, name="granules"), "the table is called plasma.granules"),
    "A2": (replace(WHOLE, utype=None), "the utype is missing"),
    "A2-old": (
        replace(WHOLE, utype="ivo://vopdc.obspm/std/epncore#schema-2.0"),
        "the utype is ivo://vopdc.obspm/std/epncore#schema-2.0",
    ),
    "A3": (without("obs_id"), "obs_id is missing"),
    "A4": (without("local_time_max"), "local_time_max is missing beside local_time_min"),
    "A5": (added(Column("Odd", "int")), "'Odd' is not a lower-case name"),
    "A12": (added(Column("accref", "char", "*")), "there is a column accref"),
    "B9-unit": (changed("time_min", unit="D"), "time_min has the unit D instead of d"),
    "B9-ucd": (changed("obs_id", ucd="meta.id"), "obs_id has the UCD meta.id instead of meta.id;obs"),
    "B9-utype": (changed("obs_id", utype="Epn.ObsId"), "obs_id has the utype Epn.ObsId"),
    "B12": (added(Column("own", "int", ucd="phys.nonsense")), "own has the UCD phys.nonsense"),
    "B10": (changed("time_min", datatype="float"), "time_min is float instead of double"),
    "B11": (changed("release_date", xtype=None), "release_date has the xtype none"),
    "H8-xtype": (changed("s_region", xtype=None), "s_region is char with the xtype none"),
    "J1-columns": (without("access_format"), "access_format is missing beside access_url"),
    "I4-columns": (
        without("particle_spectral_type"),
        "particle_spectral_type is missing beside particle_spectral_range_max",
    ),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_wrong_table_breaks_its_rule_and_no_other(rule: str) -> None:
    table, detail = CASES[rule]
    assert problems(table) == {rule: (detail,)}


def test_every_rule_has_a_wrong_table() -> None:
    assert {rule.id for rule in TABLE_RULES} == {*CASES, "H7", "I4-unit"}


def test_units_of_coordinates_follow_the_frame_of_all_rows() -> None:
    assert problems(WHOLE, frame="cartesian")["H7"][:2] == (
        "c1min has the unit deg instead of km in a cartesian frame",
        "c1min has the UCD pos.bodyrc.lon;stat.min instead of pos.cartesian.x;stat.min in a cartesian frame",
    )
    others = {column.name: column for column in columns_for_frame("cartesian")}
    table = replace(WHOLE, columns=tuple(others.get(column.name, column) for column in WHOLE.columns))
    assert problems(table, frame="cartesian") == {}
    assert problems(table) == {}  # it varies, or nobody knows


def test_units_of_particle_spectra_follow_their_type() -> None:
    assert problems(WHOLE, particles="mass")["I4-unit"][0] == (
        "particle_spectral_range_min has the unit eV instead of amu for mass"
    )
    others = {column.name: column for column in columns_for_particles("mass")}
    table = replace(WHOLE, columns=tuple(others.get(column.name, column) for column in WHOLE.columns))
    assert problems(table, particles="mass") == {}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("access_estsize", {"datatype": "short"}),
        ("c1min", {"datatype": "float"}),
        ("target_name", {"datatype": "unicodeChar"}),
        ("observer_name", {"ucd": "obs.observer;meta.main"}),
        ("pressure", {"unit": "1e5Pa"}),
        ("s_region", {"datatype": "double", "arraysize": "*", "xtype": "polygon"}),
    ],
)
def test_forms_that_are_right_too(name: str, changes: dict[str, object]) -> None:
    assert problems(changed(name, **changes)) == {}


def test_severities_of_tables_can_be_chosen() -> None:
    (finding,) = table_findings(without("obs_id"), severities={"A3": Severity.WARN})
    assert (finding.severity, finding.is_about_table, finding.count) == (Severity.WARN, True, 1)
