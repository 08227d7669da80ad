"""What an ingestion did is kept with its service, for the page that says how the service is."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; it is filled by the next ingestion."""
    op.add_column("service", Column("report", JSONB), schema="archive")
