"""What a service definition may say in [validation]."""

from __future__ import annotations

import pytest

from epntap.epncore.rules.all_rules import ALL_RULES, ROW_RULES, Severity, parse_severities, severity_of
from epntap.errors import DefinitionError


def test_a_rule_goes_before_its_family() -> None:
    chosen = parse_severities({"B6": "warn", "B6-time": "quarantine"})
    by_id = {rule.id: rule for rule in ROW_RULES}
    assert severity_of(by_id["B6-time"], chosen) is Severity.QUARANTINE
    assert severity_of(by_id["B6-time_exp"], chosen) is Severity.WARN
    assert severity_of(by_id["C4"], chosen) is Severity.REFUSE


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"B6-tme": "warn"}, r"there is no rule 'B6-tme'; .* Did you mean 'B6-time'\?"),
        ({"C4": "warning"}, r"C4 must be one of refuse, quarantine, warn, but it is 'warning'\. Did you mean 'warn'\?"),
        ({"C4": 3}, r"but it is 3"),
        ({"C1-unique": "warn"}, r"C1-unique cannot be changed"),
        (["C4"], r"\[validation\] must be a table of rule = severity"),
    ],
)
def test_what_is_no_choice(table: object, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        parse_severities(table)


def test_rules_are_told_apart_and_speak_in_sentences() -> None:
    assert len({rule.id for rule in ALL_RULES}) == len(ALL_RULES)
    for rule in ALL_RULES:
        assert rule.expected.endswith("."), rule.id
        assert rule.hint.endswith("."), rule.id
        assert rule.section, rule.id
