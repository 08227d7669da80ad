"""Files know on which days they hold records."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column to both tables of files; it is filled when files are opened next."""
    run_script("0004/days_with_records.sql")
