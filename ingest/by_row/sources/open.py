"""Sources that describe each row: looked into first, so that it is known what has moved, and read afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from epntap.catalog.model import Column
from epntap.epncore import columns as epn_columns
from epntap.errors import DefinitionError, UnreadableFileError
from ingest.by_row.sources.labels import open_labels
from ingest.by_row.sources.runs import open_runs
from ingest.by_row.sources.tables import open_table
from ingest.by_row.sources.unit import Said, Unit
from ingest.definition.row_plans import RowPlan, RunPlan
from ingest.facts import Refusal, Remark
from ingest.files.scan import Peek, Scanner
from ingest.files.walk import Tree
from ingest.labels.plan import LabelPlan
from ingest.progress import Progress, Silent
from ingest.tables.plan import TablePlan

__all__ = ["RowSource", "open_rows", "read_rows"]


class RowSource(Protocol):
    """A source whose files have been looked into."""

    @property
    def contents(self) -> tuple[object, ...]:
        """All that the rows and the refusals depend on, the definition apart; its repr tells it from others."""
        ...

    @property
    def steps(self) -> int | None:
        """How far `told` will advance, where that is known."""
        ...

    @property
    def tree(self) -> Tree | None:
        """What was walked through, where it is more than a file."""
        ...

    def told(self, advance: Callable[[int], None], met: set[str]) -> Iterator[Unit | Refusal | Remark]:
        """The units of the source, and what there is to say beside them. Can be called again.

        `met` are fields of rules that are known to be there; those that are found are added.
        """
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
        for one in open_rows(path, plan, columns, schema, Peek(), Silent()).told(lambda _steps: None, set()):
            if isinstance(one, Unit):
                yield from one.rows()
            else:
                yield one
    except UnreadableFileError as exc:
        raise DefinitionError(f"{path}: {exc}.") from exc
