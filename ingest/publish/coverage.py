"""What a service covers, in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from epntap.archive.counts import Coverage

__all__ = ["LONGEST_VALUE", "MOST_VALUES", "coverage_of"]


#: a column with more values, or longer ones, is not counted
MOST_VALUES = 10_000


LONGEST_VALUE = 1000


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
