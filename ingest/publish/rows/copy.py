"""Rows into a published table: COPY, then one merge; readers see the old rows or the new ones, and never wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from epntap.catalog.ddl import LOCK_TIMEOUT_S
from epntap.catalog.model import Table
from epntap.connection import Connection
from ingest.progress import Progress
from ingest.publish.rows.block import DATASET_ID, ROW_DATES, Block, copy_columns
from ingest.publish.rows.promises import drop_broken_promises, make_promises

__all__ = [
    "CHANGED",
    "STAGED",
    "Merged",
    "Scope",
    "Written",
    "allow_memory",
    "copy_blocks",
    "fill_new_table",
    "foresee_merge",
    "merge_into_table",
]


#: rows as they shall be, and the keys of those that differ, while a merge runs
STAGED = sql.Identifier("staged_granules")
CHANGED = sql.Identifier("changed_granules")
_FORESEEN = sql.Identifier("foreseen_granules")


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the rows that were handed over, and of those that were there before."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    #: datasets of which a row was inserted, updated or deleted; None where that is not known
    datasets: frozenset[str] | None = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Written:
    """Rows that a merge has written."""

    inserted: int
    updated: int
    deleted: int


def fill_new_table(
    connection: Connection,
    table: Table,
    blocks: Iterable[Block],
    advance: Callable[[int], None],
) -> Merged:
    """COPY the rows into a table that this transaction has made; nobody else can see it yet."""
    columns = copy_columns(table)
    # FREEZE: the rows need no later pass of VACUUM to be marked as visible to all
    target = sql.SQL("COPY {} ({}) FROM STDIN (FREEZE)").format(name(table), _names(columns))
    merged = Merged(inserted=copy_blocks(connection, target, blocks, advance), datasets=None)
    make_promises(connection, table)
    return merged


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of the rows of a table: those of these datasets, and these granules."""

    datasets: frozenset[str]
    granules: frozenset[str]


def merge_into_table(
    connection: Connection,
    table: Table,
    blocks: Iterable[Block],
    progress: Progress,
    now: str,
    *,
    scope: Scope | None = None,
    unused: Sequence[str] = (),
    check: Callable[[], None] = lambda: None,
    kept_in: Sequence[Table] = (),
    write: Callable[[], Written] | None = None,
) -> Merged:
    """Make the rows of a published table exactly these; those that are the same stay untouched.

    `scope`, if given, is what the rows replace; all others stay as they are. `unused` are stored
    columns that have no value any more. A row that changes keeps its creation_date and gets `now` as
    modification_date, unless it comes with one. `check` is called before anything is written, and may raise. Where the
    table is a view, `kept_in` are the tables behind it, and `write` changes what is listed.
    """
    columns = copy_columns(table)
    stored = (*columns, *unused)
    staged = _compare(connection, name(table), columns, stored, blocks, progress, scope)
    check()
    for one in kept_in or (table,):
        drop_broken_promises(connection, one, STAGED, LOCK_TIMEOUT_S)
    datasets = _changed_datasets(connection, table)
    written = _write_rows(connection, table, columns, stored, now) if write is None else write()
    connection.execute(sql.SQL("DROP TABLE {}, {}").format(STAGED, CHANGED))
    unchanged = staged - written.inserted - written.updated
    return Merged(written.inserted, written.updated, unchanged, written.deleted, datasets)


def _write_rows(
    connection: Connection, table: Table, columns: Sequence[str], stored: Sequence[str], now: str
) -> Written:
    deleted = _delete_vanished(connection, table)
    updated = _update_changed(connection, table, stored, now)
    return Written(_insert_new(connection, table, columns, now), updated, deleted)


def foresee_merge(
    connection: Connection,
    table: Table,
    blocks: Iterable[Block],
    progress: Progress,
    *,
    missing: Sequence[str],
    scope: Scope | None = None,
    unused: Sequence[str] = (),
    check: Callable[[], None] = lambda: None,
) -> Merged:
    """What a merge would do. `missing` are columns that the published table does not have yet.

    Makes temporary tables, which go with the caller's transaction.
    """
    columns = copy_columns(table)
    types = {column.name: column.pg_type for column in table.columns}
    added = [sql.SQL(", NULL::{} AS {}").format(sql.SQL(types[one]), sql.Identifier(one)) for one in missing]
    connection.execute(
        sql.SQL("CREATE TEMPORARY VIEW {} AS SELECT t.*{} FROM {} t").format(
            _FORESEEN, sql.SQL("").join(added), name(table)
        )
    )
    staged = _compare(connection, _FORESEEN, columns, (*columns, *unused), blocks, progress, scope)
    check()
    row = connection.execute(
        sql.SQL(
            "SELECT count(*) FILTER (WHERE stored_uid IS NULL), "
            "count(*) FILTER (WHERE stored_uid IS NOT NULL AND staged_uid IS NOT NULL), "
            "count(*) FILTER (WHERE staged_uid IS NULL) FROM {}"
        ).format(CHANGED)
    ).fetchone()
    assert row is not None
    inserted, updated, deleted = row
    return Merged(inserted, updated, staged - inserted - updated, deleted)


def _compare(
    connection: Connection,
    published: sql.Identifier,
    columns: Sequence[str],
    stored: Sequence[str],
    blocks: Iterable[Block],
    progress: Progress,
    scope: Scope | None,
) -> int:
    """Put the rows aside and list those that differ; how many rows they are."""
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            STAGED, _names(stored), published
        )
    )
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(STAGED, _names(columns))
    staged = copy_blocks(connection, statement, blocks, progress.advance)
    progress.stage("comparing with what is published")
    allow_memory(connection, "work_mem")
    connection.execute(sql.SQL("ANALYZE {} (granule_uid)").format(STAGED))
    _find_changes(connection, published, stored, scope)
    return staged


def allow_memory(connection: Connection, setting: str) -> None:
    """Let this transaction use 256 MB where the server's default is less; one sort or join works at a time."""
    connection.execute(
        "SELECT set_config(%(name)s, '256MB', true) WHERE pg_size_bytes(current_setting(%(name)s)) < 256 * 1024 * 1024",
        {"name": setting},
    )


def copy_blocks(
    connection: Connection, statement: sql.Composed, blocks: Iterable[Block], advance: Callable[[int], None]
) -> int:
    """Hand rows to a COPY; how many they are."""
    rows = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in blocks:
            copy.write(block.text)
            rows += block.rows
            advance(block.rows)
    return rows


def _find_changes(
    connection: Connection, published: sql.Identifier, columns: Sequence[str], scope: Scope | None
) -> None:
    """List the keys of rows that differ: stored alone (vanished), staged alone (new), or both (changed)."""
    compared = [name for name in columns if name not in {"granule_uid", *ROW_DATES}]
    # dates that nobody gave are no difference; those of the last ingestion stay
    dates = sql.SQL(" OR ").join(
        sql.SQL("(s.{0} IS NOT NULL AND s.{0} IS DISTINCT FROM t.{0})").format(sql.Identifier(name))
        for name in ROW_DATES
    )
    connection.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {changed} ON COMMIT DROP AS "
            "SELECT t.granule_uid AS stored_uid, s.granule_uid AS staged_uid "
            "FROM (SELECT * FROM {table} {only}) t FULL JOIN {staged} s ON s.granule_uid = t.granule_uid "
            "WHERE t.granule_uid IS NULL OR s.granule_uid IS NULL "
            "OR ({stored}) IS DISTINCT FROM ({wanted}) OR {dates}"
        ).format(
            changed=CHANGED,
            table=published,
            only=_only(scope),
            staged=STAGED,
            stored=_names(compared, "t"),
            wanted=_names(compared, "s"),
            dates=dates,
        ),
        {} if scope is None else {"datasets": list(scope.datasets), "granules": list(scope.granules)},
    )
    connection.execute(sql.SQL("ANALYZE {}").format(CHANGED))


def _only(scope: Scope | None) -> sql.SQL:
    if scope is None:
        return sql.SQL("")
    parts = ["dataset_id = ANY (%(datasets)s)"] if scope.datasets else []
    if scope.granules or not parts:
        parts.append("granule_uid = ANY (%(granules)s)")
    return sql.SQL("WHERE " + " OR ".join(parts))  # constants


def _changed_datasets(connection: Connection, table: Table) -> frozenset[str] | None:
    """The datasets that rows leave, come to or change in; None where the table has no datasets."""
    if table.column(DATASET_ID.name) is None:
        return None
    rows = connection.execute(
        sql.SQL(
            "SELECT t.dataset_id FROM {table} t JOIN {changed} c ON c.stored_uid = t.granule_uid "
            "UNION SELECT s.dataset_id FROM {staged} s JOIN {changed} c ON c.staged_uid = s.granule_uid"
        ).format(table=name(table), changed=CHANGED, staged=STAGED)
    ).fetchall()
    found = {row[0] for row in rows}
    return None if None in found else frozenset(found)


def _delete_vanished(connection: Connection, table: Table) -> int:
    return connection.execute(
        sql.SQL("DELETE FROM {} t USING {} c WHERE c.staged_uid IS NULL AND c.stored_uid = t.granule_uid").format(
            name(table), CHANGED
        )
    ).rowcount


def _update_changed(connection: Connection, table: Table, columns: Sequence[str], now: str) -> int:
    changes = [
        sql.SQL("{0} = s.{0}").format(sql.Identifier(name))
        for name in columns
        if name not in {"granule_uid", *ROW_DATES}
    ]
    changes += [
        sql.SQL("{0} = coalesce(s.{0}, t.{0})").format(sql.Identifier(name))
        for name in ("creation_date", "release_date")
    ]
    changes.append(sql.SQL("modification_date = coalesce(s.modification_date, {})").format(sql.Literal(now)))
    return connection.execute(
        sql.SQL(
            "UPDATE {table} t SET {changes} "
            "FROM {changed} c JOIN {staged} s ON s.granule_uid = c.staged_uid "
            "WHERE c.stored_uid = t.granule_uid"
        ).format(
            table=name(table),
            changes=sql.SQL(", ").join(changes),
            changed=CHANGED,
            staged=STAGED,
        )
    ).rowcount


def _insert_new(connection: Connection, table: Table, columns: Sequence[str], now: str) -> int:
    created = sql.SQL("coalesce(s.creation_date, {})").format(sql.Literal(now))
    values = {
        "creation_date": created,
        "modification_date": sql.SQL("coalesce(s.modification_date, {})").format(created),
        "release_date": sql.SQL("coalesce(s.release_date, {})").format(created),
    }
    return connection.execute(
        sql.SQL(
            "INSERT INTO {table} ({names}) SELECT {values} "
            "FROM {changed} c JOIN {staged} s ON s.granule_uid = c.staged_uid WHERE c.stored_uid IS NULL"
        ).format(
            table=name(table),
            names=_names(columns),
            values=sql.SQL(", ").join(
                values.get(name, sql.SQL("s.{}").format(sql.Identifier(name))) for name in columns
            ),
            changed=CHANGED,
            staged=STAGED,
        )
    ).rowcount


def name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def _names(columns: Iterable[str], alias: str = "") -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in columns)
