"""A source kind is one value and one line in a list: kinds of a test are declared, described to editors, ingested."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from epntap.archive.model import Dataset, ScannedFile
from epntap.catalog.model import Column
from epntap.db.pool import Database, Role, connect
from epntap.errors import DefinitionError
from epntap.strict import StrictTable
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.definition.schema import definition_schema
from ingest.facts import DatasetFacts, Refusal, RowFacts
from ingest.files.scan import ChecksumLook, Scanner, by_path
from ingest.files.walk import Tree, walk_tree
from ingest.kinds.all_kinds import ALL_KINDS
from ingest.pipeline import ingest_service
from ingest.progress import Progress
from ingest.sources.keys import Key, Takes
from ingest.sources.kind import GRANULE, DescriptionKind, RowKind
from ingest.sources.said import Unit
from ingest.sources.source import Granule

NOW = datetime.fromisoformat("2026-02-01T10:00:00")


# -- a kind whose files tell one row by the line ----------------------------------------------------------------------


@dataclass(frozen=True)
class LogPlan:
    """What a source of logs declares."""

    target: str
    columns: tuple[str, ...] = ("target_name", "weather")
    relative_urls: frozenset[str] = frozenset()
    frames: frozenset[str] = frozenset({"celestial"})


@dataclass(frozen=True)
class Logs:
    """A folder of logs."""

    tree: Tree
    plan: LogPlan
    scanned: Mapping[str, ScannedFile]

    @property
    def contents(self) -> tuple[object, ...]:
        return tuple(by_path(self.scanned))

    @property
    def steps(self) -> int | None:
        return None

    def told(self, advance: Callable[[int], None], met: set[str]) -> Iterator[Unit | Refusal]:  # noqa: ARG002
        for path in self.tree.files:
            yield Unit(path, partial(self.scanned.get, path), partial(self._rows, path))

    def _rows(self, path: str) -> Iterator[RowFacts | Refusal]:
        for line in (self.tree.root / path).read_text(encoding="utf-8").splitlines():
            name, _, weather = line.partition(" ")
            if not weather:
                yield Refusal(path, f"there is no weather in {line!r}", granules=1)
                continue
            given = {"granule_uid": name, "obs_id": name, "granule_gid": "log", "weather": weather}
            yield RowFacts({**given, "target_name": self.plan.target, "spatial_frame_type": "celestial"}, path)


def read_plan(table: StrictTable, _custom: Mapping[str, Column]) -> LogPlan:
    return LogPlan(table.needed_text("sky"))


def look(
    root: Path, plan: LogPlan, _columns: Mapping[str, Column], _schema: str, scanner: Scanner, progress: Progress
) -> Logs:
    tree = walk_tree(root, lambda name: name.endswith(".log"))
    return Logs(tree, plan, scanner.scan(root, tree.files, look=ChecksumLook(), advance=progress.advance))


LOGS = RowKind(
    name="logs",
    own_keys={"sky": Key(Takes.TEXT, "What was looked at", needed=True)},
    read_plan=read_plan,
    look=look,
    own_columns=(Column("weather", "char", "*", description="How the sky was"),),
    keeps_units=True,
)


# -- and one whose files tell a dataset by the line -------------------------------------------------------------------


def read_list(root: Path, _today: date) -> Iterator[DatasetFacts | Refusal]:
    for path in sorted(root.glob("*.list")):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, start, stop = line.split()
            dataset = Dataset(
                name, name.title(), start=datetime.fromisoformat(start), stop=datetime.fromisoformat(stop)
            )
            values = {"target_name": "Sun", "target_class": "star", "dataproduct_type": "ts", "granule_gid": "day"}
            yield DatasetFacts(dataset, values, path.name)


LISTS = DescriptionKind(
    name="lists", own_keys={"granule": GRANULE}, granule=Granule.DAY, wanted="line of a list", read=read_list
)

#: the one line for each
KINDS = (*ALL_KINDS, LOGS, LISTS)

SERVICE = '[service]\nschema = "nights"\ntitle = "Nights"\n[columns]\ndataproduct_type = "ts"\ntarget_class = "sky"\n'
LOG_SOURCE = '[[source]]\nkind = "logs"\npath = "logs"\nsky = "Orion"\n'
LIST_SOURCE = '[[source]]\nkind = "lists"\npath = "lists"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/a.log").write_text("first clear\nsecond some clouds\nthird\n", encoding="utf-8")
    (tmp_path / "logs/b.log").write_text("fourth fog\n", encoding="utf-8")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/x.list").write_text("loops 2001-01-01 2001-01-04\n", encoding="utf-8")
    return tmp_path


def load(folder: Path, *sources: str, **given: Any) -> Definition:
    file = folder / "nights.toml"
    file.write_text(SERVICE + "".join(sources), encoding="utf-8")
    return load_definition(file, **given)


def published(database: Database, columns: str) -> list[tuple[Any, ...]]:
    with connect(database, Role.SERVICE) as connection:
        return connection.execute(f"SELECT {columns} FROM nights.epn_core ORDER BY granule_uid".encode()).fetchall()


def test_a_definition_names_it_and_its_keys(folder: Path) -> None:
    (source,) = load(folder, LOG_SOURCE, kinds=KINDS).sources
    assert (source.kind, source.rows, source.path) == (LOGS, LogPlan("Orion"), folder / "logs")
    with pytest.raises(DefinitionError, match="cdf-files, labels, runs, table, events, but it is 'logs'"):
        load(folder, LOG_SOURCE)
    with pytest.raises(DefinitionError, match="unknown key 'skie'; known are kind, path, sky"):
        load(folder, LOG_SOURCE, "skie = 3", kinds=KINDS)
    with pytest.raises(DefinitionError, match="sky is missing"):
        load(folder, '[[source]]\nkind = "logs"\npath = "logs"\n', kinds=KINDS)


def test_the_schema_completes_it() -> None:
    validator = jsonschema.Draft202012Validator(definition_schema((), kinds=KINDS))
    service = {"schema": "nights", "title": "Nights"}

    def is_right(**source: Any) -> bool:
        return validator.is_valid({"service": service, "source": [source]})

    assert is_right(kind="logs", path="logs", sky="Orion")
    assert is_right(kind="lists", path="lists", granule="month")
    assert not is_right(kind="logs", path="logs")
    assert not is_right(kind="lists", path="lists", sky="Orion")


def test_its_rows_are_ingested_and_only_what_moved_is_made_again(folder: Path, database: Database) -> None:
    first = ingest_service(load(folder, LOG_SOURCE, kinds=KINDS), database, now=NOW)
    assert (first.granules.inserted, len(first.account.sources[0].refused)) == (3, 1)
    assert published(database, "granule_uid, target_name, weather, spatial_frame_type") == [
        ("first", "Orion", "clear", "celestial"),
        ("fourth", "Orion", "fog", "celestial"),
        ("second", "Orion", "some clouds", "celestial"),
    ]
    again = ingest_service(load(folder, LOG_SOURCE, kinds=KINDS), database)
    assert (again.granules.unchanged, again.rows_compared, again.files_opened) == (3, 0, 0)
    (folder / "logs/b.log").write_text("fourth rain\n", encoding="utf-8")
    (folder / "logs/a.log").write_text("first clear\nsecond some clouds\n", encoding="utf-8")
    moved = ingest_service(load(folder, LOG_SOURCE, kinds=KINDS), database)
    assert (moved.granules.updated, moved.granules.unchanged, moved.files_opened) == (1, 2, 2)
    assert ("fourth", "rain") in published(database, "granule_uid, weather")


def test_its_datasets_have_a_row_for_each_day_beside_rows_of_others(folder: Path, database: Database) -> None:
    report = ingest_service(load(folder, LIST_SOURCE, LOG_SOURCE, kinds=KINDS), database, now=NOW)
    assert report.granules.inserted == 6
    days = [("loops_20010101", "Sun"), ("loops_20010102", "Sun"), ("loops_20010103", "Sun")]
    assert published(database, "granule_uid, target_name")[2:5] == days
    (folder / "empty").mkdir()
    elsewhere = '[[source]]\nkind = "lists"\npath = "empty"\n'
    with pytest.raises(DefinitionError, match=r"\(lists\): there is no usable line of a list below .*/empty"):
        ingest_service(load(folder, elsewhere, kinds=KINDS), database)
