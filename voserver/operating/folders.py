"""The folders that the service writes to, and whether it can."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from epntap.settings import Settings

__all__ = ["folders_of", "why_not_written"]


def folders_of(settings: Settings) -> Mapping[str, Path]:
    """All of them, by the setting that names each, in small letters."""
    return {
        "home": settings.home,
        "results": settings.results_dir,
        "summaries": settings.summaries_dir,
        "previews": settings.previews_dir,
    }


def why_not_written(folder: Path) -> str:
    """Why this user cannot write there, or make the folder where it is not there yet; empty when they can."""
    there = next((one for one in (folder, *folder.parents) if os.path.exists(one)), folder)  # noqa: PTH110  # Path raises
    if not there.is_dir():
        return f"{there} is no folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"{there} may not be written by this user"
    return ""
