"""What the generator calls true is what other readers find in its files."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import cdflib
import numpy as np
import pycdfpp
import pytest
from lxml import etree

from epntap.cdf.facts import index_file
from tests.support.known_truth import FILL, Plan, TrueDataset, TrueFile, midnight_tt2000, to_cdf_epoch, write_archive
from tests.support.known_truth.__main__ import main
from tests.support.known_truth.clock import in_leap_second

#: 15-minute records over the leap second of 2016-12-31, a missing day, two versions, an overlap, unknown positions
PLAN = Plan(datasets=4, days=45, cadence_ns=900_000_000_000)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(PLAN, tmp_path_factory.mktemp("truth")).parent


def written(archive: Path) -> Iterator[tuple[TrueDataset, TrueFile, Path]]:
    for dataset in PLAN:
        for file in dataset.files():
            yield dataset, file, archive / "cdf" / dataset.key / str(file.day.year) / file.name


def test_the_clock_is_that_of_other_libraries() -> None:
    days = [date(2000, 1, 1) + timedelta(days=number) for number in range(0, 10_000, 13)]
    days += [date(2005, 12, 31), date(2006, 1, 1), date(2016, 12, 31), date(2017, 1, 1)]
    ours = np.array([midnight_tt2000(day) for day in days])
    by_cdflib = [int(cdflib.cdfepoch.compute_tt2000([day.year, day.month, day.day, 0, 0, 0, 0, 0, 0])) for day in days]
    assert ours.tolist() == by_cdflib
    moments = np.array([np.datetime64(day, "ns") for day in days])
    assert ours.tolist() == pycdfpp.to_tt2000(moments)["nseconds"].tolist()
    assert to_cdf_epoch(ours).tolist() == pycdfpp.to_epoch(moments)["mseconds"].tolist()


def test_a_leap_second_is_found() -> None:
    midnight = midnight_tt2000(date(2017, 1, 1))
    around = np.array([-1_000_000_001, -1_000_000_000, -1, 0]) + midnight
    assert in_leap_second(around).tolist() == [False, True, True, False]


def test_every_value_of_every_file_is_the_formulas(archive: Path) -> None:
    count = 0
    for dataset, file, path in written(archive):
        by_cdflib, by_pycdfpp = cdflib.CDF(path), pycdfpp.load(str(path))
        times = to_cdf_epoch(file.epochs) if dataset.is_cdf_epoch else file.epochs
        assert by_cdflib.varget("Epoch").tolist() == times.tolist()
        for name in dataset.variables:
            expected = dataset.stored(name, file.epochs)
            if file.superseded:
                expected = (expected + 1000).astype(expected.dtype)
            for values in (by_cdflib.varget(name), np.asarray(by_pycdfpp[name].values)):
                assert values.dtype == expected.dtype
                assert values.tobytes() == expected.tobytes(), f"{file.name} {name}"
            count += expected.size
    assert count > 100_000


def test_every_trap_is_there(archive: Path) -> None:
    truths = list(PLAN)
    assert {dataset.is_cdf_epoch for dataset in truths} == {False, True}
    assert {"flux" in dataset.variables for dataset in truths} == {"position" in d.variables for d in truths}
    files = list(truths[0].files())
    days = [file.day for file in files if not file.superseded]
    assert len(days) == len(set(days)) == 44, "one day of 45 is missing"
    assert sum(file.superseded for file in files) == 2
    current = [file for file in files if not file.superseded]
    overlaps = [b.epochs[0] <= a.epochs[-1] for a, b in itertools.pairwise(current)]
    assert sum(overlaps) == 2
    epochs = truths[0].epochs()
    assert np.array_equal(epochs, np.unique(np.concatenate([file.epochs for file in current])))
    # the gap of forty records over the grid, the missing day, and the night between two days with its leap second
    assert set((np.diff(epochs) // PLAN.cadence_ns).tolist()) == {1, 41, 97}
    for name in ("B", "n", "quality", "position"):
        valid = truths[0].is_valid(name, epochs)
        assert valid.any()
        assert not valid.all(), name
    for dataset in truths:
        text = (archive / "spase" / "NumericalData" / f"{dataset.key}.xml").read_bytes()
        assert etree.fromstring(text).findtext(".//{*}ResourceName") == dataset.title
        path = next(path for other, _, path in written(archive) if other == dataset)
        assert pycdfpp.load(str(path)).attributes["TITLE"][0] == dataset.title


def test_a_dataset_with_cdf_epoch_has_no_record_in_a_leap_second() -> None:
    plan = Plan(datasets=4, days=2, cadence_ns=10**9, first=date(2016, 12, 31))
    counts = [len(dataset.epochs(plan.stop - 86_403 * 10**9, plan.stop - 86_398 * 10**9)) for dataset in plan]
    assert counts == [5, 5, 5, 4]


def test_values_are_known_between_records_too() -> None:
    (dataset,) = Plan(datasets=1, days=3)
    start = dataset.plan.start
    quarter = np.array([0, 900, 1800, 2700, 3600], np.int64) * 10**9 + start
    assert dataset.formula("B", quarter)[:, 0].tolist() == [0, 50, 0, -50, 0]
    assert dataset.formula("B", quarter + 1)[0, 0] == pytest.approx(50 * 8 / 3.6e12, rel=1e-9)
    assert dataset.stored("B", dataset.epochs()[:8])[7].tolist() == [np.float32(FILL)] * 3
    with pytest.raises(ValueError, match="kt_000 has no variable flux; it has B, n, quality, position"):
        dataset.stored("flux", quarter)


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    plan = Plan(datasets=2, days=3, cadence_ns=3600 * 10**9)
    write_archive(plan, tmp_path / "one")
    write_archive(plan, tmp_path / "two", processes=2)
    names = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(names) == 2 * 3 + 2 + 2
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--out", str(tmp_path), "--datasets", "1", "--years", "0.01", "--cadence", "30min", "--first", "2020-02-28"])
    assert "1 datasets of 4 days" in capsys.readouterr().out
    assert [path.name for path in sorted(tmp_path.rglob("*.cdf"))] == [
        f"kt_000_{day}_v01.cdf" for day in (20200228, 20200229, 20200301, 20200302)
    ]
    assert tomllib.loads((tmp_path / "service.toml").read_text())["service"]["schema"] == "truth"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cadence", "60"], "expected a number with a unit such as 60s or 250ms, found '60'"),
        (["--datasets", "0"], "expected at least one dataset and one day, found 0 and 365"),
        (["--first", "1999-12-31"], "expected a first day from 2000 on, found 1999-12-31"),
    ],
)
def test_what_cannot_be_made_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--out", "x", *arguments])
    assert message in capsys.readouterr().err


def test_days_are_of_utc(archive: Path) -> None:
    """A record of each file, told as UTC by another library, is of the file's day."""
    for _, file, _ in written(archive):
        parts = cdflib.cdfepoch.breakdown_tt2000(int(file.epochs[0]))
        assert date(*(int(part) for part in parts[:3])) == file.day


def test_the_days_with_records_are_those_that_another_library_reads(archive: Path) -> None:
    for dataset, _, path in written(archive):
        with cdflib.CDF(path) as other:
            parts = np.atleast_2d(cdflib.cdfepoch.breakdown(other.varget("Epoch")))
        expected = {date(*(int(number) for number in one[:3])) for one in parts}
        assert {date.fromordinal(day) for day in index_file(path).days} == expected, (dataset.key, path.name)
