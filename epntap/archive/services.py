"""Services as the archive knows them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from psycopg.rows import class_row
from sqlalchemy import select

from epntap.connection import Connection
from epntap.schema import tables
from epntap.schema.statements import compiled, upsert

__all__ = ["Service", "services", "write_service"]


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
    granule_count: int = 0


_WRITE = upsert(tables.service, kept=["first_ingested"])
_ALL = compiled(
    select(*(tables.service.c[field.name] for field in fields(Service))).order_by(tables.service.c.schema_name)
)


def write_service(connection: Connection, service: Service) -> None:
    """Record a service; `first_ingested` of one that is there already is kept."""
    _WRITE.run(connection, **asdict(service))


def services(connection: Connection) -> tuple[Service, ...]:
    """All services, by schema name."""
    with connection.cursor(row_factory=class_row(Service)) as cursor:
        return tuple(cursor.execute(_ALL.text))
