"""Rows that sources describe one by one: the table that holds them, their checks, and their text for COPY."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from types import TracebackType
from typing import IO, Self

from epntap.access import NEVER
from epntap.archive.model import ArchiveFile, Dataset
from epntap.catalog.model import Column, Form, Table
from epntap.epncore.columns import TABLE_UTYPE, VALUE_REQUIRED, by_name, table_columns
from epntap.epncore.text import clean_text
from ingest.definition.model import Definition
from ingest.facts import Refusal, RowFacts, Value
from ingest.publish.coverage import MOST_VALUES, as_counts
from ingest.publish.rows.block import BLOCK_ROWS, DATASET_ID, ROW_DATES, Block, copy_columns, copy_text
from ingest.publish.rows.checks import value_problems
from ingest.sources.source import RowPlan
from ingest.validation.screen import NOTHING_WRONG, Screening

__all__ = ["RowSpool", "complete_row", "row_table"]

#: optional columns that every table made here has: those by which rows are copied, and the publisher
_ALWAYS = ("access_url", "access_format", "access_estsize", "file_name", "datalink_url", "publisher")
_NO_FRAME = "none"


def row_table(definition: Definition) -> Table:
    """The epn_core of a service with such sources: what its definition maps and sets, and its custom columns."""
    plans = [source.rows for source in definition.sources if source.rows is not None]
    kinds = dict.fromkeys(kind for _, kind in definition.row_sources)
    custom = (*definition.custom, *(column for kind in kinds for column in kind.own_columns))
    own = {column.name for column in custom} | {DATASET_ID.name}
    used = {*_ALWAYS, *definition.columns}.union(*(plan.columns for plan in plans))
    columns = table_columns(
        sorted(used - own),
        frame=_frame(definition, plans),
        relative_urls=frozenset().union(*(plan.relative_urls for plan in plans)),
    )
    makes_datasets = any(kind.makes_datasets for kind in kinds)
    if makes_datasets or DATASET_ID.name in used:
        custom = (*custom, DATASET_ID if makes_datasets else replace(DATASET_ID, nullable=True))
    return Table(
        schema=definition.schema,
        name="epn_core",
        columns=(*columns, *custom),
        utype=TABLE_UTYPE,
        title=definition.title,
        description=definition.description or definition.title,
        primary_key=("granule_uid",),
    )


def _frame(definition: Definition, plans: Iterable[RowPlan]) -> str:
    """The frame of all rows, as far as the definition fixes it."""
    if "spatial_frame_type" in definition.columns:
        return str(definition.columns["spatial_frame_type"])
    found = set[str]().union(*(plan.frames for plan in plans))
    return (found.pop() or _NO_FRAME) if len(found) == 1 else _NO_FRAME


def complete_row(definition: Definition, given: Mapping[str, Value]) -> dict[str, Value]:
    """All values of a row but for the dates of ingestion.

    What the definition sets wins, and one known end of a range stands for both (EPN-TAP 2.0 §1.2).
    """
    return _complete(_shared_values(definition), definition.columns, given)


def _shared_values(definition: Definition) -> dict[str, Value]:
    values: dict[str, Value] = {"spatial_frame_type": _NO_FRAME, "publisher": clean_text(definition.publisher)}
    values |= {**definition.columns, "service_title": definition.schema}
    return {name: value for name, value in values.items() if value is not None}


def _complete(shared: Mapping[str, Value], fixed: Iterable[str], given: Mapping[str, Value]) -> dict[str, Value]:
    fixed = {*fixed, "service_title"}
    values = {**shared, **{name: value for name, value in given.items() if value is not None and name not in fixed}}
    if "access_url" not in values:
        # what a definition says of all its files does not hold where there is none
        for name in ("access_format", "access_estsize"):
            if name in shared:
                del values[name]
    for name in list(values):
        partner = _partner(name)
        if partner is not None and partner not in values:
            values[partner] = values[name]
    return values


@cache
def _partner(name: str) -> str | None:
    """The other end of a range of the standard."""
    for end, other in (("min", "max"), ("max", "min")):
        partner = name.removesuffix(end) + other
        if name.endswith(end) and by_name(partner):
            return partner
    return None


class RowSpool:
    """Takes rows one by one, keeps those that may be written, and hands them out as blocks for COPY.

    `now` is a DALI timestamp for the dates of the rows of a new table; rows for one that is there come without, but
    for those whose file has `moved` (root and path): they are modified now whatever their values say. Rows that an
    earlier `screening` found wrong are kept away.
    """

    def __init__(
        self,
        definition: Definition,
        table: Table,
        now: str,
        *,
        is_new: bool,
        moved: Collection[tuple[str, str]] = (),
        screening: Screening = NOTHING_WRONG,
    ) -> None:
        self._screening = screening
        self._stamp = now
        self._moved = moved
        self._definition = definition
        self._table = table
        self._now = now if is_new else None
        self._columns = copy_columns(table)
        self._addresses = tuple(column for column in table.columns if column.name.endswith("_url"))
        self._shared = _shared_values(definition)
        self._origins: dict[str, str] = {}
        #: what every row of a table has where each must be of a dataset
        self._dataset = next((one for one in table.columns if one.name == DATASET_ID.name and not one.nullable), None)
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="epntap-rows-")  # noqa: SIM115  # closed by __exit__
        self._pending: list[str] = []
        self._blocks: list[tuple[int, int]] = []
        self._counters: dict[str, Counter[Value]] = {
            name: Counter() for name in self._columns if name not in {"granule_uid", *ROW_DATES}
        }
        self.rows = 0
        self.refused: list[Refusal] = []
        self.quarantined: list[Refusal] = []
        #: of the rows that are kept
        self.files: list[ArchiveFile] = []
        #: by dataset_id
        self.datasets: dict[str, Dataset] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, row: RowFacts, dataset: Dataset | None = None) -> str | None:
        """Take a row, or put it among the refused; its granule_uid if it was taken."""
        said = _complete(self._shared, self._definition.columns, row.values)
        # only a date that is declared closes data; what ingestion puts in by itself never does
        if self._definition.closing.groups:
            said.setdefault("release_date", NEVER)
        released = said.get("release_date")
        values = self._dated(said)
        if row.file is not None and (row.file.root, row.file.path) in self._moved:
            values.setdefault("modification_date", self._stamp)
        if self._dataset is not None:
            values.setdefault(DATASET_ID.name, self._definition.schema)
        problems = [*self._problems(values), *value_problems(values, self._table)]
        uid = str(values.get("granule_uid"))
        if uid in self._origins:
            problems.append(f"the granule_uid {uid} is already that of {self._origins[uid]}")
        wrong = self._screening.reason(uid)
        if problems or wrong:
            aside = not problems and self._screening.is_quarantined(uid)
            (self.quarantined if aside else self.refused).append(
                Refusal(row.origin, "; ".join([*problems, *([wrong] if wrong else [])]))
            )
            return None
        self._origins[uid] = row.origin
        self._pending.append("\t".join(copy_text(values.get(name)) for name in self._columns) + "\n")
        self.rows += 1
        self._count(values)
        if row.file is not None:
            self.files.append(replace(row.file, embargoed_until=str(released) if released else None))
        if dataset is not None:
            self.datasets[dataset.dataset_id] = self._definition.closed(dataset)
        if len(self._pending) >= BLOCK_ROWS:
            self._flush()
        return uid

    def reserve(self, granule_uid: str, origin: str) -> bool:
        """Keep a name for a row that is published already; whether it was free."""
        return self._origins.setdefault(granule_uid, origin) == origin

    def blocks(self) -> Iterator[Block]:
        """All rows that were kept, in their order."""
        self._flush()
        self._file.seek(0)
        for size, rows in self._blocks:
            yield Block(self._file.read(size), rows)

    def counts(self) -> Mapping[str, Mapping[str | None, int]]:
        """Column -> value as text (None: NULL) -> rows, of the columns that have few values."""
        return as_counts(self._table, self._counters)

    def constant_columns(self) -> frozenset[str]:
        """Columns that have one value in all rows; NULL is one too."""
        return frozenset(name for name, counter in self._counters.items() if len(counter) == 1)

    def _dated(self, values: dict[str, Value]) -> dict[str, Value]:
        if self._now is None:
            return values
        created = values.get("creation_date") or self._now
        return {**dict.fromkeys(ROW_DATES, created), **values}

    def _problems(self, values: Mapping[str, Value]) -> Iterator[str]:
        for name in ("granule_uid", "granule_gid", "obs_id"):
            if name in VALUE_REQUIRED and not values.get(name):
                yield f"{name} must have a value and has none"
        for column in self._addresses:
            value = values.get(column.name)
            if isinstance(value, str) and (problem := _address_problem(column, value)):
                yield problem
        if values.get("access_url") and not (values.get("access_format") and values.get("access_estsize") is not None):
            yield "access_url comes without access_format or access_estsize (EPN-TAP 2.0 section 2.2)"

    def _count(self, values: Mapping[str, Value]) -> None:
        for name, counter in list(self._counters.items()):
            counter[values.get(name)] += 1
            if len(counter) > MOST_VALUES:
                del self._counters[name]

    def _flush(self) -> None:
        if self._pending:
            text = "".join(self._pending).encode()
            self._file.seek(0, 2)
            self._file.write(text)
            self._blocks.append((len(text), len(self._pending)))
            self._pending = []


def _address_problem(column: Column, value: str) -> str | None:
    if "://" in value:
        return None
    if column.form is Form.RELATIVE_URL:
        return None if value.startswith("/") else f"{column.name} must start with / but is {value!r}"
    return (
        f"{column.name} must be a whole address such as https://… but is {value!r}; "
        "paths below the address of the service need relative_urls in the definition"
    )
