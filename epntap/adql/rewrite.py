"""Conditions that follow from those of the user and that an index can answer. They are added, never put in place.

Each rule takes one condition of WHERE or ON, or all that are joined by AND, and gives others that hold whenever these
do, and are unknown only where these are not true either: `a AND rule(a)` selects what `a` selects, also below NOT and
OR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

from epntap.adql.bound import Application, ColumnValue, Expr, Numeral, Parameter, Type, pieces, size, walk
from epntap.adql.infer import as_type, is_numeric

__all__ = ["HASH_LISTS", "JOINT_RULES", "OVERLAP", "RULES", "JointRule", "Rule", "implied_by_all", "strengthened"]

Rule: TypeAlias = Callable[[Application], Expr | None]
JointRule: TypeAlias = Callable[[Sequence[Expr]], tuple[Expr, ...]]

#: columns whose items are indexed: GIN on string_to_array(lower(column), '#')
HASH_LISTS = frozenset(
    (
        "dataproduct_type",
        "instrument_host_name",
        "instrument_name",
        "measurement_type",
        "target_class",
        "target_name",
    )
)

_ITEMS = "string_to_array(lower({0}), '#')"

#: intervals that have a moment in common: GiST on udf.time_span(time_min, time_max)
OVERLAP = "udf.time_span({0}, {1}) && udf.time_span({2}, {3})"


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
    return _implied(f"{_ITEMS} @> ARRAY[lower({{1}})]", column, item)


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
            return _implied(f"{_ITEMS} && {{1}}", column, items)
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


#: what is applied to every condition; a rule more is a line more
RULES: tuple[Rule, ...] = (hash_list_has, hash_list_is, time_overlaps, time_between)
#: what is applied to all that AND joins
JOINT_RULES: tuple[JointRule, ...] = (times_overlap,)


def implied_by_all(conditions: Sequence[Expr], clause: str) -> tuple[Expr, ...]:
    """What follows from conditions together that follows from none of them alone."""
    if clause not in ("WHERE", "ON"):
        return ()
    found = [implied for rule in JOINT_RULES for implied in rule(conditions)]
    known = frozenset(_conjuncts(conditions)) if found else frozenset()
    return tuple(implied for implied in found if implied not in known)


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


def _conjuncts(conditions: Iterable[object]) -> Iterator[Application]:
    for condition in conditions:
        if isinstance(condition, Application):
            if condition.name == "AND":
                yield from _conjuncts(condition.args)
            else:
                yield condition


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
    name = value.meta.origin[1]
    return name if name in ("time_min", "time_max") else ""


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
    found: dict[frozenset[str], Expr] = {}
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
            # the bounds a.time_min <= b.time_max AND a.time_max >= b.time_min say the same of a and of b
            tables = frozenset((alias, *_aliases(start.value), *_aliases(end.value)))
            found.setdefault(tables, _overlap(start, end))
    return tuple(found.values())


def _overlap(start: _Bound, end: _Bound) -> Expr:
    # the order does not matter to the function; this one is that of an index of the other table
    others = sorted((end.value, start.value), key=lambda value: _time_name(value) == "time_max")
    return _implied(OVERLAP, start.column, end.column, *others)


def _implied(template: str, *args: Expr) -> Expr:
    return Application(type=Type.CONDITION, name="implied", pieces=pieces(f"({template})"), args=args)


def _list_column(value: object) -> ColumnValue | None:
    """The indexed column that a value is, plainly or in lower or upper case."""
    if isinstance(value, Application) and value.name in ("LOWER", "UPPER"):
        value = value.args[0]
    if not isinstance(value, ColumnValue) or value.type is not Type.TEXT or value.meta.origin is None:
        return None
    return value if value.meta.origin[1] in HASH_LISTS else None


def _is_constant(value: Expr) -> bool:
    return all(
        isinstance(part, Parameter) or (isinstance(part, Application) and part.name in ("LOWER", "UPPER", "||"))
        for part in walk(value)
    )
