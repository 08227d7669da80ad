"""Conditions that follow from those of the user and that an index can answer. They are added, never put in place.

Each rule takes one condition of WHERE or ON and gives another that holds whenever the first does, and is unknown
only where the first is not true either: `a AND rule(a)` selects what `a` selects, also below NOT and OR.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from epntap.adql.bound import Application, ColumnValue, Expr, Numeral, Parameter, Type, pieces, walk

__all__ = ["HASH_LISTS", "RULES", "Rule", "strengthened"]

Rule: TypeAlias = Callable[[Application], Expr | None]

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


#: what is applied to every condition; a rule more is a line more
RULES: tuple[Rule, ...] = (hash_list_has, hash_list_is)


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
