"""What DataLink and cut-outs need to answer: built once in each process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from epntap.archive.store import LocatedGranule, locate
from epntap.catalog.model import Catalog
from epntap.cdf import parse_utc
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
        if not granule_uid or len(granule_uid) > _LONGEST_ID or not granule_uid.isprintable():
            raise ParameterError(f"{granule_uid[:60]!r} is no identifier; expected a granule_uid of a published table.")
        schemas = [
            table.schema for table in self.catalog().tables if table.name == "epn_core" and table.column("dataset_id")
        ]
        with self.connect() as connection:
            found = locate(connection, granule_uid, schemas, _utc_to_tt2000)
        if found is None:
            raise NotFoundError(
                f"There is no granule {granule_uid!r}; query granule_uid over TAP for those that exist."
            )
        return found


def _utc_to_tt2000(instant: datetime) -> int:
    return parse_utc(instant.isoformat())
