"""How an ingestion is asked to run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULTS", "Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """How an ingestion goes about its work."""

    #: processes that open files; None: one for each core
    jobs: int | None = None
    #: wait for another ingestion of the same service instead of giving up
    wait: bool = False
    #: delete even if most of what is published would go
    allow_deletions: bool = False
    #: open all files and compare all granules, also where nothing seems to have moved
    thorough: bool = False
    #: find out what would be done, and change nothing
    dry_run: bool = False
    #: column by which the rows of new tables are spread over the servers of a Citus cluster; empty: they are not
    distribute: str = ""


DEFAULTS = Options()
