"""What was had, where there is a limit, and of datasets."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Make the tables."""
    run_script("0021/allowances.sql")
