"""Sources that describe each row: looked into first, so that it is known what has moved, and read afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from epntap.catalog.model import Column
from epntap.epncore import columns as epn_columns
from epntap.errors import DefinitionError, UnreadableFileError
from ingest.by_row.labels import open_labels
from ingest.by_row.runs import RunRow, open_runs
from ingest.by_row.tables import open_table
from ingest.definition.row_plans import RowPlan, RunPlan
from ingest.facts import Refusal, Remark, RowFacts
from ingest.files.scan import Peek, Scanner
from ingest.labels.plan import LabelPlan
from ingest.progress import Progress, Silent
from ingest.tables.plan import TablePlan

__all__ = ["RowSource", "Said", "open_rows", "read_rows"]

#: what a source says, one after the other
Said = RowFacts | RunRow | Refusal | Remark


class RowSource(Protocol):
    """A source whose files have been looked into."""

    @property
    def contents(self) -> tuple[object, ...]:
        """All that the rows and the refusals depend on, the definition apart; its repr tells it from others."""
        ...

    @property
    def steps(self) -> int | None:
        """How far `rows` will advance, where that is known."""
        ...

    def rows(self, advance: Callable[[int], None]) -> Iterator[Said]:
        """The rows, refusals and remarks. Can be called again. Raises UnreadableFileError."""
        ...


def open_rows(
    path: Path, plan: RowPlan, columns: Mapping[str, Column], schema: str, scanner: Scanner, progress: Progress
) -> RowSource:
    """Look into a source; `columns` are those of the table its rows go to."""
    known = {column.name: column for column in epn_columns.COLUMNS} | dict(columns)
    match plan:
        case LabelPlan():
            return open_labels(path, plan, known, schema, scanner, progress)
        case TablePlan():
            return open_table(path, plan, known, scanner, progress)
        case RunPlan():
            return open_runs(path, schema, scanner, progress)


def read_rows(path: Path, plan: RowPlan, columns: Mapping[str, Column], schema: str) -> Iterator[Said]:
    """The rows of a source as they come, each file being opened when it is its turn.

    Raises DefinitionError when the source as a whole does not fit its plan.
    """
    try:
        yield from open_rows(path, plan, columns, schema, Peek(), Silent()).rows(lambda _steps: None)
    except UnreadableFileError as exc:
        raise DefinitionError(f"{path}: {exc}.") from exc
