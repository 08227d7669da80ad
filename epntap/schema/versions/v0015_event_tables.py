"""Time tables and catalogues of events."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the list of tables; each table is made when it is imported."""
    run_script("0015/event_tables.sql")
