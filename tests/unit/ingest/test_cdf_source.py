"""A tree of CDF files: owners, editions, and what is left out with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from epntap.errors import DefinitionError
from ingest.facts import DatasetFacts, Refusal
from ingest.files.istp import Description, describe_file
from ingest.files.scan import Forgetful, Scanner
from ingest.files.walk import walk_tree
from ingest.kinds import cdf as cdf_module
from ingest.kinds.cdf import describe_holdings, read_archive
from ingest.sources.said import Holdings
from tests.support.archives import CDF_SOURCE, cdf, definition


def without_memory() -> Scanner:
    return Scanner(Forgetful(), jobs=1)


def read(root: Path, *parts: str, scanner: Scanner | None = None) -> Holdings:
    one = definition(root, CDF_SOURCE, *parts)
    steps: list[int] = []
    tree = walk_tree(one.sources[0].path)
    holdings = read_archive(one.file, one.sources[0], tree, scanner or without_memory(), steps.append)
    left_out = len(holdings.superseded) + len(holdings.unclaimed) + len(holdings.refused)
    assert holdings.found == sum(steps) == len(holdings.files) + left_out
    return holdings


def test_files_without_patterns_belong_to_their_logical_source(tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/a/one_20010101_v01.cdf", "2001-01-01T00:00:00", logical_source="SYN_A")
    cdf(tmp_path / "cdf/b/two_20010102.cdf", "2001-01-02T00:00:00", logical_source="")
    holdings = read(tmp_path)
    assert [(file.dataset_id, file.path, file.version) for file in holdings.files] == [
        ("SYN_A", "a/one_20010101_v01.cdf", "v01"),
        ("two", "b/two_20010102.cdf", ""),
    ]
    assert holdings.files[0].records == 24
    assert holdings.files[0].size_bytes == (tmp_path / "cdf/a/one_20010101_v01.cdf").stat().st_size


def test_a_logical_source_that_names_the_file_is_cut_to_the_series(tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_20010101_v01.cdf", "2001-01-01T00:00:00", logical_source="SYN_20010101_V01")
    assert read(tmp_path).files[0].dataset_id == "SYN"


def test_patterns_claim_files_and_the_rest_is_reported(tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/a_1.cdf", "2001-01-01T00:00:00")
    cdf(tmp_path / "cdf/b_1.cdf", "2001-01-01T00:00:00", logical_source="SYN_B")
    cdf(tmp_path / "cdf/c_1.cdf", "2001-01-01T00:00:00")
    holdings = read(tmp_path, "[source.files]", 'a = "a_*.cdf"', 'b = "Logical_source:syn_b"')
    assert [(file.dataset_id, file.path) for file in holdings.files] == [("a", "a_1.cdf"), ("b", "b_1.cdf")]
    assert holdings.unclaimed == ("c_1.cdf",)


def test_an_unclaimed_file_is_not_opened(tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/a_1.cdf", "2001-01-01T00:00:00")
    (tmp_path / "cdf/z.cdf").write_bytes(b"no CDF")
    holdings = read(tmp_path, "[source.files]", 'a = "a_*.cdf"')
    assert (holdings.unclaimed, holdings.refused) == (("z.cdf",), ())


def test_the_newest_version_wins(tmp_path: Path) -> None:
    for version in ("v9", "v10", "v02"):
        cdf(tmp_path / f"cdf/{version}/syn_20010101_{version}.cdf", "2001-01-01T00:00:00")
    holdings = read(tmp_path)
    assert [file.version for file in holdings.files] == ["v10"]
    assert {one.path: one.by for one in holdings.superseded} == {
        "v9/syn_20010101_v9.cdf": "v10/syn_20010101_v10.cdf",
        "v02/syn_20010101_v02.cdf": "v10/syn_20010101_v10.cdf",
    }


def test_a_newer_version_that_cannot_be_read_leaves_the_older_one(tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_20010101_v01.cdf", "2001-01-01T00:00:00")
    whole = cdf(tmp_path / "cdf/syn_20010101_v02.cdf", "2001-01-01T00:00:00")
    whole.write_bytes(whole.read_bytes()[:-1000])
    holdings = read(tmp_path, "[source.files]", 'a = "*.cdf"')
    assert [file.version for file in holdings.files] == ["v01"]
    assert [one.path for one in holdings.refused] == ["syn_20010101_v02.cdf"]
    assert "truncated" in holdings.refused[0].reason


def test_a_second_copy_is_refused(tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/a/syn_20010101_v01.cdf", "2001-01-01T00:00:00")
    cdf(tmp_path / "cdf/b/syn_20010101_v01.cdf", "2001-01-01T00:00:00")
    holdings = read(tmp_path)
    assert [file.path for file in holdings.files] == ["a/syn_20010101_v01.cdf"]
    assert holdings.refused[0].path == "b/syn_20010101_v01.cdf"
    assert "already there: a/syn_20010101_v01.cdf" in holdings.refused[0].reason


def test_patterns_that_do_not_fit_the_tree(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="there is no CDF file below"):
        read(tmp_path)
    cdf(tmp_path / "cdf/a_1.cdf", "2001-01-01T00:00:00")
    with pytest.raises(DefinitionError, match=r"files\.'b' = 'b_\*' claims no file"):
        read(tmp_path, "[source.files]", 'a = "a_*"', 'b = "b_*"')
    with pytest.raises(DefinitionError, match="is claimed twice"):
        read(tmp_path, "[source.files]", 'a = "a_*"', 'b = "*_1.cdf"')


def test_a_part_of_an_archive(tmp_path: Path) -> None:
    assert read(tmp_path, "partial = true").files == ()
    cdf(tmp_path / "cdf/a_1.cdf", "2001-01-01T00:00:00")
    holdings = read(tmp_path, "partial = true", "[source.files]", 'a = "a_*"', 'b = "b_*"')
    assert holdings.idle_claims == ("b = b_*",)


def test_facts_come_from_the_attributes_of_a_file(tmp_path: Path) -> None:
    for day in (1, 2):
        cdf(
            tmp_path / f"cdf/syn_2001010{day}_v01.cdf",
            f"2001-01-0{day}T00:00:00",
            Logical_source_description=f"Title {day}",
            Source_name="SYN1>Synthetic 1",
            Descriptor="MAG>Magnetometer",
            Discipline="Space Physics>Magnetospheric Science",
            Data_type="L2>Level 2 Data",
            TEXT="About it",
        )
    scanner = without_memory()
    (one,) = describe_holdings([read(tmp_path, scanner=scanner)], {}, scanner)
    assert isinstance(one, DatasetFacts)
    assert one.dataset.title == "Title 2"
    assert one.dataset.description == "About it"
    assert str(one.dataset.start) == "2001-01-01 00:00:00"
    assert str(one.dataset.stop) == "2001-01-02 23:00:00"
    assert [(p.name, p.units, p.shape) for p in one.dataset.parameters] == [("B", "nT", (3,))]
    assert one.values["dataproduct_type"] == "ts"
    assert one.values["measurement_type"] == "phys.magField"
    assert one.values["processing_level"] == 3
    assert one.values["target_class"] == "planet"
    assert one.values["target_name"] is None
    assert one.values["instrument_host_name"] == "SYN1"
    assert one.values["instrument_name"] == "MAG"


def test_a_file_that_does_not_describe_its_dataset_leaves_that_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("20010101", "20010102"):
        cdf(tmp_path / f"cdf/syn_mag_{day}_v01.cdf", f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00", TITLE=f"of {day}")

    def stumble_over_the_last(path: Path) -> Description:
        if path.stem.startswith("syn_mag_20010102"):
            raise IndexError("no entry")
        return describe_file(path)

    monkeypatch.setattr(cdf_module, "describe_file", stumble_over_the_last)
    scanner = without_memory()
    refusal, one = describe_holdings([read(tmp_path, scanner=scanner)], {}, scanner)
    assert isinstance(refusal, Refusal)
    assert (refusal.path, refusal.reason) == (
        "syn_mag_20010102_v01.cdf",
        (
            "it does not describe its dataset: syn_mag_20010102_v01.cdf cannot be read: the reader stumbles over it "
            "(IndexError: no entry)"
        ),
    )
    assert isinstance(one, DatasetFacts)
    assert (one.dataset.title, one.origin) == ("of 20010101", "syn_mag_20010101_v01.cdf")
    assert str(one.dataset.stop) == "2001-01-02 23:00:00"


def test_a_described_dataset_needs_no_facts_from_files(tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_1.cdf", "2001-01-01T00:00:00")
    assert list(describe_holdings([read(tmp_path)], {"syn_mag"}, without_memory())) == []


def test_a_place_that_is_not_said_is_space_between_the_bodies(tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_1.cdf", "2001-01-01T00:00:00")
    scanner = without_memory()
    (one,) = describe_holdings([read(tmp_path, scanner=scanner)], {}, scanner)
    assert isinstance(one, DatasetFacts)
    assert one.values["target_class"] == "interplanetary_medium"


@pytest.mark.shared
def test_real_files_are_indexed_or_refused_with_a_reason(tmp_path: Path, shared: Path) -> None:
    (tmp_path / "cdf").symlink_to(shared / "data/cdf")
    scanner = without_memory()
    holdings = read(tmp_path, scanner=scanner)
    refused = {one.path.rpartition("/")[2]: one.reason for one in holdings.refused}
    assert len([one for one in holdings.refused if one.path.startswith("truncated/")]) == 3
    assert len([one for one in holdings.refused if one.path.startswith("norecords/")]) == 10
    assert "no CDF file" in refused["not_a_cdf.cdf"] or "not a CDF file" in refused["not_a_cdf.cdf"]
    assert sum(file.path.startswith("mission/") for file in holdings.files) == 31
    described = list(describe_holdings([holdings], {}, scanner))
    assert all(isinstance(one, DatasetFacts) for one in described)
