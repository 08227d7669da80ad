"""Questions that have been understood and answered before. Portals and scripts ask the same again and again.

Of an answer only the rows are asked for each time: what follows from the text of a query and the catalogue alone is
kept, until something is published.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from epntap import adql
from epntap.catalog.model import Catalog
from epntap.db.rows.copy_statement import CopyStatement
from epntap.db.rows.shards import ByShards
from epntap.formats.base import RowFormat

__all__ = ["Key", "Question", "Questions"]

#: bytes of SQL that are kept; what is made of it takes some ten times as much
_MOST_BYTES = 1024 * 1024
_MOST_QUESTIONS = 256
#: a longer one takes the place of many, and hardly comes again
_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Key:
    """All that the SQL of a question depends on, besides the catalogue and the settings. No uploads: they differ."""

    query: str
    #: what addresses in it begin with
    base: str
    row_limit: int
    passed_over: int
    form: RowFormat


@dataclass(frozen=True, slots=True)
class Question:
    """A query that is understood, for one format. Shared by all who ask it."""

    translation: adql.Translation
    statement: CopyStatement
    #: XML of service descriptors
    descriptors: list[str]
    #: how the same is had from the shards of a table that is spread
    by_shards: ByShards | None = None
    #: what writers make of the columns, so that the next answer has it
    kept: dict[Any, str] = field(default_factory=dict)  # keys of any kind that writers choose


class Questions:
    """The last ones, of one state of the catalogue. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None
        self._known: OrderedDict[Key, Question] = OrderedDict()
        self._size = 0

    def known(self, key: Key, catalog: Catalog) -> Question | None:
        """The question as it was understood with this very catalogue, or None."""
        with self._lock:
            if catalog is not self._catalog:
                return None
            question = self._known.get(key)
            if question is not None:
                self._known.move_to_end(key)
            return question

    def keep(self, key: Key, catalog: Catalog, question: Question) -> None:
        """Remember one that was asked of the database, and forget what was not asked for the longest time."""
        if question.statement.size > _LONGEST or len(key.query) > _LONGEST:
            return
        with self._lock:
            if catalog is not self._catalog:
                self._catalog, self._size = catalog, 0
                self._known.clear()
            if key not in self._known:
                self._known[key] = question
                self._size += question.statement.size
            while self._size > _MOST_BYTES or len(self._known) > _MOST_QUESTIONS:
                _, forgotten = self._known.popitem(last=False)
                self._size -= forgotten.statement.size
