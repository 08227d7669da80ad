"""How the first rows of a draft would look, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from epntap.catalog.model import Column
from ingest.by_row.spool import complete_row, row_table
from ingest.definition.model import Definition
from ingest.facts import Refusal, Remark, RowFacts, Value
from ingest.publish.rows.block import ROW_DATES
from ingest.publish.rows.checks import value_problems
from ingest.sources.said import RowOfDataset

__all__ = ["Preview", "preview"]

#: rows that are tried; enough to meet most faults of a table, few enough for a tree of labels
MOST_TRIED = 1000


@dataclass(frozen=True, slots=True)
class Preview:
    """The outcome of trying a definition on its first rows."""

    tried: int
    good: int
    #: columns with a value in one of the rows, in the order of the table
    columns: tuple[str, ...]
    rows: tuple[dict[str, Value], ...]
    #: sentence and how often, the most frequent first
    problems: tuple[tuple[str, int], ...]


def preview(definition: Definition, rows: int) -> Preview:
    """Try a definition whose sources describe each row. Raises DefinitionError when a source does not fit it."""
    table = row_table(definition)
    shown: list[dict[str, Value]] = []
    problems: Counter[str] = Counter()
    used: set[str] = set()
    tried = good = 0
    for one in islice(_facts(definition, {column.name: column for column in table.columns}), MOST_TRIED):
        if isinstance(one, Remark):
            problems[one.text] += 1
            continue
        tried += 1
        if isinstance(one, Refusal):
            problems.update(_sentences(one.reason))
            continue
        row = one.row if isinstance(one, RowOfDataset) else one
        values = complete_row(definition, row.values)
        wrong = value_problems(values, table)
        problems.update(wrong)
        good += not wrong
        used |= {name for name, value in values.items() if value is not None}
        if len(shown) < rows:
            shown.append(values)
    columns = tuple(column.name for column in table.columns if column.name in used - set(ROW_DATES))
    return Preview(tried, good, columns, tuple(shown), tuple(problems.most_common()))


def _facts(
    definition: Definition, columns: Mapping[str, Column]
) -> Iterator[RowFacts | RowOfDataset | Refusal | Remark]:
    for source, kind in definition.row_sources:
        assert source.rows is not None
        yield from kind.read(source.path, source.rows, columns, definition.schema)


def _sentences(reason: str) -> Sequence[str]:
    return reason.split("; ")
