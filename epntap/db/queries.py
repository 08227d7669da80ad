"""Statements that live in a file beside their store: `-- name: …` above each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import LiteralString, cast

__all__ = ["named_queries"]


def named_queries(file: Path) -> Mapping[str, LiteralString]:
    """The statements of a file of ours, by name."""
    parts = re.split(r"^-- name: (\w+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], cast("list[LiteralString]", parts[2::2]), strict=True))
