"""Instants until which data are closed."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add a column to datasets and to files."""
    for table in ("dataset", "file"):
        op.add_column(table, Column("embargoed_until", Text), schema="archive")
    op.create_index(
        "file_embargoed",
        "file",
        ["embargoed_until"],
        schema="archive",
        postgresql_where=text("embargoed_until IS NOT NULL"),
    )
