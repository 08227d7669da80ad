"""The smallest part of a source that is read again when something moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from epntap.archive.model import Dataset
from ingest.facts import Refusal, Remark, RowFacts

__all__ = ["RowOfDataset", "Said", "Unit"]


@dataclass(frozen=True, slots=True)
class RowOfDataset:
    """A row that is a dataset of its own, by which cut-outs of its file go."""

    row: RowFacts
    dataset: Dataset


#: what a source says, one after the other
Said = RowFacts | RowOfDataset | Refusal | Remark


@dataclass(frozen=True, slots=True)
class Unit:
    """A label, an observation, a run or a table: its rows depend on it alone, the definition apart."""

    #: told from others of its source by this
    name: str
    #: all that the rows depend on; its repr tells it from others
    made_from: Callable[[], object]
    #: can be called again; raises UnreadableFileError
    rows: Callable[[], Iterator[Said]]
