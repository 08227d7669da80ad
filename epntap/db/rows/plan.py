"""What the database would do for a statement, asked without running it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import ClientCursor, sql

from epntap.connection import Connection

__all__ = ["LONG_COST", "Plan", "planned", "spelled_out"]

#: what the planner says of a query that takes about a second
LONG_COST = 200_000

#: a node of a plan, as PostgreSQL says it in JSON
Plan = Mapping[str, Any]


def planned(connection: Connection, statement: sql.Composable, params: Mapping[str, Any]) -> Plan:
    """The outermost node of the plan, each with the schemas of its tables. Raises psycopg.Error."""
    explain = sql.SQL("EXPLAIN (FORMAT JSON, VERBOSE) {}").format(statement)
    row = connection.execute(explain, params).fetchone()
    assert row is not None
    plan: Plan = row[0][0]["Plan"]
    return plan


def spelled_out(connection: Connection, statement: sql.Composable, params: Mapping[str, Any]) -> str:
    """The statement with its values in it, to be read."""
    return ClientCursor(connection).mogrify(sql.Composed([statement]), params)
