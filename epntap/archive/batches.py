"""Many identifiers at once: what each stands for, or why it stands for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import psycopg

from epntap.archive.granules import Bulk, GranuleRow
from epntap.errors import EpnTapError, NotFoundError, ParameterError

__all__ = ["Batches", "check_identifier", "only_one"]

#: longer than any granule_uid that ingestion makes
_LONGEST_ID = 512


class Batches:
    """Looks up one batch after the other; a connection is borrowed for as long as a batch takes."""

    def __init__(self, connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]], bulk: Bulk) -> None:
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
        asked = [one for one in identifiers if one not in faults]
        with self._connect() as connection:
            found = dict(zip(asked, self._bulk.find(connection, asked), strict=True))
        return [faults[one] if one in faults else _one_of(one, found[one]) for one in identifiers]


def _one_of(identifier: str, found: Sequence[GranuleRow]) -> GranuleRow | EpnTapError:
    if not found:
        return NotFoundError(f"There is no granule {identifier!r}; query granule_uid over TAP for those that exist.")
    try:
        only_one(identifier, [row.schema for row in found])
    except ParameterError as exc:
        return exc
    return found[0]


def only_one(identifier: str, schemas: Sequence[str]) -> Sequence[str]:
    """The schemas, of which there must not be several."""
    if len(schemas) > 1:
        raise ParameterError(
            f"{identifier!r} is in several services ({', '.join(schemas)}); add SCHEMA={schemas[0]} or another of them."
        )
    return schemas


def check_identifier(text: str) -> None:
    """Raises ParameterError for text that no granule can have as its name."""
    if not text or len(text) > _LONGEST_ID or not text.isprintable():
        raise ParameterError(f"{text[:60]!r} is no identifier; expected a granule_uid of a published table.")
