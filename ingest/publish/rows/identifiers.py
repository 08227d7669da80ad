"""What happens to identifiers when rows are published: old ones go on answering, and equal ones are told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from psycopg import sql

from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.pieces import in_pieces
from ingest.facts import Remark
from ingest.publish.rows.copy import CHANGED, STAGED

__all__ = ["give_public_ids", "meetings", "note_successors", "note_superseded"]


#: names that are written down at a time
_AT_ONCE = 10_000


def note_successors(connection: Connection, table: Table) -> None:
    """While a merge runs, before it deletes: note which new granule comes in the place of one that vanishes.

    That is the new one of the same dataset, observation and product (granule_gid), where there is one and no more.
    """
    schema, published = sql.Literal(table.schema), sql.Identifier(table.schema, table.name)
    connection.execute(
        sql.SQL(
            """
            CREATE TEMPORARY TABLE succession ON COMMIT DROP AS
            WITH gone AS (
                SELECT t.* FROM {changed} c JOIN {table} t ON t.granule_uid = c.stored_uid WHERE c.staged_uid IS NULL
            ), there AS (
                SELECT s.*, count(*) OVER (PARTITION BY {observation}) AS products
                FROM {staged} s WHERE s.obs_id IN (SELECT obs_id FROM gone)
            )
            SELECT gone.granule_uid AS former_uid, min(there.granule_uid) AS granule_uid
            FROM gone JOIN there USING ({observation})
            JOIN {changed} n ON n.staged_uid = there.granule_uid AND n.stored_uid IS NULL
            WHERE there.granule_gid IS NOT DISTINCT FROM gone.granule_gid OR there.products = 1
            GROUP BY gone.granule_uid HAVING count(*) = 1
            """
        ).format(
            changed=CHANGED,
            table=published,
            staged=STAGED,
            observation=sql.SQL("obs_id, dataset_id" if table.column("dataset_id") else "obs_id"),
        )
    )
    connection.execute(
        sql.SQL(
            "UPDATE archive.former_uid f SET granule_uid = s.granule_uid FROM succession s "
            "WHERE f.schema_name = {} AND f.granule_uid = s.former_uid"
        ).format(schema)
    )
    connection.execute(
        sql.SQL(
            "INSERT INTO archive.former_uid (schema_name, former_uid, granule_uid) "
            "SELECT {}, former_uid, granule_uid FROM succession "
            "ON CONFLICT (schema_name, former_uid) DO UPDATE SET granule_uid = excluded.granule_uid"
        ).format(schema)
    )
    # what is a granule again is no former one
    connection.execute(
        sql.SQL(
            "DELETE FROM archive.former_uid f USING {} n "
            "WHERE f.schema_name = {} AND n.stored_uid IS NULL AND f.former_uid = n.staged_uid"
        ).format(CHANGED, schema)
    )
    connection.execute("DROP TABLE succession")


def note_superseded(connection: Connection, table: Table, former: Iterable[tuple[str, str]]) -> None:
    """Let names of files (former, granule_uid) answer, where they name no granule of the table."""
    statement = sql.SQL(
        """
        INSERT INTO archive.former_uid AS f (schema_name, former_uid, granule_uid)
        SELECT {schema}, w.former, w.uid FROM unnest(%s::text[], %s::text[]) AS w(former, uid)
        WHERE w.former <> w.uid AND NOT EXISTS (SELECT FROM {table} t WHERE t.granule_uid = w.former)
        ON CONFLICT (schema_name, former_uid) DO UPDATE SET granule_uid = excluded.granule_uid
        WHERE f.granule_uid <> excluded.granule_uid
        """
    ).format(schema=sql.Literal(table.schema), table=sql.Identifier(table.schema, table.name))
    for some in in_pieces(former, _AT_ONCE):
        names = dict(some)
        connection.execute(statement, (list(names), list(names.values())))


def give_public_ids(connection: Connection, schema: str) -> None:
    """Name the datasets and parameters of a service that have no public_id; those that have one keep it."""
    unnamed = connection.execute(
        "SELECT EXISTS (SELECT FROM archive.dataset WHERE schema_name = %(schema)s AND public_id IS NULL)"
        " OR EXISTS (SELECT FROM archive.parameter WHERE schema_name = %(schema)s AND public_id IS NULL)",
        {"schema": schema},
    ).fetchone()
    if unnamed == (True,):
        # of thousands of rows that have just come the planner takes there to be a few, and compares each with all
        connection.execute("ANALYZE archive.dataset, archive.parameter")
        connection.execute("SELECT archive.give_public_ids(%s)", (schema,))


def meetings(connection: Connection, table: Table, *, is_new: bool) -> Iterator[Remark]:
    """A remark for each other service that knows identifiers of the new granules.

    While a merge runs, or, for a table that `is_new`, when it is filled.
    """
    ours = sql.SQL("SELECT granule_uid AS uid FROM {}").format(sql.Identifier(table.schema, table.name))
    if not is_new:
        ours = sql.SQL("SELECT staged_uid AS uid FROM {} WHERE stored_uid IS NULL").format(CHANGED)
    others = connection.execute(
        "SELECT schema_name FROM archive.service WHERE schema_name <> %s AND "
        "to_regclass(format('%%I.epn_core', schema_name)) IS NOT NULL ORDER BY first_ingested, schema_name",
        (table.schema,),
    ).fetchall()
    for (other,) in others:
        row = connection.execute(
            sql.SQL("SELECT count(*), min(o.uid) FROM ({}) o JOIN {} t ON t.granule_uid = o.uid").format(
                ours, sql.Identifier(other, "epn_core")
            )
        ).fetchone()
        assert row is not None
        if row[0]:
            yield Remark(
                f"{table.schema}.epn_core",
                f"{row[0]:,} of the new identifiers, such as {row[1]}, are in {other}.epn_core too; an address that "
                f"names no service answers with the one that was published first",
            )
