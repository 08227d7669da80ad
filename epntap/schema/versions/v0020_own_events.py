"""Tables of events that somebody owns."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add whose a table is; those that are there are everybody's."""
    run_script("0020/own_events.sql")
