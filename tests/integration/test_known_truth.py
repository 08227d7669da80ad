"""An archive of known truth through the whole of ingestion, and cut: what comes out is what the formulas say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pycdfpp
import pytest

from cutouts.extract import cut_files
from cutouts.formats import choose_format
from cutouts.interval import Interval
from epntap.db.pool import Database, Role, connect
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from ingest.report import Report
from tests.support.databases import clone_database, drop_database
from tests.support.known_truth import Plan, TrueDataset, midnight_tt2000, to_cdf_epoch, write_archive
from tests.support.made_files import PROVENANCE

#: ten-minute records over the leap second of 2016-12-31, every trap of the generator included
PLAN = Plan(datasets=4, days=40, cadence_ns=600_000_000_000)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(PLAN, tmp_path_factory.mktemp("truth")).parent


@pytest.fixture(scope="module")
def published(archive: Path, postgres_server: Database, template_database: str) -> Iterator[tuple[Database, Report]]:
    database = clone_database(postgres_server, "truth", template_database)
    yield database, ingest_service(load_definition(archive / "service.toml"), database)
    drop_database(postgres_server, database)


def test_every_day_with_a_file_is_a_granule(published: tuple[Database, Report]) -> None:
    database, report = published
    files = [file for dataset in PLAN for file in dataset.files()]
    (source,) = report.account.sources
    assert source.found == len(files)
    assert source.indexed == sum(not file.superseded for file in files)
    assert len(source.superseded) == sum(file.superseded for file in files) == 8
    expected = {f"{dataset.key}_{file.day:%Y%m%d}": not file.superseded for dataset in PLAN for file in dataset.files()}
    with connect(database, Role.OWNER) as connection:
        found = connection.execute(
            "SELECT granule_uid FROM truth.epn_core WHERE access_format = 'application/x-cdf'"
        ).fetchall()
    assert sorted(uid for (uid,) in found) == sorted(expected)


def test_titles_arrive_as_they_are(published: tuple[Database, Report]) -> None:
    with connect(published[0], Role.OWNER) as connection:
        found = connection.execute("SELECT dataset_id, title FROM archive.dataset ORDER BY dataset_id").fetchall()
    assert found == [(dataset.key, dataset.title) for dataset in PLAN]


def test_files_are_known_by_their_true_spans(published: tuple[Database, Report]) -> None:
    with connect(published[0], Role.OWNER) as connection:
        found = connection.execute(
            "SELECT dataset_id, path, tt2000_min, tt2000_max, records FROM archive.file ORDER BY dataset_id, path"
        ).fetchall()
    expected = [
        (dataset.key, f"{dataset.key}/{file.day.year}/{file.name}", file.epochs[0], file.epochs[-1], len(file.epochs))
        for dataset in PLAN
        for file in dataset.files()
        if not file.superseded
    ]
    assert found == expected


#: days of the plan and records after its beginning: over an overlap and two versions, the missing day, the leap second
CUTS = {"overlap and versions": (3, 7), "a missing day": (10, 13), "a leap second": (30, 32), "within a day": (4, 5)}


@pytest.mark.parametrize("dataset", list(PLAN), ids=lambda dataset: dataset.key)
@pytest.mark.parametrize(("first", "last"), CUTS.values(), ids=CUTS.keys())
def test_a_cut_holds_what_the_formulas_say(
    archive: Path, tmp_path: Path, dataset: TrueDataset, first: int, last: int
) -> None:
    start = midnight_tt2000(PLAN.first + timedelta(days=first)) + 3_000_000_000_000
    stop = midnight_tt2000(PLAN.first + timedelta(days=last)) - 3_000_000_000_000
    paths = [
        archive / "cdf" / dataset.key / str(file.day.year) / file.name
        for file in dataset.files()
        if not file.superseded and first <= (file.day - PLAN.first).days < last
    ]
    with cut_files(paths, Interval(start, stop)) as cut:
        rendering = choose_format("CDF").render(cut, PROVENANCE)
        (tmp_path / "cut.cdf").write_bytes(b"".join(rendering.blocks))
        rendering.close()
    found = pycdfpp.load(str(tmp_path / "cut.cdf"))
    epochs = dataset.epochs(start, stop)
    assert len(epochs) > 90
    times = to_cdf_epoch(epochs) if dataset.is_cdf_epoch else epochs
    assert np.asarray(found["Epoch"].values).tobytes() == times.tobytes()
    for name in dataset.variables:
        expected = dataset.stored(name, epochs)
        assert np.asarray(found[name].values).tobytes() == expected.tobytes(), name
    if "flux" in dataset.variables:
        assert np.asarray(found["energy"].values).ravel().tolist() == dataset.energies.tolist()
