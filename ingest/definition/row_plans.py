"""What a definition declares of a source that describes each row. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from epntap.catalog.model import Column
from epntap.strict import StrictTable
from ingest.labels.plan import LabelPlan, read_label_plan
from ingest.tables.plan import TablePlan, read_table_plan

__all__ = ["RowPlan", "RunPlan", "read_row_plan"]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A source of simulation runs: their run files say everything."""


RowPlan = LabelPlan | TablePlan | RunPlan


def read_row_plan(kind: str, table: StrictTable, custom: Mapping[str, Column]) -> RowPlan:
    """What a source of kind `labels`, `table` or `runs` declares beside its kind and path. Raises the table's error."""
    plan: RowPlan
    match kind:
        case "labels":
            plan = read_label_plan(table, custom)
        case "table":
            plan = read_table_plan(table, custom)
        case _:
            plan = RunPlan()
    table.finish()
    return plan
