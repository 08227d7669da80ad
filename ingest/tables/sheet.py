"""A table as read: named fields, and rows as records with their places. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ingest.tables.values import Raw

__all__ = ["BadRow", "Sheet", "SheetField"]


@dataclass(frozen=True, slots=True)
class SheetField:
    """One column of a table, with what the table says about it."""

    name: str
    unit: str | None = None
    ucd: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its columns, and its rows, which can be gone through once."""

    fields: tuple[SheetField, ...]
    #: place of a row for messages, such as `line 12`, and its values by field
    rows: Iterator[tuple[str, Mapping[str, Raw] | BadRow]] = field(repr=False)

    @property
    def units(self) -> dict[str, str]:
        """Field -> unit, of those that have one."""
        return {one.name: one.unit for one in self.fields if one.unit}
