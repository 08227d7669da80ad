"""What DataLink and cut-outs need to answer: built once in each process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from epntap.archive.store import LocatedGranule, dataset, files_overlapping, locate
from epntap.catalog.model import Catalog
from epntap.cdf import MAX_TT2000, MIN_TT2000, parse_utc
from epntap.errors import NotFoundError, ParameterError
from epntap.settings import Settings

__all__ = ["DatalinkService"]

#: longer than any granule_uid that ingestion makes
_LONGEST_ID = 512


@dataclass(frozen=True, slots=True)
class DatalinkService:
    """Finds granules; knows the public address."""

    settings: Settings
    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
    catalog: Callable[[], Catalog]

    def granule(self, granule_uid: str) -> LocatedGranule:
        """What an identifier stands for.

        Raises ParameterError for text that no granule can have, NotFoundError for one that nobody has.
        """
        _check_identifier(granule_uid)
        with self.connect() as connection:
            found = locate(connection, granule_uid, self._schemas(), _utc_to_tt2000)
        if found is None:
            raise NotFoundError(
                f"There is no granule {granule_uid!r}; query granule_uid over TAP for those that exist."
            )
        return found

    def holding(self, identifier: str) -> LocatedGranule:
        """A granule, or, when the identifier is that of a dataset, all that is held of it as one."""
        try:
            return self.granule(identifier)
        except NotFoundError:
            with self.connect() as connection:
                for schema in self._schemas():
                    found = dataset(connection, schema, identifier)
                    if found is not None:
                        files = files_overlapping(connection, schema, identifier, MIN_TT2000, MAX_TT2000)
                        return LocatedGranule(schema, identifier, found, MIN_TT2000, MAX_TT2000, files)
            raise

    def _schemas(self) -> list[str]:
        return [
            table.schema for table in self.catalog().tables if table.name == "epn_core" and table.column("dataset_id")
        ]


def _check_identifier(text: str) -> None:
    if not text or len(text) > _LONGEST_ID or not text.isprintable():
        raise ParameterError(f"{text[:60]!r} is no identifier; expected a granule_uid of a published table.")


def _utc_to_tt2000(instant: datetime) -> int:
    return parse_utc(instant.isoformat())
