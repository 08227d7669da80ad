"""Distances to unknown positions are NULL; descriptions and units of tap_schema may hold any letter."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Replace the function and say it of the columns."""
    run_script("0002/null_positions.sql")
    run_script("0002/texts_of_tap_schema.sql")
