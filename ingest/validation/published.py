"""The check of a table that this installation publishes."""

from __future__ import annotations

import time
from collections.abc import Mapping

from psycopg import sql

from epntap.catalog.load import load_catalog
from epntap.catalog.model import Catalog, Table
from epntap.connection import Connection, kept_in_place
from epntap.db.pool import Database, Role, connect
from epntap.epncore.columns import TABLE_UTYPE
from epntap.epncore.rules.all_rules import NO_SEVERITIES, TABLE_RULES, Severity
from epntap.errors import NotFoundError
from epntap.hints import did_you_mean
from ingest.findings import table_findings
from ingest.progress import Progress, Silent
from ingest.publish.coverage import SEARCHED, empty_columns
from ingest.validation.report import CheckReport
from ingest.validation.rows import examine

__all__ = ["check_published"]


def check_published(
    database: Database,
    schema: str,
    severities: Mapping[str, Severity] = NO_SEVERITIES,
    progress: Progress | None = None,
) -> CheckReport:
    """The rules asked of a published epn_core. Raises NotFoundError when there is none in this schema."""
    clock, progress = time.perf_counter(), progress or Silent()
    with connect(database, Role.SERVICE) as connection:
        table = _epn_core(load_catalog(connection), schema)
        connection.rollback()
        with connection.transaction():
            # one snapshot for all queries, and nothing can be changed
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            relation = sql.Identifier(table.schema, table.name)
            if not table.is_by_hand:
                connection.execute(kept_in_place(relation))
            progress.stage("counting what is empty")
            empty = empty_columns(_null_counts(connection, table))
            progress.stage("asking the rules")
            examined = examine(connection, relation, table, severities)
    return CheckReport(
        table=table.qualified_name,
        address="",
        rows=examined.rows,
        partial=False,
        rules=len(examined.rules) + len(TABLE_RULES),
        findings=(*table_findings(table, examined.facts, severities), *examined.findings),
        seconds=time.perf_counter() - clock,
        empty=empty,
    )


def _null_counts(connection: Connection, table: Table) -> Mapping[str, Mapping[str | None, int]]:
    """Rows without a value, by column."""
    names = [name for name in SEARCHED if table.column(name) is not None]
    row = connection.execute(
        sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(sql.SQL("count(*) - count({})").format(sql.Identifier(name)) for name in names),
            sql.Identifier(table.schema, table.name),
        )
    ).fetchone()
    assert row is not None
    return {name: {None: int(rows)} for name, rows in zip(names, row, strict=True)}


def _epn_core(catalog: Catalog, schema: str) -> Table:
    schema = schema.removesuffix(".epn_core")
    table = catalog.table(schema, "epn_core")
    if table is None:
        known = [one.schema for one in catalog.tables if one.name == "epn_core" or one.utype == TABLE_UTYPE]
        said = f"published are {', '.join(known)}" if known else "nothing is published yet"
        raise NotFoundError(f"There is no table {schema}.epn_core; {said}.{did_you_mean(schema, known)}")
    return table
