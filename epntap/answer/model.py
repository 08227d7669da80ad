"""What translation, formats and the database say to each other about one answer. Plain data only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Outcome", "OutcomeStatus", "ResultColumn"]


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column of an answer: what a FIELD says, and how the database hands it over."""

    name: str
    #: VOTable datatype: boolean, unsignedByte, short, int, long, float, double, char, unicodeChar
    datatype: str
    arraysize: str | None = None
    xtype: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    #: PostgreSQL type of the expression in the SELECT list: text, boolean, smallint, integer, bigint,
    #: real, "double precision", timestamp, bytea, "double precision[]", "bigint[]"
    pg_type: str = "text"
    #: ("schema.table", "column") when the value is a catalogue column passed through unchanged
    origin: tuple[str, str] | None = None


class OutcomeStatus(StrEnum):
    """Value of QUERY_STATUS (DALI 1.1 §4.4)."""

    OK = "OK"
    OVERFLOW = "OVERFLOW"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended; known when the last row has been written."""

    status: OutcomeStatus
    rows: int
    message: str = ""
