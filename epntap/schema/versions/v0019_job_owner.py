"""Jobs belong to whoever has made them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the owner, and the groups of the run; jobs that are there have neither."""
    op.add_column("job", Column("owner", Text), schema="uws")
    op.add_column("job", Column("groups", ARRAY(Text), nullable=False, server_default=text("'{}'")), schema="uws")
    op.create_index(
        "job_owner", "job", ["owner", text("created DESC")], schema="uws", postgresql_where=text("owner IS NOT NULL")
    )
