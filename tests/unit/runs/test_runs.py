"""Run files, and the rows of a tree of runs."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.time import Time
from cdflib import CDF

from epntap.epncore.ucd import is_valid_ucd
from epntap.errors import UnreadableFileError
from epntap.units.convert import conversion
from ingest.demo.simulations import RUNS, write_simulations
from ingest.facts import Refusal
from ingest.kinds import runs
from ingest.runs.columns import RUN_COLUMNS
from ingest.runs.runfile import Run, read_run, run_text
from ingest.sources.said import RowOfDataset

RUN = """
[run]
id = "mars-1"
planet = "Mars"
code = "Transplanet"
version = "2.1"
start = 2015-03-08T00:00:00Z
duration_s = 7200
step_s = 60
species = ["e-", "O2+"]

[models]
magnetic_field = "none"
atmosphere = "MCD"

[[result]]
file = "mars-1_pr.cdf"
product = "pr"
measured = "phys.density;phys.electron"
"""


def read(folder: Path, text: str = RUN) -> Run:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return read_run(run_text(path, "mars/run.toml"), "mars/run.toml")


def test_a_run_file(tmp_path: Path) -> None:
    run = read(tmp_path)
    assert (run.run_id, run.planet, run.code, run.version) == ("mars-1", "Mars", "Transplanet", "2.1")
    assert (run.start, run.stop) == (
        datetime.fromisoformat("2015-03-08T00:00:00"),
        datetime.fromisoformat("2015-03-08T02:00:00"),
    )
    assert run.species == ("e-", "O2+")
    assert (run.f107, run.ap, run.longitude_deg) == (None, None, None)
    assert run.results[0].measured == ("phys.density;phys.electron",)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'planet = "Mars"',
            'planet = "Marss"',
            "[run]: planet must be one of Earth, Mars, Jupiter, Venus, but it is 'Marss'.",
        ),
        ('planet = "Mars"', 'plant = "Mars"', "[run]: planet is missing. Did you mean 'plant'?"),
        ("step_s = 60", "step_s = 60\nstepp = 1", "[run]: unknown key 'stepp'"),
        ("step_s = 60", "step_s = '60'", "[run]: step_s must be a number, but it is text"),
        ("step_s = 60", "step_s = 0", "step_s and duration_s must be greater than 0"),
        ("step_s = 60", "step_s = 7201", "the step no longer than the run, but they are 7201 and 7200"),
        ("duration_s = 7200", "duration_s = -1", "duration_s must be 0 or more, but it is -1"),
        ("start = 2015-03-08T00:00:00Z", "start = 'spring'", "start must be a time such as"),
        ('id = "mars-1"', 'id = "mars/1"', "id may hold letters, digits"),
        ('["e-", "O2+"]', '["e-", "ions"]', "species must be formulas such as e-, O+ or CO2+, but one is 'ions'"),
        ('["e-", "O2+"]', "[]", "species must be a text or a list of texts"),
        ("[models]", "[modells]", "[models] is missing. Did you mean 'modells'?"),
        ('atmosphere = "MCD"', "", "[models]: atmosphere is missing"),
        ('product = "pr"', 'product = "im"', "[[result]] 1: product must be one of pr (altitude profiles), ts"),
        ('file = "mars-1_pr.cdf"', 'file = "../x.cdf"', "file must be the name of a .cdf file in the folder"),
        ('"phys.density;phys.electron"', '"density"', "measured must hold UCDs such as"),
        ("[models]", "[activity]\nf107 = 5000\n[models]", "[activity]: f107 must be from 0 to 1000, but it is 5000"),
        ("[models]", "[activity]\nF107 = 50\n[models]", "[activity]: unknown key 'F107'; known are f107"),
        ("[models]", "[place]\nlongitude_deg = -10\n[models]", "longitude_deg must be from 0 to 360"),
        ("[models]", "[place]\naltitude_min_km = 3\n[models]", "must both be given"),
        ("[[result]]", "[results]", "there is no [[result]] table"),
        ("[run]", "[run", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in RUN
    with pytest.raises(UnreadableFileError) as caught:
        read(tmp_path, RUN.replace(old, new))
    assert expected in str(caught.value)
    assert str(caught.value).startswith("mars/run.toml")


def test_two_results_in_one_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"'mars-1_pr.cdf' stands in two \[\[result\]\] tables"):
        read(tmp_path, RUN + '[[result]]\nfile = "mars-1_pr.cdf"\nproduct = "ts"')


def test_columns_of_runs_have_valid_units_and_ucds() -> None:
    for column in RUN_COLUMNS:
        assert column.name.startswith("run_")
        assert column.description
        assert is_valid_ucd(column.ucd or "")
        if column.unit:
            assert conversion(column.unit, column.unit).apply(2.0) == 2.0
    assert conversion("10**-22W.m**-2.Hz**-1", "kJy").apply(1.0) == pytest.approx(10.0)


# -- trees ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    assert write_simulations(tmp_path / "runs") == len(RUNS) == 5
    return tmp_path / "runs"


def found(tree: Path) -> list[RowOfDataset | Refusal]:
    said = runs.RUNS.read(tree, runs.RunPlan(), {}, "runs")
    return [one for one in said if isinstance(one, RowOfDataset | Refusal)]


def test_each_result_is_a_row_with_the_parameters_of_its_run(tree: Path) -> None:
    rows = {str(one.row.values["granule_uid"]): one for one in found(tree) if isinstance(one, RowOfDataset)}
    assert len(rows) == 10
    for path in tree.rglob("run.toml"):
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        run = said["run"]
        for result in said["result"]:
            values = rows[result["file"].removesuffix(".cdf")].row.values
            start = Time(run["start"].replace(tzinfo=None))
            assert values["time_min"] == pytest.approx(start.jd, abs=1e-9)
            assert values["time_max"] == pytest.approx(start.jd + run["duration_s"] / 86400, abs=1e-9)
            assert values["time_sampling_step_min"] == values["run_step"] == run["step_s"]
            assert values["target_name"] == run["planet"]
            assert values["obs_id"] == run["id"]
            assert values["dataproduct_type"] == result["product"]
            assert values["measurement_type"] == "#".join(f"{ucd};meta.modelled" for ucd in result["measured"])
            assert values["run_species"] == "#".join(run["species"])
            assert values["run_f107"] == said["activity"]["f107"]
            assert values.get("run_ap") == said["activity"].get("ap")
            assert values["run_atmosphere"] == said["models"]["atmosphere"].replace("(", "(")
            assert (values["processing_level"], values["target_class"]) == (5, "planet")
            assert values["c3min"] == said["place"]["altitude_min_km"]
            assert {name for name in values if name.startswith("run_")} <= {column.name for column in RUN_COLUMNS}
            assert all(is_valid_ucd(ucd) for ucd in str(values["measurement_type"]).split("#"))


def test_files_are_indexed_and_datasets_described(tree: Path) -> None:
    for one in found(tree):
        assert isinstance(one, RowOfDataset)
        assert one.row.file is not None
        epochs = CDF(tree / one.row.file.path).varget("Epoch")
        assert (one.row.file.tt2000_min, one.row.file.tt2000_max) == (int(epochs[0]), int(epochs[-1]))
        assert one.row.file.records == len(epochs)
        assert one.row.values["dataset_id"] == one.dataset.dataset_id == one.row.file.dataset_id
        assert one.dataset.start is not None
        assert "electron_density" in [parameter.name for parameter in one.dataset.parameters]
        assert "SYNTHETIC" in one.dataset.title


def test_a_storm_is_denser_than_a_quiet_day(tree: Path) -> None:
    quiet, storm = (
        CDF(tree / f"{run}/{run}_ts.cdf").varget("electron_density") for run in ("earth-quiet", "earth-storm")
    )
    assert np.all(storm > quiet)


def test_what_cannot_be_used(tree: Path) -> None:
    (tree / "earth-quiet/earth-quiet_pr.cdf").unlink()
    broken = tree / "earth-storm/earth-storm_ts.cdf"
    broken.write_bytes(broken.read_bytes()[:3000])
    run = tree / "mars-dayside/run.toml"
    run.write_text(run.read_text().replace("2015-03-08", "2015-03-09"))
    run = tree / "venus-night/run.toml"
    run.write_text(run.read_text().replace('planet = "Venus"', 'planet = "Vulcan"'))
    (tree / "other").mkdir()
    (tree / "other/x.cdf").write_bytes(b"x")
    (tree / "other/again.run.toml").write_text((tree / "jupiter-aurora/run.toml").read_text())
    refused = {one.path: one.reason for one in found(tree) if isinstance(one, Refusal)}
    assert refused["earth-quiet/earth-quiet_pr.cdf"] == "the run earth-quiet names this file, but it is not there"
    assert "earth-storm_ts.cdf" in refused["earth-storm/earth-storm_ts.cdf"]
    assert refused["mars-dayside/mars-dayside_pr.cdf"] == (
        "its records are of 2015-03-08T00:00:00 to 2015-03-08T02:50:00, but the run mars-dayside is of "
        "2015-03-09T00:00:00 to 2015-03-09T03:00:00"
    )
    assert "planet must be one of" in refused["venus-night/run.toml"]
    assert refused["venus-night/venus-night_ts.cdf"] == "no run file names it as a result"
    assert refused["other/x.cdf"] == "no run file names it as a result"
    assert refused["other/again.run.toml"] == "the run jupiter-aurora is already described by jupiter-aurora/run.toml"
    assert len([one for one in found(tree) if isinstance(one, RowOfDataset)]) == 4


def test_quantities_can_come_from_the_file(tree: Path) -> None:
    run = tree / "earth-quiet/run.toml"
    lines = [line for line in run.read_text().splitlines() if not line.startswith("measured")]
    run.write_text("\n".join(lines))
    rows = {one.row.origin: one.row.values for one in found(tree) if isinstance(one, RowOfDataset)}
    assert rows["earth-quiet/earth-quiet_ts.cdf"]["measurement_type"] == (
        "phys.density;meta.modelled#phys.temperature;meta.modelled"
    )
