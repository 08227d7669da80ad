"""Values of columns in a definition: of the type of the column, and of the closed list where there is one. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from epntap.catalog.model import Column, Form
from epntap.epncore import columns as epn_columns
from epntap.epncore.rules.all_rules import ROW_RULES, Rule, Severity, severity_of
from epntap.epncore.ucd import canonical_ucd
from epntap.hints import did_you_mean
from epntap.strict import StrictTable
from ingest.facts import Value

__all__ = ["CLOSED_LISTS", "LEVELS", "column_value"]

#: lowest and highest processing_level
LEVELS = (1, 6)

_RULES: Mapping[str, Rule] = {rule.id: rule for rule in ROW_RULES}
#: column -> the rule with its list of terms
CLOSED_LISTS: Mapping[str, Rule] = {rule.columns[0]: rule for rule in ROW_RULES if rule.terms}
_UCD_RULE, _LEVEL_RULE = _RULES["E1"], _RULES["E4-processing_level"]


def column_value(table: StrictTable, name: str, column: Column, severities: Mapping[str, Severity]) -> Value:
    """The value that a table sets for a column. Raises the table's error.

    A rule that is a warning, of itself or by `severities`, lets other words than those of its list through.
    """
    if column.form is Form.DALI_TEXT:
        moment = table.moment(name)
        return None if moment is None else moment.isoformat(timespec="seconds")
    if column.datatype in {"double", "float"}:
        return table.number(name)
    if column.datatype in {"short", "int", "long"}:
        number = table.whole(name)
        if name == "processing_level" and number is not None and _is_strict(_LEVEL_RULE, severities):
            table.number(name, *LEVELS)
        return number
    text = table.text(name)
    if text is None:
        return None
    if column.datatype == "char" and not text.isascii():
        table.fail(f"{name} may hold ASCII characters only, but it is {text!r}.")
    if name == "measurement_type" and _is_strict(_UCD_RULE, severities):
        _check_ucds(table, text)
    rule = CLOSED_LISTS.get(name)
    if rule is not None and _is_strict(rule, severities):
        _check_terms(table, name, text, rule)
    return text


def _is_strict(rule: Rule, severities: Mapping[str, Severity]) -> bool:
    return severity_of(rule, severities) is not Severity.WARN


def _check_ucds(table: StrictTable, text: str) -> None:
    for ucd in text.split("#"):
        if (canonical := canonical_ucd(ucd)) != ucd:
            said = f"is spelled {canonical!r}" if canonical else "is not a valid UCD1+"
            table.fail(f"measurement_type: {ucd!r} {said}.")


def _check_terms(table: StrictTable, name: str, text: str, rule: Rule) -> None:
    standard = epn_columns.by_name(name)
    for item in text.split("#") if standard is not None and standard.hash_list else [text]:
        if item not in rule.terms:
            hint = did_you_mean(item, rule.terms)
            table.fail(f"{name} must be one of {', '.join(rule.terms)}, but it is {item!r}.{hint}")
