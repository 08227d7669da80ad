"""People, their groups, and what proves who they are."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the tables; there is nobody in them."""
    run_script("0017/accounts.sql")
