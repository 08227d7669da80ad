"""Everything that is searched, in memory: the groups of granules of all services, and what is said of their datasets.

A few hundred or thousand groups stand for millions of granules, so a search is arithmetic on small arrays.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from epntap.archive.kept.counts import COUNTED_TABLE
from epntap.archive.kept.groups import GranuleGroup, granule_groups, grouped_services
from epntap.catalog.model import Catalog
from epntap.connection import Connection
from voweb.search.form import Facet
from voweb.search.words import QUANTITIES

__all__ = ["LISTS", "Dataset", "Index", "Shelf", "Shelves", "Whole"]

Whole = NDArray[np.int64]

#: facets that are columns with lists of items
LISTS: Mapping[Facet, str] = {
    Facet.TARGET: "target_name",
    Facet.MISSION: "instrument_host_name",
    Facet.INSTRUMENT: "instrument_name",
    Facet.REGION: "target_region",
    Facet.CLASS: "target_class",
    Facet.TYPE: "dataproduct_type",
}
#: columns in which words are looked for where rows have no dataset
TEXTS = ("target_name", "instrument_host_name", "instrument_name", "target_region", "measurement_type")

_DATASETS = """
    SELECT d.schema_name, d.dataset_id, d.title, d.description, d.access_rights, p.words
    FROM archive.dataset d LEFT JOIN LATERAL (
        SELECT string_agg(concat_ws(' ', p.name, p.title), ' ') AS words FROM archive.parameter p
        WHERE p.schema_name = d.schema_name AND p.dataset_id = d.dataset_id
    ) p ON true
"""


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a list shows of a dataset; a service whose rows are of no dataset is one, without an identifier."""

    schema: str
    dataset_id: str | None
    title: str
    description: str = ""
    access_rights: str = ""
    #: what words are looked for in, in lower case
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """Which groups have which values of a facet."""

    #: in lower case where case does not matter -> number
    keys: Mapping[str, int]
    #: as most granules write them
    labels: Sequence[str]
    #: pairs of values and groups
    value_of: Whole
    group_of: Whole

    def groups(self, key: str, count: int) -> NDArray[np.bool_]:
        """Which of so many groups have a value."""
        found = np.zeros(count, dtype=np.bool_)
        found[self.group_of[self.value_of == self.keys[key]]] = True
        return found


class Shelf:
    """The groups as they were when they were read."""

    def __init__(
        self,
        catalog: Catalog,
        groups: Sequence[GranuleGroup],
        datasets: Sequence[Dataset],
        grouped: frozenset[str],
    ) -> None:
        self.catalog = catalog
        tables = {table.schema: table for table in catalog.tables if table.name == COUNTED_TABLE}
        #: services that are searched, and those that are not because their granules are not counted now
        self.schemas = sorted(schema for schema in tables if schema in grouped)
        self.uncounted = sorted(schema for schema in tables if schema not in grouped)
        self.columns = {schema: frozenset(one.name for one in tables[schema].columns) for schema in self.schemas}
        self.titles = {one.name: one.title or one.name for one in catalog.schemas}
        self.groups = [group for group in groups if group.schema_name in self.columns]
        self.count = len(self.groups)
        self.totals: Whole = np.array([group.granule_count for group in self.groups], dtype=np.int64)
        lengths = [len(group.granules) for group in self.groups]
        #: of each group and pair of months: its group, the months, how many granules
        self.owner: Whole = np.repeat(np.arange(self.count, dtype=np.int64), lengths)
        self.first = self._joined("first_months")
        self.last = self._joined("last_months")
        self.rows = self._joined("granules")
        self.has_access = np.array([group.has_access for group in self.groups], dtype=np.bool_)
        self._say_datasets(datasets)
        self._lock = threading.Lock()
        self._partial: dict[tuple[str, str, float], Whole] = {}

    def _joined(self, name: str) -> Whole:
        parts = [np.asarray(getattr(group, name), dtype=np.int64) for group in self.groups]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def _say_datasets(self, datasets: Sequence[Dataset]) -> None:
        described = {(one.schema, one.dataset_id): one for one in datasets}
        #: datasets that have granules, by service and identifier
        self.datasets: list[Dataset] = []
        numbers: dict[tuple[str, str | None], int] = {}
        for group in self.groups:
            key = (group.schema_name, group.dataset_id)
            if key not in numbers:
                numbers[key] = len(self.datasets)
                title = group.dataset_id or self.titles.get(group.schema_name, group.schema_name)
                self.datasets.append(described.get(key) or Dataset(*key, title, text=title.lower()))
        self.dataset_of: Whole = np.array(
            [numbers[group.schema_name, group.dataset_id] for group in self.groups], dtype=np.int64
        )

    @cached_property
    def service_of(self) -> Whole:
        """Number of the service of each group, among `schemas`."""
        numbers = {schema: number for number, schema in enumerate(self.schemas)}
        return np.array([numbers[group.schema_name] for group in self.groups], dtype=np.int64)

    @cached_property
    def index(self) -> Mapping[Facet, Index]:
        """The values of each facet."""
        found = {facet: self._of_lists(column) for facet, column in LISTS.items()}
        found[Facet.QUANTITY] = self._of(
            [
                [quantity.name for quantity in QUANTITIES if any(part in kinds for part in quantity.parts)]
                for kinds in (group.measurement_type or "" for group in self.groups)
            ]
        )
        found[Facet.LEVEL] = self._of([_given(group.processing_level) for group in self.groups])
        found[Facet.SERVICE] = self._of([[group.schema_name] for group in self.groups])
        found[Facet.DATASET] = self._of([_given(group.dataset_id) for group in self.groups])
        found[Facet.RIGHTS] = self._of([_given(self.datasets[one].access_rights) for one in self.dataset_of])
        return found

    @cached_property
    def kinds(self) -> Sequence[str]:
        """All UCDs of measurement_type."""
        return sorted({one for group in self.groups for one in _items(group.measurement_type)})

    def _of_lists(self, column: str) -> Index:
        return self._of([_items(getattr(group, column)) for group in self.groups], fold=True)

    def _of(self, values: Sequence[Sequence[str]], *, fold: bool = False) -> Index:
        spellings: dict[str, Counter[str]] = {}
        keys: dict[str, int] = {}
        pairs: list[tuple[int, int]] = []
        for group, some in enumerate(values):
            for value in some:
                key = value.lower() if fold else value
                spellings.setdefault(key, Counter())[value] += int(self.totals[group])
                pairs.append((keys.setdefault(key, len(keys)), group))
        array = np.array(sorted(set(pairs)), dtype=np.int64).reshape(-1, 2)
        labels = [spellings[key].most_common(1)[0][0] for key in keys]
        return Index(keys, labels, array[:, 0], array[:, 1])

    def remembered(self, key: tuple[str, str, float], make: Callable[[], Whole], most: int = 200) -> Whole:
        """What was counted for this key once."""
        with self._lock:
            if key in self._partial:
                return self._partial[key]
        made = make()
        with self._lock:
            if len(self._partial) >= most:
                self._partial.pop(next(iter(self._partial)))
            self._partial[key] = made
        return made


def _items(text: str | None) -> list[str]:
    return [item for item in (text or "").split("#") if item.strip()]


def _given(text: str | None) -> list[str]:
    return [text] if text else []


@dataclass(slots=True)
class Shelves:
    """The shelf of a process, filled again after each publication."""

    catalog: Callable[[], Catalog]
    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _shelf: Shelf | None = None

    def __call__(self) -> Shelf:
        """What is there now."""
        catalog = self.catalog()
        with self._lock:
            if self._shelf is None or self._shelf.catalog is not catalog:
                with self.connect() as connection, connection.transaction():
                    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    self._shelf = Shelf(
                        catalog,
                        granule_groups(connection),
                        _datasets(connection, catalog),
                        grouped_services(connection),
                    )
            return self._shelf


def _datasets(connection: Connection, catalog: Catalog) -> list[Dataset]:
    titles = {one.name: one.title or one.name for one in catalog.schemas}
    found = []
    for schema, dataset_id, title, description, rights, words in connection.execute(_DATASETS):
        text = " ".join(filter(None, (dataset_id, title, description, words, titles.get(schema))))
        found.append(Dataset(schema, dataset_id, title, description or "", rights, text.lower()))
    return found
