"""`epntap ingest` as an operator meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from epntap.db.pool import Database
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, cdf, definition, record
from voserver.cli import main


@pytest.fixture
def home(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation on the test's own database."""
    monkeypatch.setenv("EPNTAP_DATABASE_URL", database.url)
    monkeypatch.setenv("EPNTAP_HOME", str(tmp_path / "home"))
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["ingest", *map(str, arguments)])


def test_the_report_in_words(home: Path) -> None:
    record(home)
    result = run(definition(home, SPASE_SOURCE).file)
    assert result.exit_code == 0, result.output
    assert "plasma.epn_core: 10 granules of 1 datasets" in result.stdout
    assert "10 seen = 10 loaded + 0 unchanged + 0 refused" in result.stdout


def test_the_report_as_json(home: Path) -> None:
    cdf(home / "cdf/syn_20010101_v01.cdf", "2001-01-01T00:00:00")
    (home / "cdf/broken.cdf").write_bytes(b"?")
    result = run(definition(home, CDF_SOURCE).file, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["granules"]["loaded"] == 1
    assert report["sources"][0]["refused"][0]["path"] == "broken.cdf"
    assert report["rows_per_s"] > 0


def test_quiet_says_nothing(home: Path) -> None:
    record(home)
    result = run(definition(home, SPASE_SOURCE).file, "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_folders_of_the_command_line(home: Path) -> None:
    record(home)
    one = definition(home, SPASE_SOURCE)
    one.file.write_text(one.file.read_text().replace('path = "spase"', ""))
    assert run(one.file, "--spase", home / "spase").exit_code == 0
    result = run(one.file)
    assert result.exit_code == 1
    assert "--spase" in result.stderr


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("title", "titel"), "unknown key [service] 'titel'"),
        (('"spase"', '"nowhere"'), "does not exist"),
        (('"plasma"', '"select"'), "reserved word"),
    ],
)
def test_a_wrong_definition_is_one_sentence(home: Path, change: tuple[str, str], expected: str) -> None:
    record(home)
    one = definition(home, SPASE_SOURCE)
    one.file.write_text(one.file.read_text().replace(*change))
    result = run(one.file)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert expected in result.stderr
    assert str(one.file) in result.stderr
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1


def test_help_names_all_options() -> None:
    text = run("--help").output
    options = "--archive --spase --jobs --wait --allow-deletions --thorough --json --quiet SERVICE.toml"
    assert all(option in text for option in options.split())


def test_the_documentation_names_all_options() -> None:
    text = (Path(__file__).parents[2] / "docs" / "ingestion.md").read_text(encoding="utf-8")
    options = [option for parameter in main.commands["ingest"].params for option in parameter.opts]
    assert [option for option in options if option.startswith("--") and option not in text] == []
