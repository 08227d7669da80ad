"""The modules of the project as text, for tests of what may stand where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ROOT", "imports", "modules"]

ROOT = Path(__file__).parents[2]
_NOT_OURS = {"tests", "build", "dist"}


def modules() -> Iterator[tuple[str, str]]:
    """Path below the root and text of each module, without those of the tests."""
    for package in sorted(ROOT.glob("*/__init__.py")):
        if package.parent.name not in _NOT_OURS:
            for path in sorted(package.parent.rglob("*.py")):
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def imports(text: str) -> Iterator[str]:
    """Full names of what a module imports, wherever it does: `lxml.etree` for `from lxml import etree`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
