"""What the commands that look at services ask the database: services, their datasets, one granule or dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from epntap.archive.services import by_age
from epntap.catalog.model import Catalog
from epntap.connection import Connection
from epntap.errors import NotFoundError
from epntap.hints import did_you_mean

__all__ = ["Dataset", "Found", "Published", "datasets_of", "find_dataset", "find_granule", "published"]

Row = dict[str, Any]  # columns of any type

_SERVICES = """
SELECT s.schema_name, s.title, s.publisher, s.granule_count, s.first_ingested, s.last_ingested, c.time_min, c.time_max,
       (SELECT count(*) FROM archive.dataset d WHERE d.schema_name = s.schema_name) AS datasets
FROM archive.service s LEFT JOIN archive.coverage c USING (schema_name) ORDER BY s.schema_name
"""
_DATASETS: LiteralString = """
SELECT d.dataset_id, d.title, d.start_time, d.stop_time, d.embargoed_until, coalesce(f.files, 0) AS files,
       coalesce(f.bytes, 0) AS bytes, {target} AS target_name, {granules} AS granules
FROM archive.dataset d LEFT JOIN (
    SELECT dataset_id, count(*) AS files, sum(size_bytes)::bigint AS bytes
    FROM archive.file WHERE schema_name = %(schema)s GROUP BY dataset_id
) f USING (dataset_id)
WHERE d.schema_name = %(schema)s ORDER BY d.dataset_id
"""
_DATASET = "SELECT * FROM archive.dataset WHERE schema_name = %(schema)s AND dataset_id = %(dataset)s"
_PARAMETERS = """
SELECT name, units, title FROM archive.parameter WHERE schema_name = %(schema)s AND dataset_id = %(dataset)s
ORDER BY position
"""
_COUNTED: LiteralString = """
coalesce((SELECT v.rows FROM archive.value_count v WHERE v.schema_name = d.schema_name
          AND v.column_name = 'dataset_id' AND v.value = d.dataset_id), d.granule_count)
"""


@dataclass(frozen=True, slots=True)
class Published:
    """One published service, as a list of services tells it."""

    schema_name: str
    title: str
    publisher: str | None
    granule_count: int
    first_ingested: datetime
    last_ingested: datetime
    #: Julian dates (UTC)
    time_min: float | None
    time_max: float | None
    datasets: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset, as a list of datasets tells it."""

    dataset_id: str
    title: str
    start_time: datetime | None
    stop_time: datetime | None
    embargoed_until: str | None
    #: that are held, and their size
    files: int
    bytes: int
    target_name: str | None
    granules: int


@dataclass(frozen=True, slots=True)
class Found:
    """What an identifier stands for."""

    #: granule or dataset
    kind: str
    schema: str
    #: of its row
    values: Row
    parameters: list[Row] = field(default_factory=list)


def published(connection: Connection) -> list[Published]:
    """All services, by schema."""
    return [Published(**row) for row in _rows(connection, _SERVICES)]


def datasets_of(connection: Connection, catalog: Catalog, schema: str) -> list[Dataset]:
    """The datasets of a service. Raises NotFoundError for a schema that is not published."""
    table = catalog.table(_known(catalog, schema), "epn_core")
    assert table is not None
    target: sql.Composable = sql.SQL("NULL")
    if table.column("dataset_id") is not None and table.column("target_name") is not None:
        target = sql.SQL(
            "(SELECT g.target_name FROM {} g WHERE g.dataset_id = d.dataset_id ORDER BY g.time_min LIMIT 1)"
        ).format(sql.Identifier(schema, "epn_core"))
    statement = sql.SQL(_DATASETS).format(target=target, granules=sql.SQL(_COUNTED))
    return [Dataset(**row) for row in _rows(connection, statement, schema=schema)]


def find_granule(connection: Connection, catalog: Catalog, uid: str, schema: str | None) -> Found | None:
    """The row with this granule_uid, of the service that was published first where several have one."""
    for one in _in_order(connection, catalog, schema):
        statement = sql.SQL("SELECT * FROM {} WHERE granule_uid = %(uid)s").format(sql.Identifier(one, "epn_core"))
        for row in _rows(connection, statement, uid=uid):
            return Found("granule", one, row)
    return None


def find_dataset(connection: Connection, catalog: Catalog, dataset_id: str, schema: str | None) -> Found | None:
    """What the archive knows of a dataset, and its parameters."""
    for one in _in_order(connection, catalog, schema):
        named = {"schema": one, "dataset": dataset_id}
        for row in _rows(connection, _DATASET, **named):
            return Found("dataset", one, row, parameters=_rows(connection, _PARAMETERS, **named))
    return None


def _rows(connection: Connection, statement: LiteralString | sql.Composed, **values: str) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()


def _known(catalog: Catalog, schema: str) -> str:
    schemas = _schemas(catalog)
    if schema not in schemas:
        there = f"there are {', '.join(schemas)}" if schemas else "there is none yet"
        raise NotFoundError(f"There is no service {schema!r} here; {there}.{did_you_mean(schema, schemas)}")
    return schema


def _schemas(catalog: Catalog) -> list[str]:
    return [table.schema for table in catalog.tables if table.name == "epn_core"]


def _in_order(connection: Connection, catalog: Catalog, schema: str | None) -> list[str]:
    return by_age(connection, _schemas(catalog)) if schema is None else [_known(catalog, schema)]
