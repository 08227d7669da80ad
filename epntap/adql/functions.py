"""The functions of ADQL as a table: name, arguments, result, form in SQL. One line more is one function more.

Where PostgreSQL calls something by another name or would answer in `numeric`, the form says so.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from epntap.adql.bound import Type

__all__ = [
    "Features",
    "Function",
    "Parameter",
    "Result",
    "Unit",
    "Wanted",
    "known_names",
    "optional_features",
    "overloads",
    "user_defined_functions",
]


@dataclass(frozen=True, slots=True)
class Features:
    """What the database offers beyond plain PostgreSQL."""

    pgsphere: bool = False


class Wanted(StrEnum):
    """Arguments that are taken as they are."""

    NUMBER = "a number"
    INTEGER = "an integer"
    ANY = "any value"


class Result(StrEnum):
    """Results whose type follows from the arguments."""

    FIRST = "first"  # the type of the first argument
    COMMON = "common"  # the type in which all arguments meet
    SUM = "sum"  # bigint for integers, else the type of the argument


class Unit(StrEnum):
    """Units that are certain."""

    NONE = "none"
    FIRST = "first"  # the unit of the first argument
    FIRST_WITH_UCD = "first with ucd"
    RADIAN = "rad"
    DEGREE = "deg"
    DAY = "d"
    COUNT = "count"  # a dimensionless number of things


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name in the documentation and what it takes."""

    name: str
    takes: Type | Wanted


P: TypeAlias = Parameter


@dataclass(frozen=True, slots=True)
class Function:
    """One way to call a function. `sql` has {0}, {1}, … where the arguments go."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Type | Result
    sql: str
    unit: Unit = Unit.NONE
    aggregate: bool = False
    #: for user defined functions: what it does
    description: str = ""

    @property
    def is_user_defined(self) -> bool:
        """Whether it is declared under features-udf."""
        return bool(self.description)

    @property
    def signature(self) -> str:
        """As TAPRegExt §2.3 wants it."""
        parameters = ", ".join(f"{p.name} {_SQL_WORDS[p.takes]}" for p in self.parameters)
        return f"{self.name}({parameters}) -> {_SQL_WORDS[self.result]}"


_SQL_WORDS: dict[Type | Wanted | Result, str] = {
    Type.SMALLINT: "SMALLINT",
    Type.INTEGER: "INTEGER",
    Type.BIGINT: "BIGINT",
    Type.REAL: "REAL",
    Type.DOUBLE: "DOUBLE PRECISION",
    Type.TEXT: "VARCHAR",
    Type.TIMESTAMP: "TIMESTAMP",
    Type.POINT: "POINT",
    Type.CIRCLE: "CIRCLE",
    Type.POLYGON: "POLYGON",
    Type.LONGS: "BIGINT[]",
    Type.DOUBLES: "DOUBLE PRECISION[]",
    Wanted.NUMBER: "DOUBLE PRECISION",
    Wanted.INTEGER: "INTEGER",
    Wanted.ANY: "ANY",
}

_DOUBLE = (P("x", Type.DOUBLE),)
_NUMBER = (P("x", Wanted.NUMBER),)
_NUMBER_AND_PLACES = (P("x", Type.DOUBLE), P("n", Type.INTEGER))

# Text is the exact way from double precision to numeric: the direct cast keeps 15 digits only.
_EXACT = "({0})::text::numeric"

_MATHEMATICAL = (
    Function("ABS", _NUMBER, Result.FIRST, "abs({0})", Unit.FIRST),
    Function("CEILING", _DOUBLE, Type.DOUBLE, "ceil({0})", Unit.FIRST),
    Function("DEGREES", _DOUBLE, Type.DOUBLE, "degrees({0})", Unit.DEGREE),
    Function("EXP", _DOUBLE, Type.DOUBLE, "exp({0})"),
    Function("FLOOR", _DOUBLE, Type.DOUBLE, "floor({0})", Unit.FIRST),
    Function("LOG", _DOUBLE, Type.DOUBLE, "ln({0})"),  # natural here, base ten in PostgreSQL
    Function("LOG10", _DOUBLE, Type.DOUBLE, "log({0})"),
    Function("PI", (), Type.DOUBLE, "pi()"),
    Function("POWER", (P("x", Type.DOUBLE), P("y", Type.DOUBLE)), Type.DOUBLE, "power({0}, {1})"),
    Function("RADIANS", _DOUBLE, Type.DOUBLE, "radians({0})", Unit.RADIAN),
    Function("RAND", (), Type.DOUBLE, "random()"),
    # PostgreSQL rounds halves of double precision to even and has no form with places for it
    Function("ROUND", _DOUBLE, Type.DOUBLE, "round({0})", Unit.FIRST),
    Function("ROUND", _NUMBER_AND_PLACES, Type.DOUBLE, f"round({_EXACT}, {{1}})::double precision", Unit.FIRST),
    Function("SQRT", _DOUBLE, Type.DOUBLE, "sqrt({0})"),
    Function("TRUNCATE", _DOUBLE, Type.DOUBLE, "trunc({0})", Unit.FIRST),
    Function("TRUNCATE", _NUMBER_AND_PLACES, Type.DOUBLE, f"trunc({_EXACT}, {{1}})::double precision", Unit.FIRST),
    Function("MOD", (P("x", Wanted.INTEGER), P("y", Wanted.INTEGER)), Result.COMMON, "mod({0}, {1})", Unit.FIRST),
    Function(
        "MOD",
        (P("x", Type.DOUBLE), P("y", Type.DOUBLE)),
        Type.DOUBLE,
        "mod(({0})::text::numeric, ({1})::text::numeric)::double precision",
        Unit.FIRST,
    ),
)

_TRIGONOMETRIC = (
    *(
        Function(name, _DOUBLE, Type.DOUBLE, f"{name.lower()}({{0}})", unit)
        for name, unit in (
            ("ACOS", Unit.RADIAN),
            ("ASIN", Unit.RADIAN),
            ("ATAN", Unit.RADIAN),
            ("COS", Unit.NONE),
            ("COT", Unit.NONE),
            ("SIN", Unit.NONE),
            ("TAN", Unit.NONE),
        )
    ),
    Function("ATAN2", (P("y", Type.DOUBLE), P("x", Type.DOUBLE)), Type.DOUBLE, "atan2({0}, {1})", Unit.RADIAN),
)

_STRING = (
    Function("LOWER", (P("text", Type.TEXT),), Type.TEXT, "lower({0})"),
    Function("UPPER", (P("text", Type.TEXT),), Type.TEXT, "upper({0})"),
)

_AGGREGATES = (
    Function("COUNT", (P("x", Wanted.ANY),), Type.BIGINT, "count({0})", Unit.COUNT, aggregate=True),
    Function("MAX", (P("x", Wanted.ANY),), Result.FIRST, "max({0})", Unit.FIRST_WITH_UCD, aggregate=True),
    Function("MIN", (P("x", Wanted.ANY),), Result.FIRST, "min({0})", Unit.FIRST_WITH_UCD, aggregate=True),
    Function("SUM", _NUMBER, Result.SUM, "sum({0})", Unit.FIRST, aggregate=True),
    Function("AVG", _NUMBER, Type.DOUBLE, "avg({0})", Unit.FIRST, aggregate=True),
    # not in ADQL 2.1; they change no conforming query
    Function("STDDEV", _DOUBLE, Type.DOUBLE, "stddev_samp({0})", Unit.FIRST, aggregate=True),
    Function("STDDEV_POP", _DOUBLE, Type.DOUBLE, "stddev_pop({0})", Unit.FIRST, aggregate=True),
    Function("STDDEV_SAMP", _DOUBLE, Type.DOUBLE, "stddev_samp({0})", Unit.FIRST, aggregate=True),
    Function("VARIANCE", _DOUBLE, Type.DOUBLE, "var_samp({0})", aggregate=True),
    Function("VAR_POP", _DOUBLE, Type.DOUBLE, "var_pop({0})", aggregate=True),
    Function("VAR_SAMP", _DOUBLE, Type.DOUBLE, "var_samp({0})", aggregate=True),
)

# Names that begin with ivo_ behave as the Catalogue of ADQL User Defined Functions 1.2 says.
_USER_DEFINED = (
    Function(
        "ivo_hashlist_has",
        (P("hashlist", Type.TEXT), P("item", Type.TEXT)),
        Type.INTEGER,
        "udf.ivo_hashlist_has({0}, {1})",
        description="1 if item is one of the words of a #-separated list, whatever their case, else 0",
    ),
)

_ALL = (*_MATHEMATICAL, *_TRIGONOMETRIC, *_STRING, *_AGGREGATES, *_USER_DEFINED)

# bound by code of their own, because their arguments follow no row of a table
_SPECIAL = ("CAST", "COALESCE", "NULLIF", "IN_UNIT")


def _by_name(functions: tuple[Function, ...]) -> dict[str, tuple[Function, ...]]:
    table: defaultdict[str, list[Function]] = defaultdict(list)
    for function in functions:
        table[function.name.upper()].append(function)
    return {name: tuple(rows) for name, rows in table.items()}


_TABLE = _by_name(_ALL)


def overloads(name: str, features: Features) -> tuple[Function, ...]:
    """All ways to call the function of this name (upper case); empty when there is none."""
    return _TABLE.get(name, ())


def known_names(features: Features) -> tuple[str, ...]:
    """Names of all functions, for suggestions."""
    return (*(rows[0].name for rows in _TABLE.values()), *_SPECIAL)


def user_defined_functions(features: Features) -> tuple[Function, ...]:
    """The functions to declare under features-udf; each has its `signature` and `description`."""
    return _USER_DEFINED


_FEATURES = "ivo://ivoa.net/std/tapregext#features-"


def optional_features(features: Features) -> dict[str, tuple[str, ...]]:
    """TAPRegExt languageFeatures: feature type → forms, exactly what works with this database."""
    return {
        f"{_FEATURES}adql-string": ("LOWER", "UPPER", "ILIKE"),
        f"{_FEATURES}adql-type": ("CAST",),
        f"{_FEATURES}adql-conditional": ("COALESCE",),
        f"{_FEATURES}adql-offset": ("OFFSET",),
        f"{_FEATURES}adql-sets": ("UNION", "EXCEPT", "INTERSECT"),
        f"{_FEATURES}adql-common-table": ("WITH",),
        f"{_FEATURES}udf": tuple(function.signature for function in user_defined_functions(features)),
    }
