"""What is kept out of a table, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from epntap.archive.model import ArchiveFile
from ingest.by_dataset.build import common_values, epn_core_table
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.by_dataset.planning.uids import UidRegistry
from ingest.definition.model import Definition, Granule
from ingest.facts import DatasetFacts, Value
from ingest.publish.rows.checks import value_problems
from tests.support.archives import facts, held

DEFINITION = Definition(Path("service.toml"), "plasma", "Plasma data", ())


def problems(values: dict[str, Value]) -> tuple[str, ...]:
    one = facts(values)
    return value_problems(common_values(DEFINITION, one), epn_core_table(DEFINITION, [one]))


def plan(one: DatasetFacts, granule: Granule = Granule.DAY, *single: ArchiveFile) -> DatasetPlan:
    return DatasetPlan(one, granule, single, single)


def test_good_values_have_no_problem() -> None:
    assert problems({"processing_level": 3, "time_sampling_step_min": 4.0, "measurement_type": "phys.magField"}) == ()


def test_a_value_that_must_be_there() -> None:
    assert problems({"target_class": None}) == ("target_class must have a value and has none",)
    assert problems({"granule_gid": "", "dataproduct_type": None}) == (
        "dataproduct_type must have a value and has none",
        "granule_gid must have a value and has none",
    )


def test_text_that_is_not_ascii() -> None:
    assert problems({"target_name": "Müller"}) == ("target_name must be ASCII but is 'Müller'",)


def test_values_of_the_wrong_type() -> None:
    assert problems({"processing_level": "high"}) == ("processing_level must be a number of type int but is 'high'",)
    assert problems({"processing_level": 2.5}) == ("processing_level must be a number of type int but is 2.5",)
    assert problems({"target_name": 67}) == ("target_name must be text but is 67",)


def test_ranges_that_run_backwards() -> None:
    assert problems({"time_sampling_step_min": 5.0, "time_sampling_step_max": 4.0}) == (
        "time_sampling_step_min 5.0 is greater than time_sampling_step_max 4.0",
    )


def test_a_range_over_the_zero_meridian_is_right() -> None:
    assert problems({"c1min": 350.0, "c1max": 10.0}) == ()


def test_a_range_over_midnight_is_left_to_the_rule_that_keeps_rows_back() -> None:
    assert problems({"local_time_min": 22.0, "local_time_max": 3.0}) == ()


def test_one_dataset_has_a_name_once() -> None:
    registry = UidRegistry()
    assert registry.admit(plan(facts()))[0] is not None
    admitted, refusals = registry.admit(plan(facts()))
    assert admitted is None
    assert "already described" in refusals[0].reason


def test_names_that_differ_in_forbidden_characters_only() -> None:
    registry = UidRegistry()
    registry.admit(plan(facts(dataset_id="a b")))
    admitted, refusals = registry.admit(plan(facts(dataset_id="a#b")))
    assert admitted is None
    assert "a#b would have the names of those of a b" in refusals[0].reason


def test_two_files_with_one_stem() -> None:
    first = held("2001/x.cdf", "2001-01-01", "2001-01-02")
    later = held("2002/x.cdf", "2002-01-01", "2002-01-02")
    other = held("y.cdf", "2002-01-01", "2002-01-02")
    admitted, refusals = UidRegistry().admit(plan(facts(), Granule.FILE, first, later, other))
    assert admitted is not None
    assert admitted.single == admitted.files == (first, other)
    assert [(one.path, one.reason) for one in refusals] == [
        ("2002/x.cdf", "the granule_uid x is already that of 2001/x.cdf")
    ]


def test_a_file_of_another_dataset_with_the_same_stem() -> None:
    registry = UidRegistry()
    registry.admit(plan(facts(dataset_id="a"), Granule.FILE, held("1/x.cdf", "2001-01-01", "2001-01-02")))
    admitted, refusals = registry.admit(
        plan(facts(dataset_id="b"), Granule.FILE, held("2/x.cdf", "2001-01-01", "2001-01-02"))
    )
    assert admitted is not None
    assert admitted.single == ()
    assert refusals[0].path == "2/x.cdf"


def test_a_file_named_like_a_day() -> None:
    file = held("syn-mag_20010102.cdf", "2001-01-02", "2001-01-03")
    admitted, refusals = UidRegistry().admit(replace(plan(facts(), Granule.DAY, file)))
    assert admitted is not None
    assert admitted.single == ()
    assert refusals[0].reason == "the granule_uid syn-mag_20010102 is already that of syn-mag"
