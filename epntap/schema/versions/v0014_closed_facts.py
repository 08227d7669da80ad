"""Facts of parameters and gaps end when a file that they were made of is closed."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the trigger."""
    run_script("0014/closed_facts.sql")
