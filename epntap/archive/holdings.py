"""The datasets that servers of time series give: who may have which, under which names, from which files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Generic, TypeVar

import numpy as np

from epntap.access import Caller, may_now, rights_of
from epntap.archive.files import files_overlapping
from epntap.archive.kept.series import HeldSeries, all_series, next_release
from epntap.archive.model import ArchiveFile
from epntap.catalog.model import Catalog
from epntap.connection import Connection
from epntap.db.caller import seen_whole
from epntap.instants.julian import dali_timestamp

__all__ = ["TIME", "Held", "Holdings", "estimated_records", "files_for", "may_have", "names_of_variables"]

#: the parameter of every dataset that is its time
TIME = "Time"


class Held:
    """All datasets at one time, by public identifier."""

    def __init__(self, series: Iterable[HeldSeries], generation: int = 0) -> None:
        #: another number after each reading
        self.generation = generation
        self._by_id = {one.public_id: one for one in series}

    def all(self, caller: Caller) -> list[HeldSeries]:
        """Those that the caller may have."""
        return [one for one in self._by_id.values() if may_have(caller, one)]

    def series(self, public_id: str, caller: Caller) -> HeldSeries | None:
        """The one with this identifier; None also for one that the caller may not have."""
        held = self._by_id.get(public_id)
        return held if held is not None and may_have(caller, held) else None


def may_have(caller: Caller, held: HeldSeries) -> bool:
    """Whether the caller may have the dataset now; its files may have embargoes of their own."""
    return may_now(caller, rights_of(held.access_rights, held.embargoed_until, groups=held.groups))


SomeHeld = TypeVar("SomeHeld", bound=Held)


class Holdings(Generic[SomeHeld]):
    """The datasets of a process, read again after each publication and when an embargo ends."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Connection]],
        catalog: Callable[[], Catalog],
        make: Callable[[Iterable[HeldSeries], int], SomeHeld],
    ) -> None:
        """`connect` lends a connection in the service role, `catalog` gives another object after a publication.

        `make` makes what a server keeps of the datasets, with the number of the reading.
        """
        self._connect = connect
        self._catalog = catalog
        self._make = make
        self._lock = threading.Lock()
        self._of: Catalog | None = None
        self._until: str | None = None
        self._held = make((), 0)

    def __call__(self) -> tuple[Catalog, SomeHeld]:
        """The catalogue and the datasets that belong to it."""
        catalog = self._catalog()
        with self._lock:
            now = dali_timestamp(datetime.now(UTC).replace(tzinfo=None))
            if catalog is not self._of or (self._until and self._until <= now):
                # of the whole, because what a caller may have of it is decided here, each time
                with self._connect() as connection, seen_whole(connection):
                    self._until = next_release(connection, now)
                    self._held = self._make(all_series(connection, now), self._held.generation + 1)
                self._of = catalog
            return catalog, self._held


def names_of_variables(held: HeldSeries) -> Mapping[str, str]:
    """CDF variable -> public name, unique in any case; what says where the bins of others are comes last.

    Commas are between names where several are asked for (HAPI 3.3 §8.2).
    """
    moving = {bins.variable for one in held.series.variables for bins in one.bins if bins.variable}
    ordered = sorted(held.series.variables, key=lambda one: one.name in moving)
    taken = {TIME.casefold()}
    found: dict[str, str] = {}
    for variable in ordered:
        key = variable.described.key if variable.described else held.keys.get(variable.name, variable.name)
        found[variable.name] = _free_name([key, variable.name], taken)
        taken.add(found[variable.name].casefold())
    return found


def _free_name(wanted: Sequence[str], taken: set[str]) -> str:
    plain = [one.replace(",", "_").replace("\n", " ") for one in wanted]
    number = 1
    while True:
        for name in plain:
            if name.casefold() not in taken:
                return name
        number += 1
        plain = [f"{wanted[-1].replace(',', '_')}_{number}"]


def files_for(
    connection: Connection, held: HeldSeries, start: int, stop: int, caller: Caller
) -> tuple[ArchiveFile, ...]:
    """The files with something of a half-open interval of TT2000 that the caller may have."""
    return tuple(
        file
        for file in files_overlapping(connection, held.schema, held.dataset_id, start, stop)
        if may_now(
            caller, rights_of(held.access_rights, held.embargoed_until, file.embargoed_until, groups=held.groups)
        )
    )


def estimated_records(
    held: HeldSeries, files: Sequence[ArchiveFile], start: int, stop: int, pieces: Sequence[tuple[int, int]] = ()
) -> int:
    """About so many records: of a file that reaches out of the interval the same share as of its time.

    `pieces` are the parts of the interval that are meant, where not all of it is.
    """
    parts = np.array(pieces or [(start, stop)], dtype=np.int64).astype(np.float64)
    before = np.concatenate([[0.0], np.cumsum(parts[:, 1] - parts[:, 0])])

    def passed(instant: int) -> float:
        """How much of the interval is before an instant."""
        place = int(np.searchsorted(parts[:, 0], instant, side="right"))
        if not place:
            return 0.0
        return float(before[place - 1] + min(instant, parts[place - 1, 1]) - parts[place - 1, 0])

    records, covered = 0.0, 0.0
    for file in files:
        if file.tt2000_min is None or file.tt2000_max is None:
            continue
        span = file.tt2000_max + 1 - file.tt2000_min
        inside = max(passed(file.tt2000_max + 1) - passed(file.tt2000_min), 0.0)
        records += file.records * inside / span
        covered += inside
    cadence = held.series.cadence_ns
    # files count the records of their longest axis, which may be another one
    return int(min(records, 4 * covered / cadence + 1) if cadence else records)
