"""Granules: what is known of a dataset and its files becomes rows, formatted for COPY. No I/O here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from functools import cache, cached_property
from urllib.parse import quote

from epntap.addresses import Addresses, around_uid
from epntap.archive.model import ArchiveFile, Dataset
from epntap.catalog.model import Table
from epntap.epncore.columns import TABLE_UTYPE, by_name, table_columns
from epntap.epncore.text import clean_granule_uid, clean_text
from epntap.instants.days import day_of
from epntap.instants.julian import jd_from_datetime
from epntap.instants.tt2000 import jd_from_tt2000
from epntap.media import MEDIA_TYPES
from epntap.pieces import in_pieces
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.definition.model import Definition, Granule
from ingest.facts import DatasetFacts, Refusal, Value
from ingest.files.versions import edition_of
from ingest.publish.rows.block import (
    BLOCK_ROWS,
    COPY_ORDER,
    DATASET_ID,
    NULL,
    ROW_DATES,
    Block,
    copy_columns,
    copy_text,
)

__all__ = [
    "CDF_MEDIA_TYPE",
    "THUMBNAIL_WIDTH",
    "GranuleBuilder",
    "common_values",
    "epn_core_table",
    "files_out_of_dates",
]

#: relative to the public address
_ADDRESSES = Addresses()


#: optional columns that every table made here has
_ALWAYS = (
    "access_url",
    "access_format",
    "access_estsize",
    "file_name",
    "datalink_url",
    "thumbnail_url",
    "publisher",
    "processing_level_desc",
    "external_link",
    "bib_reference",
    "target_region",
    "spatial_coordinate_description",
)


_NO_ACCESS = "\t".join([NULL] * 4)
#: JD of the midnight before day 1 of the calendar of `datetime.date`
_JD_OF_ORDINAL_ZERO = 1_721_424.5
CDF_MEDIA_TYPE = MEDIA_TYPES["cdf"]
#: of thumbnails, pixels: the narrowest picture that has words
THUMBNAIL_WIDTH = 320


def epn_core_table(definition: Definition, facts: Sequence[DatasetFacts]) -> Table:
    """The epn_core of a service: the mandatory columns, the optional ones it uses, its own, and dataset_id."""
    used = set(_ALWAYS)
    for one in facts:
        used.update(name for name, value in one.values.items() if value is not None)
    columns = table_columns(
        sorted(used.difference(column.name for column in definition.custom)),
        frame=_only_value(facts, "spatial_frame_type") or "none",
        particles=_only_value(facts, "particle_spectral_type") or "energy",
    )
    return Table(
        schema=definition.schema,
        name="epn_core",
        columns=(*columns, *definition.custom, DATASET_ID),
        utype=TABLE_UTYPE,
        title=definition.title,
        description=definition.description or definition.title,
        primary_key=("granule_uid",),
    )


def _only_value(facts: Sequence[DatasetFacts], column: str) -> str | None:
    """The value of a column if it is the same wherever there is one."""
    found = {str(one.values[column]) for one in facts if one.values.get(column) is not None}
    return found.pop() if len(found) == 1 else None


def common_values(definition: Definition, facts: DatasetFacts) -> dict[str, Value]:
    """The epn_core values that all rows of a dataset share; the facts hold what the definition sets already.

    If only one end of a range is known it stands in both columns (EPN-TAP 2.0 §1.2).
    """
    values: dict[str, Value] = {"spatial_frame_type": "none", "publisher": clean_text(definition.publisher)}
    values |= {name: value for name, value in facts.values.items() if value is not None}
    values |= {"service_title": definition.schema, "dataset_id": facts.dataset.dataset_id}
    for name, value in list(values.items()):
        for end, other in (("min", "max"), ("max", "min")):
            partner = name.removesuffix(end) + other
            if name.endswith(end) and value is not None and values.get(partner) is None and by_name(partner):
                values[partner] = value
    return values


def files_out_of_dates(plan: DatasetPlan) -> tuple[Refusal, ...]:
    """Files of which no day or month has a row, because the description ends before them or begins after."""
    clip = _Clip(plan)
    if plan.granule is Granule.FILE or plan.held_only:
        return ()
    outside = []
    for file in plan.shared:
        if not (clip.is_dated and file.days_held.meets(clip.first_day, clip.last_day)):
            dates = f"{plan.dataset.start} to {plan.dataset.stop}" if clip.is_dated else "none"
            reason = f"it holds no record of a day of {plan.dataset.dataset_id}, whose dates are {dates}"
            outside.append(Refusal(file.path, reason))
    return tuple(sorted(outside, key=lambda refusal: refusal.path))


class GranuleBuilder:
    """Makes the rows of a service.

    `now` is a DALI timestamp for the three dates of the rows of a new table where nothing else is known. Rows for a
    table that is there come without them (`is_new` is false), save the modification_date of those that are touched.
    No row starts after `today` but those of days that files hold.
    """

    def __init__(self, definition: Definition, table: Table, today: date, now: str, *, is_new: bool) -> None:
        self._definition = definition
        self._constant_columns = [name for name in copy_columns(table) if name not in COPY_ORDER]
        self._today = today.toordinal()
        self._now = now
        self._is_new = is_new

    def blocks(self, plan: DatasetPlan) -> Iterator[Block]:
        """The rows of one dataset."""
        values = self._dated(common_values(self._definition, plan.facts))
        tail = self._tail(values)
        modified = copy_text(values.get("modification_date"))
        thumbnails = _Thumbnails(plan, values.get("thumbnail_url"), self._definition.schema)
        yield from self._calendar_blocks(plan, thumbnails, modified, tail)
        rows = (
            self._file_row(file, plan.dataset, thumbnails, self._now if file in plan.touched else modified, tail)
            for file in plan.single
        )
        for some in in_pieces(rows, BLOCK_ROWS):
            yield Block("".join(some).encode(), len(some))

    def count(self, plan: DatasetPlan) -> int:
        """How many rows `blocks` will make."""
        return len(_starts(plan, self._today)) + len(plan.single)

    def kinds(self, plan: DatasetPlan) -> Iterator[tuple[Mapping[str, Value], int]]:
        """Values that rows share, and how many rows do: all columns that have few values in a service."""
        values = common_values(self._definition, plan.facts)
        rows, held = self.count(plan), self._count_offering(plan)
        yield {**values, "access_format": CDF_MEDIA_TYPE}, held
        yield {**values, "access_format": None}, rows - held

    def _count_offering(self, plan: DatasetPlan) -> int:
        """How many rows have an access_url."""
        if not _is_open(plan.dataset):
            return 0
        if plan.granule is Granule.FILE:
            return len(plan.single)
        label_of, _ = _CALENDARS[plan.granule]
        held = dict(_kilobytes_by_label(plan))
        return sum(label_of(day) in held for day in _starts(plan, self._today)) + len(plan.single)

    def _calendar_blocks(self, plan: DatasetPlan, thumbnails: _Thumbnails, modified: str, tail: str) -> Iterator[Block]:
        if plan.granule is Granule.FILE:
            return
        prefix = _prefix(plan)
        link, after = around_uid(lambda uid: _ADDRESSES.links(uid, self._definition.schema))
        link += quote(prefix, safe="")
        access = {
            label: _access(prefix + label, size, self._definition.schema) for label, size in _kilobytes_by_label(plan)
        }
        touched = dict.fromkeys(_touched_labels(plan), self._now)
        for periods in self._periods(plan):
            rows = [
                f"{prefix}{label}\t{prefix}{label}\t{low}\t{high}\t{access.get(label, _NO_ACCESS)}"
                f"\t{link}{label}{after}\t{thumbnails.of(prefix + label, is_offered=label in access)}"
                f"\t{touched.get(label, modified)}{tail}"
                for label, low, high in periods
            ]
            yield Block("".join(rows).encode(), len(rows))

    def _periods(self, plan: DatasetPlan) -> Iterator[list[tuple[str, str, str]]]:
        """End of the granule_uid, start and end of each day or month that has a row; as many as a block has."""
        starts = _starts(plan, self._today)
        if not starts:
            return
        clip = _Clip(plan)
        label_of, following = _CALENDARS[plan.granule]
        for first in range(0, len(starts), BLOCK_ROWS):
            some = starts[first : first + BLOCK_ROWS]
            yield [(label_of(day), clip.low(day), clip.high(following(day))) for day in some]

    # -- rows without what their dataset shares (epntap/catalog/narrow) --

    def shared_values(self, plan: DatasetPlan) -> dict[str, Value]:
        """What the rows of a dataset share. thumbnail_url is empty where it is a picture of the granule."""
        values = dict(self._dated(common_values(self._definition, plan.facts)))
        if values.get("thumbnail_url") is None and plan.is_drawable:
            values["thumbnail_url"] = ""
        return values

    def own_blocks(self, plan: DatasetPlan, number: int, *, has_files: bool) -> Iterator[Block]:
        """What differs from row to row, the number of the dataset in front of it; for a new table."""
        prefix = _prefix(plan)
        sizes = {} if plan.granule is Granule.FILE else dict(_kilobytes_by_label(plan))
        for periods in self._periods(plan):
            rows = []
            for label, low, high in periods:
                size = sizes.get(label, NULL)
                rows.append(f"{number}\t{low}\t{high}\t{size}\t{prefix}{label}")
                if has_files:
                    rows.append(f"\t{prefix}{label}\t{NULL if size is NULL else f'{prefix}{label}.cdf'}")
                rows.append("\n")
            yield Block("".join(rows).encode(), len(periods))
        of_files = (self._own_file_row(file, plan.dataset, number) for file in plan.single)
        for some in in_pieces(of_files, BLOCK_ROWS):
            yield Block("".join(some).encode(), len(some))

    def _own_file_row(self, file: ArchiveFile, dataset: Dataset, number: int) -> str:
        uid, observation, low, high = _named(file)
        size, name = NULL, NULL
        if _is_open(dataset):
            size, name = str(_kilobytes(file.size_bytes)), f"{clean_granule_uid(file.stem)}.cdf"
        return f"{number}\t{low}\t{high}\t{size}\t{uid}\t{observation}\t{name}\n"

    def _file_row(self, file: ArchiveFile, dataset: Dataset, thumbnails: _Thumbnails, modified: str, tail: str) -> str:
        uid, observation, low, high = _named(file)
        schema = self._definition.schema
        access = (
            _access(uid, _kilobytes(file.size_bytes), schema, clean_granule_uid(file.stem))
            if _is_open(dataset)
            else _NO_ACCESS
        )
        link = _ADDRESSES.links(uid, schema)
        thumbnail = thumbnails.of(uid, is_offered=_is_open(dataset))
        return f"{uid}\t{observation}\t{low}\t{high}\t{access}\t{link}\t{thumbnail}\t{modified}{tail}"

    def _dated(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """The values with the three dates, for a new table."""
        if not self._is_new:
            return values
        created = values.get("creation_date") or self._now
        return {**dict.fromkeys(ROW_DATES, created), **{k: v for k, v in values.items() if v is not None}}

    def _tail(self, values: Mapping[str, Value]) -> str:
        """The end of a row, from the first constant column on."""
        return "".join(f"\t{copy_text(values.get(name))}" for name in self._constant_columns) + "\n"


class _Thumbnails:
    """The thumbnails of a dataset: the one that the definition names for all its rows, or pictures of the data."""

    def __init__(self, plan: DatasetPlan, given: Value, schema: str) -> None:
        self._given = None if given is None else copy_text(given)
        self._is_drawable = plan.is_drawable
        self._around = around_uid(lambda uid: _ADDRESSES.preview(uid, schema, THUMBNAIL_WIDTH))

    def of(self, uid: str, *, is_offered: bool) -> str:
        """As COPY reads it; `is_offered` says whether the row has an access_url, whoever may use it today."""
        if self._given is not None:
            return self._given
        before, after = self._around
        return f"{before}{quote(uid)}{after}" if is_offered and self._is_drawable else NULL


def _starts(plan: DatasetPlan, today: int) -> Sequence[int]:
    """First days of the periods that have a row, as date.toordinal counts them."""
    clip = _Clip(plan)
    if plan.granule is Granule.FILE or not clip.is_dated:
        return ()
    if plan.held_only:
        held = {day for file in plan.files for day in file.days_held}
        return sorted(held if plan.granule is Granule.DAY else {_month_of(day) for day in held})
    first, last = clip.first_day, min(clip.last_day, today)
    if plan.granule is Granule.DAY:
        return range(first, last + 1)
    months = []
    month = _month_of(first)
    while month <= last:
        months.append(month)
        month = _month_after(month)
    return months


class _Clip:
    """Days of a dataset as numbers (date.toordinal), and its two ends as Julian dates."""

    def __init__(self, plan: DatasetPlan) -> None:
        self._start, self._stop = plan.dataset.start, plan.dataset.stop
        self._plan = plan

    @property
    def is_dated(self) -> bool:
        """Whether the dataset covers any time; a placeholder does not."""
        return self._start is not None and self._stop is not None and self._start <= self._stop

    @cached_property
    def start(self) -> datetime:
        assert self._start is not None
        return self._start

    @cached_property
    def stop(self) -> datetime:
        assert self._stop is not None
        return self._stop

    @cached_property
    def first_day(self) -> int:
        return self.start.toordinal()

    @cached_property
    def last_day(self) -> int:
        # the day that begins at the very end of the dataset is empty, unless a file ends with a record there
        last = self.stop.toordinal()
        if self.stop == self.start or self.stop.time() != time.min:
            return last
        return last if any(_ends_as_day_begins(file, last) for file in self._plan.files) else last - 1

    def low(self, day: int) -> str:
        """JD of the midnight before a day, or of the start of the dataset if that is later."""
        return _jd_text(day) if day > self.first_day else repr(jd_from_datetime(max(self.start, _midnight(day))))

    def high(self, day: int) -> str:
        """JD of the midnight before a day, or of the end of the dataset if that is earlier."""
        return _jd_text(day) if day <= self.last_day else repr(jd_from_datetime(min(self.stop, _midnight(day))))


def _ends_as_day_begins(file: ArchiveFile, day: int) -> bool:
    """Whether the last record of a file is at the midnight before a day."""
    stop = file.tt2000_max
    return stop is not None and day_of(stop) == day and day_of(stop - 1) < day


def _prefix(plan: DatasetPlan) -> str:
    return f"{clean_granule_uid(plan.dataset.dataset_id)}_"


def _named(file: ArchiveFile) -> tuple[str, str, str, str]:
    """granule_uid, obs_id, time_min and time_max of the row of a file."""
    assert file.tt2000_min is not None
    assert file.tt2000_max is not None
    observation = clean_granule_uid(edition_of(file.stem).product)
    return file.uid, observation, repr(jd_from_tt2000(file.tt2000_min)), repr(jd_from_tt2000(file.tt2000_max))


def _touched_labels(plan: DatasetPlan) -> set[str]:
    """Ends of the granule_uids of periods with a file that came, went or changed."""
    label_of = _label_of(plan)
    return {label_of(day) for file in plan.touched for day in file.days_held}


def _label_of(plan: DatasetPlan) -> Callable[[int], str]:
    return _day_label if plan.granule is Granule.DAY else _month_label


def _kilobytes_by_label(plan: DatasetPlan) -> Iterable[tuple[str, int]]:
    """End of the granule_uid, and size, of periods that files reach into."""
    if not _is_open(plan.dataset):
        return ()
    label_of = _label_of(plan)
    bytes_of: dict[str, float] = {}
    for file in plan.files:
        days = file.days_held
        for day in days:
            label = label_of(day)
            bytes_of[label] = bytes_of.get(label, 0.0) + file.size_bytes / len(days)
    return [(label, _kilobytes(size)) for label, size in bytes_of.items()]


def _access(uid: str, kilobytes: int, schema: str, name: str = "") -> str:
    """The four access columns; `name` is that of the file, where it is another than the identifier."""
    return f"{_ADDRESSES.data(uid, 'cdf', schema)}\t{CDF_MEDIA_TYPE}\t{kilobytes}\t{name or uid}.cdf"


def _kilobytes(size_bytes: float) -> int:
    return max(1, round(size_bytes / 1000))


def _is_open(dataset: Dataset) -> bool:
    # an embargo ends by itself: addresses are told in advance
    return dataset.rights.open


@cache
def _day_label(day: int) -> str:
    return date.fromordinal(day).strftime("%Y%m%d")


def _month_label(day: int) -> str:
    return _day_label(day)[:6]


@cache
def _jd_text(day: int) -> str:
    """JD of the midnight before a day."""
    return repr(day + _JD_OF_ORDINAL_ZERO)


def _midnight(day: int) -> datetime:
    return datetime.combine(date.fromordinal(day), time.min)


def _day_after(day: int) -> int:
    return day + 1


def _month_of(day: int) -> int:
    """The first day of the month of a day."""
    return date.fromordinal(day).replace(day=1).toordinal()


def _month_after(day: int) -> int:
    return _month_of(_month_of(day) + 31)


#: end of the granule_uid, and the first day of the next period, both from the first day of a period
_CALENDARS: Mapping[Granule, tuple[Callable[[int], str], Callable[[int], int]]] = {
    Granule.DAY: (_day_label, _day_after),
    Granule.MONTH: (_month_label, _month_after),
}
