"""The indexes of published tables, and the SQL expressions that a condition must hold to be answered by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from epntap.catalog.model import Table

__all__ = [
    "CLOSED",
    "CLOSED_LONGEST",
    "DURATION",
    "EPN_CORE_INDEXES",
    "HASH_LIST_COLUMNS",
    "HAS_ITEM",
    "HAS_ONE_OF",
    "ITEMS",
    "LONGEST",
    "LONG_DAYS",
    "OVERLAP",
    "PARTS",
    "RELEASED",
    "RETIRED_INDEXES",
    "SEARCHED_COLUMNS",
    "SEEN",
    "STAMP_COLUMNS",
    "TIME_SPAN",
    "Index",
    "indexes_of",
    "text_index",
]

#: What a row lasts in days, whichever of time_min and time_max comes first; 0 and 1 are these.
DURATION = "abs({1} - {0})"
#: Rows that last longer are found by their interval in an index of their own, all others by their start: who looks for
#: what overlaps an interval looks at rows that begin up to so many days before it. A day with what hangs over.
LONG_DAYS = 1.25
#: Stands where the name of a column stands in archive.value_count; the value is what no row lasts longer than.
LONGEST = "|time_max - time_min|"
#: the same of closed rows, which only those need who may see some
CLOSED_LONGEST = f"{LONGEST} closed"

#: The table of rows that only some may see, beside epn_core with the columns of that; and the view of both.
CLOSED: LiteralString = "epn_core_closed"
SEEN: LiteralString = "epn_core_seen"
#: The same for whoever is in no group.
RELEASED: LiteralString = "epn_core_released"

#: The interval of a row, indexed by GiST where the row is long; 0 and 1 are time_min and time_max.
TIME_SPAN = "udf.time_span({0}, {1})"
#: Follows from `time_min <= d AND time_max >= c` and from `time_min >= c AND time_max <= d`; 2 and 3 are c and d, in
#: any order, constants or columns of another table (sql/062_time_range.sql says why).
OVERLAP = "udf.time_span({0}, {1}) && udf.time_span({2}, {3})"

#: A text of which parts are looked for, indexed by GIN. It is not the column itself, because trigrams answer `=` as
#: well: PostgreSQL 15 takes them for cheaper than the primary key when some thousand values are joined.
PARTS = "({0} || '')"

#: The items of a hash list, indexed by GIN.
ITEMS = "string_to_array(lower({0}), '#')"
#: Follows from `1 = ivo_hashlist_has(list, item)`; 1 is the item.
HAS_ITEM = ITEMS + " @> ARRAY[lower({1})]"
#: Follows from `list IN (…)` for words without `#`; 1 is an array of them in lower case.
HAS_ONE_OF = ITEMS + " && {1}"

#: columns of which the items are indexed
HASH_LIST_COLUMNS = (
    "dataproduct_type",
    "instrument_host_name",
    "instrument_name",
    "measurement_type",
    "target_class",
    "target_name",
)
#: columns in which parts of the text are looked for
SEARCHED_COLUMNS = ("granule_uid", "file_name", "instrument_host_name", "instrument_name", "target_name")
#: timestamps kept as text that sorts as time does; what harvesters ask for is what has changed since they came last
STAMP_COLUMNS = ("creation_date", "modification_date", "release_date")


@dataclass(frozen=True, slots=True)
class Index:
    """An index of every table that has its columns; `{0}`, `{1}` … in the expression stand for them."""

    name: str
    columns: tuple[str, ...]
    method: str = "btree"
    expression: str = ""
    #: which rows are in it, as it stands in WHERE; all of them if nothing
    rows: str = ""
    #: storage parameters, as they stand in WITH (…)
    parameters: str = ""
    #: operator class of an extension, and which extension; the index is left out where that is missing
    operator_class: str = ""
    extension: str = ""

    @property
    def target(self) -> sql.Composed:
        """What stands between the parentheses of CREATE INDEX, without the operator class."""
        if self.expression:
            return self._of_columns(self.expression)
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))

    @property
    def condition(self) -> sql.Composable:
        """WHERE with what follows it, or nothing."""
        return sql.SQL(" WHERE {}").format(self._of_columns(self.rows)) if self.rows else sql.SQL("")

    def _of_columns(self, template: str) -> sql.Composed:
        return sql.SQL(template).format(*map(sql.Identifier, self.columns))  # constants of this module


def _hash_list_index(column: str) -> Index:
    # fastupdate=off: a pending list would be searched row by row by every query after a load
    return Index(f"{column}_items", (column,), "gin", ITEMS, parameters="fastupdate = off")


def text_index(column: str) -> Index:
    """The index that finds parts of the text of a column."""
    return Index(
        f"{column}_trigrams",
        (column,),
        "gin",
        PARTS,
        parameters="fastupdate = off",
        operator_class="gin_trgm_ops",
        extension="pg_trgm",
    )


#: what clients search by, besides the primary key: time, groups, items of hash lists, parts of names
EPN_CORE_INDEXES: tuple[Index, ...] = (
    # both ends, so that a count of half of all rows by their times reads this index alone, a tenth of the table
    Index("times", ("time_min", "time_max")),
    Index("time_max", ("time_max",)),
    Index("long_span", ("time_min", "time_max"), "gist", TIME_SPAN, f"{DURATION} > {LONG_DAYS}"),
    Index("obs_id", ("obs_id",)),
    Index("dataset_id", ("dataset_id", "time_min")),
    *(Index(name, (name,)) for name in STAMP_COLUMNS),
    *map(_hash_list_index, HASH_LIST_COLUMNS),
    *map(text_index, SEARCHED_COLUMNS),
)


#: names of indexes that others have replaced
RETIRED_INDEXES = ("time_span", "dataset_times", *(f"{column}_parts" for column in SEARCHED_COLUMNS))


def indexes_of(table: Table) -> tuple[Index, ...]:
    """The indexes that a table gets: those of epn_core whose columns it has."""
    return tuple(i for i in EPN_CORE_INDEXES if all(table.column(name) is not None for name in i.columns))
