"""The outcome of a check: as text, as JSON, as a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from epntap.epncore.rules.all_rules import Severity
from ingest.findings import Finding, by_weight

__all__ = ["CheckReport", "finding_lines"]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check of one table found."""

    #: qualified name
    table: str
    #: where it was looked at: a TAP address, or nothing for the own database
    address: str
    #: rows that were looked at
    rows: int
    #: whether there may be more rows than those
    partial: bool
    rules: int
    findings: tuple[Finding, ...]
    seconds: float
    #: column that people search by -> rows without a value in it, where there are such rows
    empty: Mapping[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """Number of rules of severity refuse that are broken."""
        return sum(finding.severity is Severity.REFUSE for finding in self.findings)

    @property
    def headline(self) -> str:
        """The outcome in one line."""
        rows = f"{self.rows:,} rows" + (" (not the whole table)" if self.partial else "")
        where = f" at {self.address}" if self.address else ""
        return f"{self.table}{where}: {rows}, {self.rules} rules, {self.verdict}"

    @property
    def verdict(self) -> str:
        """How many rules are broken, by severity."""
        counts = {severity: sum(finding.severity is severity for finding in self.findings) for severity in Severity}
        found = [f"{count} {severity.value}" for severity, count in counts.items() if count]
        return f"broken: {', '.join(found)}" if found else "nothing wrong"

    def to_text(self) -> str:
        """For a person at a terminal."""
        lines = [self.headline]
        lines += [
            f"  coverage   {name} is empty in {rows:,} of {self.rows:,} rows" for name, rows in self.empty.items()
        ]
        for finding in by_weight(self.findings):
            lines += finding_lines(finding)
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:  # ready for json.dumps
        """Everything, for scripts."""
        return {
            "table": self.table,
            "address": self.address or None,
            "rows": self.rows,
            "partial": self.partial,
            "rules": self.rules,
            "seconds": round(self.seconds, 3),
            "empty": dict(self.empty),
            "findings": [finding.to_json() for finding in by_weight(self.findings)],
        }


def finding_lines(finding: Finding, indent: str = "  ") -> Iterator[str]:
    """A finding for a terminal."""
    also = f", taplint {finding.taplint}" if finding.taplint else ""
    yield f"{indent}{finding.severity.value:<10} {finding.rule}  {_amount(finding)}  (EPN-TAP §{finding.section}{also})"
    yield f"{indent}           {finding.expected} {finding.hint}"
    for line in _instances(finding):
        yield f"{indent}             {line}"


def _amount(finding: Finding) -> str:
    if finding.is_about_table:
        return "table"
    return f"{finding.count:,} row{'' if finding.count == 1 else 's'}"


def _instances(finding: Finding) -> Iterable[str]:
    return finding.details or map(str, finding.examples)
