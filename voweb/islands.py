"""Scripts of pages, built from `islands/` into `static/islands`: which files of the build a page loads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = ["Island", "island"]

_FOLDER = "islands"
_BUILT = Path(__file__).parent / "static" / _FOLDER


@dataclass(frozen=True, slots=True)
class Island:
    """What a page loads for one of them, as names of assets."""

    script: str
    styles: tuple[str, ...] = ()


@lru_cache
def island(name: str) -> Island:
    """The island that is built from `islands/src/<name>.ts`."""
    made = json.loads((_BUILT / "manifest.json").read_text(encoding="utf-8"))[f"src/{name}.ts"]
    return Island(f"{_FOLDER}/{made['file']}", tuple(f"{_FOLDER}/{one}" for one in made.get("css", ())))
