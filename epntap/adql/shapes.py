"""How many arguments the functions of the grammar take, and of what shape those of geometry are (ADQL 2.1 §4.2)."""

from __future__ import annotations

import re

from epntap.adql import nodes
from epntap.adql.functions import argument_counts, wrong_count

__all__ = ["coordinates", "region_numbers", "shape_problem"]

#: constructors that may begin with a coordinate system
_WITH_SYSTEM = ("POINT", "CIRCLE", "BOX", "POLYGON")
_COUNTS = {
    "CONTAINS": (2,),
    "INTERSECTS": (2,),
    "DISTANCE": (2, 4),
    "AREA": (1,),
    "CENTROID": (1,),
    "COORD1": (1,),
    "COORD2": (1,),
    "COORDSYS": (1,),
    "REGION": (1,),
    "NULLIF": (2,),
    "IN_UNIT": (2,),
}

_STC = re.compile(
    r"\s*(position|circle|polygon|box)(?:\s+[a-z][a-z0-9_]*)*((?:\s+[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)+)\s*",
    re.IGNORECASE | re.ASCII,
)


def coordinates(call: nodes.Call) -> tuple[nodes.Value, ...]:
    """The arguments of a constructor without its coordinate system, which is deprecated and ignored (§4.2.1)."""
    arguments = call.arguments
    if call.name.text.upper() not in _WITH_SYSTEM or not arguments:
        return arguments
    first, rest = arguments[0], arguments[1:]
    if isinstance(first, nodes.Text):
        return rest
    # NULL may stand for the system or be the first coordinate: it is that where the call is right with it
    is_system = isinstance(first, nodes.Null) and _constructor_problem(call.name.text.upper(), arguments) is not None
    return rest if is_system else arguments


def shape_problem(call: nodes.Call) -> str | None:  # noqa: PLR0911  # one answer for each case
    """What is wrong with the number and kind of the arguments, as far as the grammar says; None when nothing is."""
    name = call.name.text.upper()
    if call.star:
        return None
    if name in _WITH_SYSTEM:
        return _constructor_problem(name, coordinates(call))
    if name == "COALESCE":
        return None if call.arguments else "COALESCE needs at least one argument"
    counts = _COUNTS.get(name) or argument_counts(name)
    if counts and len(call.arguments) not in counts:
        return wrong_count(call, counts)
    if name == "REGION" and not isinstance(call.arguments[0], nodes.Text):
        return "the argument of REGION is a string literal"
    if name == "IN_UNIT" and not isinstance(call.arguments[1], nodes.Text):
        return "the unit of IN_UNIT is a string literal"
    return None


def _constructor_problem(name: str, given: tuple[nodes.Value, ...]) -> str | None:
    count = len(given)
    if name == "POINT":
        return None if count == 2 else "POINT takes two coordinates"
    numbers = any(isinstance(value, (nodes.Number, nodes.Sign, nodes.Arithmetic)) for value in given)
    if name == "POLYGON":
        if numbers:
            return None if count >= 6 and count % 2 == 0 else "POLYGON takes three or more pairs of coordinates"
        return None if count >= 3 else "POLYGON takes three or more points, or pairs of coordinates"
    size = "a radius" if name == "CIRCLE" else "a width and a height"
    sizes = 1 if name == "CIRCLE" else 2
    centre_is_point = count == 1 + sizes and not isinstance(given[0], (nodes.Number, nodes.Sign, nodes.Arithmetic))
    if count == 2 + sizes or centre_is_point:
        return None
    return f"{name} takes a centre (a point or two coordinates) and {size}"


def region_numbers(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Word in upper case and numbers of a region in the simple forms of STC-S; None when it is something else."""
    match = _STC.fullmatch(text)
    if match is None:
        return None
    word, numbers = match.group(1).upper(), tuple(match.group(2).split())
    count = len(numbers)
    fits = {
        "POSITION": count == 2,
        "CIRCLE": count == 3,
        "BOX": count == 4,
        "POLYGON": count >= 6 and count % 2 == 0,
    }
    return (word, numbers) if fits[word] else None
