"""Many identifiers at once: what each stands for, or why it stands for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import psycopg

from epntap.access import ANONYMOUS, Caller
from epntap.archive.finding.former import successors_of
from epntap.archive.finding.granules import Bulk, GranuleRow
from epntap.archive.finding.likely import hint_at_granule
from epntap.archive.services import by_age
from epntap.connection import Connection
from epntap.db.caller import seen_by
from epntap.errors import EpnTapError, NotFoundError, ParameterError

__all__ = ["Batches", "check_identifier", "no_granule"]

#: longer than any granule_uid that ingestion makes
_LONGEST_ID = 512
#: of the unknown names of a batch, that are compared with those that exist
_MOST_HINTS = 10


class Batches:
    """Looks up one batch after the other; a connection is borrowed for as long as a batch takes."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]],
        bulk: Bulk,
        caller: Caller = ANONYMOUS,
    ) -> None:
        self._caller = caller
        self._connect = connect
        self._bulk = bulk

    def rows(self, identifiers: Sequence[str]) -> list[GranuleRow | EpnTapError]:
        """For each identifier the granule or what is wrong with it. Raises UnavailableError without a database."""
        faults: dict[str, EpnTapError] = {}
        for identifier in identifiers:
            try:
                check_identifier(identifier)
            except ParameterError as exc:
                faults[identifier] = exc
        with self._connect() as connection, seen_by(connection, self._caller):
            found = self._found(connection, [one for one in identifiers if one not in faults])
            unknown = [one for one in dict.fromkeys(identifiers) if one not in faults and one not in found]
            hints = {
                one: hint_at_granule(connection, one, self._bulk.schemas_with_datasets) for one in unknown[:_MOST_HINTS]
            }
        faults |= {one: no_granule(one, hints.get(one, "")) for one in unknown}
        return [faults.get(one) or found[one] for one in identifiers]

    def _found(self, connection: Connection, names: Sequence[str]) -> dict[str, GranuleRow]:
        """The granule of each name: in the service that was published first, of those where it is or was one."""
        schemas = by_age(connection, self._bulk.schemas)
        age = {schema: number for number, schema in enumerate(schemas)}
        found: dict[str, GranuleRow] = {}
        for name, rows in zip(names, self._bulk.find(connection, names), strict=True):
            if rows:
                found[name] = min(rows, key=lambda row: age[row.schema])
        open_ones = [name for name in names if name not in found or age[found[name].schema] > 0]
        former = successors_of(connection, open_ones, schemas)
        successors = sorted({uid for some in former.values() for _, uid in some})
        by_place = {
            (row.schema, row.granule_uid): row for rows in self._bulk.find(connection, successors) for row in rows
        }
        for name, some in former.items():
            rows = [by_place[place] for place in some if place in by_place]
            if rows and (name not in found or age[rows[0].schema] < age[found[name].schema]):
                found[name] = rows[0]
        return found


def no_granule(identifier: str, hint: str = "") -> NotFoundError:
    """The error for an identifier that nobody has, with a hint at what was meant."""
    return NotFoundError(f"There is no granule {identifier!r}; query granule_uid over TAP for those that exist.{hint}")


def check_identifier(text: str) -> None:
    """Raises ParameterError for text that no granule can have as its name."""
    if not text or len(text) > _LONGEST_ID or not text.isprintable():
        raise ParameterError(f"{text[:60]!r} is no identifier; expected a granule_uid of a published table.")
