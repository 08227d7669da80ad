"""Service definitions: what they may say, and one clear sentence for what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

import ingest
from epntap.errors import DefinitionError
from ingest.definition.load import load_definition
from ingest.kinds.cdf import CDF_FILES
from ingest.kinds.spase import SPASE_DATASETS
from ingest.sources.source import Claim, Granule
from tests.support.archives import CDF_SOURCE, SERVICE, SPASE_SOURCE, definition, folders

SERVICES = Path(ingest.__file__).parent / "services"


def refusal(root: Path, text: str, archive: Path | None = None, spase: Path | None = None) -> str:
    folders(root)
    file = root / "service.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_definition(file, archive=archive, spase=spase)
    message = caught.value.message
    assert str(file) in message
    assert "\n" not in message
    return message


def test_a_definition_says_what_is_published(tmp_path: Path) -> None:
    one = definition(tmp_path, SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "*.cdf"')
    assert (one.schema, one.title) == ("plasma", "Plasma data")
    spase, cdf = one.sources
    assert (spase.kind, spase.granule, spase.path) == (SPASE_DATASETS, Granule.DAY, tmp_path / "spase")
    assert (cdf.kind, cdf.granule, cdf.files.partial) == (CDF_FILES, Granule.DAY, False)
    assert cdf.files.claims == (Claim("syn-mag", "*.cdf"),)


def test_several_patterns_and_logical_sources(tmp_path: Path) -> None:
    one = definition(
        tmp_path, CDF_SOURCE, "[source.files]", 'a = ["x_*.cdf", "y/**/z.cdf"]', 'b = "logical_source: AC_H0_MFI"'
    )
    assert one.sources[0].files.claims == (
        Claim("a", "x_*.cdf"),
        Claim("a", "y/**/z.cdf"),
        Claim("b", "Logical_source:AC_H0_MFI"),
    )
    assert [claim.logical_source for claim in one.sources[0].files.claims] == [None, None, "AC_H0_MFI"]


def test_paths_of_the_command_line_stand_in_for_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text(SERVICE + SPASE_SOURCE.replace('spase"\n', 'x"\n', 1) + '[[source]]\nkind = "cdf-files"\n')
    (tmp_path / "x").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    file.write_text(SERVICE + '[[source]]\nkind = "cdf-files"\n[[source]]\nkind = "spase-datasets"\npath = "none"\n')
    one = load_definition(file, archive=elsewhere, spase=tmp_path / "x")
    assert [source.path for source in one.sources] == [elsewhere, tmp_path / "x"]


def test_values_for_columns(tmp_path: Path) -> None:
    one = definition(
        tmp_path,
        CDF_SOURCE,
        "[columns]",
        'target_name = "Earth"',
        "processing_level = 3",
        "c1min = 1",
        "release_date = 2026-01-31T12:00:00+02:00",
        'creation_date = "2026-01-31"',
    )
    assert dict(one.columns) == {
        "target_name": "Earth",
        "processing_level": 3,
        "c1min": 1.0,
        "release_date": "2026-01-31T10:00:00",
        "creation_date": "2026-01-31T00:00:00",
    }


def test_what_is_known_of_single_datasets(tmp_path: Path) -> None:
    one = definition(
        tmp_path,
        CDF_SOURCE,
        '[datasets."ac_*"]',
        'title = "ACE"',
        'target_name = "Sun"',
        "release_date = 2030-01-01",
        'thumbnail = "https://example.org/ace.png"',
        'ace_group = "L1"',
        "[custom.ace_group]",
        'description = "where the spacecraft is"',
    )
    (table,) = one.datasets
    assert (table.pattern, table.title, table.description) == ("ac_*", "ACE", None)
    assert table.values == {
        "target_name": "Sun",
        "release_date": "2030-01-01T00:00:00",
        "thumbnail_url": "https://example.org/ace.png",
        "ace_group": "L1",
    }
    assert table.claims("ac_h0_mfi")
    assert not table.claims("wi_h0_mfi")


def test_a_rule_that_only_warns_lets_other_words_through(tmp_path: Path) -> None:
    one = definition(tmp_path, CDF_SOURCE, "[columns]", 'target_class = "moon"', "[validation]", 'F1 = "warn"')
    assert one.columns["target_class"] == "moon"


def test_rows_that_are_described_one_by_one_have_no_tables_of_datasets(tmp_path: Path) -> None:
    text = SERVICE + "[[source]]\nkind = 'runs'\npath = 'cdf'\n[datasets.a]\ntitle = 'x'"
    assert "only datasets from sources of kind cdf-files, spase-datasets have tables" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "[service] is missing"),
        ("[service", "not valid TOML"),
        ('[service]\ntitle = "t"', "[service]: schema is missing"),
        ('[service]\nschema = "s"\n[[source]]\nkind = "cdf-files"', "[service]: title is missing"),
        ('[service]\nschema = 3\ntitle = "t"', "[service]: schema must be text, but it is a whole number"),
        (SERVICE, "there is no [[source]] table"),
        (SERVICE + "[source]\nkind = 'cdf-files'", "source must be written as [[source]] tables"),
        (
            SERVICE + CDF_SOURCE + "[sorce]\na = 1",
            "unknown key 'sorce'; known are service, source, columns, datasets, custom, validation, registry. Did",
        ),
        (SERVICE + "titel = 'x'\n" + CDF_SOURCE, "[service]: unknown key 'titel'"),
        (
            SERVICE + CDF_SOURCE + "granul = 'day'",
            "[[source]] 1: unknown key 'granul'; known are kind, path, granule, files, partial",
        ),
        (SERVICE + SPASE_SOURCE + "files = {}", "[[source]] 1: unknown key 'files'; known are kind, path, granule."),
        (
            SERVICE + "[[source]]\nkind = 'cdf-file'",
            "kind must be one of spase-datasets, cdf-files, labels, runs, table, events, but it is 'cdf-file'. Did",
        ),
        (SERVICE + "[[source]]\npath = 'cdf'", "[[source]] 1: kind is missing"),
        (SERVICE + "[[source]]\nkind = 'cdf-files'", "path is missing; add it, or give the folder with --archive"),
        (SERVICE + "[[source]]\nkind = 'cdf-files'\npath = 'nowhere'", "path 'nowhere' does not exist"),
        (SERVICE + "[[source]]\nkind = 'cdf-files'\npath = 'service.toml'", "path 'service.toml' is not a folder"),
        (SERVICE + CDF_SOURCE + "granule = 'days'", "granule must be one of day, month, file, but it is 'days'. Did"),
        (SERVICE + CDF_SOURCE + "partial = 'yes'", "partial must be true or false, but it is text"),
        (SERVICE + CDF_SOURCE + "files = 'x'", "[[source]] 1: files must be a table, but it is text"),
        (
            SERVICE + CDF_SOURCE + "files.a = 3",
            "1.files: a must be a text or a list of texts, none of them empty",
        ),
        (
            SERVICE + CDF_SOURCE + "files.a = []",
            "1.files: a must be a text or a list of texts, none of them empty",
        ),
        (SERVICE + CDF_SOURCE + "files.a = '../x.cdf'", "must stay below the path of the source"),
        (SERVICE + CDF_SOURCE + "files.a = 'Logical_source:'", "a name must follow 'Logical_source:'"),
        (
            SERVICE + CDF_SOURCE + "[columns]\ntarget_nam = 'x'",
            "'target_nam' is not a column of EPN-TAP 2.0 and has no [custom.target_nam] table. Did you mean",
        ),
        (SERVICE + CDF_SOURCE + "[columns]\ngranule_uid = 'x'", "granule_uid is made by ingestion for each row"),
        (SERVICE + CDF_SOURCE + "[columns]\nc1min = 'x'", "[columns]: c1min must be a number, but it is text"),
        (SERVICE + CDF_SOURCE + "[columns]\nprocessing_level = 2.5", "processing_level must be a whole number"),
        (SERVICE + CDF_SOURCE + "[columns]\ntarget_name = 3", "target_name must be text, but it is a whole number"),
        (SERVICE + CDF_SOURCE + "[columns]\ntarget_name = 'Müller'", "target_name may hold ASCII characters only"),
        (SERVICE + CDF_SOURCE + "[columns]\nrelease_date = 'soon'", "release_date must be a time such as"),
        (SERVICE + CDF_SOURCE + "[columns]\ntarget_class = 'planett'", "but it is 'planett'. Did you mean 'planet'?"),
        (SERVICE + CDF_SOURCE + "[columns]\ntarget_class = 'planet#moon'", "target_class must be one of asteroid, "),
        (SERVICE + CDF_SOURCE + "[columns]\nprocessing_level = 7", "processing_level must be from 1 to 6, but it is 7"),
        (
            SERVICE + CDF_SOURCE + "[columns]\nmeasurement_type = 'phys.magfield'",
            "measurement_type: 'phys.magfield' is spelled 'phys.magField'",
        ),
        (SERVICE + CDF_SOURCE + "[columns]\nmeasurement_type = 'magnetism'", "'magnetism' is not a valid UCD1+"),
        (
            SERVICE + CDF_SOURCE + "[datasets.'ac_*']\ntarget_nam = 'Sun'",
            """[datasets."ac_*"]: 'target_nam' is not a column of EPN-TAP 2.0 and has no [custom.target_nam] table.""",
        ),
        (SERVICE + CDF_SOURCE + "[datasets.a]\ntitel = 'x'", "has no [custom.titel] table. Did you mean 'title'?"),
        (SERVICE + CDF_SOURCE + "[datasets.a]\ntime_min = 1", "[datasets.a]: time_min is made by ingestion"),
        (SERVICE + CDF_SOURCE + "[datasets.a]\ntarget_class = 'moon'", "[datasets.a]: target_class must be one of"),
        (
            SERVICE + CDF_SOURCE + "[datasets.a]\ntitle = 3",
            "[datasets.a]: title must be text, but it is a whole",
        ),
        (SERVICE + CDF_SOURCE + "[datasets.a]\nthumbnail = 'x.png'", "thumbnail must start with http:// or https://"),
        (SERVICE + CDF_SOURCE + "[datasets.a]", "[datasets.a]: the table is empty"),
        (SERVICE + CDF_SOURCE + "[datasets]\na = 3", "[datasets]: a must be a table, but it is a whole number"),
        (SERVICE + CDF_SOURCE + "[custom.x_y]\ntype = 'text'", "[custom.x_y]: description is missing"),
        (
            SERVICE + SPASE_SOURCE + "granule = 'month'\n" + CDF_SOURCE + "granule = 'day'",
            "files can be joined to the granules of their descriptions only",
        ),
        (
            SERVICE + CDF_SOURCE + "granule = 'day'\nversioned_identifiers = true",
            "versioned_identifiers is about granule = \"file\", but granule is 'day'; days and months have no version",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("Plasma", "lower-case"),
        ("1st", "lower-case"),
        ("a-b", "lower-case"),
        ("x" * 41, "40 characters at most"),
        ("select", "reserved word"),
        ("position", "reserved word"),
        ("tap_schema", "schema of the system itself"),
        ("tap_upload", "schema of the system itself"),
        ("archive", "schema of the system itself"),
        ("udf", "schema of the system itself"),
        ("pg_data", "schema of the system itself"),
        ("information_schema", "schema of the system itself"),
    ],
)
def test_schemas_that_cannot_be(tmp_path: Path, schema: str, expected: str) -> None:
    assert expected in refusal(tmp_path, SERVICE.replace("plasma", schema) + CDF_SOURCE)


def test_a_folder_given_for_a_kind_that_is_not_there(tmp_path: Path) -> None:
    assert "no source of kind 'spase-datasets'" in refusal(tmp_path, SERVICE + CDF_SOURCE, spase=tmp_path)


def test_a_folder_given_that_does_not_exist(tmp_path: Path) -> None:
    message = refusal(tmp_path, SERVICE + CDF_SOURCE, archive=tmp_path / "gone")
    assert "--archive" in message
    assert "does not exist" in message


def test_a_definition_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="There is no service definition"):
        load_definition(tmp_path / "none.toml")
    with pytest.raises(DefinitionError, match="is a folder"):
        load_definition(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(DefinitionError, match="not UTF-8"):
        load_definition(binary)


def test_the_definitions_that_come_with_the_software(tmp_path: Path) -> None:
    amda = load_definition(SERVICES / "amdadb.toml", archive=tmp_path, spase=tmp_path)
    assert (amda.schema, amda.sources[1].granule, amda.sources[1].files.partial) == ("amdadb", Granule.DAY, True)
    example = SERVICES / "example_files.toml"
    assert load_definition(example, archive=tmp_path).sources[0].granule is Granule.FILE
    lines = [line for line in example.read_text().splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 8
    assert load_definition(SERVICES / "demo.toml", archive=tmp_path, spase=tmp_path).schema == "amdadb"
