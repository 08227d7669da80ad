"""Closed rows are counted, by who may see them and from when on."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Make the table; there are no closed rows yet."""
    run_script("0027/closed_counts.sql")
