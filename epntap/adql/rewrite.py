"""Conditions that follow from those of the user and that an index can answer. They are added, never put in place.

Each rule takes one condition of WHERE or ON, or all that are joined by AND, and gives others that hold whenever these
do, and are unknown only where these are not true either: `a AND rule(a)` selects what `a` selects, also below NOT and
OR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TypeAlias

from epntap.adql.bound import Application, ColumnValue, Expr, Numeral, Parameter, Type, pieces, size, walk
from epntap.adql.infer import as_type, is_numeric
from epntap.catalog.indexes import (
    DURATION,
    HASH_LIST_COLUMNS,
    ITEMS,
    LONG_DAYS,
    OVERLAP,
    PARTS,
    SEARCHED_COLUMNS,
    STAMP_COLUMNS,
)
from epntap.catalog.model import Form

__all__ = [
    "APART",
    "JOINT_RULES",
    "OVERLAPS",
    "RULES",
    "SHORT_OVERLAPS",
    "JointRule",
    "Rule",
    "implied_by_all",
    "searched",
    "strengthened",
]

Rule: TypeAlias = Callable[[Application], Expr | None]
JointRule: TypeAlias = Callable[[Sequence[Expr]], tuple[Expr, ...]]

# 0 and 1 are time_min and time_max of a row, 2 and 3 the start and the end of an interval. A row that is not long and
# overlaps it begins no earlier than LONG_DAYS before it; one that is contained in it begins no later than LONG_DAYS
# after it, even if its ends are in the wrong order. Numbers are rounded, but in the same way on both sides.
_LONG = f"({DURATION} > {LONG_DAYS} AND {OVERLAP})"
#: name -> SQL: what rows must fulfil, in the words of two indexes
OVERLAPS = {
    "overlaps": f"({{0}} >= {{2}} - {LONG_DAYS} AND {{0}} <= {{3}} AND {{1}} >= {{2}}) OR {_LONG}",
    "contained": f"({{0}} >= {{2}} AND {{0}} <= {{3}} + {LONG_DAYS} AND {{1}} <= {{3}}) OR {_LONG}",
}
_IS_SHORT = f"NOT ({DURATION} > {LONG_DAYS})"
#: the same as two classes of rows, the short and the long ones
APART = {
    "overlaps": (f"{_IS_SHORT} AND {{0}} >= {{2}} - {LONG_DAYS} AND {{0}} <= {{3}} AND {{1}} >= {{2}}", _LONG),
    "contained": (f"{_IS_SHORT} AND {{0}} >= {{2}} AND {{0}} <= {{3}} + {LONG_DAYS} AND {{1}} <= {{3}}", _LONG),
}
#: the same in the words of one, which a count need not leave; 4 is what no row lasts longer than, NULL if unknown.
#: -Infinity and NaN are the first and the last of all numbers.
SHORT_OVERLAPS = {
    "overlaps": "{0} >= coalesce({2} - {4}, '-Infinity') AND {0} <= {3}",
    "contained": "{0} >= {2} AND {0} <= coalesce({3} + {4}, 'NaN')",
}


def strengthened(condition: Expr, clause: str) -> Expr:
    """The condition together with all that the rules find for it."""
    if clause not in ("WHERE", "ON") or not isinstance(condition, Application):
        return condition
    found = [implied for rule in RULES if (implied := rule(condition)) is not None]
    for implied in found:
        condition = Application(
            type=Type.CONDITION, span=condition.span, name="AND", pieces=pieces("({0} AND {1})"),
            args=(implied, condition),
        )  # fmt: skip
    return condition


def hash_list_has(condition: Application) -> Expr | None:
    """`1 = ivo_hashlist_has(list, item)`: the items of the list contain the item."""
    if condition.name != "=":
        return None
    call = next((a for a in condition.args if isinstance(a, Application) and a.name == "ivo_hashlist_has"), None)
    if call is None or not any(isinstance(a, Numeral) and a.text == "1" for a in condition.args):
        return None
    column, item = _list_column(call.args[0]), call.args[1]
    if column is None or not isinstance(item, Expr) or not _is_constant(item):
        return None
    return _implied(f"{ITEMS} @> ARRAY[lower({{1}})]", column, item)


def hash_list_is(condition: Application) -> Expr | None:
    """`list = 'word'` and `list IN ('word', …)`: a word without # is the only item of such a list."""
    if condition.name not in ("=", "IN") or len(condition.args) != 2:
        return None
    for first, second in (condition.args, condition.args[::-1]):
        column = _list_column(first)
        if column is None or not isinstance(second, Parameter) or (column is not first):
            continue
        words = (second.value,) if isinstance(second.value, str) else second.value
        if all(word and "#" not in word and word.isascii() for word in words):
            items = Parameter(type=Type.TEXT, value=tuple(word.lower() for word in words), cast="text[]")
            return _implied(f"{ITEMS} && {{1}}", column, items)
    return None


def time_overlaps(condition: Application) -> Expr | None:
    """`1 = ivo_interval_overlaps(time_min, time_max, …)`, with the intervals in either order."""
    if condition.name != "ivo_interval_overlaps":
        return None
    for start, end, low, high in (condition.args, (*condition.args[2:], *condition.args[:2])):
        implied = _overlaps([*_bound(start, "<=", high), *_bound(end, ">=", low)])
        if implied:
            return implied[0]
    return None


def time_between(condition: Application) -> Expr | None:
    """`t BETWEEN time_min AND time_max`: the moment is an interval, too."""
    implied = _overlaps(_bounds((condition,))) if condition.name == "BETWEEN" else ()
    return implied[0] if implied else None


def times_overlap(conditions: Sequence[Expr]) -> tuple[Expr, ...]:
    """`time_min <= b AND time_max >= a` and `time_min >= a AND time_max <= b`, for literals or another table."""
    return _overlaps(_bounds(conditions))


def stamp_compared(condition: Application) -> Expr | None:
    """`modification_date > '…'` and its kin: the text sorts as time does.

    What is compared with the text is so short, or so long, that all spellings of the instant lie on its right side.
    """
    if condition.name == "BETWEEN":
        column = _stamp_column(condition.args[0])
        low, high = map(_spellings, condition.args[1:])
        return None if column is None else _within(column, low[0] if low else "", high[1] if high else "")
    if condition.name not in _MIRRORED_COMPARISON:
        return None
    operator = condition.name
    for first, second in (condition.args, condition.args[::-1]):
        column, spelled = _stamp_column(first), _spellings(second)
        if column is not None and spelled is not None:
            earliest, latest = spelled
            is_least, is_most = operator in (">", ">=", "="), operator in ("<", "<=", "=")
            return _within(column, earliest if is_least else "", latest if is_most else "")
        operator = _MIRRORED_COMPARISON[operator]
    return None


#: what is applied to every condition; a rule more is a line more
RULES: tuple[Rule, ...] = (hash_list_has, hash_list_is, time_overlaps, time_between, stamp_compared)
#: what is applied to all that AND joins
JOINT_RULES: tuple[JointRule, ...] = (times_overlap,)


def searched(text: Expr, pattern: Expr) -> Expr:
    """The text as LIKE looks into it: in the words of its index where that can answer, else as it is.

    A pattern that begins with its first letters is looked up in the primary key.
    """
    if not isinstance(text, ColumnValue) or text.meta.origin is None or text.meta.origin[1] not in SEARCHED_COLUMNS:
        return text
    if not _is_constant(pattern) or (_is_key(text) and not _begins_anyhow(pattern)):
        return text
    return Application(
        type=text.type,
        span=text.span,
        meta=text.meta,
        unicode=text.unicode,
        name="||",
        pieces=pieces(PARTS),
        args=(text,),
    )


def implied_by_all(conditions: Sequence[Expr], clause: str) -> tuple[Expr, ...]:
    """What follows from conditions together that follows from none of them alone."""
    if clause not in ("WHERE", "ON"):
        return ()
    found = [implied for rule in JOINT_RULES for implied in rule(conditions)]
    known = frozenset(_conjuncts(conditions)) if found else frozenset()
    return tuple(implied for implied in found if implied not in known)


# -- texts


def _is_key(column: ColumnValue) -> bool:
    return column.meta.origin is not None and column.meta.origin[1] == "granule_uid"


def _begins_anyhow(pattern: Expr) -> bool:
    return isinstance(pattern, Parameter) and str(pattern.value)[:1] in ("%", "_")


# -- timestamps that are kept as text

# more are rounded by PostgreSQL
_DIGITS_OF_SECONDS = 6
_MIRRORED_COMPARISON = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


def _stamp_column(value: object) -> ColumnValue | None:
    """The column that is read as a timestamp here, if it is an indexed one."""
    if not isinstance(value, Application) or value.name != "dali_timestamp":
        return None
    column = value.args[0]
    if not isinstance(column, ColumnValue) or column.form is not Form.DALI_TEXT or column.meta.origin is None:
        return None
    return column if column.meta.origin[1] in STAMP_COLUMNS else None


def _spellings(value: object) -> tuple[str, str] | None:
    """Texts between which all spellings of a literal instant lie: with or without zeros at its end, or a Z."""
    if not isinstance(value, Parameter) or value.type is not Type.TIMESTAMP or not isinstance(value.value, str):
        return None
    date, _, time = value.value.partition(" ")
    seconds, _, fraction = time.partition(".")
    if len(fraction) > _DIGITS_OF_SECONDS:
        return None
    fraction = fraction.rstrip("0")
    time = f"{seconds}.{fraction}" if fraction else seconds
    # a day may stand for its beginning, and a leap second for that of the next minute; ~ comes after all that may
    # follow
    low = f"{date}T{time}"
    if seconds.endswith(":00"):
        try:
            low = f"{datetime.fromisoformat(f'{date} {seconds}') - timedelta(minutes=1):%Y-%m-%dT%H:%M}:60"
        except OverflowError:
            low = ""
    return low, f"{date}T{time}~"


def _within(column: ColumnValue, low: str, high: str) -> Expr | None:
    text = replace(column, type=Type.TEXT, form=Form.PLAIN)
    ends = {" >= ": low, " <= ": high}
    given = {operator: Parameter(type=Type.TEXT, value=end, cast="text") for operator, end in ends.items() if end}
    if not given:
        return None
    template = " AND ".join(f'{{0}} COLLATE "C"{operator}{{{place}}}' for place, operator in enumerate(given, 1))
    return _implied(template, text, *given.values())


# -- times


@dataclass(frozen=True, slots=True)
class _Bound:
    """A column that is time_max (`is_end`) or time_min, and a value that it does not exceed, or fall short of."""

    column: ColumnValue
    is_end: bool
    operator: str
    value: Expr


# strict comparisons imply the others
_AT_MOST_OR_LEAST = {"<": "<=", "<=": "<=", ">": ">=", ">=": ">="}
_MIRRORED = {"<=": ">=", ">=": "<="}

# what may be computed once more without harm: nothing random, no aggregate, no subquery
_COMPUTED = frozenset(("+", "-", "*", "/", "CAST", "ivo_to_jd", "ivo_to_mjd", "gavo_to_jd", "gavo_to_mjd"))
_MOST_PARTS = 20


_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _conjuncts(conditions: Iterable[object], *, denied: bool = False) -> Iterator[Application]:
    """What AND joins; also what NOT denies of all that OR joins, the other way round."""
    for condition in conditions:
        if not isinstance(condition, Application):
            continue
        if condition.name == "NOT":
            yield from _conjuncts(condition.args, denied=not denied)
        elif condition.name == ("OR" if denied else "AND"):
            yield from _conjuncts(condition.args, denied=denied)
        elif not denied:
            yield condition
        elif condition.name in _NEGATED:
            yield replace(condition, name=_NEGATED[condition.name])


def _bounds(conditions: Iterable[Expr]) -> Iterator[_Bound]:
    for condition in _conjuncts(conditions):
        args = condition.args
        if condition.name in _AT_MOST_OR_LEAST:
            operator = _AT_MOST_OR_LEAST[condition.name]
            yield from _bound(args[0], operator, args[1])
            yield from _bound(args[1], _MIRRORED[operator], args[0])
        elif condition.name == "BETWEEN":
            for end, operator in ((args[1], ">="), (args[2], "<=")):
                yield from _bound(args[0], operator, end)
                yield from _bound(end, _MIRRORED[operator], args[0])


def _bound(column: object, operator: str, value: object) -> Iterator[_Bound]:
    name = _time_name(column)
    if not name or not isinstance(column, ColumnValue) or not isinstance(value, Expr) or not is_numeric(value.type):
        return
    number = as_type(value, Type.DOUBLE)
    if number is not None and column.alias not in _aliases(value) and _is_repeatable(value):
        yield _Bound(column, name == "time_max", operator, number)


def _time_name(value: object) -> str:
    """time_min or time_max where the value is such a column of the catalogue, else nothing."""
    if not isinstance(value, ColumnValue) or value.type is not Type.DOUBLE or value.meta.origin is None:
        return ""
    table, name = value.meta.origin
    # what was uploaded has no index
    return name if name in ("time_min", "time_max") and not table.startswith("tap_upload.") else ""


def _aliases(value: Expr) -> frozenset[str]:
    return frozenset(part.alias for part in walk(value) if isinstance(part, ColumnValue))


def _is_repeatable(value: Expr) -> bool:
    return size(value) <= _MOST_PARTS and all(
        part.name in _COMPUTED if isinstance(part, Application) else True for part in walk(value)
    )


def _overlaps(bounds: Iterable[_Bound]) -> tuple[Expr, ...]:
    """Intervals that overlap when the bounds hold: `start <= b AND end >= a`, and `start >= a AND end <= b`.

    Bounds that come from the same tables, or all from literals, belong together; else any two will do.
    """
    known: dict[tuple[str, bool, str], dict[frozenset[str], _Bound]] = {}
    for bound in bounds:
        ways = known.setdefault((bound.column.alias, bound.is_end, bound.operator), {})
        ways.setdefault(_aliases(bound.value), bound)
    found: dict[tuple[str, frozenset[str]], Expr] = {}
    # <= comes first: an overlap is mostly narrower than what surrounds the interval
    for (alias, is_end, operator), starts in sorted(known.items(), key=itemgetter(0)):
        ends = known.get((alias, True, _MIRRORED[operator]))
        if is_end or not ends:
            continue
        shared = [key for key in starts if key in ends]
        pairs = [(starts[key], ends[key]) for key in shared]
        if not pairs:
            pairs = [(next(iter(starts.values())), next(iter(ends.values())))]
        for start, end in pairs:
            # the bounds a.time_min <= b.time_max AND a.time_max >= b.time_min are bounds of b as well: either table may
            # be the one that is looked into
            found.setdefault((alias, _aliases(start.value) | _aliases(end.value)), _overlap(start, end))
    return tuple(found.values())


def _overlap(start: _Bound, end: _Bound) -> Expr:
    name = "overlaps" if start.operator == "<=" else "contained"
    interval = (end.value, start.value) if name == "overlaps" else (start.value, end.value)
    return _implied(OVERLAPS[name], start.column, end.column, *interval, name=name)


def _implied(template: str, *args: Expr, name: str = "implied") -> Expr:
    return Application(type=Type.CONDITION, name=name, pieces=pieces(f"({template})"), args=args)


def _list_column(value: object) -> ColumnValue | None:
    """The indexed column that a value is, plainly or in lower or upper case."""
    if isinstance(value, Application) and value.name in ("LOWER", "UPPER"):
        value = value.args[0]
    if not isinstance(value, ColumnValue) or value.type is not Type.TEXT or value.meta.origin is None:
        return None
    return value if value.meta.origin[1] in HASH_LIST_COLUMNS else None


def _is_constant(value: Expr) -> bool:
    return all(
        isinstance(part, Parameter) or (isinstance(part, Application) and part.name in ("LOWER", "UPPER", "||"))
        for part in walk(value)
    )
