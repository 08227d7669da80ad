"""What a service is to hold: all that publishing needs to know, whatever the sources were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Self

from epntap.archive.memory import DatasetState, RowState
from epntap.archive.model import ArchiveFile, Dataset
from epntap.catalog.model import Column, Form, Table
from epntap.errors import DefinitionError
from ingest.definition.model import Granule
from ingest.publish.account import Account
from ingest.publish.narrow.contents import NarrowRows
from ingest.publish.rows.block import Block
from ingest.publish.rows.quarantine import SetAside

__all__ = ["Contents", "joined_table"]


@dataclass(frozen=True, slots=True)
class Contents:
    """Rows, datasets and files of a service. Two can be added: a definition may have sources of both kinds."""

    #: of the whole service, whether they are compared with what is published or not
    rows: int
    #: those that are compared, and how many they are; can be asked for again
    blocks: Callable[[], Iterator[Block]]
    compared: int
    #: each with what its rows stand for
    datasets: tuple[tuple[Dataset, Granule], ...]
    files: Iterable[ArchiveFile]
    #: column -> value as text (None: NULL) -> rows, of the columns that have few values
    counts: Mapping[str, Mapping[str | None, int]]
    account: Account
    set_aside: tuple[SetAside, ...] = ()
    #: datasets whose published rows stay as they are …
    passed_over: frozenset[str] = frozenset()
    #: … but for these, which `blocks` replace
    granules: frozenset[str] = frozenset()
    #: nothing at all has moved, in rows, datasets or files
    unmoved: bool = False
    #: what the next ingestion compares with
    states: Mapping[str, DatasetState] = field(default_factory=dict)
    memory: RowState | None = None
    #: datasets that are taken back and still described
    withdrawn: tuple[Dataset, ...] = ()
    #: names of files that are no granule_uid, each with that of what it is or of what came in its place; of a name
    #: that comes twice the later counts
    former: Callable[[], Iterable[tuple[str, str]]] = tuple
    #: the rows as they are kept where granules and datasets are kept apart; None: each row is kept whole
    narrow: NarrowRows | None = None
    #: rows come from sources that do not know each other's granule_uids
    is_sum: bool = False

    def __add__(self, other: Self) -> Contents:
        ids = {dataset.dataset_id for dataset, _ in self.datasets}
        for dataset, _ in other.datasets:
            if dataset.dataset_id in ids:
                raise DefinitionError(
                    f"Two sources of different kinds have a dataset {dataset.dataset_id}; a dataset has one source."
                )
        counted = self.counts.keys() & other.counts.keys()
        return replace(
            self,
            rows=self.rows + other.rows,
            blocks=lambda: chain(self.blocks(), other.blocks()),
            compared=self.compared + other.compared,
            datasets=self.datasets + other.datasets,
            files=chain(self.files, other.files),
            counts={name: _added(self.counts[name], other.counts[name]) for name in counted},
            account=self.account + other.account,
            set_aside=self.set_aside + other.set_aside,
            passed_over=self.passed_over | other.passed_over,
            granules=self.granules | other.granules,
            unmoved=self.unmoved and other.unmoved,
            states={**self.states, **other.states},
            memory=self.memory or other.memory,
            withdrawn=self.withdrawn + other.withdrawn,
            former=lambda: chain(self.former(), other.former()),
            narrow=None,
            is_sum=True,
        )


def _added(one: Mapping[str | None, int], other: Mapping[str | None, int]) -> Mapping[str | None, int]:
    return {value: one.get(value, 0) + other.get(value, 0) for value in {**one, **other}}


def joined_table(tables: Iterable[Table]) -> Table:
    """One table with the columns of all. Raises DefinitionError when a column means different things."""
    first, *others = tables
    for other in others:
        columns = {column.name: column for column in first.columns}
        for column in other.columns:
            columns[column.name] = _joined(columns.get(column.name), column)
        first = replace(first, columns=tuple(columns.values()))
    return first


def _joined(one: Column | None, other: Column) -> Column:
    if one is None:
        return other
    if one.unit is not None and other.unit is not None and one.unit != other.unit:
        raise DefinitionError(
            f"The column {one.name} is in {one.unit} for some sources and in {other.unit} for others; "
            "set the same spatial_frame_type for all, or make two services."
        )
    # the coordinates of a frame that has none are empty
    kept = other if one.unit is None and other.unit is not None else one
    form = Form.RELATIVE_URL if Form.RELATIVE_URL in {one.form, other.form} else kept.form
    return replace(kept, nullable=one.nullable and other.nullable, form=form)
