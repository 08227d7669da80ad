"""What standbys are asked before they are asked anything else."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Let the reader see which publications a server has."""
    run_script("0026/standbys.sql")
