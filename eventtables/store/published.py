"""A table of events as TAP shows it: names and types of its columns. No I/O here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from epntap.catalog.model import Column, Form, Table
from epntap.catalog.names import RESERVED, SYSTEM_NAMES, distinct
from epntap.epncore.ucd import is_valid_ucd
from epntap.units.convert import is_vounit
from eventtables.cells import texts_of
from eventtables.model import Description, EventColumn, Events, EventTableError, Kind, Values
from eventtables.times import julian_dates, spelled

__all__ = ["SCHEMA", "checked_name", "copy_lines", "own_schema", "published_table", "storable", "stored_names"]

#: the schema that all are in
SCHEMA = "events"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,54}")
_MOST_COLUMNS = 500
#: bytes of a name, less what is put behind one that is there twice
_MOST_NAME = 55
#: letters that no text of the database can have
_NEVER = re.compile("[\0\ud800-\udfff]")
_SPECIAL = re.compile(r"[\\\t\n\r\b\f\v]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
#: what every table has before its own columns
_OWN = (
    Column("event_id", "long", ucd="meta.id;meta.main", description="Place of the event in the table, from 1 on",
           indexed=True, principal=True, pg_type="bigint", nullable=False),
    Column("start_time", "char", "*", "timestamp", ucd="time.start", description="Start of the event, UTC",
           principal=True, form=Form.DALI_TEXT, nullable=False),
    Column("stop_time", "char", "*", "timestamp", ucd="time.end", description="End of the event, UTC",
           principal=True, form=Form.DALI_TEXT, nullable=False),
    Column("time_min", "double", unit="d", ucd="time.start", description="Start of the event, Julian date (UTC)",
           indexed=True, principal=True, pg_type="double precision", nullable=False),
    Column("time_max", "double", unit="d", ucd="time.end", description="End of the event, Julian date (UTC)",
           indexed=True, principal=True, pg_type="double precision", nullable=False),
)  # fmt: skip


def checked_name(name: str) -> str:
    """The name, if a table can have it. Raises EventTableError."""
    if name.upper() in RESERVED:
        raise EventTableError(f"{name} is a word of SQL and can be no name of a table; choose another one.")
    if not _NAME.fullmatch(name):
        raise EventTableError(
            f"{name[:60]!r} can be no name of a table: expected lower-case letters, digits and _, a letter first, "
            "at most 55 of them."
        )
    return name


def published_table(name: str, about: Description, schema: str = SCHEMA) -> Table:
    """The table as TAP_SCHEMA describes it."""
    columns = [_column(one, stored) for one, stored in zip(about.columns, stored_names(about.columns), strict=True)]
    said = ". ".join(part.strip().rstrip(".") for part in (about.name, about.description.partition("\n")[0]) if part)
    return Table(schema, name, (*_OWN, *columns), title=about.name, description=said, primary_key=("event_id",))


def own_schema(owner: str) -> str:
    """The schema of the database in which the tables of somebody are (archive.own_schema in sql/grants.sql)."""
    return f"own_{hashlib.sha256(owner.encode()).hexdigest()[:24]}"


def stored_names(columns: Sequence[EventColumn]) -> list[str]:
    """Names that need no quotes in a query, each once."""
    if len(columns) > _MOST_COLUMNS:
        raise EventTableError(f"The table has {len(columns):,} columns; at most {_MOST_COLUMNS} can be kept.")
    wanted = [_plain_name(column.name) for column in columns]
    own = [column.name for column in _OWN]
    return distinct([*own, *wanted])[len(own) :]


def copy_lines(columns: Sequence[EventColumn], events: Events, first: int) -> Iterator[str]:
    """The events as COPY reads them; `first` is the number of the first one."""
    cells = [
        list(map(str, range(first, first + len(events)))),
        spelled(events.start),
        spelled(events.stop),
        list(map(repr, julian_dates(events.start).tolist())),
        list(map(repr, julian_dates(events.stop).tolist())),
        *(_copied(column, values) for column, values in zip(columns, events.values, strict=True)),
    ]
    for row in zip(*cells, strict=True):
        yield "\t".join(row)


def _copied(column: EventColumn, values: Values) -> list[str]:
    if column.size > 1:
        return ["{" + ",".join(map(repr, row)) + "}" for row in values.tolist()]
    if column.kind is Kind.TEXT:
        there = "".join(value for value in values if value is not None)
        if not (_SPECIAL.search(there) or _NEVER.search(there)):
            return ["\\N" if value is None else value for value in values]
        return ["\\N" if value is None else _escaped(_legal(value)) for value in values]
    return [text or "\\N" for text in texts_of(column, values)]


def storable(about: Description) -> Description:
    """The description with U+FFFD for letters that the database cannot keep."""
    columns = tuple(replace(one, **_legal_texts(one)) for one in about.columns)
    return replace(about, **_legal_texts(about), columns=columns)


def _legal_texts(words: Description | EventColumn) -> dict[str, Any]:  # of fields of a text
    found = {one.name: getattr(words, one.name) for one in fields(words)}
    return {name: _legal(text) for name, text in found.items() if type(text) is str}


def _legal(text: str) -> str:
    return _NEVER.sub("\ufffd", text)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPES[found.group()], text)


def _plain_name(name: str) -> str:
    plain = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")[:_MOST_NAME] or "column"
    if not plain[0].isalpha():
        plain = f"c_{plain}"
    return f"{plain}_" if plain.upper() in RESERVED or plain in SYSTEM_NAMES else plain


def _column(column: EventColumn, name: str) -> Column:
    said = ". ".join(part for part in (column.name if column.name != name else "", column.description) if part)
    ucd = column.ucd if column.ucd and is_valid_ucd(column.ucd) else None
    unit = column.unit if column.unit and is_vounit(column.unit) else None
    kept = Column(name, "", unit=unit, ucd=ucd, utype=column.utype or None, description=said or None, principal=True)
    match column.kind:
        case Kind.DOUBLE if column.size > 1:
            return replace(kept, datatype="double", arraysize=str(column.size), pg_type="double precision[]")
        case Kind.DOUBLE:
            return replace(kept, datatype="double", pg_type="double precision")
        case Kind.INT:
            return replace(kept, datatype="long", pg_type="bigint")
        case Kind.TIME:
            # as epn_core has its timestamps
            return replace(kept, datatype="char", arraysize="*", xtype="timestamp", unit=None, form=Form.DALI_TEXT)
        case Kind.BOOLEAN:
            return replace(kept, datatype="boolean", pg_type="boolean")
        case Kind.TEXT:
            return replace(kept, datatype="unicodeChar", arraysize="*")
