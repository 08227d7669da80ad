"""What a service covers, in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from epntap.archive.kept.counts import Coverage
from epntap.catalog.model import Table
from ingest.facts import Value

__all__ = ["MOST_VALUES", "SEARCHED", "as_counts", "coverage_of", "empty_columns"]


#: a column with more values, or longer ones, is not counted
MOST_VALUES = 10_000


LONGEST_VALUE = 1000

#: what people search by: a row without a value in one of these is not found by it
SEARCHED = (
    "target_name",
    "target_class",
    "dataproduct_type",
    "measurement_type",
    "processing_level",
    "instrument_host_name",
    "instrument_name",
    "time_min",
)


def as_counts(table: Table, counters: Mapping[str, Mapping[Value, int]]) -> dict[str, dict[str | None, int]]:
    """Column -> value as text (None: NULL) -> rows, of the columns whose values are few and short."""
    real = {column.name for column in table.columns if column.datatype in {"double", "float"}}
    counts: dict[str, dict[str | None, int]] = {}
    for name, counter in counters.items():
        if len(counter) <= MOST_VALUES and all(len(str(value)) <= LONGEST_VALUE for value in counter):
            # by value and not by text: 1 and 1.0 are one number
            say = _real_text if name in real else str
            counts[name] = {None if value is None else say(value): rows for value, rows in counter.items()}
    return counts


def _real_text(value: Value) -> str:
    return str(float(value or 0))


def empty_columns(counts: Mapping[str, Mapping[str | None, int]]) -> dict[str, int]:
    """Column that people search by -> rows without a value in it, where there are any."""
    found = {name: counts.get(name, {}).get(None, 0) for name in SEARCHED}
    return {name: rows for name, rows in found.items() if rows}


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
