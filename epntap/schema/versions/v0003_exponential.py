"""EXP of large negative numbers is zero."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the function."""
    run_script("0003/exponential.sql")
