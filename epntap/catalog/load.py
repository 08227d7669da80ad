"""The catalogue as the database has it: TAP_SCHEMA, with the facts of storage beside it."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

import psycopg
from psycopg.rows import dict_row

from epntap.catalog.distributed import distributed_tables
from epntap.catalog.indexes import LONGEST, SEEN
from epntap.catalog.model import Catalog, Column, ForeignKey, Form, Holdings, Narrow, Schema, Table
from epntap.catalog.narrow.layout import DATASETS, GRANULES, MADE
from epntap.errors import UnavailableError

__all__ = ["CatalogCache", "catalog_version", "load_catalog"]

log = logging.getLogger(__name__)

#: how old the catalogue of a process may be
CHECK_EVERY_S = 1.0
#: … while the database does not answer
CHECK_AGAIN_S = 5.0
#: so long a query waits for the look at whether something was published; it takes some milliseconds
PATIENCE_S = 1.0

_CHANGED = "SELECT changed, version FROM archive.catalog_version"
# counts are taken back by whoever writes to a table by hand, who does not publish anything
_VERSION = """
SELECT version, (SELECT count(*) FROM archive.value_count WHERE column_name = '*') FROM archive.catalog_version
"""

# TAP_SCHEMA.columns has names as they are written in a query, "size" with its quotes
_COLUMNS = """
SELECT c.*, a.attname AS stored_name, format_type(a.atttypid, a.atttypmod) AS pg_type, NOT a.attnotnull AS nullable,
       coalesce(f.form, 'plain') AS form, l.collname AS collation
FROM tap_schema.columns c
JOIN pg_attribute a ON a.attrelid = to_regclass(c.table_name) AND a.attname = btrim(c.column_name, '"')
LEFT JOIN archive.column_form f
       ON f.schema_name || '.' || f.table_name = c.table_name AND f.column_name = a.attname
LEFT JOIN pg_collation l ON l.oid = a.attcollation AND l.collname <> 'default'
ORDER BY c.table_name, c.column_index, c.column_name
"""

_COUNTED = """
SELECT schema_name || '.epn_core' AS table_name, array_agg(DISTINCT column_name) AS columns
FROM archive.value_count GROUP BY schema_name
"""

_LONGEST = """
SELECT schema_name || '.epn_core' AS table_name, value::double precision AS days
FROM archive.value_count WHERE column_name = %s
"""

_PRIMARY_KEYS = """
SELECT t.table_name, a.attname
FROM tap_schema.tables t
JOIN pg_index i ON i.indrelid = to_regclass(t.table_name) AND i.indisprimary
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
ORDER BY t.table_name, array_position(i.indkey::int2[], a.attnum)
"""

# what is behind views of granules and datasets that are kept apart
_NARROW = """
SELECT n.nspname || '.epn_core' AS table_name, c.relname, a.attname, a.attnotnull
FROM pg_class v
JOIN pg_namespace n ON n.oid = v.relnamespace
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = ANY (%s) AND c.relkind = 'r'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE v.relname = 'epn_core' AND v.relkind = 'v'
"""

_NARROW_KEY = ("granule_uid",)

# ours are owned as TAP_SCHEMA is, and are tables and views
_BY_HAND = """
SELECT t.table_name
FROM tap_schema.tables t
JOIN pg_class c ON c.oid = to_regclass(t.table_name)
JOIN pg_class ours ON ours.oid = 'tap_schema.tables'::regclass
WHERE c.relowner <> ours.relowner OR c.relkind NOT IN ('r', 'v')
"""

_KEYS = """
SELECT k.key_id, k.from_table, k.target_table, k.description, k.utype, c.from_column, c.target_column
FROM tap_schema.keys k JOIN tap_schema.key_columns c USING (key_id)
ORDER BY k.key_id, c.from_column
"""


def catalog_version(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    """A number that rises with every publication, and how many tables are counted."""
    row = connection.execute(_VERSION).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def load_catalog(connection: psycopg.Connection[Any]) -> Catalog:
    """Everything published, from one snapshot of the database. Needs a connection in the service role."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        columns: dict[str, list[Column]] = defaultdict(list)
        for row in cursor.execute(_COLUMNS):
            columns[row["table_name"]].append(_column(row))
        primary_keys: dict[str, list[str]] = defaultdict(list)
        for row in cursor.execute(_PRIMARY_KEYS):
            primary_keys[row["table_name"]].append(row["attname"])
        narrow = _narrow(cursor.execute(_NARROW, ([GRANULES, DATASETS],)).fetchall())
        counted = {row["table_name"]: frozenset(row["columns"]) for row in cursor.execute(_COUNTED)}
        longest = {row["table_name"]: row["days"] for row in cursor.execute(_LONGEST, (LONGEST,))}
        spread = distributed_tables(connection)
        by_hand = {row["table_name"] for row in cursor.execute(_BY_HAND)}
        services = {row["schema_name"]: row for row in cursor.execute("SELECT * FROM archive.service")}
        holdings = {
            f"{row['schema_name']}.epn_core": Holdings(
                row["time_min"], row["time_max"], tuple(row["target_names"]), tuple(row["measurement_types"])
            )
            for row in cursor.execute("SELECT * FROM archive.coverage")
        }
        schemas = tuple(
            _schema(row, services.get(row["schema_name"], {}))
            for row in cursor.execute("SELECT * FROM tap_schema.schemas ORDER BY schema_index, schema_name")
        )
        tables = tuple(
            Table(
                schema=row["schema_name"],
                name=row["table_name"].partition(".")[2],
                columns=_given(columns[row["table_name"]], narrow.get(row["table_name"])),
                utype=row["utype"],
                title=services.get(row["schema_name"], {}).get("title"),
                description=row["description"],
                kind=row["table_type"],
                rows=services.get(row["schema_name"], {}).get("granule_count")
                if row["table_name"].endswith(".epn_core")
                else None,
                primary_key=_NARROW_KEY if row["table_name"] in narrow else tuple(primary_keys[row["table_name"]]),
                holdings=holdings.get(row["table_name"]),
                counted=counted.get(row["table_name"], frozenset()),
                longest=longest.get(row["table_name"]),
                is_distributed=row["table_name"] in spread,
                is_by_hand=row["table_name"] in by_hand,
                seen_as=SEEN
                if row["table_name"].endswith(".epn_core")
                and services.get(row["schema_name"], {}).get("has_closed_rows")
                else "",
                narrow=narrow[row["table_name"]].columns if row["table_name"] in narrow else None,
            )
            for row in cursor.execute(
                "SELECT t.* FROM tap_schema.tables t JOIN tap_schema.schemas s USING (schema_name)"
                " ORDER BY s.schema_index, s.schema_name, t.table_index, t.table_name"
            )
        )
        keys = _keys(cursor.execute(_KEYS).fetchall())
        changed = cursor.execute(_CHANGED).fetchone()
    if changed is None:
        return Catalog(schemas, tables, keys)
    return Catalog(schemas, tables, keys, changed["changed"].astimezone(UTC), int(changed["version"]))


@dataclass(frozen=True, slots=True)
class _Behind:
    """What is behind the view of a narrow service."""

    columns: Narrow
    never_null: frozenset[str]


def _narrow(rows: list[dict[str, Any]]) -> dict[str, _Behind]:
    """Name of the view -> what is behind it."""
    kept: dict[str, dict[str, set[str]]] = defaultdict(lambda: {GRANULES: set(), DATASETS: set()})
    never_null: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        kept[row["table_name"]][row["relname"]].add(row["attname"])
        if row["attnotnull"]:
            never_null[row["table_name"]].add(row["attname"])
    return {
        name: _Behind(
            # what is in both is that of the granule, or of the dataset, or made of both
            Narrow(
                frozenset(tables[GRANULES] - tables[DATASETS]), frozenset(tables[DATASETS] - tables[GRANULES] - MADE)
            ),
            frozenset(never_null[name]),
        )
        for name, tables in kept.items()
    }


def _given(columns: list[Column], behind: _Behind | None) -> tuple[Column, ...]:
    """The columns; a view does not say of which there is always a value."""
    if behind is None:
        return tuple(columns)
    given = behind.never_null
    if "obs_id" not in behind.columns.own:
        given |= {"obs_id"}  # it is the granule_uid
    return tuple(replace(column, nullable=column.name not in given) for column in columns)


def _schema(row: dict[str, Any], service: dict[str, Any]) -> Schema:
    return Schema(
        name=row["schema_name"],
        description=row["description"],
        utype=row["utype"],
        title=service.get("title"),
        publisher=service.get("publisher"),
        creator=service.get("creator"),
        reference_url=service.get("reference_url"),
        updated=service.get("last_ingested"),
    )


def _column(row: dict[str, Any]) -> Column:
    return Column(
        name=row["stored_name"],
        datatype=row["datatype"],
        arraysize=row["arraysize"],
        xtype=row["xtype"],
        unit=row["unit"],
        ucd=row["ucd"],
        utype=row["utype"],
        description=row["description"],
        indexed=bool(row["indexed"]),
        principal=bool(row["principal"]),
        std=bool(row["std"]),
        form=Form(row["form"]),
        pg_type=row["pg_type"],
        nullable=row["nullable"],
        collation=row["collation"],
    )


def _keys(rows: list[dict[str, Any]]) -> tuple[ForeignKey, ...]:
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    facts: dict[str, dict[str, Any]] = {}
    for row in rows:
        pairs[row["key_id"]].append((row["from_column"], row["target_column"]))
        facts[row["key_id"]] = row
    return tuple(
        ForeignKey(
            key_id, row["from_table"], row["target_table"], tuple(pairs[key_id]), row["description"], row["utype"]
        )
        for key_id, row in facts.items()
    )


class CatalogCache:
    """The catalogue of a process, reloaded when a publication has moved the version.

    `connect` lends a connection in the service role. While the database is away the last catalogue stands, and nobody
    waits: a thread looks now and then. Whoever needs the database as well gets the error from there.
    """

    def __init__(self, connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None
        self._version = (-1, 0)
        self._look_from = 0.0
        #: set when the look that is going on is over
        self._looked: threading.Event | None = None
        #: whether the last look was in vain, or takes long
        self.is_away = False

    def __call__(self) -> Catalog:
        """The current catalogue, at most CHECK_EVERY_S old while the database answers."""
        catalog = self._catalog
        if catalog is not None and time.monotonic() < self._look_from:
            return catalog
        with self._lock:
            if self._catalog is None:
                self._look()
            elif self._looked is None and time.monotonic() >= self._look_from:
                self._looked = threading.Event()
                threading.Thread(target=self._look_aside, args=(self._looked,), name="catalogue", daemon=True).start()
            looked, catalog = self._looked, self._catalog
        assert catalog is not None
        if looked is None or self.is_away:
            return catalog
        if not looked.wait(PATIENCE_S):
            self.is_away = True
        return self._catalog or catalog

    def _look(self) -> None:
        with self._connect() as connection:
            version = catalog_version(connection)
            if version != self._version or self._catalog is None:
                self._catalog = load_catalog(connection)
                self._version = version
        self.is_away = False
        self._look_from = time.monotonic() + CHECK_EVERY_S

    def _look_aside(self, looked: threading.Event) -> None:
        try:
            self._look()
        except (psycopg.Error, UnavailableError) as exc:
            if not self.is_away:
                log.warning("the catalogue cannot be read again, and stays as it is: %s", exc)
            self.is_away = True
            self._look_from = time.monotonic() + CHECK_AGAIN_S
        finally:
            self._looked = None
            looked.set()
