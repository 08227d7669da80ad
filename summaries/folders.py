"""Where summaries lie below the folder of the settings: service, dataset, time axis, then a folder for each year."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from epntap.epncore.text import clean_granule_uid

__all__ = ["folder_of", "new_name"]

_LONGEST = 80


def folder_of(root: Path, schema: str, dataset_id: str, axis: str = "") -> Path:
    """The folder of a dataset, or of one of its time axes."""
    folder = root / _safe(schema) / _safe(dataset_id)
    return folder / _safe(axis) if axis else folder


def new_name(year: int) -> str:
    """A name that no folder of this year has had."""
    return f"{year}-{secrets.token_hex(6)}"


def _safe(name: str) -> str:
    """A name of a folder that only this name has, whatever characters are in it."""
    plain = clean_granule_uid(name).replace("/", "_").lstrip(".")[:_LONGEST]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
