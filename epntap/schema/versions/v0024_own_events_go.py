"""Tables of events go with their owner."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Have them removed when an account is."""
    run_script("0024/own_events_go.sql")
