"""Files of an archive in fewer bytes: folders and layouts once, checksums as bytes."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Write the file index anew, with every row that it has."""
    run_script("0018/file_index.sql")
