"""docs/reference/adql.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from epntap.adql import Features, user_defined_functions

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "adql.md").read_text(encoding="utf-8")


def test_every_user_defined_function_is_documented() -> None:
    for function in user_defined_functions(Features()):
        assert f"| `{function.signature}` | {function.description} |" in TEXT


def test_every_module_has_its_place() -> None:
    modules = {path.stem for path in (Path(__file__).parents[3] / "epntap" / "adql").glob("[a-z]*.py")}
    assert {module for module in modules if f"`{module}`" not in TEXT} == {"nodes", "bound", "translate"}
