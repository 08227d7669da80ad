"""Identifiers that granules had before: whoever has written one down gets what has come in its place."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ARRAY, Text, any_, bindparam, select

from epntap.connection import Connection
from epntap.schema import tables
from epntap.schema.statements import compiled

__all__ = ["successors_of"]

_former = tables.former_uid.c
_SUCCESSORS = compiled(
    select(_former.former_uid, _former.schema_name, _former.granule_uid).where(
        _former.schema_name == any_(bindparam("schemas", type_=ARRAY(Text))),
        _former.former_uid == any_(bindparam("names", type_=ARRAY(Text))),
    )
)


def successors_of(
    connection: Connection, names: Sequence[str], schemas: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """For names that granules of these services had: schema and granule_uid of what came, in the order of `schemas`."""
    found: dict[str, list[tuple[str, str]]] = {}
    if not names or not schemas:
        return found
    for name, schema, uid in _SUCCESSORS.run(connection, names=list(names), schemas=list(schemas)):
        found.setdefault(name, []).append((schema, uid))
    for one in found.values():
        one.sort(key=lambda successor: schemas.index(successor[0]))
    return found
