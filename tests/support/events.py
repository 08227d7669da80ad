"""Tables of events for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eventtables.cells import texts_of
from eventtables.model import Description, EventColumn, Events, EventTable, Kind
from eventtables.times import spelled
from eventtables.writers import WRITERS

__all__ = ["ICMECAT", "catalogue", "cells_of", "chunked", "intervals", "real", "written"]

#: the form of HELIO4CAST's list of ICMEs: a first column without a name, minutes, empty cells
ICMECAT = (
    ",icmecat_id,sc_insitu,icme_start_time,mo_start_time,mo_end_time,mo_bmax,mo_sc_r\r\n"
    "0,ICME_Wind_NASA_1,Wind,2007-11-19T17:22Z,2007-11-20T00:33Z,2007-11-20T11:31Z,19.1,0.98\r\n"
    "1,ICME_VEX_2,VEX,2008-01-02T03:04Z,2008-01-02T09:00Z,2008-01-03T01:02Z,,0.72\r\n"
)


def catalogue() -> EventTable:
    """With a column of every kind, hostile texts, and cells without a value."""
    columns = (
        EventColumn("B min", Kind.DOUBLE, "nT", "phys.magField", "", 'least field; <b> & "more"'),
        EventColumn("count", Kind.INT),
        EventColumn("kind", Kind.TEXT, description="de la classe"),
        EventColumn("peak", Kind.TIME, ucd="time.epoch"),
        EventColumn("sure", Kind.BOOLEAN),
        EventColumn("v", Kind.DOUBLE, "km/s", size=3),
    )
    values = (
        np.array([-7.25, np.nan, 0.1 + 0.2]),
        _objects([3, None, -(2**40)]),
        _objects(['<a & "b">, é', None, "two words\\n"]),
        np.array(["2001-01-01T00:30:00.125", "NaT", "2001-01-03"], dtype="datetime64[us]"),
        _objects([True, None, False]),
        np.array([[1.0, 2.5, -3.0], [0.0, 1e300, 5e-324], [7.0, 8.0, 9.0]]),
    )
    start = np.array(["2001-01-02T00:00:00", "2001-01-01T00:00:00.001", "2001-01-03T00:00:00.000001"], "datetime64[us]")
    stop = np.array(["2001-01-02T01:00:00", "2001-01-01T00:00:00.001", "2001-01-04"], dtype="datetime64[us]")
    about = Description(
        "shocks at Earth",
        description="All of them.\nAnd <more>.",
        contact="a@b.c",
        history="Made by hand.",
        created="2020-01-02T03:04:05",
        reference="10.1234/abc",
        licence="CC-BY-4.0",
        authors="A, B",
        columns=columns,
    )
    return EventTable(about, Events(start, stop, values))


def intervals(pairs: Sequence[tuple[int, int]], name: str = "one") -> EventTable:
    """A time table of whole seconds."""
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2) * 1_000_000
    return EventTable(
        Description(name), Events(ends[:, 0].astype("datetime64[us]"), ends[:, 1].astype("datetime64[us]"))
    )


def written(table: EventTable, form: str) -> bytes:
    """The table in a form, made in two chunks."""
    return b"".join(WRITERS[form].write(table.about, table.events.survey, chunked(table.events)))


def chunked(events: Events) -> list[Events]:
    """The events in two parts."""
    half = len(events) // 2
    return [events.taken(slice(0, half)), events.taken(slice(half, None))]


def cells_of(table: EventTable) -> dict[str, list[str]]:
    """All cells by column, as texts that give the values back."""
    ends = {"start": spelled(table.events.start, 6), "stop": spelled(table.events.stop, 6)}
    columns = zip(table.about.columns, table.events.values, strict=True)
    return {**ends, **{column.name: texts_of(column, values) for column, values in columns}}


def real(shared: Path, name: str) -> bytes:
    """A file that AMDA has written."""
    return (shared / "data" / "other" / "amda" / name).read_bytes()


def _objects(values: Sequence[object]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
