"""A merge into granules and datasets, after staged rows were compared with those of the view of both.

A date of a granule is NULL where it is that of its dataset. So a dataset of which all rows change, as when its record
has another title, has its dates changed once, and its granules stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from epntap.catalog.ddl import sql_name
from epntap.catalog.indexes import STAMP_COLUMNS
from epntap.catalog.narrow.layout import NUMBER, Layout
from epntap.connection import Connection
from ingest.publish.narrow.contents import NarrowRows
from ingest.publish.narrow.stage import DATASETS_TO_BE, names, stage_datasets
from ingest.publish.rows.copy import CHANGED, STAGED, Written

__all__ = ["write_narrow"]

_WANTED = sql.Identifier("wanted_granules")
_RENEWED = sql.Identifier("renewed_datasets")


def write_narrow(connection: Connection, rows: NarrowRows, layout: Layout, now: str) -> Written:
    """Make the listed changes. `layout` may have columns that nothing has a value for any more."""
    names_of = {
        "granules": sql_name(layout.granules),
        "datasets": sql_name(layout.datasets),
        "published": sql_name(layout.table),
        "changed": CHANGED,
        "staged": STAGED,
        "wanted": _WANTED,
        "renewed": _RENEWED,
        "to_be": DATASETS_TO_BE,
        "number": sql.Identifier(NUMBER),
        "now": sql.Literal(now),
    }
    stage_datasets(connection, rows, layout)
    _list_wanted(connection, layout, names_of)
    _list_renewed(connection, names_of)
    _write_datasets(connection, layout, names_of)
    deleted = connection.execute(
        sql.SQL(
            "DELETE FROM {granules} g USING {changed} c WHERE c.staged_uid IS NULL AND c.stored_uid = g.granule_uid"
        ).format(**names_of)
    ).rowcount
    updated = _update_granules(connection, layout, names_of)
    inserted = _insert_granules(connection, layout, names_of)
    connection.execute(
        sql.SQL(
            "DELETE FROM {datasets} d WHERE NOT EXISTS (SELECT FROM {granules} g WHERE g.{number} = d.{number})"
        ).format(**names_of)
    )
    connection.execute(sql.SQL("DROP TABLE {wanted}, {renewed}, {to_be}").format(**names_of))
    return Written(inserted, updated, deleted)


_Names = dict[str, sql.Composable]


def _list_wanted(connection: Connection, layout: Layout, names_of: _Names) -> None:
    """Rows as they shall be, with the dates that they keep or get."""
    connection.execute(
        sql.SQL(
            """
            CREATE TEMPORARY TABLE {wanted} ON COMMIT DROP AS
            SELECT c.stored_uid, s.dataset_id, {own},
                   coalesce(s.creation_date, t.creation_date, {now}) AS creation_date,
                   CASE WHEN c.stored_uid IS NULL THEN coalesce(s.modification_date, s.creation_date, {now})
                        ELSE coalesce(s.modification_date, {now}) END AS modification_date,
                   CASE WHEN c.stored_uid IS NULL THEN coalesce(s.release_date, s.creation_date, {now})
                        ELSE coalesce(s.release_date, t.release_date) END AS release_date
            FROM {changed} c JOIN {staged} s ON s.granule_uid = c.staged_uid
            LEFT JOIN {published} t ON t.granule_uid = c.stored_uid
            """
        ).format(**names_of, own=names(layout.own, "s"))
    )
    connection.execute(sql.SQL("ANALYZE {wanted}").format(**names_of))


def _list_renewed(connection: Connection, names_of: _Names) -> None:
    """Datasets of which every row changes or goes."""
    connection.execute(
        sql.SQL(
            """
            CREATE TEMPORARY TABLE {renewed} ON COMMIT DROP AS
            SELECT g.{number} FROM {granules} g LEFT JOIN {changed} c ON c.stored_uid = g.granule_uid
            WHERE g.{number} IN (SELECT o.{number} FROM {changed} n JOIN {granules} o ON o.granule_uid = n.stored_uid)
            GROUP BY 1 HAVING count(*) = count(c.stored_uid)
            """
        ).format(**names_of)
    )


def _write_datasets(connection: Connection, layout: Layout, names_of: _Names) -> None:
    values = [name for name in layout.of_dataset if name not in {"dataset_id", *STAMP_COLUMNS}]
    connection.execute(
        sql.SQL(
            "UPDATE {datasets} d SET {changes} FROM {to_be} s "
            "WHERE s.dataset_id = d.dataset_id AND ({stored}) IS DISTINCT FROM ({wanted_values})"
        ).format(
            **names_of,
            changes=_taken_over(values),
            stored=names(values, "d"),
            wanted_values=names(values, "s"),
        )
    )
    connection.execute(
        sql.SQL(
            """
            UPDATE {datasets} d SET creation_date = coalesce(s.creation_date, d.creation_date),
                   modification_date = coalesce(s.modification_date, {now}),
                   release_date = coalesce(s.release_date, d.release_date)
            FROM {to_be} s, {renewed} r WHERE s.dataset_id = d.dataset_id AND r.{number} = d.{number}
            """
        ).format(**names_of)
    )
    connection.execute(
        sql.SQL(
            """
            INSERT INTO {datasets} ({number}, dataset_id, {values}, creation_date, modification_date, release_date)
            SELECT (SELECT coalesce(max({number}), 0) FROM {datasets}) + row_number() OVER (ORDER BY s.{number}),
                   s.dataset_id, {wanted_values}, coalesce(s.creation_date, {now}),
                   coalesce(s.modification_date, s.creation_date, {now}),
                   coalesce(s.release_date, s.creation_date, {now})
            FROM {to_be} s WHERE NOT EXISTS (SELECT FROM {datasets} d WHERE d.dataset_id = s.dataset_id)
            """
        ).format(**names_of, values=names(values), wanted_values=names(values, "s"))
    )


def _update_granules(connection: Connection, layout: Layout, names_of: _Names) -> int:
    """Write those that are not right already by what their dataset says now; how many rows of epn_core differ."""
    own = [name for name in layout.own if name != "granule_uid"]
    columns = (NUMBER, *own, *STAMP_COLUMNS)
    values = sql.SQL(", ").join([sql.SQL("d.{number}").format(**names_of), names(own, "w"), _dates()])
    connection.execute(
        sql.SQL(
            "UPDATE {granules} g SET ({columns}) = ROW ({values}) "
            "FROM {wanted} w JOIN {datasets} d ON d.dataset_id = w.dataset_id "
            "WHERE g.granule_uid = w.stored_uid AND ({stored}) IS DISTINCT FROM ({values})"
        ).format(**names_of, columns=names(columns), values=values, stored=names(columns, "g"))
    )
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM {wanted} WHERE stored_uid IS NOT NULL").format(**names_of)
    ).fetchone()
    assert row is not None
    return int(row[0])


def _insert_granules(connection: Connection, layout: Layout, names_of: _Names) -> int:
    columns = (NUMBER, *layout.own, *STAMP_COLUMNS)
    values = sql.SQL(", ").join([sql.SQL("d.{number}").format(**names_of), names(layout.own, "w"), _dates()])
    return connection.execute(
        sql.SQL(
            "INSERT INTO {granules} ({columns}) SELECT {values} "
            "FROM {wanted} w JOIN {datasets} d ON d.dataset_id = w.dataset_id WHERE w.stored_uid IS NULL"
        ).format(**names_of, columns=names(columns), values=values)
    ).rowcount


def _dates() -> sql.Composed:
    """The dates of a row where they are not those of its dataset."""
    return sql.SQL(", ").join(sql.SQL("nullif(w.{0}, d.{0})").format(sql.Identifier(name)) for name in STAMP_COLUMNS)


def _taken_over(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in columns)
