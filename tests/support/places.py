"""Where the repository and the shared test material are."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["ROOT", "SHARED", "shared_directory"]

ROOT = Path(__file__).parents[2]


def shared_directory() -> Path:
    """Folder of the shared test material; it may be missing."""
    return Path(os.environ.get("EPNTAP_SHARED", str(ROOT.parent / "shared"))).resolve()


SHARED = shared_directory()
