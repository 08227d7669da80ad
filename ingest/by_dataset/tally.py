"""Counts of rows by value and the coverage of a service, from the plans of its datasets: no row is looked at again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from epntap.catalog.model import Table
from ingest.by_dataset.build import GranuleBuilder
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.facts import Value
from ingest.publish.coverage import as_counts
from ingest.publish.rows.block import COPY_ORDER, ROW_DATES, copy_columns

__all__ = ["count_values"]


def count_values(
    table: Table, builder: GranuleBuilder, plans: Iterable[DatasetPlan]
) -> dict[str, dict[str | None, int]]:
    """Column -> value as text (None: NULL) -> rows, of the columns that have few values."""
    made_by_row = {*COPY_ORDER, *ROW_DATES} - {"access_format"}
    columns = [name for name in copy_columns(table) if name not in made_by_row]
    counts: dict[str, Counter[Value]] = defaultdict(Counter)
    for plan in plans:
        for values, rows in builder.kinds(plan):
            if rows:
                for name in columns:
                    counts[name][values.get(name)] += rows
    return as_counts(table, counts)
