"""Services as the archive knows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from epntap.connection import Connection

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


def write_service(connection: Connection, service: Service) -> None:
    """Record a service; `first_ingested` of one that is there already is kept."""
    connection.execute(
        """
        INSERT INTO archive.service
            (schema_name, title, description, publisher, creator, reference_url, granule_count,
             first_ingested, last_ingested)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (schema_name) DO UPDATE
        SET title = excluded.title, description = excluded.description, publisher = excluded.publisher,
            creator = excluded.creator, reference_url = excluded.reference_url,
            granule_count = excluded.granule_count, last_ingested = excluded.last_ingested
        """,
        (
            service.schema_name,
            service.title,
            service.description,
            service.publisher,
            service.creator,
            service.reference_url,
            service.granule_count,
            service.first_ingested,
            service.last_ingested,
        ),
    )


def services(connection: Connection) -> tuple[Service, ...]:
    """All services, by schema name."""
    with connection.cursor(row_factory=class_row(Service)) as cursor:
        return tuple(cursor.execute("SELECT * FROM archive.service ORDER BY schema_name"))
