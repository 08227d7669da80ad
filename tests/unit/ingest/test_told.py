"""What operators know of datasets, over what the sources say."""

from __future__ import annotations

from pathlib import Path

import pytest

from epntap.errors import DefinitionError
from ingest.by_dataset.told import told_by
from ingest.definition.model import DatasetTable, Definition
from ingest.kinds.cdf import CDF_FILES
from ingest.sources.source import FilesPlan, Granule, Source
from tests.support.archives import facts

FILE = Path("s.toml")


def told(*tables: DatasetTable, partial: bool = False, **fields: object) -> Definition:
    source = Source(CDF_FILES, "[[source]] 1 (cdf-files)", Path("/cdf"), Granule.DAY, FilesPlan(partial=partial))
    return Definition(FILE, "plasma", "Plasma", (source,), datasets=tables, **fields)  # type: ignore[arg-type]  # of any type


DATASETS = {name: facts({"target_region": "magnetosphere"}, dataset_id=name) for name in ("syn-mag", "syn-mom", "z")}


def test_tables_of_datasets_win_over_columns_and_these_over_the_sources() -> None:
    definition = told(
        DatasetTable("syn-mag", {"target_name": "Jupiter"}),
        columns={"target_name": "Mars", "target_region": "tail"},
    )
    found = {name: one.values for name, one in told_by(definition, DATASETS).items()}
    assert [found[name]["target_name"] for name in DATASETS] == ["Jupiter", "Mars", "Mars"]
    assert [found[name]["target_region"] for name in DATASETS] == ["tail", "tail", "tail"]
    assert {one["target_class"] for one in found.values()} == {"planet"}


def test_titles_and_descriptions_are_of_the_dataset() -> None:
    found = told_by(told(DatasetTable("syn-*", {}, "Synthetic field", "A field")), DATASETS)
    assert [(one.dataset.title, one.dataset.description) for one in found.values()] == [
        ("Synthetic field", "A field"),
        ("Synthetic field", "A field"),
        (DATASETS["z"].dataset.title, DATASETS["z"].dataset.description),
    ]


def test_a_pattern_that_claims_nothing_is_refused() -> None:
    with pytest.raises(DefinitionError) as caught:
        told_by(told(DatasetTable("syn-mah", {})), DATASETS)
    assert caught.value.message == (
        's.toml: [datasets."syn-mah"] claims none of the 3 datasets; correct the pattern, or take the table out. '
        "Did you mean 'syn-mag'?"
    )


def test_a_part_of_an_archive_may_lack_a_dataset() -> None:
    assert told_by(told(DatasetTable("none", {}), partial=True), DATASETS).keys() == DATASETS.keys()


def test_datasets_that_are_withdrawn_or_hold_nothing_may_be_spoken_of() -> None:
    told_by(told(DatasetTable("gone", {}), withdrawn=("gone",)), DATASETS)
    told_by(told(DatasetTable("claimed", {})), DATASETS, {"claimed"})


def test_two_patterns_that_claim_one_dataset_are_refused() -> None:
    with pytest.raises(DefinitionError) as caught:
        told_by(told(DatasetTable("syn-m*", {}), DatasetTable("*mom", {})), DATASETS)
    assert caught.value.message == (
        's.toml: the dataset syn-mom is claimed twice, by [datasets."syn-m*"] and [datasets."*mom"]; '
        "a dataset belongs to one table."
    )
