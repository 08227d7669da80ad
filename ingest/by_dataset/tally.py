"""Counts of rows by value and the coverage of a service, from the plans of its datasets: no row is looked at again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from epntap.archive.counts import Coverage
from epntap.catalog.model import Table
from ingest.by_dataset.build import COPY_ORDER, ROW_DATES, DatasetPlan, GranuleBuilder, copy_columns
from ingest.facts import Value

__all__ = ["LONGEST_VALUE", "MOST_VALUES", "count_values", "coverage_of"]

#: a column with more values, or longer ones, is not counted
MOST_VALUES = 10_000
LONGEST_VALUE = 1000


def count_values(
    table: Table, builder: GranuleBuilder, plans: Iterable[DatasetPlan]
) -> dict[str, dict[str | None, int]]:
    """Column -> value as text (None: NULL) -> rows, of the columns that have few values."""
    made_by_row = {*COPY_ORDER, *ROW_DATES} - {"access_format"}
    columns = [name for name in copy_columns(table) if name not in made_by_row]
    # by value and not by its text: 1 and 1.0 are one number
    counts: dict[str, Counter[Value]] = defaultdict(Counter)
    for plan in plans:
        for values, rows in builder.kinds(plan):
            if rows:
                for name in columns:
                    counts[name][values.get(name)] += rows
    return {
        name: {None if value is None else str(value): rows for value, rows in counter.items()}
        for name, counter in counts.items()
        if len(counter) <= MOST_VALUES and all(len(str(value)) <= LONGEST_VALUE for value in counter)
    }


def coverage_of(times: tuple[float | None, float | None], counts: Mapping[str, Mapping[str | None, int]]) -> Coverage:
    """The coverage of a service from its first and last time and its counts."""

    def items(column: str) -> tuple[str, ...]:
        return _items(counts.get(column, {}))

    return Coverage(
        *times,
        target_names=items("target_name"),
        target_classes=items("target_class"),
        dataproduct_types=items("dataproduct_type"),
        measurement_types=items("measurement_type"),
        instrument_host_names=items("instrument_host_name"),
        instrument_names=items("instrument_name"),
    )


def _items(values: Iterable[str | None]) -> tuple[str, ...]:
    items = {item for value in values if value for item in value.split("#") if item}
    return tuple(sorted(items, key=lambda item: (item.casefold(), item)))
