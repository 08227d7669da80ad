"""`epntap ingest` as an operator meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner, Result

from epntap.db.pool import Database, Role, connect
from tests.support.archives import CDF_SOURCE, SERVICE, SPASE_SOURCE, cdf, definition, record
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


def test_the_report_says_which_files_were_opened(home: Path) -> None:
    cdf(home / "cdf/syn_20010101_v01.cdf", "2001-01-01T00:00:00")
    file = definition(home, CDF_SOURCE).file
    assert "opened    1 files that are new or have moved" in run(file).stdout
    assert "opened    0 files that are new or have moved" in run(file).stdout
    assert "opened    1 files, all there are (--thorough)" in run(file, "--thorough").stdout


def test_the_report_as_json(home: Path) -> None:
    cdf(home / "cdf/syn_20010101_v01.cdf", "2001-01-01T00:00:00")
    (home / "cdf/broken.cdf").write_bytes(b"?")
    result = run(definition(home, CDF_SOURCE).file, "--json")
    assert result.exit_code == 3, "half of the files is refused"
    assert result.stderr == ("epntap: plasma: 50 % is refused; from 10 % on (--max-refused) the exit code is 3.\n")
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
        (("title", "titel"), "[service]: title is missing. Did you mean 'titel'?"),
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


@pytest.mark.parametrize(("most", "code"), [("50", 3), ("51", 0), ("0", 3)])
def test_the_exit_code_tells_of_refusals(home: Path, most: str, code: int) -> None:
    cdf(home / "cdf/syn_20010101_v01.cdf", "2001-01-01T00:00:00")
    (home / "cdf/broken.cdf").write_bytes(b"?")
    result = run(definition(home, CDF_SOURCE).file, "--max-refused", most)
    assert result.exit_code == code, result.output
    assert "1 granules of 1 datasets" in result.stdout


def test_what_is_empty_and_what_was_guessed_is_said(home: Path) -> None:
    for day in (1, 2):
        cdf(home / f"cdf/syn_2001010{day}_v01.cdf", f"2001-01-0{day}T00:00:00")
    text = run(definition(home, CDF_SOURCE).file).stdout
    assert "target_name is empty in 2 of 2 rows" in text
    assert "target_class was guessed for 1 datasets" in text
    told = definition(home, CDF_SOURCE, "[columns]", 'target_name = "Mars"', 'target_class = "planet"')
    text = run(told.file).stdout
    assert "target_name is empty" not in text
    assert "guessed" not in text


def test_a_dry_run_says_what_a_run_does_and_changes_nothing(home: Path, database: Database) -> None:
    record(home)
    one = definition(home, SPASE_SOURCE).file
    text = run(one, "--dry-run").stdout
    assert text.startswith("Nothing was changed")
    assert "10 seen = 10 loaded" in text
    with connect(database, Role.OWNER) as connection:
        assert connection.execute("SELECT to_regclass('plasma.epn_core')").fetchone() == (None,)
        assert connection.execute("SELECT count(*) FROM archive.service").fetchone() == (0,)
    assert run(one).exit_code == 0
    before = dump(database)
    record(home, region="Jupiter", stop="2001-01-08T00:00:00Z")
    one.write_text(one.read_text() + '\n[columns]\nbib_reference = "x"\nfeature_name = "new column"\n')
    foreseen = json.loads(run(one, "--dry-run", "--json").stdout)
    assert dump(database) == before
    done = json.loads(run(one, "--json").stdout)
    assert foreseen["granules"] == done["granules"]
    assert (foreseen["dry_run"], done["dry_run"], done["granules"]["deleted"]) == (True, False, 3)


def dump(database: Database) -> list[object]:
    """All that an ingestion writes, the files it has opened included."""
    tables = [f"archive.{name}" for name in ARCHIVE.split()]
    with connect(database, Role.OWNER) as connection:
        return [
            connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()
            for table in ("plasma.epn_core", "tap_schema.columns", *tables)
        ]


ARCHIVE = "service dataset parameter file scanned_file value_count coverage row_state catalog_version"


def second(home: Path, schema: str = "plasma2") -> Path:
    file = home / f"{schema}.toml"
    text = definition(home, SPASE_SOURCE).file.read_text()
    file.write_text(text.replace('"plasma"', f'"{schema}"'))
    return file


def test_several_definitions_at_once(home: Path) -> None:
    record(home)
    result = run(second(home), home / "service.toml", "--json")
    assert result.exit_code == 0, result.output
    assert [one["schema"] for one in json.loads(result.stdout)] == ["plasma2", "plasma"]
    result = run(second(home), home / "service.toml", "--spase", home)
    assert (result.exit_code, "give them one by one" in result.stderr) == (1, True)
    result = run(home / "service.toml", home / "service.toml")
    assert (result.exit_code, "both define the service plasma" in result.stderr) == (1, True)


def test_one_definition_of_several_that_cannot_be_loaded(home: Path) -> None:
    record(home)
    other = second(home)
    (home / "empty").mkdir()
    other.write_text(other.read_text().replace('"spase"\n', '"empty"\n'))
    result = run(other, home / "service.toml")
    assert result.exit_code == 1
    assert "epntap: plasma2: " in result.stderr
    assert "plasma.epn_core: 10 granules" in result.stdout


def test_a_service_is_dropped_with_all_that_is_known_of_it(home: Path, database: Database) -> None:
    record(home)
    cdf(home / "cdf/syn_mag_20010102_v01.cdf", "2001-01-02T00:00:00")
    mine = definition(home, SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "*.cdf"').file
    other = home / "other.toml"
    other.write_text(SERVICE.replace("plasma", "other") + SPASE_SOURCE)
    assert run(mine, other).exit_code == 0
    stays = rows_about(database, "other")
    assert stays
    question = CliRunner().invoke(main, ["drop", "plasma"], input="n\n")
    assert (question.exit_code, "10 granules" in question.stderr) == (1, True)
    assert rows_about(database, "plasma")
    wrong = CliRunner().invoke(main, ["drop", "plasm", "--yes"])
    assert (wrong.exit_code, wrong.stderr) == (
        1,
        "epntap: There is no service plasm; published are other, plasma. Did you mean 'plasma'?\n",
    )
    done = CliRunner().invoke(main, ["drop", "plasma", "--yes"])
    assert (done.exit_code, done.stdout) == (0, "plasma is gone: 10 granules and all that was known of them.\n")
    assert rows_about(database, "plasma") == {}
    assert rows_about(database, "other") == stays
    assert run(mine).exit_code == 0, "it can be published again"


def test_a_service_in_use_is_not_dropped(home: Path, database: Database) -> None:
    record(home)
    run(definition(home, SPASE_SOURCE).file)
    before = rows_about(database, "plasma")
    with connect(database, Role.READER) as reader:
        reader.execute("SELECT count(*) FROM plasma.epn_core")
        result = CliRunner().invoke(main, ["drop", "plasma", "--yes"])
    assert result.exit_code == 1
    assert "Queries are using the tables of plasma; nothing was changed" in result.stderr
    assert rows_about(database, "plasma") == before


def rows_about(database: Database, schema: str) -> dict[str, int]:
    """Table -> rows that name a service, wherever there are some."""
    found: dict[str, int] = {}
    with connect(database, Role.OWNER) as connection:
        columns = connection.execute(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns "
            "WHERE table_schema IN ('archive', 'tap_schema') AND data_type = 'text'"
        ).fetchall()
        for where, table, column in columns:
            statement = f'SELECT count(*) FROM {where}.{table} WHERE "{column}" = %s OR "{column}" LIKE %s'
            (count,) = connection.execute(statement, (schema, f"{schema}.%")).fetchone() or (0,)
            if count:
                found[f"{where}.{table}.{column}"] = count
        (there,) = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() or (
            0,
        )
    return {**found, **({"schema": there} if there else {})}


def test_help_names_all_options() -> None:
    text = run("--help").output
    options = "--archive --spase --jobs --wait --allow-deletions --thorough --json --quiet SERVICE.toml"
    options += " --dry-run --max-refused"
    assert all(option in text for option in options.split())


def test_the_documentation_names_all_options() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "ingestion.md").read_text(encoding="utf-8")
    command = main.get_command(Context(main), "ingest")
    assert command is not None
    options = [option for parameter in command.params for option in parameter.opts]
    assert [option for option in options if option.startswith("--") and option not in text] == []
