"""Rows as the text that COPY takes, in blocks."""

from __future__ import annotations

from dataclasses import dataclass

from epntap.catalog.model import Column, Table
from ingest.facts import Value

__all__ = ["BLOCK_ROWS", "COPY_ORDER", "DATASET_ID", "NULL", "ROW_DATES", "Block", "copy_columns", "copy_text"]


#: rows that leave at once; a block is about a megabyte
BLOCK_ROWS = 2000


#: columns whose value differs from row to row, as far as a table has them; they come first in COPY, so that the rest
#: of a row is one constant
COPY_ORDER = (
    "granule_uid",
    "obs_id",
    "time_min",
    "time_max",
    "access_url",
    "access_format",
    "access_estsize",
    "file_name",
    "datalink_url",
    "thumbnail_url",
    "modification_date",
)


#: columns that are filled from the time of ingestion where nothing else is known (EPN-TAP 2.0 §2.1)
ROW_DATES = ("creation_date", "modification_date", "release_date")


DATASET_ID = Column(
    name="dataset_id",
    datatype="char",
    arraysize="*",
    ucd="meta.id;meta.dataset",
    description="Dataset that the granule is a part of",
    principal=True,
    nullable=False,
)


NULL = r"\N"


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


@dataclass(frozen=True, slots=True)
class Block:
    """Rows in the text form of COPY."""

    text: bytes
    rows: int


def copy_columns(table: Table) -> tuple[str, ...]:
    """The columns of a table in the order of COPY."""
    here = [column.name for column in table.columns]
    return (*(name for name in COPY_ORDER if name in here), *(name for name in here if name not in COPY_ORDER))


def copy_text(value: Value) -> str:
    """A value as COPY reads it in its text form."""
    if value is None:
        return NULL
    return value.translate(_ESCAPES) if isinstance(value, str) else repr(value)
