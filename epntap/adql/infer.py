"""What type a value has, how it becomes another, and what two values have in common."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from epntap.adql.bound import NO_META, Application, Expr, Meta, Numeral, Parameter, Pieces, Type, pieces
from epntap.catalog.model import Column, Form

__all__ = [
    "GEOMETRY",
    "NUMERIC",
    "PGSPHERE_TYPES",
    "VOTABLE",
    "arithmetic_type",
    "arithmetic_unit",
    "as_type",
    "common_type",
    "describe",
    "is_numeric",
    "null_of",
    "stored_type",
    "to_timestamp",
    "unlike",
]

NUMERIC = (Type.SMALLINT, Type.INTEGER, Type.BIGINT, Type.REAL, Type.DOUBLE)
_INTEGERS = NUMERIC[:3]
GEOMETRY = (Type.POINT, Type.CIRCLE, Type.POLYGON, Type.REGION)

_WORDS = {
    Type.SMALLINT: "an integer",
    Type.INTEGER: "an integer",
    Type.BIGINT: "an integer",
    Type.REAL: "a number",
    Type.DOUBLE: "a number",
    Type.TEXT: "text",
    Type.TIMESTAMP: "a timestamp",
    Type.BOOLEAN: "a boolean",
    Type.BYTES: "binary data",
    Type.DOUBLES: "an array",
    Type.LONGS: "an array",
    Type.POINT: "a point",
    Type.CIRCLE: "a circle",
    Type.POLYGON: "a polygon",
    Type.REGION: "a region",
    Type.NULL: "NULL",
}

# PostgreSQL types that need no cast to be what Type says, as format_type() spells them.
_EXACT = {
    "smallint": Type.SMALLINT,
    "integer": Type.INTEGER,
    "bigint": Type.BIGINT,
    "real": Type.REAL,
    "double precision": Type.DOUBLE,
    "text": Type.TEXT,
    "timestamp": Type.TIMESTAMP,
    "timestamp without time zone": Type.TIMESTAMP,
    "boolean": Type.BOOLEAN,
    "bytea": Type.BYTES,
    "double precision[]": Type.DOUBLES,
    "bigint[]": Type.LONGS,
}

#: the types of pgSphere that are geometries of ADQL
PGSPHERE_TYPES = {"spoint": Type.POINT, "scircle": Type.CIRCLE, "spoly": Type.POLYGON}

_GEOMETRY_XTYPES = {"point": Type.POINT, "circle": Type.CIRCLE, "polygon": Type.POLYGON}

#: VOTable datatype, arraysize and xtype of a value about which the catalogue says nothing
VOTABLE = {
    Type.SMALLINT: ("short", None, None),
    Type.INTEGER: ("int", None, None),
    Type.BIGINT: ("long", None, None),
    Type.REAL: ("float", None, None),
    Type.DOUBLE: ("double", None, None),
    Type.TEXT: ("char", "*", None),
    Type.TIMESTAMP: ("char", "*", "timestamp"),
    Type.BOOLEAN: ("boolean", None, None),
    Type.BYTES: ("unsignedByte", "*", None),
    Type.DOUBLES: ("double", "*", None),
    Type.LONGS: ("long", "*", None),
    Type.POINT: ("double", "2", "point"),
    Type.CIRCLE: ("double", "3", "circle"),
    Type.POLYGON: ("double", "*", "polygon"),
}

# DALI 1.1 §3.3.3, with the blank and the minutes-only time that people write
_DALI_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?:(:\d{2})(\.\d{1,9})?)?)?Z?", re.ASCII)


def describe(kind: Type) -> str:
    """The type in a sentence."""
    return _WORDS.get(kind, str(kind))


def is_numeric(kind: Type) -> bool:
    """Whether one can calculate with it."""
    return kind in NUMERIC


def stored_type(column: Column) -> tuple[Type, Pieces | None]:  # noqa: PLR0911  # one answer for each case
    """Type of a catalogue column and the cast that it needs, None when it is that type already."""
    pg_type = column.pg_type
    if column.form in (Form.DALI_TEXT, Form.LOOSE_DALI_TEXT):
        return Type.TIMESTAMP, None
    kind = _EXACT.get(pg_type) or PGSPHERE_TYPES.get(pg_type)
    if kind is Type.DOUBLES and column.xtype in _GEOMETRY_XTYPES:
        return _GEOMETRY_XTYPES[column.xtype], None
    if kind is not None:
        return kind, None
    if pg_type.startswith("numeric"):
        return Type.DOUBLE, pieces("{0}::double precision")
    if pg_type.startswith("timestamp"):
        return Type.TIMESTAMP, pieces("({0} AT TIME ZONE 'UTC')")
    if pg_type == "date":
        return Type.TIMESTAMP, pieces("{0}::timestamp")
    if pg_type in ("real[]", "numeric[]"):
        return Type.DOUBLES, pieces("{0}::double precision[]")
    if pg_type in ("smallint[]", "integer[]"):
        return Type.LONGS, pieces("{0}::bigint[]")
    return Type.TEXT, pieces("{0}::text")


def null_of(kind: Type, like: Expr) -> Expr:
    """NULL as a value of this type."""
    pg_type = "double precision[]" if kind in GEOMETRY else str(kind)
    return Application(type=kind, span=like.span, name="NULL", pieces=(f"NULL::{pg_type}",))


def to_timestamp(text: str) -> str | None:
    """A DALI timestamp as PostgreSQL reads it, or None when it is none."""
    match = _DALI_TIME.fullmatch(text)
    if match is None:
        return None
    date, minutes, seconds, fraction = match.group(1, 2, 3, 4)
    # second 60 is a leap second: valid, and the first second of the next minute to PostgreSQL
    leap = seconds == ":60"
    try:
        time = datetime.fromisoformat(f"{date} {minutes or '00:00'}{':59' if leap else seconds or ':00'}")
        time += timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None
    return time.isoformat(" ") + (fraction or "")


def as_type(expr: Expr, kind: Type) -> Expr | None:  # noqa: PLR0911  # one answer for each case
    """The value as another type where that is certain to be meant, else None."""
    given = expr.type
    if given is kind or Type.WRONG in (given, kind):
        return expr
    if given is Type.NULL:
        return null_of(kind, expr)
    if kind is Type.TIMESTAMP and isinstance(expr, Parameter) and given is Type.TEXT:
        value = to_timestamp(str(expr.value))
        if value is None:
            return None
        return Parameter(type=kind, span=expr.span, value=value, cast="timestamp")
    if is_numeric(given) and is_numeric(kind):
        if isinstance(expr, Numeral) and kind is Type.DOUBLE:
            return replace(expr, type=kind)
        return _cast(expr, kind)
    if given is Type.BOOLEAN and is_numeric(kind):
        number = _cast(expr, Type.INTEGER)
        return number if kind is Type.INTEGER else _cast(number, kind)
    return None


def _cast(expr: Expr, kind: Type) -> Expr:
    return Application(
        type=kind, span=expr.span, meta=unlike(expr.meta), name="CAST", pieces=("(", 0, f")::{kind}"), args=(expr,)
    )


def unlike(meta: Meta) -> Meta:
    """What stays true of a value in another type: its unit and what it is, but no column of the catalogue."""
    return Meta(unit=meta.unit, ucd=meta.ucd) if meta.unit or meta.ucd else NO_META


def common_type(first: Type, second: Type) -> Type | None:
    """The type in which both can be compared or mixed, None when there is none."""
    if first is second or second in (Type.NULL, Type.WRONG):
        return first
    if first in (Type.NULL, Type.WRONG):
        return second
    if is_numeric(first) and is_numeric(second):
        if Type.REAL in (first, second):
            return Type.DOUBLE  # as PostgreSQL does: an integer beside a real makes both double precision
        return NUMERIC[max(NUMERIC.index(first), NUMERIC.index(second))]
    if Type.BOOLEAN in (first, second) and (first in _INTEGERS or second in _INTEGERS):
        return Type.INTEGER
    return None


def arithmetic_type(first: Type, second: Type) -> Type | None:
    """Type of the result of + - * /, None when one of them is no number."""
    kind = common_type(first, second)
    if kind is None or Type.BOOLEAN in (first, second):
        return None
    return kind if is_numeric(kind) or kind in (Type.NULL, Type.WRONG) else None


_SIMPLE_UNIT = re.compile(r"[A-Za-z%]+")


def arithmetic_unit(operator: str, left: Expr, right: Expr) -> str | None:
    """Unit of a sum or product where it is certain. A factor that is a literal may be a conversion: then it is not."""
    first, second = left.meta.unit, right.meta.unit
    if operator in "+-":
        if first == second or (second is None and isinstance(right, Numeral)):
            return first
        return second if first is None and isinstance(left, Numeral) else None
    if not first or not second or not _SIMPLE_UNIT.fullmatch(first) or not _SIMPLE_UNIT.fullmatch(second):
        return None
    if operator == "*":
        return f"{first}**2" if first == second else f"{first}.{second}"
    return None if first == second else f"{first}/{second}"
