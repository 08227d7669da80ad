"""What who uses the data of a dataset is asked to say."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add a column to datasets."""
    op.add_column("dataset", Column("acknowledgement", Text), schema="archive")
