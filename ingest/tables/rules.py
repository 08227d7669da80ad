"""Rules of a definition: which column is filled from which field of a record, and how. No I/O here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from epntap.catalog.model import Column
from epntap.epncore import columns as epn_columns
from epntap.errors import UnreadableFileError
from epntap.hints import did_you_mean
from epntap.strict import StrictTable
from ingest.facts import Value
from ingest.tables.values import Measure, Raw, ValueProblem, is_julian_date, to_value

__all__ = ["Record", "RecordMapper", "RowProblem", "Rule", "check_fields", "known_values", "read_rules"]

_PLACE = re.compile(r"\{([^{}]+)\}")
#: values that are the same but for rounding
_TOLERANCE = 1e-9


class Record(Protocol):
    """Named raw values; None for a name that is absent or has no value."""

    def get(self, name: str, /) -> Raw:
        """The value of a field."""
        ...


def known_values(rules: Iterable[Rule], column: str) -> frozenset[str]:
    """What rules say of a column whatever the record is, as text; empty for one that depends on the record."""
    return frozenset(
        str(rule.otherwise) if rule.otherwise and not rule.fields else "" for rule in rules if rule.column == column
    )


class RowProblem(ValueError):  # noqa: N818  # becomes a Refusal
    """All that is wrong with one row, in one message."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one column is filled: from the first of `names` that has a value, or from a template, or else `otherwise`."""

    column: str
    names: tuple[str, ...] = ()
    #: text with `{field}` in it
    template: str | None = None
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    nulls: frozenset[str] = frozenset()
    #: what some words of the source mean
    meanings: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    date_format: str | None = None
    otherwise: Raw = None
    #: another way to the same value; if both have one they must agree
    check: Rule | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that the rule looks at."""
        return tuple(name for group in self.groups for name in group)

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The same, those together of which one is enough."""
        placed = tuple((name,) for name in _PLACE.findall(self.template or ""))
        named = (self.names,) if self.names else ()
        return (*named, *placed, *(self.check.groups if self.check else ()))


def check_fields(what: str, rules: Iterable[Rule], names: Sequence[str]) -> None:
    """Raises UnreadableFileError for a rule on a field that a file of this kind, a table say, does not have."""
    for rule in rules:
        for name in rule.fields:
            if name not in names:
                raise UnreadableFileError(
                    f"the {what} has no column {name!r}, which {rule.column} is made from; it has "
                    f"{', '.join(names)}.{did_you_mean(name, names)}"
                )


def read_rules(table: StrictTable, columns: Mapping[str, Column], forbidden: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The rules of a `[source.columns]` table; `columns` are those of the service's own beside the standard's.

    `column = "field"`, `column = "text with {field}"` or `column = { from = …, unit = …, … }`; a number or a truth
    value is a constant. Names are checked, fields are not: only the source knows them.
    """
    rules = []
    for name in table.names:
        if name in forbidden:
            table.fail(f"{name} is made by ingestion for each row and cannot be mapped.")
        if name not in columns and epn_columns.by_name(name) is None:
            known = [*columns, *(column.name for column in epn_columns.COLUMNS)]
            table.fail(
                f"{name!r} is not a column of EPN-TAP 2.0 and has no [custom.{name}] table.{did_you_mean(name, known)}"
            )
        rules.append(_read_rule(table, name))
    return tuple(rules)


def _read_rule(table: StrictTable, name: str) -> Rule:
    value = table.value(name)
    if isinstance(value, str):
        return Rule(name, template=value) if _PLACE.search(value) else Rule(name, names=tuple(table.texts(name)))
    if isinstance(value, int | float):
        return Rule(name, otherwise=value)
    below = table.table(name)
    if below is None:
        table.fail(f"{name} has no value.")
    return _read_long_rule(below, name)


def _read_long_rule(table: StrictTable, name: str) -> Rule:
    names, template = table.texts("from"), table.text("text")
    otherwise = table.value("otherwise")
    if not names and template is None and otherwise is None:
        table.fail("one of from, text and otherwise is needed.")
    if names and template is not None:
        table.fail("from and text cannot both be given.")
    meanings = table.value("values") or {}
    if not isinstance(meanings, dict) or not all(isinstance(word, str) for word in meanings.values()):
        table.fail("values must be a table of word = word.")
    check = table.table("check")
    rule = Rule(
        column=name,
        names=names,
        template=template,
        unit=table.text("unit"),
        scale=_or(table.number("scale"), 1.0),
        offset=_or(table.number("offset"), 0.0),
        nulls=frozenset(_nulls(table)),
        meanings=meanings,
        split=table.text("split"),
        date_format=table.text("date_format"),
        otherwise=otherwise,
        check=None if check is None else _read_long_rule(check, name),
    )
    table.finish()
    return rule


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _nulls(table: StrictTable) -> Iterable[str]:
    value = table.value("null")
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str | int | float) and not isinstance(item, bool):
            yield str(item).strip()
        elif item is not None:
            table.fail("null must be a word or a number, or a list of them.")


class RecordMapper:
    """Turns records into values of columns.

    `units` are those that the source states for its fields. `met`, if given, holds fields that are known to be there,
    and gets those that are found.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        columns: Mapping[str, Column],
        units: Mapping[str, str] | None = None,
        *,
        met: set[str] | None = None,
    ) -> None:
        self._rules = tuple(rules)
        self._columns = columns
        self._units = units or {}
        self._met: set[str] = set() if met is None else met

    @property
    def unmet(self) -> tuple[str, ...]:
        """Fields that rules look at and that no record so far had, where no other field stood in for them."""
        groups = [group for rule in self._rules for group in rule.groups]
        return tuple(dict.fromkeys(name for group in groups if not self._met & set(group) for name in group))

    def values(self, record: Record) -> dict[str, Value]:
        """The values of one row, without its NULLs. Raises RowProblem with everything that is wrong with it."""
        values: dict[str, Value] = {}
        problems: list[str] = []
        reversed_pairs: set[str] = set()
        for rule in self._rules:
            try:
                value, reverses = self._value(rule, record)
            except ValueProblem as exc:
                problems.append(f"{rule.column} {exc}")
                continue
            if value is not None:
                values[rule.column] = value
            if reverses:
                reversed_pairs.add(rule.column.removesuffix("min").removesuffix("max"))
        if problems:
            raise RowProblem("; ".join(problems))
        for stem in reversed_pairs:
            _put_in_order(values, stem)
        return values

    def _value(self, rule: Rule, record: Record) -> tuple[Value, bool]:
        value, reverses = self._one_way(rule, record)
        if rule.check is not None and value is not None:
            other, _ = self._one_way(rule.check, record)
            if other is not None and not _agree(value, other, self._columns[rule.column]):
                raise ValueProblem(f"is {value!r} by {_by(rule)} and {other!r} by {_by(rule.check)}")
        return value, reverses

    def _one_way(self, rule: Rule, record: Record) -> tuple[Value, bool]:
        raw, name = self._find(rule, record)
        if isinstance(raw, str):
            raw = rule.meanings.get(raw.strip(), raw)
        unit = rule.unit
        if unit is None and name is not None:
            unit = self._units.get(name)
        column = self._columns[rule.column]
        if unit is not None and column.datatype in {"char", "unicodeChar"} and rule.unit is None:
            unit = None
        value, reverses = self._convert(rule, raw, column, unit)
        if value is None and rule.otherwise is not None:
            return self._convert(rule, rule.otherwise, column, None)
        return value, reverses

    def _convert(self, rule: Rule, raw: Raw, column: Column, unit: str | None) -> tuple[Value, bool]:
        return to_value(
            raw,
            column,
            unit=unit,
            scale=rule.scale if raw is not rule.otherwise else 1.0,
            offset=rule.offset if raw is not rule.otherwise else 0.0,
            nulls=rule.nulls,
            split=rule.split,
            date_format=rule.date_format,
        )

    def _find(self, rule: Rule, record: Record) -> tuple[Raw, str | None]:
        if rule.template is not None:
            return self._fill_in(rule.template, record), None
        for name in rule.names:
            raw = record.get(name)
            if raw is not None:
                self._met.add(name)
                if not isinstance(raw, str) or raw.strip():
                    return raw, name
        return None, None

    def _fill_in(self, template: str, record: Record) -> str | None:
        parts: dict[str, str] = {}
        for name in _PLACE.findall(template):
            raw = record.get(name)
            if raw is None or raw == "":
                return None
            self._met.add(name)
            if isinstance(raw, tuple | list):
                raw = raw[0]
            parts[name] = f"{raw.value:g}" if isinstance(raw, Measure) else str(raw).strip()
        return _PLACE.sub(lambda found: parts[found[1]], template)


def _by(rule: Rule) -> str:
    return " or ".join(rule.names) or rule.template or "the rule"


def _agree(one: Value, other: Value, column: Column) -> bool:
    if isinstance(one, str) or isinstance(other, str) or one is None or other is None:
        return one == other
    tolerance = 1e-6 if is_julian_date(column) else _TOLERANCE
    return math.isclose(one, other, rel_tol=0 if is_julian_date(column) else tolerance, abs_tol=tolerance)


def _put_in_order(values: dict[str, Value], stem: str) -> None:
    low, high = values.get(f"{stem}min"), values.get(f"{stem}max")
    if isinstance(low, float) and isinstance(high, float) and low > high:
        values[f"{stem}min"], values[f"{stem}max"] = high, low
    elif (low is None) != (high is None):
        values.pop(f"{stem}min", None)
        values.pop(f"{stem}max", None)
        values[f"{stem}min" if low is None else f"{stem}max"] = high if low is None else low
