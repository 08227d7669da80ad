"""What must hold before rows are written; most values are shared by all rows of a dataset, so few are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from epntap.catalog.model import Column, Form, Table
from epntap.epncore.columns import VALUE_REQUIRED
from epntap.epncore.rules.all_rules import ROW_RULES, Severity
from epntap.epncore.rules.values import CYCLIC
from ingest.facts import Value
from ingest.publish.rows.block import COPY_ORDER, ROW_DATES

__all__ = ["value_problems"]

# made for each row, and never without a value
_GIVEN = frozenset({*COPY_ORDER, *ROW_DATES})


# ranges that may end before they begin, or for which that is weighed with the other rules when the rows are made
_IN_ANY_ORDER = CYCLIC | {
    rule.columns[0].removesuffix("min")
    for rule in ROW_RULES
    if rule.family == "B6" and rule.severity is not Severity.REFUSE
}


def value_problems(values: Mapping[str, Value], table: Table) -> tuple[str, ...]:
    """What is wrong with the values that the rows of a dataset share, one sentence each."""
    problems = [
        f"{name} must have a value and has none"
        for name in sorted(VALUE_REQUIRED - _GIVEN)
        if values.get(name) in (None, "")
    ]
    for column in table.columns:
        value = values.get(column.name)
        if value is not None:
            problems += _column_problems(column, value)
    return (*problems, *_range_problems(values))


def _column_problems(column: Column, value: Value) -> Iterator[str]:
    if column.datatype in {"char", "unicodeChar"}:
        if not isinstance(value, str):
            yield f"{column.name} must be text but is {value!r}"
        elif "\0" in value or (column.datatype == "char" and not value.isascii()):
            yield f"{column.name} must be ASCII but is {value!r}"
    elif column.form is Form.PLAIN and (isinstance(value, str) or not _fits(column, value)):
        yield f"{column.name} must be a number of type {column.datatype} but is {value!r}"


def _fits(column: Column, value: float | None) -> bool:
    return column.datatype in {"double", "float"} or isinstance(value, int)


def _range_problems(values: Mapping[str, Value]) -> Iterator[str]:
    for name, low in values.items():
        stem = name.removesuffix("min")
        high = values.get(f"{stem}max")
        if stem == name or stem in _IN_ANY_ORDER or isinstance(low, str) or isinstance(high, str):
            continue
        if low is not None and high is not None and low > high:
            yield f"{name} {low!r} is greater than {stem}max {high!r}"
