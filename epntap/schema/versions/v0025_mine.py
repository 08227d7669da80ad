"""Tables and queries that people keep."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Make the lists of them."""
    run_script("0025/mine.sql")
