"""The list of columns: against the table of the standard, and its own promises."""

import csv
from pathlib import Path

import pytest

from epntap.catalog.model import Column, Form
from epntap.epncore.columns import (
    COLUMNS,
    MANDATORY,
    TABLE_UTYPE,
    VALUE_REQUIRED,
    Section,
    by_name,
    columns_for_frame,
    columns_for_particles,
    table_columns,
)
from epntap.epncore.ucd import is_valid_ucd
from epntap.errors import DefinitionError


def _rows(shared: Path) -> list[dict[str, str]]:
    with (shared / "standards/epn_core_columns.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _is_coordinate(name: str) -> bool:
    return name[0] == "c" and name[1:2].isdigit()


@pytest.mark.shared
def test_names_and_order_are_those_of_the_standard(shared: Path) -> None:
    assert [column.name for column in COLUMNS] == [row["name"] for row in _rows(shared)]


@pytest.mark.shared
def test_types_units_ucds_and_flags_are_those_of_the_standard(shared: Path) -> None:
    types = {
        "Text": ("char", "*"),
        "Timestamp": ("char", "*"),
        "Float": ("double", None),
        "Double": ("double", None),
    }
    for column, row in zip(COLUMNS, _rows(shared), strict=True):
        name = column.name
        expected = types.get(row["epntap_type"])
        if expected:
            assert (column.datatype, column.arraysize) == expected, name
        else:
            assert (row["epntap_type"], column.datatype in {"int", "long"}) == ("Integer", True), name
        assert (column.xtype or "") == row["xtype"].split(" |")[0], name
        assert column.section == row["section"], name
        assert column.mandatory == (row["mandatory"] == "yes"), name
        assert column.value_required == (row["value_required"] == "yes"), name
        assert column.nullable != column.value_required, name
        assert column.hash_list == (row["hash_list"] == "yes"), name
        if not _is_coordinate(name):
            assert (column.unit or "") in (row["unit"], row["unit"].split(";")[0].removeprefix("energy ")), name
            assert (column.ucd or "") in (row["ucd"], row["ucd"].split(" or ")[0]), name


@pytest.mark.shared
def test_coordinates_follow_the_frame_as_in_the_standard(shared: Path) -> None:
    def parts(text: str) -> dict[str, str]:
        pairs = (item.strip().replace(":", "").rsplit(" ", 1) for item in text.split(";"))
        return {pair[0]: pair[1] for pair in pairs}

    rows = {row["name"]: row for row in _rows(shared) if _is_coordinate(row["name"])}
    for frame in ("celestial", "body", "cartesian", "spherical", "cylindrical", "none"):
        columns = columns_for_frame(frame)
        assert len(columns) == 12
        for column in columns:
            row = rows[column.name]
            assert (column.unit or "(empty)") == parts(row["unit"])[frame], (frame, column.name)
            end = column.name[-3:]
            if "_resol_" in column.name:
                angular = column.unit == "deg"
                assert column.ucd == f"pos.{'angResolution' if angular else 'resolution'};stat.{end}"
            elif frame == "none":
                assert column.ucd is None
            else:
                listed = parts(row["ucd"].replace(f" (each + ;stat.{end})", ""))
                assert column.ucd == f"{listed[frame]};stat.{end}"


def test_counts_of_the_standard() -> None:
    sections = [column.section for column in COLUMNS]
    assert (len(COLUMNS), len(MANDATORY), len(VALUE_REQUIRED)) == (174, 46, 10)
    assert [sections.count(section) for section in Section] == [46, 49, 79]
    assert len({column.name for column in COLUMNS}) == 174
    assert TABLE_UTYPE == "ivo://ivoa.net/std/epntap#table-2.0"


def test_every_ucd_is_valid() -> None:
    frames = [
        column for frame in ("celestial", "body", "spherical", "cylindrical") for column in columns_for_frame(frame)
    ]
    particles = [column for axis in ("mass", "mass/charge") for column in columns_for_particles(axis)]
    for column in (*COLUMNS, *frames, *particles):
        assert column.ucd is None or is_valid_ucd(column.ucd), column.name


def test_every_column_describes_itself_and_says_how_it_is_stored() -> None:
    pg_types = {"char": "text", "double": "double precision", "int": "integer", "long": "bigint"}
    for column in COLUMNS:
        assert isinstance(column, Column)
        assert column.std
        assert column.description
        assert column.description.isascii()
        assert column.pg_type == pg_types[column.datatype]
        assert (column.form is Form.DALI_TEXT) == (column.xtype == "timestamp")


def test_a_column_is_found_by_its_exact_name() -> None:
    column = by_name("time_min")
    assert column is not None
    assert (column.unit, column.ucd) == ("d", "time.start;obs")
    assert by_name("TIME_MIN") is None


def test_pyvo_recognises_the_data_link() -> None:
    column = by_name("access_url")
    assert column is not None
    assert "access.reference" in (column.utype or "").lower()


def test_particle_columns_follow_their_axis() -> None:
    units = {column.name: (column.unit, column.ucd) for column in columns_for_particles("mass/charge")}
    assert units["particle_spectral_range_min"] == ("amu/qe", "phys.mass;phys.particle;stat.min")
    assert units["particle_spectral_resolution_max"] == ("amu/qe", "spect.resolution;phys.particle;stat.max")
    assert units["particle_spectral_type"] == (None, "meta.id;phys.particle")


def test_a_table_has_the_mandatory_columns_and_completes_what_belongs_together() -> None:
    names = [column.name for column in table_columns(["access_url", "local_time_max", "particle_spectral_type"])]
    assert names[:46] == [column.name for column in MANDATORY]
    assert names[46:49] == ["access_url", "access_format", "access_estsize"]
    assert "local_time_min" in names
    assert sum(name.startswith("particle_spectral_") for name in names) == 7
    assert len(names) == 46 + 3 + 2 + 7


def test_a_table_takes_the_units_of_its_frame() -> None:
    units = {column.name: column.unit for column in table_columns(frame="body")}
    assert (units["c1min"], units["c3max"]) == ("deg", "km")


def test_which_addresses_are_relative_is_the_choice_of_the_service() -> None:
    extra = ["access_url", "datalink_url", "thumbnail_url"]
    usual = {column.name: column.form for column in table_columns(extra)}
    assert (usual["access_url"], usual["datalink_url"]) == (Form.RELATIVE_URL, Form.RELATIVE_URL)
    assert usual["thumbnail_url"] is Form.RELATIVE_URL
    other = {column.name: column.form for column in table_columns(extra, relative_urls={"thumbnail_url"})}
    assert (other["access_url"], other["thumbnail_url"]) == (Form.PLAIN, Form.RELATIVE_URL)
    assert other["creation_date"] is Form.DALI_TEXT


def test_an_unknown_column_is_refused_with_a_sentence() -> None:
    with pytest.raises(DefinitionError, match=r"found 'accref'.*definition with datatype"):
        table_columns(["accref"])
