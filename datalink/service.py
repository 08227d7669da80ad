"""What DataLink and cut-outs need to answer: built once in each process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from epntap.archive.store import LocatedGranule, dataset, files_overlapping, locate, schemas_with
from epntap.catalog.model import Catalog
from epntap.cdf import MAX_TT2000, MIN_TT2000, parse_utc
from epntap.errors import NotFoundError, ParameterError, UnavailableError
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

    def granule(self, granule_uid: str, schema: str | None = None) -> LocatedGranule:
        """What an identifier stands for, in the service of this schema if one is given.

        Raises ParameterError for text that no granule can have and for a name that several services give to
        different granules, NotFoundError for one that nobody has.
        """
        _check_identifier(granule_uid)
        schemas: Sequence[str] = self._schemas(schema)
        with self.connect() as connection:
            if len(schemas) > 1:
                schemas = _only_one(granule_uid, schemas_with(connection, granule_uid, schemas))
            found = locate(connection, granule_uid, schemas, _utc_to_tt2000) if schemas else None
        if found is None:
            raise NotFoundError(
                f"There is no granule {granule_uid!r}; query granule_uid over TAP for those that exist."
            )
        return found

    def holding(self, identifier: str, schema: str | None = None) -> LocatedGranule:
        """A granule, or, when the identifier is that of a dataset, all that is held of it as one."""
        try:
            return self.granule(identifier, schema)
        except NotFoundError:
            with self.connect() as connection:
                found = {one: dataset(connection, one, identifier) for one in self._schemas(schema)}
                for one in _only_one(identifier, [name for name, known in found.items() if known is not None]):
                    known = found[one]
                    assert known is not None
                    files = files_overlapping(connection, one, identifier, MIN_TT2000, MAX_TT2000)
                    return LocatedGranule(one, identifier, known, MIN_TT2000, MAX_TT2000, files)
            raise

    def failure(self) -> str:
        """Why granules cannot be found at the moment; empty when they can."""
        try:
            with self.connect() as connection:
                connection.execute("SELECT 1")
        except UnavailableError as exc:
            return exc.message
        return ""

    def _schemas(self, schema: str | None = None) -> list[str]:
        published = [
            table.schema for table in self.catalog().tables if table.name == "epn_core" and table.column("dataset_id")
        ]
        if schema is None:
            return published
        if schema not in published:
            raise ParameterError(f"SCHEMA {schema!r} is not published here; expected one of {', '.join(published)}.")
        return [schema]


def _only_one(identifier: str, schemas: Sequence[str]) -> Sequence[str]:
    if len(schemas) > 1:
        raise ParameterError(
            f"{identifier!r} is in several services ({', '.join(schemas)}); add SCHEMA={schemas[0]} or another of them."
        )
    return schemas


def _check_identifier(text: str) -> None:
    if not text or len(text) > _LONGEST_ID or not text.isprintable():
        raise ParameterError(f"{text[:60]!r} is no identifier; expected a granule_uid of a published table.")


def _utc_to_tt2000(instant: datetime) -> int:
    return parse_utc(instant.isoformat())
