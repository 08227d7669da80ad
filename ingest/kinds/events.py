"""Sources of kind `events`: one row for each event of a catalogue (ci), and one for the catalogue as a file (ca)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from epntap.addresses import Addresses
from epntap.archive.model import ScannedFile
from epntap.catalog.model import Column
from epntap.epncore.text import clean_granule_uid
from epntap.errors import UnreadableFileError
from epntap.media import media_type
from epntap.strict import StrictTable
from eventtables.cells import texts_of
from eventtables.model import EventColumn, Events, EventStream, EventTableError
from eventtables.readers import Wishes, open_table
from eventtables.times import julian_dates, spelled
from ingest.facts import Refusal, Remark, RowFacts, Value
from ingest.files.scan import Scanner, archive_file
from ingest.progress import Progress
from ingest.sources.keys import Key, Takes
from ingest.sources.kind import RowKind
from ingest.sources.single import SingleFile, looked_at
from ingest.tables.plan import FORBIDDEN
from ingest.tables.rules import RecordMapper, RowProblem, Rule, check_fields, known_values, read_rules
from ingest.tables.values import Raw

__all__ = ["EVENTS"]

_FILE_COLUMNS = ("access_url", "access_format", "access_estsize", "file_name")


class Rows(StrEnum):
    """What rows stand for."""

    EVENTS = "events"
    CATALOGUE = "catalogue"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class EventsPlan:
    """What a source says of its catalogue."""

    wishes: Wishes
    rows: Rows = Rows.BOTH
    #: of the rows of events; fields are `start`, `stop`, `number` and the columns of the catalogue
    rules: tuple[Rule, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that rows may have a value in."""
        made = ("dataproduct_type", "time_min", "time_max", *_FILE_COLUMNS)
        return tuple(dict.fromkeys((*made, *(rule.column for rule in self.rules))))

    @property
    def relative_urls(self) -> frozenset[str]:
        """Columns of addresses that start at the service itself."""
        return frozenset({"access_url"}) - {rule.column for rule in self.rules}

    @property
    def frames(self) -> frozenset[str]:
        """Values of spatial_frame_type in its rows, as far as they are known before; one that is not is empty."""
        return known_values(self.rules, "spatial_frame_type")


def _read_plan(table: StrictTable, custom: Mapping[str, Column]) -> EventsPlan:
    rows = table.choice("rows", [one.value for one in Rows])
    first_day = table.whole("first_day")
    if first_day not in {None, 0, 1}:
        table.fail(f"first_day is the number of the first of January, 0 or 1, but is {first_day}.")
    columns = table.table("columns")
    return EventsPlan(
        Wishes(
            start=table.text("start") or "",
            stop=table.text("stop") or "",
            catalogue=table.text("catalogue") or "",
            first_day=first_day,
        ),
        Rows(rows) if rows else Rows.BOTH,
        read_rules(columns, custom, FORBIDDEN) if columns is not None else (),
    )


def _open(
    path: Path, plan: EventsPlan, columns: Mapping[str, Column], schema: str, scanner: Scanner, progress: Progress
) -> SingleFile:
    scanned = looked_at(path, scanner, progress)
    return SingleFile(scanned, path.name, _Catalogue(path, plan, columns, schema, scanned).rows)


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """A catalogue that has not been opened yet."""

    path: Path
    plan: EventsPlan
    columns: Mapping[str, Column]
    schema: str
    scanned: ScannedFile

    def rows(self, advance: Callable[[int], None]) -> Iterator[RowFacts | Refusal | Remark]:
        try:
            with self.path.open("rb") as file:
                yield from self._told(_opened(file, self.path.stem, self.plan.wishes), advance)
        except OSError as exc:
            raise UnreadableFileError(f"{self.path.name} cannot be opened: {exc.strerror}") from exc
        except EventTableError as exc:
            raise UnreadableFileError(str(exc).rstrip(".")) from exc

    def _told(self, stream: EventStream, advance: Callable[[int], None]) -> Iterator[RowFacts | Refusal | Remark]:
        own = clean_granule_uid(self.path.stem)
        names = [column.name for column in stream.about.columns]
        check_fields("catalogue", self.plan.rules, ["start", "stop", "number", *names])
        units = {column.name: column.unit for column in stream.about.columns if column.unit}
        mapper = RecordMapper(self.plan.rules, self.columns, units)
        number, first, last = 0, float("inf"), float("-inf")
        for events in stream.chunks:
            starts, stops = julian_dates(events.start).tolist(), julian_dates(events.stop).tolist()
            if starts:
                first, last = min(first, *starts), max(last, *stops)
            if self.plan.rows is Rows.CATALOGUE:
                continue
            records = _records(stream.about.columns, events, number + 1) if self.plan.rules else ()
            for place, (time_min, time_max) in enumerate(zip(starts, stops, strict=True)):
                number += 1
                uid = f"{own}_{number}"
                row: dict[str, Value] = {
                    "granule_uid": uid, "granule_gid": own, "obs_id": uid, "dataproduct_type": "ci",
                    "time_min": time_min, "time_max": time_max,
                }  # fmt: skip
                origin = f"{self.path.name} event {number}"
                if records:
                    try:
                        row |= mapper.values(records[place])
                    except RowProblem as exc:
                        yield Refusal(origin, str(exc), granules=1)
                        continue
                yield RowFacts(row, origin)
            advance(len(starts))
        yield from (Remark(self.path.name, warning) for warning in stream.warnings)
        if self.plan.rows is not Rows.EVENTS:
            yield self._catalogue(own, (first, last) if last >= first else None)

    def _catalogue(self, own: str, span: tuple[float, float] | None) -> RowFacts:
        times: dict[str, Value] = {} if span is None else {"time_min": span[0], "time_max": span[1]}
        values: dict[str, Value] = {
            "granule_uid": own,
            "granule_gid": "catalogue",
            "obs_id": own,
            "dataproduct_type": "ca",
            **times,
            "access_url": Addresses().file(self.schema, self.path.name),
            "access_format": media_type(self.path.name),
            "access_estsize": max(1, round(self.scanned.size_bytes / 1000)),
            "file_name": self.path.name,
        }
        return RowFacts(values, self.path.name, archive_file(self.scanned, self.schema))


def _opened(file: BinaryIO, name: str, wishes: Wishes) -> EventStream:
    def from_its_beginning() -> BinaryIO:
        file.seek(0)
        return file

    return open_table(from_its_beginning, name, wishes)


def _records(columns: Sequence[EventColumn], events: Events, number: int) -> list[Mapping[str, Raw]]:
    """The events as named texts; `number` is that of the first."""
    cells = [texts_of(column, values) for column, values in zip(columns, events.values, strict=True)]
    names = ["start", "stop", "number", *(column.name for column in columns)]
    numbers = range(number, number + len(events))
    rows = zip(spelled(events.start, 6), spelled(events.stop, 6), numbers, *cells, strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


EVENTS = RowKind(
    name="events",
    own_keys={
        "rows": Key(Takes.CHOICE, "Rows for each event, for the catalogue as a file, or both", tuple(Rows)),
        "start": Key(Takes.TEXT, "Column of a CSV that holds the starts"),
        "stop": Key(Takes.TEXT, "Column of a CSV that holds the ends"),
        "catalogue": Key(Takes.TEXT, "Which of the catalogues in a file of TSCat"),
        "first_day": Key(Takes.WHOLE, "Number of the first of January, where days are counted by year"),
        "columns": Key(Takes.RULES, "Column = field, template or rule"),
    },
    is_file=True,
    read_plan=_read_plan,
    look=_open,
)
