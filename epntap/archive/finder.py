"""Finds granules, for all that answers with their files or links: built once in each process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from epntap.archive.batches import Batches, check_identifier, only_one
from epntap.archive.datasets import dataset
from epntap.archive.files import embargoes, files_overlapping
from epntap.archive.granules import Bulk
from epntap.archive.locate import LocatedGranule, locate, schemas_with
from epntap.catalog.load import catalog_version
from epntap.catalog.model import Catalog
from epntap.cdf import MAX_TT2000, MIN_TT2000, parse_utc
from epntap.errors import NotFoundError, ParameterError, UnavailableError

__all__ = ["Finder"]


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds granules and what is held of datasets."""

    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
    catalog: Callable[[], Catalog]

    def granule(self, granule_uid: str, schema: str | None = None) -> LocatedGranule:
        """What an identifier stands for, in the service of this schema if one is given.

        Raises ParameterError for text that no granule can have and for a name that several services give to
        different granules, NotFoundError for one that nobody has.
        """
        check_identifier(granule_uid)
        schemas: Sequence[str] = self._schemas(schema)
        with self.connect() as connection:
            if len(schemas) > 1:
                schemas = only_one(granule_uid, schemas_with(connection, granule_uid, schemas))
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
                for one in only_one(identifier, [name for name, known in found.items() if known is not None]):
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

    def batches(self, schema: str | None = None) -> Batches:
        """Looks up many identifiers. Raises ParameterError for a schema that is not published."""
        tables = [table for table in self.catalog().tables if table.name == "epn_core"]
        if schema is not None:
            names = [table.schema for table in tables]
            tables = [table for table in tables if table.schema == _published(schema, names)[0]]
        return Batches(self.connect, Bulk(tables, _utc_to_tt2000))

    def version(self) -> tuple[int, int, int]:
        """Another one after every publication, and when an embargo ends; the last number says how many last."""
        with self.connect() as connection:
            return *catalog_version(connection), embargoes(connection)

    def _schemas(self, schema: str | None = None) -> list[str]:
        published = [
            table.schema for table in self.catalog().tables if table.name == "epn_core" and table.column("dataset_id")
        ]
        return published if schema is None else _published(schema, published)


def _published(schema: str, published: list[str]) -> list[str]:
    if schema not in published:
        raise ParameterError(f"SCHEMA {schema!r} is not published here; expected one of {', '.join(published)}.")
    return [schema]


def _utc_to_tt2000(instant: datetime) -> int:
    return parse_utc(instant.isoformat())
