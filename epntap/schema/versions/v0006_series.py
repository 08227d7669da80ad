"""What the files of each dataset say of their records is kept, so that whoever describes them opens none."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table; the next ingestion of a service fills it."""
    run_script("0006/series.sql")
