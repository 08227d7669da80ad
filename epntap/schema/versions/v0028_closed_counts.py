"""Closed rows are counted, by who may see them and from when on."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Make the table; there are no closed rows yet."""
    run_script("0028/closed_counts.sql")
