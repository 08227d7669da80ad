"""Services whose sources describe each row: published, read through TAP's catalogue, loaded again."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import ingest
from epntap.archive.finding.locate import locate
from epntap.catalog.load import load_catalog
from epntap.catalog.model import Form
from epntap.db.pool import Database, Role, connect
from epntap.errors import DefinitionError, SetupError
from epntap.instants.tt2000 import parse_utc
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.demo.maps import write_maps
from ingest.demo.simulations import write_simulations
from ingest.options import Options
from ingest.pipeline import ingest_service
from ingest.report import Report
from voserver.cli import main

FIRST = datetime.fromisoformat("2026-01-31T10:00:00")
SECOND = datetime.fromisoformat("2026-02-01T10:00:00")
SERVICES = Path(ingest.__file__).parent / "services"

TABLE = """
[service]
schema = "planets"
title = "Planets"

[[source]]
kind = "table"
path = "planets.csv"
[source.columns]
granule_uid = "name"
target_name = "name"
mean_radius = { from = "radius", unit = "km" }
access_url = "link"
planets_moons = "moons"

[custom.planets_moons]
type = "int"
ucd = "meta.number"
description = "Number of known moons"

[columns]
granule_gid = "planet"
dataproduct_type = "ci"
target_class = "planet"
access_format = "text/html"
access_estsize = 1
"""
CSV = "name,radius,link,moons\nMars,3389.5,https://example.org/mars,2\nVenus,6051.8,,0\nEarth,far,,1\nMars,1,,2\n"


def query(database: Database, statement: str, role: Role = Role.READER) -> list[tuple[Any, ...]]:
    with connect(database, role) as connection:
        return connection.execute(statement).fetchall()


def maps(root: Path) -> Definition:
    return load_definition(SERVICES / "illu67p.toml", archive=root)


def check_sums(report: Report) -> None:
    count = report.granules
    assert count.seen == count.inserted + count.updated + count.unchanged + count.refused
    assert report.total_rows == count.seen - count.refused


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_maps(tmp_path / "maps")
    return tmp_path / "maps"


def test_maps_are_published(database: Database, tree: Path) -> None:
    report = ingest_service(maps(tree), database, now=FIRST)
    check_sums(report)
    assert (report.granules.inserted, report.total_rows, report.account.remarks) == (60, 60, ())
    assert query(
        database,
        "SELECT granule_uid, access_url, access_format, file_name, time_min, target_name, c1max, service_title, "
        "creation_date, modification_date, shape_model_url IS NULL FROM illu67p.epn_core "
        "WHERE obs_id = '090-142' AND granule_gid IN ('raw', 'image') ORDER BY 1",
    ) == [
        (
            f"{product}-090-142",
            f"/files/illu67p/{product}/{product}-090-142.{suffix}",
            media,
            f"{product}-090-142.{suffix}",
            None,
            "67P",
            360.0,
            "illu67p",
            "2016-04-07T00:00:00",
            "2016-04-07T00:00:00",
            False,
        )
        for product, suffix, media in (("image", "jpg", "image/jpeg"), ("raw", "tab", "text/plain"))
    ]


def test_columns_of_the_services_own_are_described(database: Database, tree: Path) -> None:
    ingest_service(maps(tree), database, now=FIRST)
    with connect(database, Role.SERVICE) as connection:
        table = load_catalog(connection).table("illu67p", "epn_core")
    assert table is not None
    own = table.column("shape_model_url")
    assert own is not None
    assert (own.datatype, own.ucd, own.std) == ("char", "meta.ref.url;meta.modelled", False)
    forms = {column.name: column.form for column in table.columns}
    assert forms["access_url"] is forms["thumbnail_url"] is Form.RELATIVE_URL
    assert forms["shape_model_url"] is Form.PLAIN
    longitude, latitude = table.column("c1min"), table.column("subsolar_latitude_max")
    assert longitude is not None
    assert latitude is not None
    assert (longitude.unit, longitude.ucd) == ("deg", "pos.bodyrc.lon;stat.min")
    assert (latitude.unit, latitude.std) == ("deg", True)
    assert table.column("dataset_id") is None


def test_files_of_maps_are_known_by_their_paths(database: Database, tree: Path) -> None:
    ingest_service(maps(tree), database, now=FIRST)
    rows = query(
        database, "SELECT root, path, size_bytes, tt2000_min FROM archive.file_in_full ORDER BY path", Role.SERVICE
    )
    assert len(rows) == 60
    assert rows[-1] == (str(tree), "votable/votable-270-142.vot", 1_147, None) or rows[-1][2] > 1000


def test_the_same_maps_change_nothing_and_others_do(database: Database, tree: Path) -> None:
    ingest_service(maps(tree), database, now=FIRST)
    again = ingest_service(maps(tree), database, now=SECOND)
    check_sums(again)
    assert (again.granules.unchanged, again.granules.loaded, again.granules.deleted) == (60, 0, 0)
    (tree / "raw/raw-000-038.tab").write_bytes(b"0" * 9000)
    (tree / "preview/preview-000-038.jpg").unlink()
    third = ingest_service(maps(tree), database, now=SECOND)
    check_sums(third)
    assert (third.granules.updated, third.granules.deleted, third.total_rows) == (1, 1, 59)
    assert [remark.path for remark in third.account.remarks] == ["000-038"]
    assert query(
        database, "SELECT access_estsize, modification_date FROM illu67p.epn_core WHERE granule_uid = 'raw-000-038'"
    ) == [(9, "2026-02-01T10:00:00")]


def test_most_of_a_service_is_not_deleted_unasked(database: Database, tree: Path) -> None:
    ingest_service(maps(tree), database, now=FIRST)
    for path in tree.rglob("*-*-038.*"):
        path.unlink()
    for path in tree.rglob("*-*-090.*"):
        path.unlink()
    with pytest.raises(SetupError, match=r"Of the 60 files of illu67p .*, 40 are gone.*--allow-deletions"):
        ingest_service(maps(tree), database, now=SECOND)
    assert query(database, "SELECT count(*) FROM illu67p.epn_core") == [(60,)]
    report = ingest_service(maps(tree), database, now=SECOND, options=Options(allow_deletions=True))
    assert report.total_rows == 20


def test_an_empty_tree_changes_nothing_unasked(database: Database, tree: Path, tmp_path: Path) -> None:
    ingest_service(maps(tree), database, now=FIRST)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DefinitionError, match="there is no usable row in"):
        ingest_service(maps(tmp_path / "empty"), database, now=SECOND)
    shutil.rmtree(tree)
    tree.mkdir()
    with pytest.raises(SetupError, match="holds no file, but 60 of its files were indexed before: is it mounted"):
        ingest_service(maps(tree), database, now=SECOND)
    assert query(database, "SELECT count(*) FROM illu67p.epn_core") == [(60,)]
    report = ingest_service(maps(tree), database, now=SECOND, options=Options(allow_deletions=True))
    assert (report.total_rows, report.granules.deleted) == (0, 60)


def test_runs_are_published_and_can_be_located(database: Database, tmp_path: Path) -> None:
    write_simulations(tmp_path)
    report = ingest_service(load_definition(SERVICES / "transplanet.toml", archive=tmp_path), database, now=FIRST)
    check_sums(report)
    assert (report.total_rows, report.account.datasets) == (10, 10)
    assert query(
        database,
        "SELECT granule_uid, dataproduct_type, measurement_type, run_f107, access_url, processing_level "
        "FROM transplanet.epn_core WHERE run_ap > 100 ORDER BY 1",
    ) == [
        (
            "earth-storm_pr",
            "pr",
            "phys.density;phys.electron;meta.modelled",
            271.0,
            "/data/transplanet/earth-storm_pr.cdf",
            5,
        ),
        (
            "earth-storm_ts",
            "ts",
            "phys.density;phys.electron;meta.modelled#phys.temperature;phys.electron;meta.modelled",
            271.0,
            "/data/transplanet/earth-storm_ts.cdf",
            5,
        ),
    ]
    with connect(database, Role.SERVICE) as connection:
        column = load_catalog(connection).table("transplanet", "epn_core")
        granule = locate(connection, "earth-storm_ts", ["transplanet"], lambda moment: parse_utc(moment.isoformat()))
    assert column is not None
    flux = column.column("run_f107")
    assert flux is not None
    assert (flux.unit, flux.datatype, flux.pg_type) == ("10**-22W.m**-2.Hz**-1", "double", "double precision")
    assert granule is not None
    assert [file.path for file in granule.files] == ["earth-storm/earth-storm_ts.cdf"]
    assert granule.dataset.rights.open


def table_service(folder: Path, content: str = CSV, definition: str = TABLE) -> Definition:
    (folder / "planets.csv").write_text(content, encoding="utf-8")
    (folder / "planets.toml").write_text(definition, encoding="utf-8")
    return load_definition(folder / "planets.toml")


def test_a_table_is_published_without_its_bad_rows(database: Database, tmp_path: Path) -> None:
    report = ingest_service(table_service(tmp_path), database, now=FIRST)
    check_sums(report)
    assert [(one.path, one.reason) for one in report.account.refused_rows] == [
        ("planets.csv line 4", "mean_radius needs a number, but the source has 'far'"),
        ("planets.csv line 5", "the granule_uid Mars is already that of planets.csv line 2"),
    ]
    assert (report.granules.seen, report.granules.inserted, report.granules.refused) == (4, 2, 2)
    assert query(
        database,
        "SELECT granule_uid, obs_id, mean_radius, access_url, planets_moons, time_min, creation_date "
        "FROM planets.epn_core ORDER BY 1",
    ) == [
        ("Mars", "Mars", 3389.5, "https://example.org/mars", 2, None, "2026-01-31T10:00:00"),
        ("Venus", "Venus", 6051.8, None, 0, None, "2026-01-31T10:00:00"),
    ]
    assert query(
        database,
        "SELECT datatype, ucd, std, description FROM tap_schema.columns WHERE column_name = 'planets_moons'",
    ) == [("int", "meta.number", 0, "Number of known moons")]


def test_a_column_can_be_added_later(database: Database, tmp_path: Path) -> None:
    ingest_service(table_service(tmp_path), database, now=FIRST)
    more = TABLE.replace('planets_moons = "moons"', 'planets_moons = "moons"\nequatorial_radius = "radius"')
    report = ingest_service(table_service(tmp_path, definition=more), database, now=SECOND)
    assert report.granules.updated == 2
    assert query(database, "SELECT equatorial_radius, modification_date FROM planets.epn_core ORDER BY 1") == [
        (3389.5, "2026-02-01T10:00:00"),
        (6051.8, "2026-02-01T10:00:00"),
    ]


def test_paths_are_no_addresses(database: Database, tmp_path: Path) -> None:
    content = CSV.replace("https://example.org/mars", "mars.html")
    report = ingest_service(table_service(tmp_path, content), database, now=FIRST)
    assert "access_url must be a whole address such as https" in report.account.refused_rows[1].reason


def test_the_command(database: Database, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPNTAP_DATABASE_URL", database.url)
    monkeypatch.setenv("EPNTAP_HOME", str(tmp_path / "home"))
    (tree / "image/image-090-090.jpg").unlink()
    arguments = ["ingest", str(SERVICES / "illu67p.toml"), "--archive", str(tree)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "illu67p.epn_core: 59 granules" in result.stdout
    assert "090-090: incomplete: there is no image; the others are published" in result.stdout
    report = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert (report["granules"]["unchanged"], report["remarks"][0]["path"]) == (59, "090-090")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('kind = "table"', 'kind = "tabel"', "kind must be one of .*, but it is 'tabel'. Did you mean 'table'"),
        ('path = "planets.csv"', 'path = "away.csv"', "path 'away.csv' does not exist"),
        ('target_name = "name"', 'target_nam = "name"', "'target_nam' is not a column of EPN-TAP 2.0"),
        ('granule_gid = "planet"', 'granule_uid = "planet"', "granule_uid is made by ingestion"),
        ('type = "int"', 'type = "integer"', r"\[custom.planets_moons\]: type must be one of"),
    ],
)
def test_definitions_that_are_wrong(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TABLE
    with pytest.raises(DefinitionError, match=expected):
        table_service(tmp_path, definition=TABLE.replace(old, new))
