"""Brings the summaries of datasets up to date: what moved since the last run is made anew, year by year.

Years are built by processes that know no database (summaries/build.py); what they made is written down here, one year
in one transaction, so that a run that dies loses the years in hand and nothing else.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from epntap.archive.files import files_overlapping
from epntap.archive.kept.series import Series, series_of
from epntap.archive.kept.summaries import (
    Gap,
    HeldYear,
    ParameterFact,
    Source,
    delete_year,
    digest_of,
    open_now,
    sources_of,
    summarised_datasets,
    write_facts,
    write_gaps,
    write_year,
    years_of,
)
from epntap.archive.model import ArchiveFile
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc, jd_from_tt2000
from epntap.connection import Connection
from epntap.errors import NotFoundError
from epntap.hints import did_you_mean
from epntap.instants.days import day_of
from epntap.spread.executor import Executor, spread
from epntap.spread.processes import Processes
from summaries.build import YearMade, YearPlan, build_year, kinds_of, read_coverage
from summaries.coverage import gaps_between
from summaries.errand import YEAR
from summaries.folders import folder_of, new_name
from summaries.gather import MOST_COMPONENTS
from summaries.grid import DAY_NS, STORED_NS, days_of_year, year_of
from summaries.statistics import Described

__all__ = ["EDITION", "DatasetDone", "Progress", "base_for", "summarise"]

#: of what is made of the same files; another one makes everything anew
EDITION = "1"
#: a bin of the narrowest level holds so many records where they come at the usual pace
_LEAST_RECORDS = 256
#: first number of the advisory locks of datasets; the second is made from their names
_LOCK = 7_240_534
#: a folder that nothing names may be one that somebody is about to name, or still reads
_ORPHAN_S = 3600.0
_EPOCH_DAYS = 730_120  # ordinal of 2000-01-01
_MOST_GAPS = 1_000_000

Connect = Callable[[], AbstractContextManager[Connection]]


class Progress(Protocol):
    """Is told what is being done."""

    def stage(self, title: str, total: int | None = None) -> None:
        """A new piece of work begins, of `total` steps where that is known."""

    def advance(self, steps: int = 1) -> None:
        """Steps of the current piece are done."""


@dataclass(slots=True)
class DatasetDone:
    """What became of one dataset."""

    schema: str
    dataset_id: str
    #: years that were made, and that needed nothing
    made: int = 0
    kept: int = 0
    records: int = 0
    size_bytes: int = 0
    #: variable -> why it is not there
    left_out: dict[str, str] = field(default_factory=dict)
    #: one sentence for each year that could not be made
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "schema": self.schema,
            "dataset": self.dataset_id,
            "made": self.made,
            "kept": self.kept,
            "records": self.records,
            "size_bytes": self.size_bytes,
            "left_out": self.left_out,
            "failures": self.failures,
        }


def summarise(
    connect: Connect,
    root: Path,
    schema: str,
    dataset_ids: Collection[str] = (),
    *,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[DatasetDone, int]]:
    """Bring the summaries of some or all datasets of a service up to date; yield what became of each, of how many.

    `connect` lends a connection in the service role that commits by itself. Years are built by `executor`, or by so
    many processes here. Raises NotFoundError for a dataset that
    has no records here.
    """
    progress = progress or _Silent()
    with connect() as connection:
        known = summarised_datasets(connection, schema)
        for one in dataset_ids:
            if one not in known:
                raise NotFoundError(f"There is no dataset {one!r} with records in {schema}.{did_you_mean(one, known)}")
        wanted = [one for one in known if not dataset_ids or one in dataset_ids]
        here = _processes(jobs or _cores()) if executor is None else nullcontext(executor)
        with here as builders:
            progress.stage(f"summarising {schema}", len(wanted))
            for dataset_id in wanted:
                yield _one_dataset(connection, root, schema, dataset_id, builders), len(wanted)
                progress.advance()
        if not dataset_ids:
            _remove_datasets(root, schema, known)


def _one_dataset(
    connection: Connection, root: Path, schema: str, dataset_id: str, builders: Executor | None
) -> DatasetDone:
    done = DatasetDone(schema, dataset_id)
    with _alone(connection, schema, dataset_id) as is_alone:
        if not is_alone:
            done.failures.append(f"{dataset_id} is being summarised by another run; let that one end.")
            return done
        held = years_of(connection, schema, dataset_id)
        series = series_of(connection, schema, dataset_id)
        files = [
            one for one in files_overlapping(connection, schema, dataset_id, MIN_TT2000, MAX_TT2000) if open_now(one)
        ]
        changed = False
        for axis in {one.axis for one in held} - {one.axis for one in series}:
            changed |= _forget(connection, schema, dataset_id, [one for one in held if one.axis == axis])
        for one in series:
            here = [year for year in held if year.axis == one.axis]
            changed |= _one_axis(connection, root, one, here, files, builders, done)
        if changed or done.made:
            _tell(connection, root, schema, dataset_id, series)
        _remove_years(connection, root, schema, dataset_id)
    return done


def _one_axis(
    connection: Connection,
    root: Path,
    series: Series,
    held: Sequence[HeldYear],
    files: Sequence[ArchiveFile],
    builders: Executor | None,
    done: DatasetDone,
) -> bool:
    """Build what has moved; whether years went."""
    folder = folder_of(root, done.schema, done.dataset_id, series.axis)
    base, kinds = _layout(series, held)
    kept = {one.year: one for one in held if one.edition == EDITION and one.base_ns == base and one.kinds == kinds}
    by_year = _by_year(files)
    plans: list[YearPlan] = []
    sources: dict[int, tuple[Source, ...]] = {}
    for year, here in sorted(by_year.items()):
        sources[year] = sources_of(here)
        old = kept.get(year)
        if old is not None and not _is_whole(folder / old.folder, old.size_bytes):
            old = None
        if old is not None and old.digest == digest_of(sources[year]):
            done.kept += 1
            done.records += old.records
            done.size_bytes += old.size_bytes
            continue
        days = _moved_days(year, old.sources if old else (), sources[year])
        plans.append(
            YearPlan(
                folder, new_name(year), series.axis, year, base, kinds, tuple(here), days, old.folder if old else None
            )
        )
    for plan, made in _built(plans, builders):
        if made.failure:
            done.failures.append(f"{done.dataset_id} {plan.year}: {made.failure}")
            if not made.without:
                continue
        told = tuple(one for one in sources[plan.year] if one[:2] not in made.without)
        write_year(connection, done.schema, done.dataset_id, _held(plan, made, told))
        done.made += 1
        done.records += made.records
        done.size_bytes += made.size_bytes
        done.left_out |= made.left_out
    return _forget(connection, done.schema, done.dataset_id, [one for one in held if one.year not in by_year])


def _layout(series: Series, held: Sequence[HeldYear]) -> tuple[int, dict[int, str]]:
    """Width of the narrowest bins and what a file of each level holds: as they are kept, unless records come closer."""
    base = base_for(series.cadence_ns)
    current = [one for one in held if one.edition == EDITION]
    if current and current[0].base_ns <= base:
        return current[0].base_ns, dict(current[0].kinds)
    variables = [
        Described(one.name, "f8", one.dims)
        for one in series.variables
        if not one.length and np.prod(one.dims, dtype=np.int64) <= MOST_COMPONENTS
    ]
    return base, kinds_of(variables, base)


def base_for(cadence_ns: int | None) -> int:
    """The narrowest stored width that holds 256 records at this pace; a day if none does."""
    return next((width for width in STORED_NS if width >= _LEAST_RECORDS * (cadence_ns or DAY_NS)), DAY_NS)


def _held(plan: YearPlan, made: YearMade, sources: tuple[Source, ...]) -> HeldYear:
    return HeldYear(
        axis=plan.axis,
        year=plan.year,
        folder=plan.name,
        edition=EDITION,
        base_ns=plan.base_ns,
        kinds=plan.kinds,
        digest=digest_of(sources),
        sources=sources,
        facts=made.facts,
        left_out=made.left_out,
        records=made.records,
        size_bytes=made.size_bytes,
    )


# -- what has moved ---------------------------------------------------------------------------------------------------


def _by_year(files: Iterable[ArchiveFile]) -> dict[int, list[ArchiveFile]]:
    found: dict[int, list[ArchiveFile]] = {}
    for one in files:
        first, last = _days_of(one.tt2000_min, one.tt2000_max)
        for year in range(year_of(first), year_of(last) + 1):
            found.setdefault(year, []).append(one)
    return found


def _days_of(first: int | None, last: int | None) -> tuple[int, int]:
    return day_of(first or 0) - _EPOCH_DAYS, day_of(last or 0) - _EPOCH_DAYS


def _moved_days(year: int, before: Sequence[Source], now: Sequence[Source]) -> tuple[tuple[int, int], ...]:
    """Runs of days of a year that a file reaches into which is there only before or only now."""
    everything = days_of_year(year)
    moved = np.zeros(len(everything) + 2, np.int8)
    for one in set(before) ^ set(now):
        first, last = _days_of(one[3], one[4])
        first, last = max(first, everything.start), min(last, everything.stop - 1)
        if first <= last:
            moved[first - everything.start + 1 : last - everything.start + 2] = 1
    edges = np.diff(moved)
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple((int(a) + everything.start, int(b) + everything.start - 1) for a, b in zip(starts, stops, strict=True))


# -- what is told of a dataset as a whole ------------------------------------------------------------------------------


def _tell(connection: Connection, root: Path, schema: str, dataset_id: str, series: Sequence[Series]) -> None:
    """Write facts and gaps anew."""
    held = years_of(connection, schema, dataset_id)
    gaps: list[Gap] = []
    for one in series:
        folder = folder_of(root, schema, dataset_id, one.axis)
        stretches = []
        for year in held:
            if year.axis == one.axis:
                with suppress(OSError):  # the folder was taken away by hand; the next run makes it again
                    stretches.append(read_coverage(folder / year.folder))
        if stretches:
            found = gaps_between(np.concatenate(stretches), one.cadence_ns)[:_MOST_GAPS]
            gaps += [_gap(one.axis, first, last) for first, last in found.tolist()]
    with connection.transaction():
        write_facts(connection, schema, dataset_id, _facts(held))
        write_gaps(connection, schema, dataset_id, gaps)


def _gap(axis: str, first: int, last: int) -> Gap:
    return Gap(axis, first, last, _dali(first), _dali(last), jd_from_tt2000(first), jd_from_tt2000(last))


def _dali(tt2000: int) -> str:
    return format_utc(tt2000, 3)


def _facts(held: Sequence[HeldYear]) -> list[ParameterFact]:
    by_variable: dict[str, list[tuple[str, Mapping[str, str]]]] = {}
    for year in held:
        for name, facts in year.facts.items():
            by_variable.setdefault(name, []).append((year.axis, facts))
    return [_fact(name, found) for name, found in by_variable.items()]


def _fact(name: str, found: Sequence[tuple[str, Mapping[str, str]]]) -> ParameterFact:
    facts = [one for _, one in found]
    values = sum(int(one["values"]) for one in facts)
    count = sum(int(one["count"]) for one in facts)
    there = [one for one in facts if "min" in one]
    return ParameterFact(
        variable=name,
        axis=found[0][0],
        value_min=min((float(one["min"]) for one in there), default=None),
        value_max=max((float(one["max"]) for one in there), default=None),
        filled_share=count / values if values else None,
        first_time=_dali(min(int(one["first"]) for one in there)) if there else None,
        last_time=_dali(max(int(one["last"]) for one in there)) if there else None,
    )


# -- what is there no longer ------------------------------------------------------------------------------------------


def _forget(connection: Connection, schema: str, dataset_id: str, years: Iterable[HeldYear]) -> bool:
    gone = list(years)
    for one in gone:
        delete_year(connection, schema, dataset_id, one.axis, one.year)
    return bool(gone)


def _remove_years(connection: Connection, root: Path, schema: str, dataset_id: str) -> None:
    """Remove the folders that no year names; those that were named until now may still be read for a while."""
    named = {(one.axis, one.folder) for one in years_of(connection, schema, dataset_id)}
    kept = {folder_of(root, schema, dataset_id, axis) / name for axis, name in named}
    for axis in _children(folder_of(root, schema, dataset_id)):
        for folder in _children(axis):
            if folder.name.startswith("."):  # of a run that died: nobody else is at this dataset
                shutil.rmtree(folder, ignore_errors=True)
            elif folder not in kept:
                _remove_old(folder)


def _is_whole(folder: Path, size_bytes: int) -> bool:
    """Whether the files of a year are there as they were written, as far as their sizes tell."""
    try:
        return sum(one.stat().st_size for one in folder.iterdir()) == size_bytes
    except OSError:
        return False


def _remove_datasets(root: Path, schema: str, known: Iterable[str]) -> None:
    kept = {folder_of(root, schema, one) for one in known}
    for folder in _children(folder_of(root, schema, "x").parent):
        if folder not in kept:
            _remove_old(folder)


def _remove_old(folder: Path) -> None:
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime > _ORPHAN_S:
            shutil.rmtree(folder, ignore_errors=True)


def _children(folder: Path) -> list[Path]:
    try:
        return [one for one in folder.iterdir() if one.is_dir()]
    except OSError:
        return []


@contextmanager
def _alone(connection: Connection, schema: str, dataset_id: str) -> Iterator[bool]:
    """Hold the lock of a dataset for as long as the block, or the connection, lasts; whether it was to be had."""
    key = (_LOCK, f"{schema}.{dataset_id}")
    row = connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key).fetchone()
    try:
        yield row == (True,)
    finally:
        if row == (True,) and not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)


# -- processes --------------------------------------------------------------------------------------------------------


def _built(plans: Sequence[YearPlan], executor: Executor | None) -> Iterator[tuple[YearPlan, YearMade]]:
    """Yield what was made of each plan, as it is ready; without an executor in this process."""
    if executor is None:
        yield from ((plan, build_year(plan)) for plan in plans)
    else:
        yield from spread(executor, build_year, ((plan,) for plan in plans), _died)


def _died(plan: YearPlan) -> YearMade:
    return YearMade(plan.year, plan.name, failure="the process that made it was ended, perhaps for want of memory")


def _processes(jobs: int) -> AbstractContextManager[Executor | None]:
    """So many processes, each of one thread and after everybody else's work; with one job, this process."""
    return nullcontext() if jobs == 1 else Processes(jobs, YEAR.begin, YEAR.environ)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Silent:
    def stage(self, title: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""
