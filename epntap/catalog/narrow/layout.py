"""Where each column of a narrow service is, and what its views say. No I/O here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import LiteralString

from psycopg import sql

from epntap.catalog.indexes import EPN_CORE_INDEXES, STAMP_COLUMNS, Index, text_index
from epntap.catalog.model import Column, Table

__all__ = [
    "DATASETS",
    "FILE_COLUMNS",
    "GRANULES",
    "IS_NUMBERED",
    "JOINED",
    "MADE",
    "NUMBER",
    "OWN_DATE",
    "SHARED_DATE",
    "Layout",
]

#: one row a granule, with what differs from granule to granule
GRANULES = "epn_core_granule"
#: one row a dataset that has granules, with what these share
DATASETS = "epn_core_dataset"
#: both, with the columns of epn_core and those that queries are answered by
JOINED = "epn_core_joined"
#: the number of a dataset within its service, in both tables; no published column begins so
NUMBER = "_dataset_no"
#: True of all granules; `{0}` stands for the number. Queries that name datasets say so, and only in their reach is the
#: index by dataset. PostgreSQL 18 would take it for conditions on time as well and skip from dataset to dataset: it
#: takes the rows of any index to lie as those of its first column do.
IS_NUMBERED: LiteralString = "{0} > 0"
#: what the view of both calls the date of a granule, NULL where it is that of its dataset, and that of the dataset
OWN_DATE = "_granule_{}"
SHARED_DATE = "_dataset_{}"

_OWN = ("time_min", "time_max", "access_estsize", "granule_uid")
#: what granules have of their own where they are files
FILE_COLUMNS = ("obs_id", "file_name")
#: columns that are made of others, by expressions over columns of the granule and `_KEPT_FOR_MAKING`
MADE = frozenset({"obs_id", "access_url", "access_format", "file_name", "datalink_url", "thumbnail_url"})
#: of which the dataset holds what the expression needs
_KEPT_FOR_MAKING = ("thumbnail_url",)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a table are kept. Its columns are those of the published table, in their order."""

    table: Table
    #: column of `MADE` -> its expression
    made: Mapping[str, sql.Composable]
    #: granules may be files, so that `FILE_COLUMNS` are kept and not made
    has_files: bool

    @property
    def own(self) -> tuple[str, ...]:
        """Columns that are kept for each granule, as they are."""
        return (*_OWN, *FILE_COLUMNS) if self.has_files else _OWN

    @property
    def shared(self) -> tuple[str, ...]:
        """Columns that are kept once for a dataset."""
        elsewhere = {*self.own, *MADE, *STAMP_COLUMNS}
        return tuple(column.name for column in self.table.columns if column.name not in elsewhere)

    @property
    def of_dataset(self) -> tuple[str, ...]:
        """What is kept for a dataset beside its number: what granules share, and what theirs is made of."""
        return (*self.shared, *_KEPT_FOR_MAKING, *STAMP_COLUMNS)

    @property
    def granules(self) -> Table:
        """The table of granules."""
        number = Column(NUMBER, "int", pg_type="integer", nullable=False)
        first, rest = self.own[:2], self.own[2:]
        columns = [self._column(name) for name in first] + [number] + [self._column(name) for name in rest]
        columns += [replace(self._column(name), nullable=True) for name in STAMP_COLUMNS]
        return replace(self.table, name=GRANULES, columns=tuple(columns), primary_key=("granule_uid",))

    @property
    def datasets(self) -> Table:
        """The table of datasets."""
        number = Column(NUMBER, "int", pg_type="integer", nullable=False)
        columns = (number, *map(self._column, self.of_dataset))
        return replace(self.table, name=DATASETS, columns=columns, primary_key=(NUMBER,))

    def indexes(self) -> tuple[Index, ...]:
        """Of the table of granules."""
        here = {*self.own, *STAMP_COLUMNS}
        kept = [
            replace(index, rows="{0} IS NOT NULL") if index.columns[0] in STAMP_COLUMNS else index
            for index in EPN_CORE_INDEXES
            if here.issuperset(index.columns)
        ]
        kept.insert(0, Index("times_by_dataset", (NUMBER, "time_min", "time_max"), rows=IS_NUMBERED))
        if "file_name" not in here:
            name = text_index("file_name")
            kept.append(replace(name, expression=name.expression.format(self.made["file_name"].as_string(None))))
        return tuple(kept)

    def view(self, *, joined: bool) -> sql.Composed:
        """SELECT of the published columns; for `joined` with those that queries are answered by."""
        columns = [
            sql.SQL("{} AS {}").format(self._expression(column.name), sql.Identifier(column.name))
            for column in self.table.columns
        ]
        if joined:
            columns.append(sql.SQL("g.{}").format(sql.Identifier(NUMBER)))
            for template, alias in ((OWN_DATE, "g"), (SHARED_DATE, "d")):
                columns += [
                    sql.SQL("{}.{} AS {}").format(
                        sql.SQL(alias), sql.Identifier(name), sql.Identifier(template.format(name))
                    )
                    for name in STAMP_COLUMNS
                ]
        # LEFT JOIN, so that the datasets are not read where no column of theirs is asked for. Where a condition on one
        # makes it an inner join, IS_NUMBERED becomes a condition on granules.
        return sql.SQL("SELECT {} FROM {} AS g LEFT JOIN {} AS d ON d.{number} = g.{number} AND {numbered}").format(
            sql.SQL(", ").join(columns),
            sql.Identifier(self.table.schema, GRANULES),
            sql.Identifier(self.table.schema, DATASETS),
            number=sql.Identifier(NUMBER),
            numbered=sql.SQL(IS_NUMBERED).format(sql.Identifier("g", NUMBER)),
        )

    def digest(self) -> str:
        """Of what the views say: another one, and they have to be made again."""
        return hashlib.sha256(self.view(joined=True).as_string(None).encode()).hexdigest()

    def _expression(self, name: str) -> sql.Composable:
        column = sql.Identifier(name)
        if name in STAMP_COLUMNS:
            return sql.SQL("coalesce(g.{0}, d.{0})").format(column)
        if name in self.own:
            return sql.SQL("g.{}").format(column)
        if name in MADE:
            return self.made[name]
        return sql.SQL("d.{}").format(column)

    def _column(self, name: str) -> Column:
        column = self.table.column(name)
        assert column is not None, name
        return column
