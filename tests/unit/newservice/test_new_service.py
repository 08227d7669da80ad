"""`epntap new-service`: from data to a definition that can be loaded."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from epntap.errors import DefinitionError
from ingest.definition.load import load_definition
from ingest.demo.maps import write_maps
from ingest.demo.simulations import write_simulations
from ingest.newservice import new_service
from ingest.newservice.draft import Draft, Setting
from ingest.newservice.preview import preview
from ingest.newservice.survey import survey
from ingest.newservice.synonyms import columns_for, split_unit, target_class
from tests.support.spase_records import dataset as spase_dataset
from tests.support.spase_records import write as write_record

CSV = """Product ID;Target;Start date;Dist (km);phase angle;wavelength_min;URL;Colour;Depth (km)
p1;Mars;05/05/2008;149597870.7;10;0.45;https://example.org/p1.fits;red;1
p2;Moon;17/05/2008;-9999;20;0.50;https://example.org/p2.fits;blue;2
"""


def table(folder: Path, content: str = CSV, name: str = "my data.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def run(folder: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(new_service, [*map(str, arguments), "-o", str(folder / "out.toml")])


def written(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "out.toml").read_text(encoding="utf-8"))


# -- guessing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("granule_uid", ("granule_uid",)),
        ("Granule UID", ("granule_uid",)),
        ("target name", ("target_name",)),
        ("UTC_START", ("time_min",)),
        ("exp_time", ("time_exp_min", "time_exp_max")),
        ("Incidence", ("incidence_min", "incidence_max")),
        ("sun_distance", ("sun_distance_min", "sun_distance_max")),
        ("distance (km)", ("target_distance_min", "target_distance_max")),
        ("subsolar_longitude", ("subsolar_longitude_min", "subsolar_longitude_max")),
        ("colour", ()),
    ],
)
def test_names_of_fields(name: str, columns: tuple[str, ...]) -> None:
    assert columns_for(name) == columns


def test_units_in_names() -> None:
    assert split_unit("Distance [km]") == ("Distance", "km")
    assert split_unit("wavelength_um") == ("wavelength", "um")
    assert split_unit("B (GSE)") == ("B (GSE)", None)
    assert split_unit("run_as") == ("run_as", None)


def test_classes_of_targets() -> None:
    names = ("MARS", "Io", "67P", "C/1995 O1", "67P/Churyumov-Gerasimenko", "Sun", "K2-18 b")
    assert [target_class(name) for name in names] == ["planet", "satellite", "comet", "comet", "comet", "star", None]


def test_a_table_becomes_a_mapping(tmp_path: Path) -> None:
    draft = survey(table(tmp_path))
    document = draft.to_document()
    assert document["service"] == {"schema": "my_data", "title": "My data"}
    assert document["source"][0]["columns"] == {
        "granule_uid": "Product ID",
        "target_name": "Target",
        "time_min": {"from": "Start date", "date_format": "%d/%m/%Y"},
        "phase_min": "phase angle",
        "phase_max": "phase angle",
        "spectral_range_min": {"from": "wavelength_min", "unit": "um"},
        "access_url": "URL",
        "obs_id": "Product ID",
        "target_class": {"from": "Target", "values": {"Mars": "planet", "Moon": "satellite"}},
        "dist": "Dist (km)",
        "colour": "Colour",
        "depth": "Depth (km)",
    }
    assert document["custom"]["depth"] == {"type": "int", "unit": "km", "description": "Depth (km)"}
    assert document["columns"] == {
        "dataproduct_type": "sp",
        "access_format": "application/fits",
        "access_estsize": 10,
        "granule_gid": "data",
    }
    assert any("day/month/year" in question for question in draft.questions)
    assert any("wavelength_min is taken to be in um" in question for question in draft.questions)


def test_what_is_written_is_what_was_meant() -> None:
    draft = Draft("s", 'a "quoted" title\\ with \x7f and é')
    draft.source = {"kind": Setting("table"), "path": Setting("/x y")}
    draft.mapped = {"time_min": Setting({"from": "a.b c", "null": ["-1", "x"], "values": {"K 1": "v"}}, "why")}
    draft.columns = {"processing_level": Setting(3), "c1min": Setting(-0.5), "odd key": Setting(value=True)}
    draft.custom = {"x": {"type": Setting("double")}}
    draft.questions = ["Is it?"]
    assert tomllib.loads(draft.to_toml()) == draft.to_document()


@pytest.mark.parametrize(
    ("times", "keys"),
    [
        (("54591.5", "54592.5"), {"unit": "MJD"}),
        (("2454592.0", "2454593.0"), None),
        (("1209988800", "1209988801"), {"unit": "unix"}),
        (("20080505", "20080506"), {"date_format": "%Y%m%d"}),
        (("2008-05-05", "2008-126T12:00"), None),
        (("2008/05/05", "2008/05/06"), {"date_format": "%Y/%m/%d"}),
        (("05-May-2008", "06-May-2008"), {"date_format": "%d-%b-%Y"}),
    ],
)
def test_ways_to_write_times(tmp_path: Path, times: tuple[str, str], keys: dict[str, str] | None) -> None:
    draft = survey(table(tmp_path, f"id,start_time\na,{times[0]}\nb,{times[1]}\n"))
    assert draft.mapped["time_min"].value == ({"from": "start_time", **keys} if keys else "start_time")


def test_words_for_formats(tmp_path: Path) -> None:
    draft = survey(table(tmp_path, "id,format\na,FITS\nb,ascii\nc,image/png\nd,odd\n"))
    meanings = {"FITS": "application/fits", "ascii": "text/plain"}
    assert draft.mapped["access_format"].value == {"from": "format", "values": meanings}
    assert any("format has odd, which is no media type" in question for question in draft.questions)


def test_a_table_without_a_key_is_asked_about(tmp_path: Path) -> None:
    draft = survey(table(tmp_path, "target,level\nMars,1\nMars,1\n"))
    assert any("make a granule_uid of several" in question for question in draft.questions)


def test_a_schema_name_is_always_possible(tmp_path: Path) -> None:
    assert survey(table(tmp_path, name="2 Fast.csv")).schema == "s_2_fast"
    assert survey(table(tmp_path, name="table.csv")).schema == "table_epn"
    assert survey(table(tmp_path), "mine", "Mine").schema == "mine"


# -- kinds of sources -------------------------------------------------------------------------------------------------


def test_folders_of_other_kinds(tmp_path: Path) -> None:
    write_simulations(tmp_path / "runs")
    write_maps(tmp_path / "maps", 1, 1)
    write_record(tmp_path / "spase", "x.xml", spase_dataset())
    (tmp_path / "cdf").mkdir()
    (tmp_path / "cdf/a.CDF").write_bytes(b"x")
    (tmp_path / "one").mkdir()
    table(tmp_path / "one")
    kinds = {name: survey(tmp_path / name).source["kind"].value for name in ("runs", "maps", "spase", "cdf", "one")}
    assert kinds == {"runs": "runs", "maps": "labels", "spase": "spase-datasets", "cdf": "cdf-files", "one": "table"}


def test_a_folder_of_labels(tmp_path: Path) -> None:
    write_maps(tmp_path, 2, 2)
    draft = survey(tmp_path)
    assert draft.mapped["subsolar_latitude_min"].value == "SUB_SOLAR_LATITUDE"
    assert draft.mapped["target_class"].value == {
        "from": "TARGET_NAME",
        "values": {"67P/CHURYUMOV-GERASIMENKO": "comet"},
    }


def test_what_cannot_be_published(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="does not exist"):
        survey(tmp_path / "away")
    with pytest.raises(DefinitionError, match="holds no file; expected CDF files, labels"):
        survey(tmp_path)
    table(tmp_path, name="a.csv")
    table(tmp_path, name="b.csv")
    with pytest.raises(DefinitionError, match=r"not just one table; name one of the tables, such as .*a\.csv"):
        survey(tmp_path)
    with pytest.raises(DefinitionError, match="has no header line"):
        survey(table(tmp_path, "", "c.csv"))


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_writes_a_definition_that_loads(tmp_path: Path) -> None:
    result = run(tmp_path, table(tmp_path))
    assert result.exit_code == 0, result.output
    definition = load_definition(tmp_path / "out.toml")
    assert definition.schema == "my_data"
    assert "2 of the 2 rows tried could be published as they are." in result.output
    assert "p1" in result.output
    assert "2454591.5" in result.output
    found = preview(definition, 5)
    assert (found.tried, found.good, found.problems) == (2, 2, ())
    assert found.rows[0]["service_title"] == "my_data"


def test_problems_of_rows_are_shown(tmp_path: Path) -> None:
    content = CSV + "p3;Mars;31/02/2008;1;x;0.5;https://example.org/p 3.fits;red;3\n"
    result = run(tmp_path, table(tmp_path, content))
    assert result.exit_code == 0, result.output
    assert "2 of the 3 rows tried" in result.output
    assert "! phase_min needs a number, but the source has 'x' (1 times)" in result.output
    assert "! access_url needs an address" in result.output


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out.toml").write_text("mine")
    result = run(tmp_path, table(tmp_path))
    assert isinstance(result.exception, DefinitionError)
    assert "--force" in str(result.exception)
    assert (tmp_path / "out.toml").read_text() == "mine"
    assert run(tmp_path, table(tmp_path), "--force").exit_code == 0
    assert written(tmp_path)["service"]["schema"] == "my_data"


@pytest.mark.parametrize("make", [write_simulations, write_maps])
def test_folders_end_to_end(tmp_path: Path, make: Any) -> None:  # one of two generators
    make(tmp_path / "tree")
    result = run(tmp_path, tmp_path / "tree")
    assert result.exit_code == 0, result.output
    assert "rows tried could be published" in result.output


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "good", "tried"),
    [("iks_index.csv", 103, 103), ("planets_rows.csv", 5, 8), ("iks_spectral_channel.xml", 103, 103)],
)
def test_real_tables(shared: Path, tmp_path: Path, name: str, good: int, tried: int) -> None:
    result = run(tmp_path, shared / "data/other/vespa" / name)
    assert result.exit_code == 0, result.output
    assert f"{good} of the {tried} rows tried" in result.output
