"""What the database would do for a statement, asked without running it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import ClientCursor, sql

from epntap.connection import Connection

__all__ = ["LONG_COST", "Plan", "expected_rows", "planned", "spelled_out"]

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


def expected_rows(plan: Plan) -> float:
    """How many rows the planner thinks that a SELECT of one table gives.

    Citus says it of one shard, and how many there are; or of a subquery, of which it knows nothing afterwards.
    """
    if query := plan.get("Distributed Query"):
        first = [one["PlannedStmt"][0]["Plan"] for one in query.get("Subplans", ())]
        tasks = query["Job"].get("Tasks", ())
        of_each = [one[0][0]["Plan"]["Plan Rows"] for task in tasks[:1] if (one := task.get("Remote Plan"))]
        return max(
            [*map(expected_rows, first), *(rows * float(query["Job"]["Task Count"]) for rows in of_each)], default=0
        )
    rows = float(plan["Plan Rows"])
    if plan["Node Type"] == "Limit":
        rows = min([rows, *map(expected_rows, plan.get("Plans", ()))])
    return rows


def spelled_out(connection: Connection, statement: sql.Composable, params: Mapping[str, Any]) -> str:
    """The statement with its values in it, to be read."""
    return ClientCursor(connection).mogrify(sql.Composed([statement]), params)
