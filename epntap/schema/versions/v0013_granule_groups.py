"""Granules by all that people search by, and by month."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the table; the next ingestion of each service fills it."""
    run_script("0013/granule_groups.sql")
