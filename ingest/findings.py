"""What a validation found: which rule, how often, where first, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from epntap.catalog.model import Table
from epntap.epncore.rules.all_rules import (
    NO_SEVERITIES,
    TABLE_RULES,
    Rule,
    Severity,
    TableFacts,
    TableRule,
    severity_of,
)

__all__ = ["Example", "Finding", "by_weight", "table_findings"]

_WEIGHT = {Severity.REFUSE: 0, Severity.QUARANTINE: 1, Severity.WARN: 2}


@dataclass(frozen=True, slots=True)
class Example:
    """A granule that breaks a rule, with the values that the rule is about."""

    granule_uid: str | None
    values: Mapping[str, str | None]

    def __str__(self) -> str:
        """One line."""
        values = ", ".join(
            f"{name}={'NULL' if value is None else repr(value)}"
            for name, value in self.values.items()
            if name != "granule_uid"
        )
        return f"{self.granule_uid or 'a row without granule_uid'}" + (f": {values}" if values else "")


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is broken."""

    rule: str
    severity: Severity
    #: rows that break the rule; of a rule for tables, the number of problems
    count: int
    expected: str
    hint: str
    #: of the EPN-TAP 2.0 Recommendation
    section: str
    taplint: str = ""
    examples: tuple[Example, ...] = ()
    #: the problems of a rule for tables
    details: tuple[str, ...] = ()

    @classmethod
    def of(cls, rule: Rule | TableRule, severity: Severity, count: int, **found: Any) -> Finding:  # examples or details
        """The finding that `count` rows or columns break a rule."""
        return cls(rule.id, severity, count, rule.expected, rule.hint, rule.section, rule.taplint, **found)

    @property
    def granules(self) -> tuple[str, ...]:
        """The first granules concerned."""
        return tuple(example.granule_uid for example in self.examples if example.granule_uid is not None)

    @property
    def is_about_table(self) -> bool:
        """Whether the description is wrong and not the rows."""
        return bool(self.details)

    def to_json(self) -> dict[str, Any]:  # ready for json.dumps
        """Everything, for scripts."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "count": self.count,
            "expected": self.expected,
            "hint": self.hint,
            "section": self.section,
            "taplint": self.taplint or None,
            "granules": [
                {"granule_uid": example.granule_uid, "values": dict(example.values)} for example in self.examples
            ],
            "details": list(self.details),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Finding:
        """The finding that `to_json` has written."""
        return cls(
            document["rule"],
            Severity(document["severity"]),
            document["count"],
            document["expected"],
            document["hint"],
            document["section"],
            document["taplint"] or "",
            tuple(Example(one["granule_uid"], one["values"]) for one in document["granules"]),
            tuple(document["details"]),
        )


def by_weight(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings with the most serious first, then in their own order."""
    return tuple(sorted(findings, key=lambda finding: _WEIGHT[finding.severity]))


def table_findings(
    table: Table, facts: TableFacts | None = None, severities: Mapping[str, Severity] = NO_SEVERITIES
) -> tuple[Finding, ...]:
    """What is wrong with the description of a table; `facts` are what is known of its rows."""
    facts = facts or TableFacts()
    return tuple(
        Finding.of(rule, severity_of(rule, severities), len(details), details=details)
        for rule in TABLE_RULES
        if (details := tuple(rule.problems(table, facts)))
    )
