"""The published tables as values: what TAP_SCHEMA says, ready for lookup. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

__all__ = ["Catalog", "Column", "ForeignKey", "Form", "Holdings", "Narrow", "Schema", "Table"]


class Form(StrEnum):
    """How the values of a column are stored, where that differs from what is published."""

    PLAIN = "plain"
    #: a timestamp kept as text in one spelling, which sorts as time does: leaves as it is, is compared as a timestamp
    DALI_TEXT = "dali_text"
    #: a timestamp as somebody has uploaded it, in any spelling of DALI: leaves as it is, is a timestamp in all else
    LOOSE_DALI_TEXT = "loose_dali_text"
    #: a path below the public address of the service, published with that address in front; or a whole address
    RELATIVE_URL = "relative_url"


@dataclass(frozen=True, slots=True)
class Column:
    """One column as TAP_SCHEMA.columns describes it (TAP 1.1 §4.3)."""

    name: str
    #: VOTable datatype: boolean, unsignedByte, short, int, long, float, double, char, unicodeChar
    datatype: str
    arraysize: str | None = None
    xtype: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    indexed: bool = False
    principal: bool = False
    std: bool = False
    form: Form = Form.PLAIN
    #: PostgreSQL type of the stored column, as format_type() spells it
    pg_type: str = "text"
    nullable: bool = True
    #: name in the database where it cannot be the published one
    stored_name: str = ""
    #: of text, where it is not that of the database
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is among the rows of a table."""

    #: begin of the first and end of the last one, Julian dates (UTC); None when no row has a time
    time_min: float | None = None
    time_max: float | None = None
    #: single items, not hash lists, in alphabetical order
    target_names: tuple[str, ...] = ()
    measurement_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrow:
    """Where the columns of a table are of which granules and datasets are kept apart (catalog/narrow)."""

    #: kept for each granule as they are
    own: frozenset[str]
    #: kept once for a dataset as they are
    shared: frozenset[str]


@dataclass(frozen=True, slots=True)
class Table:
    """One published table. `schema` and `name` are the names in the database and in ADQL."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    utype: str | None = None
    title: str | None = None
    description: str | None = None
    kind: str = "table"
    #: number of rows where ingestion has counted them
    rows: int | None = None
    #: column names of the primary key
    primary_key: tuple[str, ...] = ()
    #: what the rows hold, where ingestion has recorded it
    holdings: Holdings | None = None
    #: columns of which ingestion counts the rows by value; `*`: all rows
    counted: frozenset[str] = frozenset()
    #: days that no row lasts longer than, as far as ingestion has measured it
    longest: float | None = None
    #: its rows are spread over several servers
    is_distributed: bool = False
    #: somebody made it by hand, so that nothing of ours ever puts another in its place
    is_by_hand: bool = False
    #: the view to be read in its place, because what there is depends on who asks; empty: the table itself
    seen_as: str = ""
    #: None: each row is kept whole
    narrow: Narrow | None = None
    _by_name: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {column.name: column for column in self.columns})

    @property
    def qualified_name(self) -> str:
        """The name to write in FROM."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        """The column with exactly this name, or None."""
        return self._by_name.get(name)


@dataclass(frozen=True, slots=True)
class Schema:
    """One published schema."""

    name: str
    description: str | None = None
    utype: str | None = None
    title: str | None = None
    publisher: str | None = None
    creator: str | None = None
    reference_url: str | None = None
    #: when its granules were last brought up to date, UTC
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A documented join (TAP_SCHEMA.keys); table names are qualified."""

    key_id: str
    from_table: str
    target_table: str
    columns: tuple[tuple[str, str], ...]
    description: str | None = None
    utype: str | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that a query may refer to."""

    schemas: tuple[Schema, ...] = ()
    tables: tuple[Table, ...] = ()
    keys: tuple[ForeignKey, ...] = ()
    #: when something was last published, with its time zone
    changed: datetime | None = None
    #: rises with every publication
    version: int = 0
    _by_name: Mapping[tuple[str, str], Table] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {(table.schema, table.name): table for table in self.tables})

    def table(self, schema: str, name: str) -> Table | None:
        """The table with exactly these names (stored names are lower case), or None."""
        return self._by_name.get((schema, name))

    @property
    def opened(self) -> Catalog:
        """The catalogue without what only some may see."""
        if not any(table.seen_as for table in self.tables):
            return self
        return replace(self, tables=tuple(replace(table, seen_as="") for table in self.tables))

    def for_nobody(self, released: str) -> Catalog:
        """The catalogue of whoever is in no group: `released` is read where it depends on who asks."""
        if not any(table.seen_as for table in self.tables):
            return self
        return replace(
            self, tables=tuple(replace(one, seen_as=released) if one.seen_as else one for one in self.tables)
        )

    def with_tables(self, extra: Iterable[Table]) -> Catalog:
        """A catalogue that also holds these tables (uploads); the original is unchanged."""
        return replace(self, tables=(*self.tables, *extra))
