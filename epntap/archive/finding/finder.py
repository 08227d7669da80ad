"""Finds granules, for all that answers with their files or links: built once in each process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from epntap.access import ANONYMOUS, Caller
from epntap.archive.datasets import dataset
from epntap.archive.files import embargoes, files_overlapping
from epntap.archive.finding.batches import Batches, check_identifier, no_granule
from epntap.archive.finding.former import successors_of
from epntap.archive.finding.granules import Bulk
from epntap.archive.finding.likely import hint_at_granule
from epntap.archive.finding.locate import LocatedGranule, locate
from epntap.archive.finding.owners import owners_of
from epntap.archive.services import by_age
from epntap.catalog.load import catalog_version
from epntap.catalog.model import Catalog
from epntap.cdf import MAX_TT2000, MIN_TT2000, parse_utc
from epntap.db.caller import seen_by, seen_whole
from epntap.errors import NotFoundError, ParameterError, UnavailableError

__all__ = ["Finder"]


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds granules and what is held of datasets."""

    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
    catalog: Callable[[], Catalog]

    def granule(self, granule_uid: str, schema: str | None = None, caller: Caller = ANONYMOUS) -> LocatedGranule:
        """What an identifier stands for as the caller sees it, in the service of this schema if one is given.

        Without one, the service that was published first answers, of those where the identifier is or was one. A
        former identifier stands for what came in its place. Raises ParameterError for text that no granule can have,
        NotFoundError for an identifier that nobody has.
        """
        check_identifier(granule_uid)
        with self.connect() as connection, seen_by(connection, caller):
            schemas = self._by_age(connection, schema)
            found = self._located(connection, granule_uid, schemas)
            if found is None:
                raise no_granule(granule_uid, hint_at_granule(connection, granule_uid, schemas))
        return found

    def holding(self, identifier: str, schema: str | None = None, caller: Caller = ANONYMOUS) -> LocatedGranule:
        """A granule, or, when the identifier is that of a dataset, all that is held of it as one."""
        try:
            return self.granule(identifier, schema, caller)
        except NotFoundError:
            with self.connect() as connection, seen_by(connection, caller):
                for one in self._by_age(connection, schema):
                    known = dataset(connection, one, identifier)
                    if known is not None:
                        files = files_overlapping(connection, one, identifier, MIN_TT2000, MAX_TT2000)
                        return LocatedGranule(one, identifier, known, MIN_TT2000, MAX_TT2000, files)
            raise

    def owners(self, identifiers: Sequence[str], caller: Caller = ANONYMOUS) -> dict[str, str]:
        """The schema of each identifier, of a granule or a dataset, that some service knows."""
        with self.connect() as connection, seen_by(connection, caller):
            return owners_of(connection, identifiers, self._by_age(connection), self._relations())

    def failure(self) -> str:
        """Why granules cannot be found at the moment; empty when they can."""
        try:
            with self.connect() as connection:
                connection.execute("SELECT 1")
        except UnavailableError as exc:
            return exc.message
        return ""

    def batches(self, schema: str | None = None, caller: Caller = ANONYMOUS) -> Batches:
        """Looks up many identifiers. Raises ParameterError for a schema that is not published."""
        tables = [table for table in self.catalog().tables if table.name == "epn_core"]
        if schema is not None:
            names = [table.schema for table in tables]
            tables = [table for table in tables if table.schema == _published(schema, names)[0]]
        return Batches(self.connect, Bulk(tables, _utc_to_tt2000), caller)

    def version(self) -> tuple[int, int, int]:
        """Another one after every publication, and when an embargo of what everybody sees ends.

        The last number says how many last. It tells nothing of what is hidden: who knows the rest may guess it.
        """
        with self.connect() as connection:
            return *catalog_version(connection), embargoes(connection)[0]

    def awaits_release(self) -> bool:
        """Whether something will be open that is not, be it hidden: nobody may keep an answer beyond that instant."""
        with self.connect() as connection, seen_whole(connection):
            return embargoes(connection)[1] > 0

    def schemas(self) -> list[str]:
        """The services that have datasets."""
        return [
            table.schema for table in self.catalog().tables if table.name == "epn_core" and table.column("dataset_id")
        ]

    def _located(
        self, connection: psycopg.Connection[Any], granule_uid: str, schemas: Sequence[str]
    ) -> LocatedGranule | None:
        relations = self._relations()
        found = locate(connection, granule_uid, schemas, _utc_to_tt2000, relations)
        before = schemas if found is None else schemas[: schemas.index(found.schema)]
        for schema, successor in successors_of(connection, [granule_uid], before).get(granule_uid, ()):
            instead = locate(connection, successor, [schema], _utc_to_tt2000, relations)
            if instead is not None:
                return instead
        return found

    def _relations(self) -> dict[str, str]:
        """What is to be read in the place of epn_core, of services where that depends on who asks."""
        return {table.schema: table.seen_as for table in self.catalog().tables if table.seen_as}

    def _by_age(self, connection: psycopg.Connection[Any], schema: str | None = None) -> list[str]:
        """The service that is asked for, or all: first those that were published first."""
        published = self.schemas()
        if schema is not None:
            return _published(schema, published)
        return by_age(connection, published)


def _published(schema: str, published: list[str]) -> list[str]:
    if schema not in published:
        raise ParameterError(f"SCHEMA {schema!r} is not published here; expected one of {', '.join(published)}.")
    return [schema]


def _utc_to_tt2000(instant: datetime) -> int:
    return parse_utc(instant.isoformat())
