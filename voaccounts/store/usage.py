"""What was had: account.spent for a day, by keys that tell nobody; account.usage for good, by dataset and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from epntap.connection import Connection

__all__ = ["add_usage", "spend", "spent", "usage"]

Row = tuple[str, str, str, int, int]


def spent(connection: Connection, key: str) -> Mapping[str, int]:
    """What was had under this key."""
    row = connection.execute("SELECT bytes, rows FROM account.spent WHERE key = %s", (key,)).fetchone()
    return {"bytes": 0, "rows": 0} if row is None else {"bytes": row[0], "rows": row[1]}


def spend(connection: Connection, key: str, size_bytes: int, rows: int) -> None:
    """So much more; what is older than two days is forgotten when a new key comes."""
    is_new = connection.execute(
        "INSERT INTO account.spent AS known (key, bytes, rows) VALUES (%(key)s, %(bytes)s, %(rows)s) "
        "ON CONFLICT (key) DO UPDATE SET bytes = known.bytes + excluded.bytes, rows = known.rows + excluded.rows "
        "RETURNING xmax = 0",
        {"key": key, "bytes": size_bytes, "rows": rows},
    ).fetchone()
    if is_new is not None and is_new[0]:
        connection.execute("DELETE FROM account.spent WHERE since < now() - interval '2 days'")


def add_usage(connection: Connection, rows: Sequence[Row]) -> None:
    """What was had of datasets by groups (service, dataset, group, answers, bytes), in the month of now (UTC)."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO account.usage AS known (month, schema_name, dataset_id, team, answers, bytes) "
            "VALUES (to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM'), %s, %s, %s, %s, %s) "
            "ON CONFLICT (month, schema_name, dataset_id, team) DO UPDATE SET "
            "answers = known.answers + excluded.answers, bytes = known.bytes + excluded.bytes",
            rows,
        )


def usage(connection: Connection, month: str = "", schema: str = "") -> list[tuple[str, str, str, str, int, int]]:
    """Month, service, dataset, group (empty for the world), answers and bytes."""
    return connection.execute(
        "SELECT month, schema_name, dataset_id, team, answers, bytes FROM account.usage "
        "WHERE (%(month)s = '' OR month = %(month)s) AND (%(schema)s = '' OR schema_name = %(schema)s) "
        "ORDER BY month DESC, schema_name, bytes DESC, dataset_id, team",
        {"month": month, "schema": schema},
    ).fetchall()
