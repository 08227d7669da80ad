"""The story of a catalogue of statistics: event by event, from summaries where they are exact, else from records."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from cutouts.interval import Interval
from epntap.connection import Connection
from epntap.errors import ParameterError
from eventtables.measured.columns import MeasuredColumns
from eventtables.measured.request import MeasureRequest
from eventtables.model import Events, EventTable, Instants
from eventtables.store.tables import StoredTable, table_called, whole_table
from summaries.grid import instants_of
from summaries.reader import Summaries

__all__ = ["Measuring"]

#: events of one table
_MOST_EVENTS = 100_000
#: that instants are counted from, and what they can reach
_EPOCH = np.datetime64("2000-01-01", "us")
_FIRST, _AFTER = np.datetime64("1708-01-01", "us"), np.datetime64("2291-01-01", "us")


@dataclass(frozen=True, slots=True)
class Measuring:
    """Makes catalogues of statistics."""

    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    summaries: Summaries

    def table(self, request: MeasureRequest, report: Callable[[int, int], None]) -> EventTable:
        """The events of the table with statistics of the parameters; an instant has no records.

        `report` is told how many are done, of how many, and may raise to end it. Raises our errors.
        """
        with self.connect() as connection:
            stored = table_called(connection, request.table, request.caller)
            _check(stored)
            source = whole_table(connection, stored)
        columns = MeasuredColumns(request.chosen)
        remarks = self._measure(request, source.events, columns, report)
        about = source.about
        events = replace(source.events, values=(*source.events.values, *columns.values()))
        described = (*about.columns, *columns.described())
        history = "\n".join(part for part in (about.history, _how(request), *remarks) if part)
        name = f"{about.name} with statistics"
        return EventTable(replace(about, name=name, history=history, columns=described), events)

    def _measure(
        self, request: MeasureRequest, events: Events, columns: MeasuredColumns, report: Callable[[int, int], None]
    ) -> list[str]:
        """Fill the columns; what else should be known of them, a sentence each."""
        held = request.held
        extent = Interval(held.first_tt2000, held.last_tt2000 + 1)
        asked = replace(
            self.summaries.ask(
                held.schema,
                held.dataset_id,
                [one.variable.name for one in request.chosen],
                interval=extent,
                caller=request.caller,
            ),
            exactly=True,
        )
        starts, stops = _tt2000(events.start), _tt2000(events.stop)
        remarks: dict[str, None] = {}
        for number, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            report(number, len(starts))
            columns.add(asked.whole(Interval(start, stop).intersect(extent)))
            remarks.update(dict.fromkeys(asked.remarks))
            asked.remarks.clear()
        report(len(starts), len(starts))
        return list(remarks)


def _check(stored: StoredTable) -> None:
    if stored.survey.count > _MOST_EVENTS:
        raise ParameterError(
            f"EVENTS: {stored.name} has {stored.survey.count:,} events, and statistics are made of {_MOST_EVENTS:,} at "
            "most; please take a smaller table."
        )


def _how(request: MeasureRequest) -> str:
    changed = datetime.fromtimestamp(request.held.changed_ns // 1_000_000_000, UTC)
    names = ", ".join(one.name for one in request.chosen)
    return (
        f"Made as statistics of {names} of the dataset {request.held.public_id} for each event of {request.table}, "
        f"from files of which the last was changed at {changed:%Y-%m-%dT%H:%M:%SZ}."
    )


def _tt2000(times: Instants) -> list[int]:
    """As instants; those that files cannot have become the nearest that they can."""
    labels = (np.clip(times, _FIRST, _AFTER) - _EPOCH).astype("timedelta64[ns]").astype(np.int64)
    found: list[int] = instants_of(labels).tolist()
    return found
