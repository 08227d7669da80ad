"""People whom descriptions of datasets name."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add a column to datasets."""
    op.add_column(
        "dataset", Column("contacts", ARRAY(Text), nullable=False, server_default=text("'{}'")), schema="archive"
    )
