"""What the database would do for a statement, asked without running it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import ClientCursor, sql

from epntap.connection import Connection

__all__ = ["LONG_COST", "Plan", "expected_bytes", "planned", "spelled_out"]

#: what the planner says of a query that takes about a second
LONG_COST = 200_000

#: what a row takes on its way beside its values, in room and in time
ROW_BYTES = 100

#: a node of a plan, as PostgreSQL says it in JSON
Plan = Mapping[str, Any]


def planned(connection: Connection, statement: sql.Composable, params: Mapping[str, Any]) -> Plan:
    """The outermost node of the plan, each with the schemas of its tables. Raises psycopg.Error."""
    explain = sql.SQL("EXPLAIN (FORMAT JSON, VERBOSE) {}").format(statement)
    row = connection.execute(explain, params).fetchone()
    assert row is not None
    plan: Plan = row[0][0]["Plan"]
    return plan


def expected_bytes(plan: Plan) -> float:
    """What the planner thinks that the rows take which a SELECT of one table gives.

    Citus says it of one shard, and how many there are; or of a subquery, of which it knows nothing afterwards.
    """
    if query := plan.get("Distributed Query"):
        first = [one["PlannedStmt"][0]["Plan"] for one in query.get("Subplans", ())]
        job = query["Job"]
        of_one = [shard[0][0]["Plan"] for task in job.get("Tasks", ())[:1] if (shard := task.get("Remote Plan"))]
        shards = int(job["Task Count"])
        return max([*map(expected_bytes, first), *(_bytes(shard) * shards for shard in of_one)], default=0.0)
    if plan["Node Type"] == "Limit":
        return min([_bytes(plan), *map(expected_bytes, plan.get("Plans", ()))])
    return _bytes(plan)


def _bytes(plan: Plan) -> float:
    return float(plan["Plan Rows"]) * (int(plan["Plan Width"]) + ROW_BYTES)


def spelled_out(connection: Connection, statement: sql.Composable, params: Mapping[str, Any]) -> str:
    """The statement with its values in it, to be read."""
    return ClientCursor(connection).mogrify(sql.Composed([statement]), params)
