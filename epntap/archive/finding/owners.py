"""Which services know an identifier, where the address does not name one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from epntap.archive.finding.former import successors_of
from epntap.connection import Connection

__all__ = ["owners_of"]


def owners_of(
    connection: Connection, names: Sequence[str], schemas: Sequence[str], relations: Mapping[str, str]
) -> dict[str, str]:
    """The schema of each name that is, or was, a granule of one of the services, or is a dataset of one.

    Where several know it, the first of `schemas`. `relations` are those that `locate` takes.
    """
    if not names or not schemas:
        return {}
    granules = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT granule_uid::text, {}::text FROM {} WHERE granule_uid = ANY (%(names)s)").format(
            sql.Literal(schema), sql.Identifier(schema, relations.get(schema, "epn_core"))
        )
        for schema in schemas
    )
    asked = {"names": list(names), "schemas": list(schemas)}
    former = successors_of(connection, names, schemas)
    known = [
        *connection.execute(granules, asked),
        *((name, schema) for name, successors in former.items() for schema, _ in successors),
    ]
    datasets = connection.execute(
        "SELECT dataset_id, schema_name FROM archive.dataset "
        "WHERE schema_name = ANY (%(schemas)s) AND dataset_id = ANY (%(names)s)",
        asked,
    ).fetchall()
    return {**_first(datasets, schemas), **_first(known, schemas)}


def _first(known: Iterable[Sequence[str]], schemas: Sequence[str]) -> dict[str, str]:
    by_age = sorted(known, key=lambda one: schemas.index(one[1]), reverse=True)
    return {str(name): str(schema) for name, schema in by_age}
