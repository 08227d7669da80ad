"""What a `[[source]]` of kind `table` declares. No I/O here."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from epntap.catalog.model import Column
from epntap.strict import StrictTable
from ingest.tables.delimited import DELIMITERS
from ingest.tables.rules import Rule, known_values, read_rules

__all__ = ["RELATIVE_COLUMNS", "SUFFIXES", "TableFormat", "TablePlan", "read_table_plan"]

FORBIDDEN = ("service_title", "modification_date")
#: columns that may hold paths below the address of the service
RELATIVE_COLUMNS = ("access_url", "datalink_url", "thumbnail_url", "external_link")


class TableFormat(StrEnum):
    """How a table is stored."""

    CSV = "csv"
    TSV = "tsv"
    VOTABLE = "votable"
    PARQUET = "parquet"


#: end of a file name -> format
SUFFIXES: Mapping[str, TableFormat] = {
    "csv": TableFormat.CSV,
    "txt": TableFormat.CSV,
    "tsv": TableFormat.TSV,
    "tab": TableFormat.TSV,
    "vot": TableFormat.VOTABLE,
    "votable": TableFormat.VOTABLE,
    "xml": TableFormat.VOTABLE,
    "parquet": TableFormat.PARQUET,
    "pq": TableFormat.PARQUET,
}


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How the rows of a table become rows of epn_core."""

    rules: tuple[Rule, ...]
    #: None: by the end of the file name
    format: TableFormat | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"
    #: which table of a VOTable document, from 1
    number: int = 1
    #: columns whose values are paths below the address of the service
    relative_urls: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that rows may have a value in."""
        return tuple(dict.fromkeys(rule.column for rule in self.rules))

    @property
    def frames(self) -> frozenset[str]:
        """Values of spatial_frame_type in its rows, as far as they are known before; one that is not is empty."""
        return known_values(self.rules, "spatial_frame_type")


def read_table_plan(table: StrictTable, custom: Mapping[str, Column]) -> TablePlan:
    """The plan of a source; keys that every source has must have been asked for before. Raises the table's error."""
    name = table.choice("format", [one.value for one in TableFormat])
    number = table.whole("table")
    relative = table.texts("relative_urls")
    for column in relative:
        if column not in RELATIVE_COLUMNS:
            table.fail(f"relative_urls may name {', '.join(RELATIVE_COLUMNS)}, but one is {column!r}.")
    plan = TablePlan(
        rules=read_rules(table.needed_table("columns"), custom, FORBIDDEN),
        format=None if name is None else TableFormat(name),
        delimiter=_delimiter(table),
        encoding=_encoding(table),
        number=1 if number is None else number,
        relative_urls=frozenset(relative),
    )
    if "granule_uid" not in plan.columns:
        table.fail("[columns] must say where granule_uid comes from.")
    return plan


def _delimiter(table: StrictTable) -> str | None:
    value = table.value("delimiter")
    if value is not None and value not in DELIMITERS:
        table.fail(f"delimiter must be one of {' '.join(map(repr, DELIMITERS))}, but it is {value!r}.")
    return None if value is None else str(value)


def _encoding(table: StrictTable) -> str:
    text = table.text("encoding") or "utf-8"
    try:
        codecs.lookup(text)
    except LookupError:
        table.fail(f"encoding {text!r} is not known; try utf-8 or latin-1.")
    return text
