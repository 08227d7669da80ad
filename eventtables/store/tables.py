"""Tables of events written and read. Writing needs the owner's connection, reading the service's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb
from sqlalchemy import BindParameter, bindparam, delete, insert, select, update

from epntap.access import ANONYMOUS, Caller
from epntap.catalog.ddl import LOCK_TIMEOUT_S, create_indexes, create_table, define_table, rename_table, sql_name
from epntap.catalog.model import Schema, Table
from epntap.catalog.names import OWN_SCHEMA
from epntap.catalog.others import kept_for_others, refused_while_others_use_it
from epntap.catalog.publish import publish_table, raise_catalog_version
from epntap.connection import Connection, for_somebody, kept_in_place, taking_turns
from epntap.errors import NotFoundError, SetupError, UnavailableError
from epntap.hints import did_you_mean
from epntap.schema import tables
from epntap.schema.statements import compiled
from eventtables.model import (
    Description,
    EventColumn,
    Events,
    EventStream,
    EventTable,
    EventTableError,
    Kind,
    Survey,
    Values,
)
from eventtables.store.published import (
    SCHEMA,
    checked_name,
    copy_lines,
    own_schema,
    published_table,
    storable,
    stored_names,
)
from eventtables.times import instants_of, julian_dates

__all__ = [
    "StoredTable",
    "all_tables",
    "any_table_called",
    "chunks_of",
    "drop_own",
    "drop_table",
    "events_within",
    "every_table",
    "page_of_events",
    "save_own",
    "save_stream",
    "save_table",
    "share",
    "table_called",
    "turn_of",
    "whole_table",
    "years_of_events",
]

_BESIDE = "beside"
_CHUNK = 20_000
#: tables of one person
_MOST_OWN = 200
#: bars of a time-line
_MOST_YEARS = 300
_LIST = tables.event_table
_FACTS = tuple(one.name for one in fields(Description) if one.name not in {"name", "columns"})
_READ = compiled(select(_LIST).order_by(_LIST.c.name))
_WRITTEN: dict[str, BindParameter[Any]] = {
    **{name: bindparam(name) for name in ("title", *_FACTS, "columns", "rows", "first_start", "last_stop", "groups")},
    "imported": bindparam("imported"),
}
_ADD = compiled(insert(_LIST).values(name=bindparam("called"), owner=bindparam("of"), **_WRITTEN))
_THIS = (_LIST.c.name == bindparam("called"), _LIST.c.owner == bindparam("of"))
_CHANGE = compiled(update(_LIST).where(*_THIS).values(**_WRITTEN))
_REMOVE = compiled(delete(_LIST).where(*_THIS))
_SHARE = compiled(update(_LIST).where(*_THIS).values(groups=bindparam("with_groups")))
_UNDESCRIBE = compiled(delete(tables.tap_tables).where(tables.tap_tables.c.table_name == bindparam("table_name")))
_FORGET_FORMS = compiled(
    delete(tables.column_form).where(
        tables.column_form.c.schema_name == SCHEMA, tables.column_form.c.table_name == bindparam("called")
    )
)
_FORGET_SCHEMA = compiled(
    delete(tables.tap_schemas).where(
        tables.tap_schemas.c.schema_name == SCHEMA,
        ~select(tables.tap_tables).where(tables.tap_tables.c.schema_name == SCHEMA).exists(),
    )
)
_SAID = "Time tables and catalogues of events; time_min and time_max are Julian dates as in epn_core"


@dataclass(frozen=True, slots=True)
class StoredTable:
    """One of the tables that are kept."""

    name: str
    #: by which clients of AMDA's interface name it
    number: int
    about: Description
    survey: Survey
    #: with its time zone; another one when its events are others
    imported: datetime
    #: empty: it is everybody's
    owner: str = ""
    #: whose members may see it too
    groups: frozenset[str] = frozenset()

    @property
    def schema(self) -> str:
        """The schema of the database that its events are in."""
        return own_schema(self.owner) if self.owner else SCHEMA

    @property
    def place(self) -> str:
        """How it is named in addresses and parameters: `storms`, or `~ann/storms`."""
        return f"~{self.owner}/{self.name}" if self.owner else self.name

    @property
    def qualified_name(self) -> str:
        """The name to write in FROM, for its owner if it has one."""
        return f"{OWN_SCHEMA if self.owner else SCHEMA}.{self.name}"

    @property
    def described(self) -> Table:
        """As queries see it."""
        return published_table(self.name, self.about, OWN_SCHEMA if self.owner else SCHEMA)

    def is_for(self, caller: Caller) -> bool:
        """Whether somebody may see it."""
        return not self.owner or self.owner == caller.name or bool(self.groups & caller.groups)


def every_table(connection: Connection) -> tuple[StoredTable, ...]:
    """Every table, by name, whoever it belongs to."""
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return tuple(map(_stored, cursor.execute(_READ.text, dict(_READ.constants)).fetchall()))


def all_tables(connection: Connection, caller: Caller = ANONYMOUS) -> tuple[StoredTable, ...]:
    """Every table that somebody may see, by name."""
    return tuple(one for one in every_table(connection) if one.is_for(caller))


def table_called(connection: Connection, name: str, caller: Caller = ANONYMOUS) -> StoredTable:
    """The table of this name, as `place` or a query says it, if the caller may see it. Raises NotFoundError."""
    return _called(all_tables(connection, caller), name, caller)


def any_table_called(connection: Connection, name: str) -> StoredTable:
    """The same for the operator, who may see all. Raises NotFoundError."""
    return _called(every_table(connection), name, ANONYMOUS)


def _called(tables_: Iterable[StoredTable], name: str, caller: Caller) -> StoredTable:
    known = {one.place: one for one in tables_}
    place = name.removeprefix(f"{SCHEMA}.")
    if caller.name and name.startswith(f"{OWN_SCHEMA}."):
        place = f"~{caller.name}/{name.removeprefix(f'{OWN_SCHEMA}.')}"
    if place not in known:
        raise NotFoundError(f"There is no table of events {name[:80]!r}.{did_you_mean(name, known)}")
    return known[place]


def save_table(connection: Connection, name: str, table: EventTable, *, replace: bool = False) -> StoredTable:
    """Keep a table that is at hand; as `save_stream`."""
    return save_stream(connection, name, EventStream(table.about, iter([table.events])), replace=replace)


def save_stream(connection: Connection, name: str, stream: EventStream, *, replace: bool = False) -> StoredTable:
    """Keep a table under a name, and publish it, all in one transaction; its number stays when it is replaced.

    Raises EventTableError when the name is taken or cannot be one, SetupError when queries hold the old table, and what
    taking the events raises.
    """
    about = storable(stream.about)
    described = published_table(checked_name(name), about)
    with _told(name), turn_of(connection, "", name):
        _check_schema(connection)
        replaced = _replaced(connection, name, "", is_replaced=replace)
        with _in_place_of(connection, replaced, described) as beside:
            create_table(connection, beside)
            survey = _copy(connection, beside, about.columns, stream.chunks)
            create_indexes(connection, beside)
        publish_table(connection, Schema(SCHEMA, title="Events", description=_SAID), described)
        _describe(connection, name, about, survey, is_new=replaced is None)
        raise_catalog_version(connection)
    connection.execute(sql.SQL("ANALYZE {}").format(sql_name(described)))
    return table_called(connection, name)


def save_own(
    connection: Connection,
    owner: Caller,
    name: str,
    stream: EventStream,
    *,
    groups: Collection[str] | None = None,
    replace: bool = False,
) -> StoredTable:
    """Keep a table of somebody's own, for them and the members of groups; needs the service's connection only.

    Without `groups`, what is replaced stays shared as it is. Raises what `save_stream` raises, and UnavailableError.
    """
    about = storable(stream.about)
    described = published_table(checked_name(name), about, own_schema(owner.name))
    with _told(name), _later(), for_somebody(), turn_of(connection, owner.name):
        connection.execute("SELECT archive.own_schema(%s)", (owner.name,))
        replaced = _replaced(connection, name, owner.name, is_replaced=replace)
        if groups is None:
            groups = replaced.groups if replaced else ()
        with _in_place_of(connection, replaced, described) as beside:
            define_table(connection, beside)
            connection.execute("SELECT archive.grant_own(%s, %s)", (beside.schema, beside.name))
            survey = _copy(connection, beside, about.columns, stream.chunks)
            create_indexes(connection, beside)
        _describe(connection, name, about, survey, is_new=replaced is None, owner=owner.name, groups=groups)
        connection.execute(sql.SQL("ANALYZE {}").format(sql_name(described)))
        return table_called(connection, f"~{owner.name}/{name}", owner)


def turn_of(connection: Connection, owner: str, name: str = "") -> AbstractContextManager[None]:
    """A transaction while which nobody else changes tables of an owner, or this one of everybody's.

    Raises UnavailableError.
    """
    return taking_turns(connection, f"events ~{owner}/{'' if owner else name}")


def share(connection: Connection, stored: StoredTable, groups: Collection[str]) -> None:
    """Let the members of these groups, and of no others, see a table of somebody's own. Raises NotFoundError."""
    with turn_of(connection, stored.owner):
        _still(connection, stored)
        _SHARE.run(connection, called=stored.name, of=stored.owner, with_groups=sorted(groups))


def _still(connection: Connection, stored: StoredTable) -> StoredTable:
    """The table of this name as it is now. Raises NotFoundError."""
    return _called(every_table(connection), stored.place, ANONYMOUS)


def _replaced(connection: Connection, name: str, owner: str, *, is_replaced: bool) -> StoredTable | None:
    """The table of this name that is to be replaced, if there is one. Raises EventTableError."""
    mine = {one.name: one for one in every_table(connection) if one.owner == owner}
    if name not in mine:
        if owner and len(mine) >= _MOST_OWN:
            raise EventTableError(f"You have {len(mine)} tables of events already; please remove some.")
        return None
    if not is_replaced:
        raise EventTableError(f"There is a table {name} already; give --replace to put this one in its place.")
    return mine[name]


@contextmanager
def _in_place_of(connection: Connection, replaced: StoredTable | None, described: Table) -> Iterator[Table]:
    """What to write the events to; afterwards it is what is described. What it replaces can be read until then."""
    if replaced is None:
        yield described
        return
    beside = dataclasses.replace(described, name=f"{replaced.number} {_BESIDE}")  # no name that anybody could choose
    yield beside
    with kept_for_others(connection, replaced.schema, replaced.name, then="replace the table"):
        _drop_events(connection, replaced)
        rename_table(connection, beside, described.name)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What the database cannot keep, in words for whoever chose the name and the columns."""
    try:
        yield
    except psycopg.errors.DuplicateTable as exc:
        raise EventTableError(
            f"{name} is already the name of something else in the schema {SCHEMA}, as of the index of a table; "
            "choose another one."
        ) from exc
    except psycopg.errors.ProgramLimitExceeded as exc:
        raise EventTableError(
            f"An event of {name} has more values than a row of the database holds (about 8 kB); import fewer columns."
        ) from exc


@contextmanager
def _later() -> Iterator[None]:
    """What holds a table of somebody's own is nothing that they can do something about."""
    try:
        yield
    except SetupError as exc:
        raise UnavailableError(str(exc)) from exc


def drop_table(connection: Connection, name: str) -> None:
    """Remove a table. Raises NotFoundError, and SetupError when queries hold it."""
    with turn_of(connection, "", name):
        _drop_events(connection, table_called(connection, name))
        _REMOVE.run(connection, called=name, of="")
        _UNDESCRIBE.run(connection, table_name=f"{SCHEMA}.{name}")
        _FORGET_FORMS.run(connection, called=name)
        _FORGET_SCHEMA.run(connection)
        raise_catalog_version(connection)


def drop_own(connection: Connection, stored: StoredTable) -> None:
    """Remove a table of somebody's own. Raises NotFoundError, and UnavailableError when queries hold it."""
    with _later(), turn_of(connection, stored.owner):
        _drop_events(connection, _still(connection, stored))
        _REMOVE.run(connection, called=stored.name, of=stored.owner)


def chunks_of(lend: Callable[[], AbstractContextManager[Connection]], stored: StoredTable) -> Generator[Events]:
    """The events in their order, some thousand at a time; no connection is held between. At least one chunk.

    Raises UnavailableError when the table has been replaced since, so that nothing is a mixture of two.
    """
    last = 0
    while True:
        with lend() as connection:
            rows = _rows(connection, stored, last)
        yield _events(stored.about.columns, rows)
        if len(rows) < _CHUNK:
            return
        last = rows[-1][0]


def whole_table(connection: Connection, stored: StoredTable) -> EventTable:
    """The table with all of its events."""
    found: list[tuple[Any, ...]] = []
    while True:
        rows = _rows(connection, stored, found[-1][0] if found else 0)
        found += rows
        if len(rows) < _CHUNK:
            return EventTable(stored.about, _events(stored.about.columns, found))


def page_of_events(connection: Connection, stored: StoredTable, after: int, most: int) -> Events:
    """So many events behind a number. Raises UnavailableError when the table has been replaced since."""
    return _events(stored.about.columns, _rows(connection, stored, after, most))


def events_within(
    connection: Connection, stored: StoredTable, start: np.datetime64, stop: np.datetime64, most: int
) -> list[tuple[str, str]]:
    """Starts and stops of so many events that overlap or touch a time, and of one more, by their starts."""
    ends = julian_dates(np.array([start, stop], dtype="datetime64[us]")).tolist()
    statement = sql.SQL(
        "SELECT start_time, stop_time FROM {} WHERE time_max >= %s AND time_min <= %s"
        " ORDER BY time_min, event_id LIMIT %s"
    ).format(sql.Identifier(stored.schema, stored.name))
    with _unless_replaced(stored):
        return connection.execute(statement, (*ends, most + 1)).fetchall()


def years_of_events(connection: Connection, stored: StoredTable) -> list[tuple[int, int]]:
    """How many events begin in each year, from the first to the last; at most some hundred years."""
    statement = sql.SQL("SELECT left(start_time, 4)::integer, count(*) FROM {} GROUP BY 1 ORDER BY 1").format(
        sql.Identifier(stored.schema, stored.name)
    )
    with _unless_replaced(stored):
        found: dict[int, int] = dict(connection.execute(statement).fetchall())
    if not found or max(found) - min(found) > _MOST_YEARS:
        return sorted(found.items())[:_MOST_YEARS]
    return [(year, found.get(year, 0)) for year in range(min(found), max(found) + 1)]


# -- writing ----------------------------------------------------------------------------------------------------------


def _check_schema(connection: Connection) -> None:
    taken = connection.execute("SELECT 1 FROM archive.service WHERE schema_name = %s", (SCHEMA,)).fetchone()
    if taken:
        raise SetupError(
            f"A service is published in the schema {SCHEMA}, where tables of events are; publish it under another name."
        )


def _copy(connection: Connection, table: Table, columns: Sequence[EventColumn], chunks: Iterable[Events]) -> Survey:
    """Write the events; what is counted of them."""
    statement = sql.SQL("COPY {} FROM STDIN").format(sql_name(table))
    survey = Survey()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for events in chunks:
            for first in range(0, len(events), _CHUNK):
                part = events.taken(slice(first, first + _CHUNK))
                lines = copy_lines(columns, part, survey.count + 1)
                copy.write("\n".join([*lines, ""]))
                survey = survey.with_more(part.survey)
    return survey


def _describe(
    connection: Connection,
    name: str,
    about: Description,
    survey: Survey,
    *,
    is_new: bool,
    owner: str = "",
    groups: Collection[str] = (),
) -> None:
    stored = stored_names(about.columns)
    columns = [{**asdict(one), "stored": called} for one, called in zip(about.columns, stored, strict=True)]
    (now,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
    (_ADD if is_new else _CHANGE).run(
        connection,
        called=name,
        of=owner,
        groups=sorted(groups),
        title=about.name,
        **{fact: getattr(about, fact) for fact in _FACTS},
        columns=Jsonb(columns),
        rows=survey.count,
        first_start=_plain(survey.first),
        last_stop=_plain(survey.last),
        imported=now,
    )


def _drop_events(connection: Connection, stored: StoredTable) -> None:
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(LOCK_TIMEOUT_S * 1000)}ms",))
    try:
        with refused_while_others_use_it(stored.qualified_name, then="try again"):
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(stored.schema, stored.name)))
    except psycopg.errors.LockNotAvailable as exc:
        raise SetupError(
            f"Queries are using {stored.qualified_name}; nothing was changed, please try again when they are done."
        ) from exc
    connection.execute("SELECT set_config('lock_timeout', '0', true)")


def _plain(moment: np.datetime64 | None) -> datetime | None:
    if moment is None:
        return None
    found = moment.item()
    assert isinstance(found, datetime)
    return found


# -- reading ----------------------------------------------------------------------------------------------------------


def _stored(row: Mapping[str, Any]) -> StoredTable:
    columns = tuple(
        EventColumn(**{**{key: value for key, value in one.items() if key != "stored"}, "kind": Kind(one["kind"])})
        for one in row["columns"]
    )
    about = Description(row["title"], **{fact: row[fact] for fact in _FACTS}, columns=columns)
    first, last = (
        None if row[name] is None else np.datetime64(row[name], "us") for name in ("first_start", "last_stop")
    )
    survey = Survey(row["rows"], first, last)
    return StoredTable(
        row["name"], row["number"], about, survey, row["imported"], row["owner"], frozenset(row["groups"])
    )


def _rows(connection: Connection, stored: StoredTable, last: int, most: int = _CHUNK) -> list[tuple[Any, ...]]:
    """The next events behind a number, from the same snapshot as the look whether they are still those of `stored`."""
    names = ["event_id", "start_time", "stop_time", *stored_names(stored.about.columns)]
    statement = sql.SQL("SELECT {} FROM {} WHERE event_id > %s ORDER BY event_id LIMIT %s").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(stored.schema, stored.name)
    )
    with _unless_replaced(stored), _snapshot(connection, stored):
        found = connection.execute(
            "SELECT imported FROM archive.event_table WHERE number = %s", (stored.number,)
        ).fetchone()
        if found is None or found[0] != stored.imported:
            raise _changed(stored)
        return connection.execute(statement, (last, most)).fetchall()


@contextmanager
def _snapshot(connection: Connection, stored: StoredTable) -> Iterator[None]:
    """One state of the database, with the table in its place, for several looks; in `turn_of` nobody changes it."""
    if connection.info.transaction_status != TransactionStatus.IDLE:
        yield
        return
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute(kept_in_place(sql.Identifier(stored.schema, stored.name)))
        yield


@contextmanager
def _unless_replaced(stored: StoredTable) -> Iterator[None]:
    """Raises UnavailableError where the events are no longer there, or no longer these."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as exc:
        raise _changed(stored) from exc


def _changed(stored: StoredTable) -> UnavailableError:
    return UnavailableError(f"The table {stored.name} has been replaced while it was read; please ask again.", 1)


def _events(columns: Sequence[EventColumn], rows: Sequence[tuple[Any, ...]]) -> Events:
    by_column = list(zip(*rows, strict=True)) if rows else [()] * (3 + len(columns))
    _, starts, stops, *others = by_column
    values = tuple(_values(column, cells) for column, cells in zip(columns, others, strict=True))
    return Events(instants_of(starts), instants_of(stops), values)


def _values(column: EventColumn, cells: Sequence[Any]) -> Values:
    match column.kind:
        case Kind.DOUBLE if column.size > 1:
            return np.array(cells, dtype=np.float64).reshape(len(cells), column.size)
        case Kind.DOUBLE:
            return np.array([np.nan if one is None else one for one in cells], dtype=np.float64)
        case Kind.TIME:
            return instants_of([one or "" for one in cells])
        case _:
            found = np.empty(len(cells), dtype=object)
            found[:] = cells
            return found
