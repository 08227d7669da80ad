"""Parts of ingestions and summaries that workers do."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Make the queue; nothing is in it."""
    run_script("0022/batches.sql")
