"""The functions of ADQL as a table: name, arguments, result, form in SQL. One line more is one function more.

Where PostgreSQL calls something by another name or would answer in `numeric`, the form says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from epntap.adql import nodes
from epntap.adql.bound import Type

__all__ = [
    "Features",
    "Function",
    "Parameter",
    "Result",
    "Unit",
    "Wanted",
    "argument_counts",
    "known_names",
    "optional_features",
    "overloads",
    "user_defined_functions",
    "wrong_count",
]


@dataclass(frozen=True, slots=True)
class Features:
    """What the database offers beyond plain PostgreSQL."""

    pgsphere: bool = False
    #: schema in which pgSphere is installed
    pgsphere_schema: str = "public"

    @property
    def quoted_pgsphere_schema(self) -> str:
        """The schema as it stands in SQL."""
        return '"' + self.pgsphere_schema.replace('"', '""').replace("%", "%%") + '"'


class Wanted(StrEnum):
    """Arguments that are taken as they are."""

    NUMBER = "a number"
    INTEGER = "an integer"
    ANY = "any value"


class Result(StrEnum):
    """Results whose type follows from the arguments."""

    FIRST = "first"  # the type of the first argument
    COMMON = "common"  # the type in which all arguments meet
    SUM = "sum"  # bigint for integers, else double precision


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
    #: for functions that say 1 or 0: the condition behind that, instead of `sql`
    condition: str = ""
    #: what is wrong with these arguments, empty when nothing; None stands for those that are no literals
    check: Callable[[Sequence[float | None]], str] | None = None

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
    Function("EXP", _DOUBLE, Type.DOUBLE, "udf.exponential({0})"),  # PostgreSQL refuses what is too small for a number
    Function("FLOOR", _DOUBLE, Type.DOUBLE, "floor({0})", Unit.FIRST),
    Function("LOG", _DOUBLE, Type.DOUBLE, "ln({0})"),  # natural here, base ten in PostgreSQL
    Function("LOG10", _DOUBLE, Type.DOUBLE, "log({0})"),
    Function("PI", (), Type.DOUBLE, "pi()"),
    Function("POWER", (P("x", Type.DOUBLE), P("y", Type.DOUBLE)), Type.DOUBLE, "power({0}, {1})"),
    Function("RADIANS", _DOUBLE, Type.DOUBLE, "radians({0})", Unit.RADIAN),
    Function("RAND", (), Type.DOUBLE, "random()"),
    # PostgreSQL rounds halves of double precision to even and has no form with places for it; halves go away from zero
    # here whatever the places, whose default is 0 (ADQL 2.1 §2.3.1)
    Function("ROUND", _DOUBLE, Type.DOUBLE, f"round({_EXACT})::double precision", Unit.FIRST),
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

# An array of so many counts is sorted and sent in one piece.
_MAX_BINS = 100_000


def _histogram_mistake(arguments: Sequence[float | None]) -> str:
    _, lower, upper, bins = arguments
    if bins is None or not 1 <= bins <= _MAX_BINS:
        return f"the number of bins of ivo_histogram is an integer literal between 1 and {_MAX_BINS}"
    if lower is not None and lower == upper:
        return "lower and upper of ivo_histogram are equal: there is nothing to divide into bins"
    return ""


_TIME = (P("d", Type.TIMESTAMP),)
# Days since the epoch of Unix in numeric, which is exact; 2440587.5 is the Julian Date of that epoch.
_DAYS = "extract(epoch FROM {0}) / 86400"
#: the other way, to the millisecond: a double holds today's Julian Dates to 40 microseconds
_FROM_DAYS = (
    "CASE WHEN {{0}} >= {least} AND {{0}} < {most} THEN timestamp '1970-01-01' "
    "+ make_interval(secs => round(({{0}} - {origin}) * 86400000) / 1000) END"
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
    Function(
        "ivo_nocasematch",
        (P("value", Type.TEXT), P("pattern", Type.TEXT)),
        Type.INTEGER,
        "",
        condition="({0} ILIKE {1} ESCAPE '')",
        description="1 if value matches the pattern (% and _ as in LIKE), whatever the case, else 0",
    ),
    Function(
        "ivo_hasword",
        (P("haystack", Type.TEXT), P("needle", Type.TEXT)),
        Type.INTEGER,
        "",
        condition="(to_tsvector('pg_catalog.simple', {0}) @@ plainto_tsquery('pg_catalog.simple', {1}))",
        description="1 if all words of needle stand in haystack, whatever their case and order, else 0",
    ),
    Function(
        "ivo_string_agg",
        (P("expression", Type.TEXT), P("delimiter", Type.TEXT)),
        Type.TEXT,
        "string_agg({0}, {1})",
        aggregate=True,
        description="an aggregate: the texts of a group, joined by the delimiter, without those that are NULL",
    ),
    Function(
        "ivo_interval_overlaps",
        tuple(P(name, Type.DOUBLE) for name in ("a1", "b1", "a2", "b2")),
        Type.INTEGER,
        "",
        condition="udf.interval_overlaps({0}, {1}, {2}, {3})",
        description="1 if the intervals [a1, b1] and [a2, b2] have a value in common, else 0",
    ),
    Function(
        "ivo_to_jd",
        _TIME,
        Type.DOUBLE,
        f"({_DAYS} + 2440587.5)::double precision",
        Unit.DAY,
        description="the Julian Date of a timestamp, in its own time scale",
    ),
    Function(
        "ivo_to_mjd",
        _TIME,
        Type.DOUBLE,
        f"({_DAYS} + 40587)::double precision",
        Unit.DAY,
        description="the Modified Julian Date of a timestamp, in its own time scale",
    ),
    Function(
        "ivo_from_jd",
        (P("jd", Type.DOUBLE),),
        Type.TIMESTAMP,
        _FROM_DAYS.format(origin="2440587.5", least="1721425.5", most="5373484.499999"),
        description="the timestamp of a Julian Date, to the millisecond; NULL outside the years 1 to 9999",
    ),
    Function(
        "ivo_from_mjd",
        (P("mjd", Type.DOUBLE),),
        Type.TIMESTAMP,
        _FROM_DAYS.format(origin="40587", least="-678575", most="2973483.999999"),
        description="the timestamp of a Modified Julian Date, to the millisecond; NULL outside the years 1 to 9999",
    ),
    Function(
        "gavo_to_jd",
        _TIME,
        Type.DOUBLE,
        f"({_DAYS} + 2440587.5)::double precision",
        Unit.DAY,
        description="the same as ivo_to_jd",
    ),
    Function(
        "gavo_to_mjd",
        _TIME,
        Type.DOUBLE,
        f"({_DAYS} + 40587)::double precision",
        Unit.DAY,
        description="the same as ivo_to_mjd",
    ),
    Function(
        "ivo_histogram",
        (P("val", Type.DOUBLE), P("lower", Type.DOUBLE), P("upper", Type.DOUBLE), P("nbins", Type.INTEGER)),
        Type.LONGS,
        "udf.histogram(array_agg(width_bucket({0}, {1}, {2}, {3})), max({3}))",
        aggregate=True,
        check=_histogram_mistake,
        description="an aggregate: counts of values below lower or NULL, in nbins equal bins, and from upper on",
    ),
)

_ALL = (*_MATHEMATICAL, *_TRIGONOMETRIC, *_STRING, *_AGGREGATES, *_USER_DEFINED)

# bound by code of their own, because their arguments follow no row of a table
_GEOMETRY = (
    "AREA BOX CENTROID CIRCLE CONTAINS COORD1 COORD2 COORDSYS DISTANCE INTERSECTS POINT POLYGON REGION"
)  # fmt: skip
_SPECIAL = ("CAST", "COALESCE", "NULLIF", "IN_UNIT", *_GEOMETRY.split())


def _by_name(functions: tuple[Function, ...]) -> dict[str, tuple[Function, ...]]:
    table: defaultdict[str, list[Function]] = defaultdict(list)
    for function in functions:
        table[function.name.upper()].append(function)
    return {name: tuple(rows) for name, rows in table.items()}


_TABLE = _by_name(_ALL)


def overloads(name: str) -> tuple[Function, ...]:
    """All ways to call the function of this name (upper case); empty when there is none."""
    return _TABLE.get(name, ())


def argument_counts(name: str) -> tuple[int, ...]:
    """How many arguments the function of this name (upper case) takes; empty when there is no such function."""
    counts = {len(function.parameters) for function in overloads(name)}
    if name == "RAND":
        counts.add(1)
    return tuple(sorted(counts))


def wrong_count(call: nodes.Call, counts: tuple[int, ...]) -> str:
    """What to say about a call with another number of arguments."""
    takes = " or ".join(map(str, counts))
    plural = "" if counts == (1,) else "s"
    return f"{call.name} takes {takes} argument{plural} but was given {len(call.arguments)}"


def known_names() -> tuple[str, ...]:
    """Names of all functions, for suggestions."""
    return (*(rows[0].name for rows in _TABLE.values()), *_SPECIAL)


def user_defined_functions(features: Features) -> tuple[Function, ...]:  # noqa: ARG001  # none depends on them so far
    """The functions to declare under features-udf; each has its `signature` and `description`."""
    return _USER_DEFINED


_FEATURES = "ivo://ivoa.net/std/tapregext#features-"


def optional_features(features: Features) -> dict[str, tuple[str, ...]]:
    """TAPRegExt languageFeatures: feature type → forms, exactly what works with this database."""
    return {
        f"{_FEATURES}udf": tuple(function.signature for function in user_defined_functions(features)),
        f"{_FEATURES}adqlgeo": tuple(_GEOMETRY.split()),
        f"{_FEATURES}adql-string": ("LOWER", "UPPER", "ILIKE"),
        f"{_FEATURES}adql-common-table": ("WITH",),
        f"{_FEATURES}adql-sets": ("UNION", "EXCEPT", "INTERSECT"),
        f"{_FEATURES}adql-type": ("CAST",),
        f"{_FEATURES}adql-conditional": ("COALESCE",),
        f"{_FEATURES}adql-unit": ("IN_UNIT",),
        f"{_FEATURES}adql-offset": ("OFFSET",),
    }
