"""Rows that are kept out until somebody has looked at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from epntap.connection import Connection

__all__ = ["SetAside", "write_quarantine"]


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row for the quarantine."""

    rules: tuple[str, ...]
    content: Mapping[str, Any]  # JSON
    rows: int = 1


def write_quarantine(connection: Connection, schema: str, rows: Sequence[SetAside]) -> None:
    """Make the quarantine of a service exactly these rows. Part of the caller's transaction."""
    connection.execute("DELETE FROM archive.quarantine WHERE schema_name = %s", (schema,))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO archive.quarantine (schema_name, granule_uid, rules, content, granules)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(schema, row.content.get("granule_uid"), list(row.rules), Jsonb(row.content), row.rows) for row in rows],
        )
