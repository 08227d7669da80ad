"""Summaries of the files of each dataset: which folders hold them, facts about parameters, gaps."""

from __future__ import annotations

from epntap.schema.upgrade import run_script

revision = "0012"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables; `epntap summarise`, or a job of the kind summary, fills them."""
    run_script("0012/summaries.sql")
