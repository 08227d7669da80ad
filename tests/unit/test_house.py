"""The order of the tests themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.places import ROOT

TESTS = ROOT / "tests"
#: what tests may import of each other's folder
SHARED_FOLDERS = {"support", "bench", "pictures"}


def imported_of_tests(path: Path) -> Iterator[str]:
    """Modules below `tests` that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if node.module != "tests" else [f"tests.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.startswith("tests."))


def test_no_module_imports_a_test_module() -> None:
    modules = sorted(TESTS.rglob("*.py"))
    assert len(modules) > 100
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}; what several need belongs in tests/support"
        for path in modules
        for name in imported_of_tests(path)
        if name.split(".")[1] not in SHARED_FOLDERS
    ]
    assert wrong == []
