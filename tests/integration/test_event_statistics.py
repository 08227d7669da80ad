"""Statistics of parameters for each event, against numpy over the values that the files were written with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

import summaries.gather
import summaries.reader
from cutouts.interval import Interval
from epntap.access import ANONYMOUS
from epntap.archive.holdings import Held, Holdings
from epntap.catalog.load import load_catalog
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import NotFoundError, ParameterError
from eventtables.measured.measuring import Measuring
from eventtables.measured.request import MeasureRequest, measurables
from eventtables.model import EventTable, Kind
from eventtables.store.tables import save_table, table_called, whole_table
from summaries.reader import Summaries
from summaries.run import summarise
from tests.support.command import run
from tests.support.databases import clone_database, drop_database
from tests.support.events import intervals
from tests.support.hapi import ingest_tree
from tests.support.minutes import DAY_S, FIRST_S, field, seconds, steps, write_minutes

#: starts and stops in seconds from the first record: within a bin, of days, over the missing day, an instant, none,
#: all and more, from between two records to between two others, before and behind everything
EVENTS = [
    (0, 60), (30, 95), (3600, 7260), (DAY_S // 2, 9 * DAY_S + 61), (9 * DAY_S + 5, 11 * DAY_S + 7),
    (10 * DAY_S, 11 * DAY_S), (77, 77), (-400 * DAY_S, 400 * DAY_S), (86_399, 86_401), (-9999, -5),
    (40 * DAY_S, 41 * DAY_S),
    (97 * 60, 97 * 60 + 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("measured")


@pytest.fixture(scope="module")
def archive(postgres_server: Database, template_database: str, root: Path) -> Iterator[Database]:
    write_minutes(root / "cdf")
    database = clone_database(postgres_server, "measured", template_database)
    ingest_tree(root / "cdf", database, "minutes")
    with connect(database, Role.OWNER, autocommit=True) as owner:
        save_table(owner, "storms", intervals([(FIRST_S + start, FIRST_S + stop) for start, stop in EVENTS], "storms"))
    yield database
    drop_database(postgres_server, database)


def lending(database: Database) -> Callable[[], AbstractContextManager[Connection]]:
    return lambda: connect(database, Role.SERVICE, autocommit=True)


def request(database: Database, *names: str) -> MeasureRequest:
    with lending(database)() as service:
        held = Holdings(lending(database), lambda: load_catalog(service), Held)()[1]
    return MeasureRequest("storms", *measurables(held, "minutes", names, ANONYMOUS), ANONYMOUS)


def measured(database: Database, folder: Path, *names: str) -> EventTable:
    told: list[tuple[int, int]] = []
    lend = lending(database)
    made = Measuring(lend, Summaries(lend, folder)).table(
        request(database, *names), lambda done, total: told.append((done, total))
    )
    assert told == [(done, len(EVENTS)) for done in range(len(EVENTS) + 1)]
    return made


def check(made: EventTable, name: str, values: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    """All statistics of all events; of vectors by component."""
    found = {
        column.name: np.array([np.nan if one is None else one for one in cells.tolist()], float).reshape(
            len(EVENTS), -1
        )
        for column, cells in zip(made.about.columns, made.events.values, strict=True)
    }
    times = seconds()
    for number, (start, stop) in enumerate(EVENTS):
        inside = values[(times >= FIRST_S + start) & (times < FIRST_S + stop)]
        assert found["records"][number, 0] == len(inside)
        for place in range(values.shape[1]):
            there = inside[~np.isnan(inside[:, place]), place]
            got = {what: found[f"{name}_{what}"][number, place] for what in ("count", "min", "max", "mean", "std")}
            share = found[f"{name}_filled"][number, place]
            assert got["count"] == len(there)
            if not len(there):
                assert all(np.isnan(got[what]) for what in ("min", "max", "mean", "std"))
                assert np.isnan(share) if not len(inside) else share == 0
                continue
            assert (got["min"], got["max"], share) == (there.min(), there.max(), len(there) / len(inside))
            scale = np.abs(there).max()
            assert abs(got["mean"] - there.mean()) <= 1e-12 * scale
            assert abs(got["std"] - there.std()) <= 1e-12 * scale


def test_without_summaries_they_are_made_of_records(archive: Database, tmp_path: Path) -> None:
    made = measured(archive, tmp_path, "field", "steps")
    check(made, "field", field())
    check(made, "steps", steps()[:, None].astype(float))
    kinds = {one.name: (one.kind, one.size, one.unit) for one in made.about.columns}
    assert kinds["field_min"] == (Kind.DOUBLE, 3, "nT")
    assert kinds["steps_max"] == (Kind.INT, 1, "1")
    assert kinds["steps_count"] == (Kind.INT, 1, "")
    assert "Made as statistics of field, steps of the dataset minutes for each event of storms" in made.about.history


def test_a_component_is_measured_alone(archive: Database, tmp_path: Path) -> None:
    check(measured(archive, tmp_path, "field(1)"), "field(1)", field()[:, 1:2])


def test_summaries_say_the_same_and_spare_the_reading(
    archive: Database, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = [one for one, _ in summarise(lending(archive), root / "summaries", "minutes", jobs=1)]
    assert [list(one.failures) for one in done] == [[]]
    read: list[int] = []
    gather = summaries.gather.gather

    def counted(files: object, interval: Interval, *more: object) -> object:
        read.append(interval.stop_tt2000 - interval.start_tt2000)
        return gather(files, interval, *more)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(summaries.reader, "gather", counted)
    made = measured(archive, root / "summaries", "field", "steps")
    check(made, "field", field())
    check(made, "steps", steps()[:, None].astype(float))
    # of all events together only the ends are read, and what is shorter than bins
    assert sum(read) < DAY_S * 1_000_000_000


def test_a_file_that_has_changed_since_is_read(archive: Database, root: Path) -> None:
    """Summaries of other files say something else, and are not believed."""
    with connect(archive, Role.OWNER, autocommit=True) as owner:
        owner.execute("UPDATE archive.summary SET digest = 'of other files'")
    made = measured(archive, root / "summaries", "field")
    check(made, "field", field())
    assert "have changed since" not in made.about.history


@pytest.mark.parametrize(
    ("dataset", "names", "error", "said"),
    [
        ("minute", ["field"], NotFoundError, "Did you mean 'minutes'"),
        ("minutes", ["fields"], ParameterError, "Did you mean 'field'"),
        ("minutes", ["field(3)"], ParameterError, "has the shape"),
        ("minutes", [], ParameterError, "expected names of parameters"),
    ],
)
def test_what_there_is_not_is_refused(
    archive: Database, dataset: str, names: list[str], error: type[Exception], said: str
) -> None:
    with lending(archive)() as service:
        held = Holdings(lending(archive), lambda: load_catalog(service), Held)()[1]
    with pytest.raises(error, match=said.replace("(", r"\(")):
        measurables(held, dataset, names, ANONYMOUS)


def test_the_command_keeps_them_as_a_catalogue(archive: Database, root: Path) -> None:
    here = {"EPNTAP_DATABASE_URL": archive.url, "EPNTAP_HOME": str(root / "home")}
    asked = ("--dataset", "minutes", "--parameters", "field(0),steps", "--name", "measured")
    assert "events.measured: 12 events" in run("events", "statistics", "storms", *asked, **here).stdout
    with lending(archive)() as service:
        made = whole_table(service, table_called(service, "measured"))
    check(made, "steps", steps()[:, None].astype(float))
    check(made, "field(0)", field()[:, :1])
