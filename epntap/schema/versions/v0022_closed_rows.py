"""Datasets and rows that only some may see."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add what says who may see what; nothing is hidden yet."""
    run_script("0022/closed_rows.sql")
