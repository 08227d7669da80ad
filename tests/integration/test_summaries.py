"""Summaries over an archive of known truth: every bin of every width holds what the formulas say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from cutouts.interval import Interval
from epntap.archive.kept.summaries import years_of
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import ForbiddenError, NotFoundError, ParameterError
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from summaries.reader import Summaries, SummarySeries
from summaries.run import DatasetDone, summarise
from tests.support.databases import clone_database, drop_database
from tests.support.known_truth import Plan, TrueDataset, midnight_tt2000, write_archive
from tests.support.summary_truth import Truth, check_bins, check_values

SECOND = 1_000_000_000
#: over the leap second of 2016-12-31, a missing day, overlapping files, two versions
PLAN = Plan(datasets=4, days=40, cadence_ns=10 * SECOND, first=date(2016, 12, 1))


@dataclass(frozen=True)
class Place:
    """An archive that is ingested, and where its summaries are."""

    database: Database
    archive: Path
    root: Path
    plan: Plan = PLAN

    def connect(self) -> AbstractContextManager[Connection]:
        return lent(self.database)()

    def ingest(self) -> None:
        ingest_service(load_definition(self.archive / "service.toml"), self.database)

    def summarise(self, *dataset_ids: str) -> list[DatasetDone]:
        return [done for done, _ in summarise(lent(self.database), self.root, "truth", dataset_ids, jobs=1)]

    @property
    def reader(self) -> Summaries:
        return Summaries(lent(self.database), self.root)

    def series(self, dataset: TrueDataset, interval: Interval, points: int, *names: str) -> SummarySeries:
        return self.reader.series("truth", dataset.key, names, interval=interval, points=points)


def lent(database: Database) -> Callable[[], AbstractContextManager[Connection]]:
    @contextmanager
    def lend() -> Iterator[Connection]:
        with connect(database, Role.SERVICE, autocommit=True) as connection:
            yield connection

    return lend


def truth_of(dataset: TrueDataset, name: str, interval: Interval) -> Truth:
    epochs = dataset.epochs(interval.start_tt2000, interval.stop_tt2000)
    return Truth(epochs, dataset.stored(name, epochs), dataset.is_valid(name, epochs))


def check(place: Place, dataset: TrueDataset, interval: Interval, points: int) -> SummarySeries:
    found = place.series(dataset, interval, points, *dataset.variables)
    assert found.remarks == ()
    for name in dataset.variables:
        truth = truth_of(dataset, name, interval)
        check_bins(found, truth.instants)
        check_values(found, found.parameters[name], truth)
    return found


@pytest.fixture(scope="module")
def place(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("summaries")
    write_archive(PLAN, root / "archive")
    database = clone_database(postgres_server, "summaries", template_database)
    made = Place(database, root / "archive", root / "kept")
    made.ingest()
    done = made.summarise()
    assert [(one.failures, one.made, one.kept) for one in done] == [([], 2, 0)] * 4
    yield made
    drop_database(postgres_server, database)


@pytest.mark.parametrize("points", [1, 7, 100, 900])
@pytest.mark.parametrize("number", range(4))
def test_bins_hold_what_the_formulas_say(place: Place, number: int, points: int) -> None:
    dataset = TrueDataset(PLAN, number)
    # neither end lies at the edge of a bin
    interval = Interval(PLAN.start + 12_345_678_901, PLAN.stop - 98_765_432_109)
    found = check(place, dataset, interval, points)
    assert found.width_ns > 0
    assert len(found.starts) <= 4 * points


@pytest.mark.parametrize("number", [0, 3])
def test_bins_are_counted_from_midnight_and_have_the_leap_second_last(place: Place, number: int) -> None:
    midnight = midnight_tt2000(date(2017, 1, 1))
    interval = Interval(midnight - 10_801 * SECOND, midnight + 3600 * SECOND)
    found = check(place, TrueDataset(PLAN, number), interval, 3)
    assert found.width_ns == 5400 * SECOND
    assert found.starts.tolist() == [interval.start_tt2000, midnight - 5401 * SECOND, midnight]
    assert found.stops.tolist() == [midnight - 5401 * SECOND, midnight, interval.stop_tt2000]
    # the leap second is of the old year
    assert (found.stops[1] - found.starts[1]) == 5401 * SECOND


def test_below_the_narrowest_bins_there_are_the_records(place: Place) -> None:
    dataset = TrueDataset(PLAN, 1)
    start = midnight_tt2000(date(2016, 12, 20))
    interval = Interval(start + 1, start + 7200 * SECOND)
    found = check(place, dataset, interval, 500)
    assert found.is_records
    assert np.array_equal(
        found.parameters["flux"].minimum,
        np.where(dataset.is_valid("flux", found.starts), dataset.stored("flux", found.starts), np.float32(0)),
    )
    assert found.parameters["flux"].units == ("1/(cm^2 s sr eV)",)
    few = check(place, dataset, interval, 20)
    assert not few.is_records
    assert 20 <= len(few.starts) <= 80


def test_every_day_of_the_archive_is_right_by_itself(place: Place) -> None:
    dataset = TrueDataset(PLAN, 2)
    for day in range(PLAN.days):
        first = midnight_tt2000(PLAN.first + timedelta(days=day))
        stop = midnight_tt2000(PLAN.first + timedelta(days=day + 1))
        found = check(place, dataset, Interval(first, stop), 1)
        assert len(found.starts) == (day != 11)


def test_who_asks_wrongly_is_told_what_there_is(place: Place) -> None:
    dataset = TrueDataset(PLAN, 0)
    whole = Interval(PLAN.start, PLAN.stop)
    with pytest.raises(NotFoundError, match="no dataset 'nothing'"):
        place.reader.series("truth", "nothing", interval=whole, points=10)
    with pytest.raises(ParameterError, match="no variable 'b' along time"):
        place.series(dataset, whole, 10, "b")
    with pytest.raises(ParameterError, match="ends after its start"):
        place.series(dataset, Interval(5, 5), 10, "B")
    with place.connect() as connection:
        connection.execute("UPDATE archive.dataset SET access_rights = 'Restricted' WHERE dataset_id = 'kt_002'")
        try:
            with pytest.raises(ForbiddenError):
                place.series(TrueDataset(PLAN, 2), whole, 10, "B")
        finally:
            connection.execute("UPDATE archive.dataset SET access_rights = 'Open' WHERE dataset_id = 'kt_002'")


def test_a_second_run_makes_nothing(place: Place) -> None:
    done = place.summarise()
    assert [(one.made, one.kept, one.failures) for one in done] == [(0, 2, [])] * 4


def test_what_is_kept_is_small(place: Place) -> None:
    with place.connect() as connection:
        years = years_of(connection, "truth", "kt_000")
    files = sum(path.stat().st_size for path in (place.archive / "cdf" / "kt_000").rglob("*.cdf"))
    assert sum(one.size_bytes for one in years) < files / 20
    assert [one.name for one in place.root.iterdir()] == ["truth"]


def command(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        "EPNTAP_DATABASE_URL": place.database.url,
        "EPNTAP_HOME": str(place.root.parent / "home"),
        "EPNTAP_SUMMARIES": str(place.root),
    }
    return subprocess.run(
        [sys.executable, "-m", "voserver.cli", "summarise", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_what_it_did(place: Place) -> None:
    done = command(place, "truth", "kt_001", "kt_002")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 datasets, 2 of them as they were\n"
    told = json.loads(command(place, "--json").stdout)
    assert [(one["dataset"], one["made"], one["kept"]) for one in told] == [(f"kt_00{n}", 0, 2) for n in range(4)]
    assert told[0]["records"] == len(TrueDataset(PLAN, 0).epochs())
    unknown = command(place, "truht")
    assert unknown.returncode == 1
    assert unknown.stderr == "epntap: There is no service truht; published are truth. Did you mean 'truth'?\n"
    unknown = command(place, "truth", "kt_01")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("epntap: There is no dataset 'kt_01' with records in truth.")
