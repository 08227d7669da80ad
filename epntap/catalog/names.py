"""Names of tables and columns as queries write them: reserved words, schemas that mean something already, quotes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from epntap.catalog.model import Catalog, Table

__all__ = ["OWN_SCHEMA", "RESERVED", "SYSTEM_NAMES", "TAKEN_SCHEMAS", "distinct", "table_named", "written_name"]

_ADQL_WORDS = """
ABS ACOS AREA ASIN ATAN ATAN2 BIGINT BOX CEILING CENTROID CIRCLE CONTAINS COORD1 COORD2 COORDSYS COS COT DEGREES
DISTANCE EXP FLOOR ILIKE INTERSECTS IN_UNIT LOG LOG10 MOD OFFSET PI POINT POLYGON POWER RADIANS REGION RAND ROUND SIN
SQRT TOP TAN TRUNCATE
"""

# END-EXEC of SQL-92 is missing: it is no identifier anyway.
_SQL_WORDS = """
ABSOLUTE ACTION ADD ALL ALLOCATE ALTER AND ANY ARE AS ASC ASSERTION AT AUTHORIZATION AVG BEGIN BETWEEN BIT BIT_LENGTH
BOTH BY CASCADE CASCADED CASE CAST CATALOG CHAR CHARACTER CHAR_LENGTH CHARACTER_LENGTH CHECK CLOSE COALESCE COLLATE
COLLATION COLUMN COMMIT CONNECT CONNECTION CONSTRAINT CONSTRAINTS CONTINUE CONVERT CORRESPONDING COUNT CREATE CROSS
CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURSOR DATE DAY DEALLOCATE DECIMAL DECLARE DEFAULT
DEFERRABLE DEFERRED DELETE DESC DESCRIBE DESCRIPTOR DIAGNOSTICS DISCONNECT DISTINCT DOMAIN DOUBLE DROP ELSE END ESCAPE
EXCEPT EXCEPTION EXEC EXECUTE EXISTS EXTERNAL EXTRACT FALSE FETCH FIRST FLOAT FOR FOREIGN FOUND FROM FULL GET GLOBAL GO
GOTO GRANT GROUP HAVING HOUR IDENTITY IMMEDIATE IN INDICATOR INITIALLY INNER INPUT INSENSITIVE INSERT INT INTEGER
INTERSECT INTERVAL INTO IS ISOLATION JOIN KEY LANGUAGE LAST LEADING LEFT LEVEL LIKE LOCAL LOWER MATCH MAX MIN MINUTE
MODULE MONTH NAMES NATIONAL NATURAL NCHAR NEXT NO NOT NULL NULLIF NUMERIC OCTET_LENGTH OF ON ONLY OPEN OPTION OR ORDER
OUTER OUTPUT OVERLAPS PAD PARTIAL POSITION PRECISION PREPARE PRESERVE PRIMARY PRIOR PRIVILEGES PROCEDURE PUBLIC READ
REAL REFERENCES RELATIVE RESTRICT REVOKE RIGHT ROLLBACK ROWS SCHEMA SCROLL SECOND SECTION SELECT SESSION SESSION_USER
SET SIZE SMALLINT SOME SPACE SQL SQLCODE SQLERROR SQLSTATE SUBSTRING SUM SYSTEM_USER TABLE TEMPORARY THEN TIME TIMESTAMP
TIMEZONE_HOUR TIMEZONE_MINUTE TO TRAILING TRANSACTION TRANSLATE TRANSLATION TRIM TRUE UNION UNIQUE UNKNOWN UPDATE UPPER
USAGE USER USING VALUE VALUES VARCHAR VARYING VIEW WHEN WHENEVER WHERE WITH WORK WRITE YEAR ZONE
"""

#: words that cannot be regular identifiers (ADQL 2.1 §2.1.3, §2.1.4)
RESERVED = frozenset(_ADQL_WORDS.split()) | frozenset(_SQL_WORDS.split())

#: columns that PostgreSQL gives every table itself, so that none can be called so
SYSTEM_NAMES = frozenset(("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"))

#: schemas of the database, of TAP and of this software
TAKEN_SCHEMAS = frozenset(
    {"account", "archive", "events", "information_schema", "public", "tap_schema", "tap_upload", "udf", "uws"}
)


#: what somebody's own tables are called in their queries: mine.<name>
OWN_SCHEMA = "mine"

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


def distinct(names: Sequence[str], fold: Callable[[str], str] = str) -> list[str]:
    """The names, the second `a` being `a_2`; `fold` gives names that differ for no reader the same value."""
    wanted = {fold(name) for name in names}
    taken: set[str] = set()
    result = []
    for name in names:
        free, number = name, 1
        while fold(free) in taken or (number > 1 and fold(free) in wanted):
            number += 1
            free = f"{name}_{number}"
        taken.add(fold(free))
        result.append(free)
    return result
