"""docs/reference/validation.md tells of every family of rules and of every option."""

from __future__ import annotations

import re
from pathlib import Path

from epntap.epncore.rules.all_rules import ALL_RULES, Severity

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "validation.md").read_text(encoding="utf-8")


def test_every_family_is_told_of() -> None:
    told = {word for line in TEXT.splitlines() if line.startswith("| ") for word in line.split("|")[1].split()}
    assert {rule.family for rule in ALL_RULES} <= told


def test_every_severity_is_told_of() -> None:
    for severity in Severity:
        assert re.search(rf"^\| `{severity.value}` \|", TEXT, re.MULTILINE)
