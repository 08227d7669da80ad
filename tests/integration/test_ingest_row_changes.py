"""Services whose sources describe each row: what has not moved is not opened, and exactly what has moved differs."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import ingest
from epntap.archive.model import Dataset
from epntap.db.pool import Database, Role, connect
from ingest.by_row.spool import RowSpool
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.demo.maps import write_maps
from ingest.demo.simulations import write_simulations
from ingest.facts import RowFacts
from ingest.options import Options
from ingest.pipeline import ingest_service
from ingest.report import Report

FIRST = datetime.fromisoformat("2026-01-31T10:00:00")
SECOND = datetime.fromisoformat("2026-02-01T10:00:00")
NEW = "2026-02-01T10:00:00"
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
[columns]
granule_gid = "planet"
dataproduct_type = "ci"
target_class = "planet"
"""
CSV = "name,radius\nMars,3389.5\nVenus,6051.8\nEarth,far\nJupiter,71492\nMars,1\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_maps(tmp_path / "maps")
    return tmp_path / "maps"


def run(definition: Definition, database: Database, now: datetime = SECOND, **options: Any) -> Report:
    report = ingest_service(definition, database, now=now, options=Options(**options))
    count = report.granules
    assert count.seen == count.loaded + count.unchanged + count.refused + count.quarantined
    assert report.total_rows == count.seen - count.refused - count.quarantined
    for source in report.account.sources:
        assert source.found == source.indexed + len(source.refused)
    return report


def maps(tree: Path) -> Definition:
    return load_definition(SERVICES / "illu67p.toml", archive=tree)


def runs(tree: Path) -> Definition:
    return load_definition(SERVICES / "transplanet.toml", archive=tree)


def table(folder: Path, content: str = CSV) -> Definition:
    (folder / "planets.csv").write_text(content, encoding="utf-8")
    (folder / "planets.toml").write_text(TABLE, encoding="utf-8")
    return load_definition(folder / "planets.toml")


def changes(database: Database, schema: str) -> tuple[int, list[str]]:
    """How many rows there are, and which of them were modified by the second run."""
    with connect(database, Role.OWNER) as connection:
        rows = connection.execute(f"SELECT granule_uid, modification_date FROM {schema}.epn_core ORDER BY 1").fetchall()
    return len(rows), [uid for uid, modified in rows if modified == NEW]


def rewrite(path: Path, content: bytes) -> None:
    """Another content, with the size and the time that the file had."""
    status = path.stat()
    assert len(content) == status.st_size
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_maps_that_have_not_moved_are_not_opened(database: Database, tree: Path) -> None:
    (tree / "README.txt").write_text("hello")
    (tree / "image/image-000-038.jpg").write_bytes(b"GIF89a")
    first = run(maps(tree), database, FIRST)
    assert (first.granules.inserted, first.granules.refused, first.files_opened) == (59, 1, 72)
    again = run(maps(tree), database)
    assert (again.granules.unchanged, again.granules.loaded, again.files_opened) == (59, 0, 0)
    # what was left out is told again
    assert again.account.sources == first.account.sources
    assert again.account.remarks == first.account.remarks
    assert again.granules.refused == 1
    assert changes(database, "illu67p") == (59, [])


def test_exactly_the_maps_that_moved_differ(database: Database, tree: Path) -> None:
    run(maps(tree), database, FIRST)
    os.utime(tree / "raw/raw-000-090.tab")
    votable = tree / "votable/votable-090-090.vot"
    rewrite(votable, votable.read_bytes().replace(b"results", b"RESULTS"))
    (tree / "preview/preview-180-090.jpg").unlink()
    shutil.copy(tree / "image/image-270-038.jpg", tree / "image/image-271-038.jpg")
    report = run(maps(tree), database)
    assert (report.granules.inserted, report.granules.updated, report.granules.deleted) == (1, 1, 1)
    assert (report.granules.unchanged, report.files_opened) == (58, 3)
    # creation and modification of a map are those of the whole set, unless one moves afterwards
    assert changes(database, "illu67p") == (60, ["votable-090-090"])
    with connect(database, Role.OWNER) as connection:
        found = connection.execute("SELECT mtime_ns FROM archive.file WHERE path = 'raw/raw-000-090.tab'").fetchone()
    assert found == ((tree / "raw/raw-000-090.tab").stat().st_mtime_ns,), "or cut-outs would say that it has changed"
    assert run(maps(tree), database).granules.unchanged == 60


def test_a_label_that_changes_is_read_again_alone(database: Database, tree: Path) -> None:
    run(maps(tree), database, FIRST)
    label = tree / "raw/raw-090-090.lbl"
    label.write_bytes(label.read_bytes().replace(b"SUB_SOLAR_LATITUDE = 0.0", b"SUB_SOLAR_LATITUDE = 1.0"))
    report = run(maps(tree), database)
    assert (report.files_opened, report.granules.deleted, report.granules.refused) == (1, 5, 5)
    assert "0.0 by colatitude and 1.0 by SUB_SOLAR_LATITUDE" in report.account.sources[0].refused[0].reason


def test_other_rules_need_other_keywords_of_the_same_labels(database: Database, tree: Path, tmp_path: Path) -> None:
    run(maps(tree), database, FIRST)
    text = (SERVICES / "illu67p.toml").read_text()
    file = tmp_path / "other.toml"
    file.write_text(
        text.replace("[source.columns]", '[source.columns]\nfile_description = "PRODUCT_ID"', 1).replace(
            "[custom.shape_model_url]",
            '[custom.file_description]\ntype = "text"\nucd = "meta.note"\ndescription = "x"\n[custom.shape_model_url]',
        )
    )
    report = run(load_definition(file, archive=tree), database)
    assert (report.granules.updated, report.files_opened) == (60, 72)
    with connect(database, Role.OWNER) as connection:
        found = connection.execute(
            "SELECT DISTINCT file_description FROM illu67p.epn_core WHERE obs_id = '090-090'"
        ).fetchall()
    assert found == [("raw-090-090",)]


def test_only_the_rows_of_the_labels_that_moved_are_made(
    database: Database, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(maps(tree), database, FIRST)
    made = _count_rows(monkeypatch)
    label = tree / "raw/raw-090-090.lbl"
    label.write_bytes(label.read_bytes().replace(b"2014", b"2015"))
    (tree / "preview/preview-180-090.jpg").unlink()
    shutil.copy(tree / "image/image-270-038.jpg", tree / "image/image-271-038.jpg")
    report = run(maps(tree), database)
    # five of the label, four of the observation that lost one, one of the new observation
    assert (len(made), report.rows_compared, report.total_rows) == (10, 10, 60)
    partial = content(database, "illu67p")
    assert run(maps(tree), database).rows_compared == 0
    thorough = run(maps(tree), database, thorough=True)
    assert (thorough.granules.loaded, thorough.granules.deleted) == (0, 0)
    assert content(database, "illu67p") == partial, "what is known of all rows, not of a part"


def test_an_observation_that_is_gone_takes_its_rows_along(
    database: Database, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(maps(tree), database, FIRST)
    for path in tree.rglob("*-000-038.*"):
        path.unlink()
    made = _count_rows(monkeypatch)
    report = run(maps(tree), database)
    assert (made, report.granules.deleted, report.granules.unchanged) == ([], 5, 55)
    partial = content(database, "illu67p")
    run(maps(tree), database, thorough=True)
    assert content(database, "illu67p") == partial


def test_a_name_that_was_free_again_goes_to_the_first(database: Database, tmp_path: Path) -> None:
    """Two labels with one granule_uid: the first in the order of paths has it, whichever is known already."""
    file = tmp_path / "labels.toml"
    file.write_text(LABELS, encoding="utf-8")

    def label(name: str, uid: str) -> None:
        path = tmp_path / f"tree/{name}"
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".tab").write_text(name)
        lines = ["PDS_VERSION_ID = PDS3", f'^TABLE = "{name}.tab"', f'PRODUCT_ID = "{uid}"', "START_TIME = 2001-001"]
        path.with_suffix(".lbl").write_text("\r\n".join([*lines, "END", ""]))

    for number in range(4):
        label(f"n{number}", f"u{number}")
    run(load_definition(file), database, FIRST)
    label("a", "u3")
    report = run(load_definition(file), database)
    assert [one.path for one in report.account.refused_rows] == ["n3.lbl"]
    assert owner(database, "u3") == "a.tab"
    (tmp_path / "tree/a.lbl").unlink()
    (tmp_path / "tree/a.tab").unlink()
    report = run(load_definition(file), database)
    assert (report.account.refused_rows, owner(database, "u3")) == ((), "n3.tab")


LABELS = """
[service]
schema = "labelled"
title = "Labels"
[[source]]
kind = "labels"
path = "tree"
[source.columns]
granule_uid = "PRODUCT_ID"
time_min = "START_TIME"
[columns]
target_class = "planet"
target_name = "Mars"
dataproduct_type = "ci"
"""


def owner(database: Database, uid: str) -> str:
    with connect(database, Role.OWNER) as connection:
        row = connection.execute("SELECT file_name FROM labelled.epn_core WHERE granule_uid = %s", (uid,)).fetchone()
    assert row is not None
    return str(row[0])


def _count_rows(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    add = RowSpool.add

    def counted(spool: RowSpool, row: RowFacts, dataset: Dataset | None = None) -> str | None:
        made.append(row.origin)
        return add(spool, row, dataset)

    monkeypatch.setattr(RowSpool, "add", counted)
    return made


def content(database: Database, schema: str) -> dict[str, list[Any]]:
    """Rows, files, counts and coverage, without the times of ingestion."""
    with connect(database, Role.OWNER) as connection:
        found: dict[str, list[Any]] = {
            "rows": connection.execute(f"SELECT t::text FROM {schema}.epn_core t ORDER BY 1").fetchall()
        }
        for table in ("dataset", "file", "value_count", "coverage"):
            statement = f"SELECT t::text FROM archive.{table} t WHERE schema_name = %s ORDER BY 1"
            found[table] = connection.execute(statement, (schema,)).fetchall()
    return found


def test_rows_that_somebody_deleted_come_back(database: Database, tree: Path) -> None:
    run(maps(tree), database, FIRST)
    with connect(database, Role.OWNER) as connection:
        connection.execute("DELETE FROM illu67p.epn_core WHERE obs_id = '000-038'")
    report = run(maps(tree), database)
    assert (report.granules.inserted, report.granules.unchanged, report.files_opened) == (5, 55, 0)


def test_thorough_opens_all(database: Database, tree: Path) -> None:
    run(maps(tree), database, FIRST)
    report = run(maps(tree), database, thorough=True)
    assert (report.granules.unchanged, report.files_opened) == (60, 72)


def test_many_labels_are_read_by_several_processes(database: Database, tmp_path: Path) -> None:
    write_maps(tmp_path, 10, 6)
    alone = run(maps(tmp_path), database, FIRST, jobs=1)
    together = run(maps(tmp_path), database, thorough=True, jobs=2)
    assert (alone.granules.inserted, together.granules.unchanged) == (300, 300)


def test_a_table_that_has_not_moved_is_not_opened(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(table(tmp_path), database, FIRST)
    assert (first.granules.inserted, first.granules.refused) == (3, 2)
    with monkeypatch.context() as patched:
        patched.delattr("ingest.kinds.tables.open_sheet")
        again = run(load_definition(tmp_path / "planets.toml"), database)
        os.utime(tmp_path / "planets.csv", ns=(1, 1))
    assert (again.granules.unchanged, again.granules.refused, again.files_opened) == (3, 2, 0)
    assert again.account.refused_rows == first.account.refused_rows
    touched = run(load_definition(tmp_path / "planets.toml"), database)
    assert (touched.granules.unchanged, touched.granules.loaded) == (3, 0)
    changed = run(table(tmp_path, CSV.replace("3389.5", "3390").replace("Venus", "Uranus")), database)
    assert (changed.granules.inserted, changed.granules.updated, changed.granules.deleted) == (1, 1, 1)
    assert changes(database, "planets") == (3, ["Mars", "Uranus"])


def test_runs_that_have_not_moved_are_not_opened(database: Database, tmp_path: Path) -> None:
    write_simulations(tmp_path)
    first = run(runs(tmp_path), database, FIRST)
    assert (first.granules.inserted, first.files_opened) == (10, 15)
    again = run(runs(tmp_path), database)
    assert (again.granules.unchanged, again.files_opened) == (10, 0)
    profile = tmp_path / "mars-dayside/mars-dayside_pr.cdf"
    rewrite(profile, profile.read_bytes().replace(b"FIELDNAM", b"fieldNAM", 1))
    shutil.rmtree(tmp_path / "venus-night")
    storm = tmp_path / "earth-storm/run.toml"
    storm.write_text(storm.read_text().replace("ap = 191.0", "ap = 192.0"))
    report = run(runs(tmp_path), database)
    assert (report.granules.updated, report.granules.deleted, report.files_opened) == (3, 2, 2)
    assert changes(database, "transplanet") == (8, ["earth-storm_pr", "earth-storm_ts", "mars-dayside_pr"])
