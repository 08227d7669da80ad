"""One ingestion: what is to be done, and with what."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime

from epntap.connection import Connection
from epntap.instants.julian import dali_timestamp
from ingest.definition.model import Definition
from ingest.files.scan import Scanner
from ingest.options import Options
from ingest.progress import Progress

__all__ = ["Ingestion"]


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What the steps of an ingestion share."""

    definition: Definition
    #: the owner's; each statement by itself unless a transaction is begun
    connection: Connection
    options: Options
    #: looks into files, and remembers what it found
    scanner: Scanner
    progress: Progress
    #: UTC without tzinfo, in whole seconds
    now: datetime
    #: closes at the end what steps leave open for later ones
    afterwards: ExitStack

    @property
    def schema(self) -> str:
        """Where the table is."""
        return self.definition.schema

    @property
    def stamp(self) -> str:
        """The time of the ingestion as a DALI timestamp."""
        return dali_timestamp(self.now)

    @property
    def today(self) -> date:
        """The day of the ingestion."""
        return self.now.date()
