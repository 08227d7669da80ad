"""Rules and columns for tests of sources that describe each row."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from epntap.catalog.model import Column
from epntap.epncore.columns import COLUMNS
from epntap.errors import DefinitionError
from epntap.strict import StrictTable
from ingest.facts import Value
from ingest.tables.rules import RecordMapper, read_rules
from ingest.tables.values import Raw

STANDARD: Mapping[str, Column] = {column.name: column for column in COLUMNS}


def strict(text: str) -> StrictTable:
    """A TOML text as a table."""
    return StrictTable(tomllib.loads(text), "here", DefinitionError)


def mapped(rules: str, record: Mapping[str, Raw], units: Mapping[str, str] | None = None) -> dict[str, Value]:
    """The values that rules make of one record."""
    return RecordMapper(read_rules(strict(rules), {}), STANDARD, units).values(record)
