"""Parts of ingestions and summaries that workers do."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Make the queue; nothing is in it."""
    run_script("0023/batches.sql")
