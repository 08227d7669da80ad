"""Services as the archive knows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from psycopg.rows import class_row
from sqlalchemy import ARRAY, Text, any_, bindparam, null, select

from epntap.connection import Connection
from epntap.schema import tables
from epntap.schema.statements import compiled, upsert

__all__ = ["Service", "by_age", "services", "write_service"]


@dataclass(frozen=True, slots=True)
class Service:
    """One published service."""

    schema_name: str
    title: str
    first_ingested: datetime
    last_ingested: datetime
    description: str | None = None
    publisher: str | None = None
    creator: str | None = None
    reference_url: str | None = None
    #: rows that everybody sees
    granule_count: int = 0
    #: whether there are others, which only some see
    has_closed_rows: bool = False


# the report is written when the ingestion has ended
_WRITE = upsert(tables.service, kept=["first_ingested", "report"], report=null())
_ALL = compiled(
    select(*(tables.service.c[field.name] for field in fields(Service))).order_by(tables.service.c.schema_name)
)

_BY_AGE = compiled(
    select(tables.service.c.schema_name)
    .where(tables.service.c.schema_name == any_(bindparam("schemas", type_=ARRAY(Text))))
    .order_by(tables.service.c.first_ingested, tables.service.c.schema_name)
)


def by_age(connection: Connection, schemas: Sequence[str]) -> list[str]:
    """The schemas, those first that were published first; any that nobody knows come last."""
    if len(schemas) < 2:
        return list(schemas)
    known = [str(row[0]) for row in _BY_AGE.run(connection, schemas=list(schemas))]
    return [*known, *(schema for schema in schemas if schema not in known)]


def write_service(connection: Connection, service: Service) -> None:
    """Record a service; `first_ingested` of one that is there already is kept."""
    _WRITE.run(connection, **asdict(service))


def services(connection: Connection) -> tuple[Service, ...]:
    """All services, by schema name."""
    with connection.cursor(row_factory=class_row(Service)) as cursor:
        return tuple(cursor.execute(_ALL.text))
