"""The one table of rules for EPN-TAP 2.0 content: of rows, and of the description of a table. No I/O here.

Identifiers are a letter for the subject and a number (A table, B values, C identification, D product type, E what is
measured, F target, G time, H space, I spectra, J access, R ranges, V lists of terms), then the column concerned.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from epntap.catalog.model import Table
from epntap.epncore.rules.access import ACCESS_RULES
from epntap.epncore.rules.frames import FRAME_RULES
from epntap.epncore.rules.model import Rule, Severity, TableFacts, TableRule
from epntap.epncore.rules.tables import TABLE_RULES
from epntap.epncore.rules.text import TEXT_RULES
from epntap.epncore.rules.values import VALUE_RULES
from epntap.errors import DefinitionError
from epntap.hints import did_you_mean

__all__ = [
    "ALL_RULES",
    "NO_SEVERITIES",
    "ROW_RULES",
    "TABLE_RULES",
    "Rule",
    "Severity",
    "TableFacts",
    "TableRule",
    "applicable_rules",
    "assertions_of",
    "parse_severities",
    "severity_of",
]

#: every rule for rows
ROW_RULES: tuple[Rule, ...] = (*VALUE_RULES, *FRAME_RULES, *ACCESS_RULES, *TEXT_RULES)

#: every rule, those for tables first
ALL_RULES: tuple[Rule | TableRule, ...] = (*TABLE_RULES, *ROW_RULES)
_KNOWN = frozenset({rule.id for rule in ALL_RULES} | {rule.family for rule in ALL_RULES})
#: a table cannot be written without its key
_FIXED = "C1"
NO_SEVERITIES: Mapping[str, Severity] = MappingProxyType({})


def applicable_rules(table: Table) -> tuple[Rule, ...]:
    """The rules for rows that a table with these columns can be asked."""
    return tuple(rule for rule in ROW_RULES if rule.applies_to(table))


def severity_of(rule: Rule | TableRule, severities: Mapping[str, Severity] = NO_SEVERITIES) -> Severity:
    """What a service has chosen for a rule: by its id, else by its family, else the default."""
    return severities.get(rule.id) or severities.get(rule.family) or rule.severity


def assertions_of(table: Table, severities: Mapping[str, Severity] = NO_SEVERITIES) -> Mapping[str, tuple[str, ...]]:
    """Rule id -> SQL conditions that no published row can break, in a form that a query planner can use.

    As CHECK constraints they answer a validator's search for a violation without a scan (docs/reference/validation.md).
    """
    found = {}
    for rule in applicable_rules(table):
        column = table.column(rule.columns[0])
        already = rule.family == "B7" and column is not None and not column.nullable
        if rule.holds and not already and severity_of(rule, severities) is not Severity.WARN:
            found[rule.id] = rule.assertions(table.schema)
    return MappingProxyType(found)


def parse_severities(table: object, where: str = "[validation]") -> Mapping[str, Severity]:
    """The choices of a service definition: rule id or family -> severity.

    Raises DefinitionError with one sentence for something that is no rule or no severity.
    """
    if not isinstance(table, Mapping):
        raise DefinitionError(f"{where} must be a table of rule = severity.")
    chosen = {}
    words = [severity.value for severity in Severity]
    for rule, word in table.items():
        if rule not in _KNOWN:
            raise DefinitionError(
                f"{where}: there is no rule {rule!r}; 'epntap check --rules' lists them.{did_you_mean(rule, _KNOWN)}"
            )
        if word not in words:
            raise DefinitionError(
                f"{where}: {rule} must be one of {', '.join(words)}, but it is {word!r}."
                f"{did_you_mean(str(word), words)}"
            )
        if rule.partition("-")[0] == _FIXED and word != Severity.REFUSE:
            raise DefinitionError(f"{where}: {rule} cannot be changed; granule_uid is the key of the table.")
        chosen[rule] = Severity(word)
    return MappingProxyType(chosen)
