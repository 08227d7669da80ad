"""How each column type is said in the SELECT list: the one place where a value gets its spelling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import LiteralString

from psycopg import sql

from epntap.answer.model import ResultColumn

__all__ = ["Spelling", "project", "quoted_in_json"]


class Spelling(StrEnum):
    """A family of formats that spell values alike."""

    #: texts for people and programs: ISO times with T, arrays as numbers with blanks between
    TEXT = "text"
    #: the same where a line without anything in it is passed over: NULL alone in a row is an empty text
    CSV = "csv"
    #: as TEXT for the cells of VOTable's TABLEDATA, where binary data are numbers
    TABLEDATA = "tabledata"
    #: JSON values
    JSON = "json"
    #: values of exactly the FIELD's datatype for COPY BINARY; arrays are the bytes of their elements
    BINARY = "binary"


_AS_IS: LiteralString = "{0}"
# DALI 1.1 §3.3.3: no blank between date and time; milliseconds, or microseconds where there are any
_ISO_TIME: LiteralString = (
    "to_char({0}, CASE WHEN extract(microseconds FROM {0})::integer %% 1000 = 0"
    " THEN 'YYYY-MM-DD\"T\"HH24:MI:SS.MS' ELSE 'YYYY-MM-DD\"T\"HH24:MI:SS.US' END)"
)
_HEX: LiteralString = "encode({0}, 'hex')"
_TIMES = frozenset({"timestamp", "timestamp without time zone"})
_WORDS: LiteralString = "array_to_string({0}, ' ', 'NaN')"

_TEXT: dict[str, LiteralString] = {
    **dict.fromkeys(_TIMES, _ISO_TIME),
    "double precision[]": _WORDS,
    "real[]": _WORDS,
    "bigint[]": "array_to_string({0}, ' ')",
    "integer[]": "array_to_string({0}, ' ')",
    "bytea": _HEX,
}

_BYTES: LiteralString = (
    "CASE WHEN {0} IS NOT NULL THEN"
    " array_to_string(ARRAY(SELECT get_byte({0}, i) FROM generate_series(0, length({0}) - 1) AS i), ' ') END"
)

#: columns that COPY puts into quotes
_JSON_TEXTS: dict[str, LiteralString] = {**dict.fromkeys(_TIMES, _ISO_TIME), "bytea": _HEX, "text": _AS_IS}
_JSON: dict[str, LiteralString] = {
    **_JSON_TEXTS,
    **dict.fromkeys(("smallint", "integer", "bigint", "real", "double precision"), _AS_IS),
    "boolean": "{0}::text",
}
# whatever else is JSON as it is, but COPY would put it into quotes for those within
_JSON_OTHER: LiteralString = "translate(to_json({0})::text, '\"\\', E'\\x02\\x03')"

#: PostgreSQL type of a scalar of each VOTable datatype
_SCALARS: dict[str, LiteralString] = {
    "boolean": "boolean",
    "short": "smallint",
    "int": "integer",
    "long": "bigint",
    "float": "real",
    "double": "double precision",
}
_CASTS: dict[str, LiteralString] = {
    "boolean": "{0}::boolean",
    "short": "{0}::smallint",
    "int": "{0}::integer",
    "long": "{0}::bigint",
    "float": "{0}::real",
    "double": "{0}::double precision",
    "unsignedByte": "substring(int2send({0}::smallint) FROM 2)",
}


def _elements(one: LiteralString) -> LiteralString:
    start: LiteralString = "CASE WHEN {0} IS NOT NULL THEN (SELECT coalesce(string_agg("
    end: LiteralString = ", '' ORDER BY i), '') FROM unnest({0}) WITH ORDINALITY AS elements (e, i)) END"
    return start + one + end


_ELEMENTS: dict[str, LiteralString] = {
    "short": _elements("int2send(coalesce(e, 0)::smallint)"),
    "int": _elements("int4send(coalesce(e, 0)::integer)"),
    "long": _elements("int8send(coalesce(e, 0)::bigint)"),
    "float": _elements("float4send(coalesce(e, 'NaN')::real)"),
    "double": _elements("float8send(coalesce(e, 'NaN')::double precision)"),
}


def _text(column: ResultColumn) -> LiteralString:
    if column.pg_type == "double precision[]" and column.datatype == "float":
        return "array_to_string(({0})::real[], ' ', 'NaN')"  # with the digits that tell it from others
    return _TEXT.get(column.pg_type, _AS_IS)


def _tabledata(column: ResultColumn) -> LiteralString:
    return _BYTES if column.pg_type == "bytea" and column.datatype == "unsignedByte" else _text(column)


def _json(column: ResultColumn) -> LiteralString:
    if column.pg_type == "double precision[]" and column.datatype == "float":
        return "translate(to_json(({0})::real[])::text, '\"', E'\\x02')"
    return _JSON.get(column.pg_type, _JSON_OTHER)


def _binary(column: ResultColumn) -> LiteralString:
    if column.pg_type.endswith("[]") and column.datatype in _ELEMENTS:
        return _ELEMENTS[column.datatype]
    if column.pg_type == "bytea":
        return _AS_IS if column.datatype == "unsignedByte" else _HEX
    if column.datatype in _CASTS and column.pg_type != "text":
        return _AS_IS if _SCALARS.get(column.datatype) == column.pg_type else _CASTS[column.datatype]
    if column.pg_type == "text":
        return _AS_IS if column.datatype in {"char", "unicodeChar"} else "{0}::text"
    text = _TEXT.get(column.pg_type)
    return text if text is not None else "{0}::text"


_SPELLINGS: dict[Spelling, Callable[[ResultColumn], LiteralString]] = {
    Spelling.TEXT: _text,
    Spelling.CSV: _text,
    Spelling.TABLEDATA: _tabledata,
    Spelling.JSON: _json,
    Spelling.BINARY: _binary,
}


def quoted_in_json(columns: Sequence[ResultColumn]) -> list[sql.Identifier]:
    """Those that COPY puts into quotes for Spelling.JSON, as `project` names them."""
    return [sql.Identifier(f"c{n}") for n, column in enumerate(columns) if column.pg_type in _JSON_TEXTS]


def project(statement: sql.Composable, columns: Sequence[ResultColumn], spelling: Spelling) -> sql.Composable:
    """The statement with each output column spelled for a format; unchanged when nothing needs spelling."""
    spelled = [_SPELLINGS[spelling](column) for column in columns]
    if spelling is Spelling.CSV and len(spelled) == 1:
        spelled = ["format('%%s', " + spelled[0] + ")"]
    if spelling is not Spelling.JSON and all(text == _AS_IS for text in spelled):
        return statement
    names = [sql.Identifier(f"c{n}") for n in range(len(columns))]
    items = [sql.SQL(text + " AS {0}").format(name) for text, name in zip(spelled, names, strict=True)]
    return sql.SQL("SELECT {} FROM ({}) AS answer ({})").format(
        sql.SQL(", ").join(items), statement, sql.SQL(", ").join(names)
    )
