"""Names that a schema cannot have: words of ADQL, and schemas that mean something already."""

from __future__ import annotations

import re

from epntap.adql.tokens import RESERVED
from epntap.catalog.model import Catalog, Table

__all__ = ["RESERVED_WORDS", "TAKEN_SCHEMAS", "table_named", "written_name"]

#: ADQL 2.1 §2.1.2: the words of SQL-92 and those that ADQL adds; none can be written unquoted after FROM
# fmt: off
RESERVED_WORDS = frozenset({
    "abs", "absolute", "acos", "action", "add", "all", "allocate", "alter", "and", "any", "are", "area", "as",
    "asc", "asin", "assertion", "at", "atan", "atan2", "authorization", "avg", "begin", "between", "bigint",
    "bit", "bit_and", "bit_length", "bit_not", "bit_or", "bit_xor", "both", "box", "by", "cascade", "cascaded",
    "case", "cast", "catalog", "ceiling", "centroid", "char", "char_length", "character", "character_length",
    "check", "circle", "close", "coalesce", "collate", "collation", "column", "commit", "connect", "connection",
    "constraint", "constraints", "contains", "continue", "convert", "coord1", "coord2", "coordsys",
    "corresponding", "cos", "cot", "count", "create", "cross", "current", "current_date", "current_time",
    "current_timestamp", "current_user", "cursor", "date", "day", "deallocate", "decimal", "declare", "default",
    "deferrable", "deferred", "degrees", "delete", "desc", "describe", "descriptor", "diagnostics", "disconnect",
    "distance", "distinct", "domain", "double", "drop", "else", "end", "escape", "except", "exception", "exec",
    "execute", "exists", "exp", "external", "extract", "false", "fetch", "first", "float", "floor", "for",
    "foreign", "found", "from", "full", "get", "global", "go", "goto", "grant", "group", "having", "hour",
    "identity", "ilike", "immediate", "in", "in_unit", "indicator", "initially", "inner", "input", "insensitive",
    "insert", "int", "integer", "intersect", "intersects", "interval", "into", "is", "isolation", "join", "key",
    "language", "last", "leading", "left", "level", "like", "local", "log", "log10", "lower", "match", "max",
    "min", "minute", "mod", "module", "month", "names", "national", "natural", "nchar", "next", "no", "not",
    "null", "nullif", "numeric", "octet_length", "of", "offset", "on", "only", "open", "option", "or", "order",
    "outer", "output", "overlaps", "pad", "partial", "pi", "point", "polygon", "position", "power", "precision",
    "prepare", "preserve", "primary", "prior", "privileges", "procedure", "public", "radians", "rand", "read",
    "real", "references", "region", "relative", "restrict", "revoke", "right", "rollback", "round", "rows",
    "schema", "scroll", "second", "section", "select", "session", "session_user", "set", "sign", "sin", "size",
    "smallint", "some", "space", "sql", "sqlcode", "sqlerror", "sqlstate", "sqrt", "substring", "sum",
    "system_user", "table", "tan", "temporary", "then", "time", "timestamp", "timezone_hour",
    "timezone_minute", "to", "top", "trailing", "transaction", "translate", "translation", "trim", "true",
    "truncate", "union", "unique", "unknown", "update", "upper", "usage", "user", "using", "value", "values",
    "varchar", "varying", "view", "when", "whenever", "where", "with", "work", "write", "year", "zone",
})
# fmt: on

#: schemas of the database, of TAP and of this software
TAKEN_SCHEMAS = frozenset({"archive", "information_schema", "public", "tap_schema", "tap_upload", "udf", "uws"})


_REGULAR = re.compile("[a-z][a-z0-9_]*")


_TABLE_NAME = re.compile(r'("(?:[^"]|"")+"|\w+)\s*\.\s*("(?:[^"]|"")+"|\w+)')


def written_name(name: str) -> str:
    """The name as it has to be written in a query (TAP 1.1 §4.3: quoted where ADQL needs it)."""
    if _REGULAR.fullmatch(name) and name.upper() not in RESERVED:
        return name
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def table_named(catalog: Catalog, text: str) -> Table | None:
    """The table of a name as it may be written in a query: any case, or with double quotes and exactly so."""
    match = _TABLE_NAME.fullmatch(text.strip())
    if match is None:
        return None
    schema, table = (part[1:-1].replace('""', '"') if part.startswith('"') else part.lower() for part in match.groups())
    return catalog.table(schema, table)
