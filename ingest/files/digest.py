"""A digest of program text, for fingerprints."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

__all__ = ["code_digest"]


@cache
def code_digest(*files: Path) -> str:
    """Of program files: another version of them may make something else of the same input."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
