"""Former identifiers of granules, and names of datasets and parameters that are given once."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add a table and columns, and give names to what is there."""
    run_script("0007/identifiers.sql")
