"""Tables of events go with their owner."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Have them removed when an account is."""
    run_script("0022/own_events_go.sql")
