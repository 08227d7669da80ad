"""Reading sources that describe each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from epntap.catalog.model import Column
from epntap.epncore import columns as epn_columns
from epntap.errors import DefinitionError, UnreadableFileError
from ingest.facts import Refusal, Remark, RowFacts
from ingest.labels.plan import LabelPlan
from ingest.readers.labels import read_labels
from ingest.readers.runs import RunRow, read_runs
from ingest.readers.tables import read_table
from ingest.rowplans import RowPlan, RunPlan
from ingest.tables.plan import TablePlan

__all__ = ["read_rows"]


def read_rows(
    path: Path, plan: RowPlan, columns: Mapping[str, Column], schema: str, advance: Callable[[int], None]
) -> Iterator[RowFacts | RunRow | Refusal | Remark]:
    """The rows of a source; `columns` are those of the table they go to.

    Raises DefinitionError when the source as a whole does not fit its plan.
    """
    known = {column.name: column for column in epn_columns.COLUMNS} | dict(columns)
    try:
        match plan:
            case LabelPlan():
                yield from read_labels(path, plan, known, schema, advance)
            case TablePlan():
                yield from read_table(path, plan, known, advance)
            case RunPlan():
                yield from read_runs(path, advance)
    except UnreadableFileError as exc:
        raise DefinitionError(f"{path}: {exc}.") from exc
