"""Granules in bulk: what a list of names stands for, in a constant number of round trips however long it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from epntap.addresses import file_place
from epntap.archive.datasets import dataset_columns, to_dataset
from epntap.archive.finding.locate import LocatedGranule, candidate_files, locate_files, span_tt2000
from epntap.archive.model import Dataset
from epntap.catalog.model import Table
from epntap.connection import Connection

__all__ = ["Bulk", "GranuleRow", "Relative"]


#: other granules of one observation that are told
MOST_RELATIVES = 50
#: columns of epn_core that links are made of
_COLUMNS = ("granule_gid", "dataproduct_type", "access_url", "access_format", "thumbnail_url", "external_link")


@dataclass(frozen=True, slots=True)
class Relative:
    """Another granule of the same observation."""

    granule_uid: str
    granule_gid: str | None
    dataproduct_type: str | None
    access_url: str | None
    access_format: str | None


@dataclass(frozen=True, slots=True)
class GranuleRow:
    """A row of epn_core as far as its links need it. Addresses that start with / are below that of the service."""

    schema: str
    granule_uid: str
    granule_gid: str | None
    dataproduct_type: str | None
    access_url: str | None
    access_format: str | None
    thumbnail_url: str | None
    external_link: str | None
    relatives: tuple[Relative, ...]
    #: what can be cut; None where the service publishes files as they are
    located: LocatedGranule | None
    #: address -> bytes, of the files of ours that the row and its relatives lead to
    sizes: Mapping[str, int]


class Bulk:
    """Looks up names batch by batch; what is known of datasets is kept in between."""

    def __init__(self, tables: Sequence[Table], to_tt2000: Callable[[datetime], int]) -> None:
        """`tables` are those called epn_core; `to_tt2000` turns UTC without tzinfo into TT2000 nanoseconds."""
        self._tables = tables
        self._to_tt2000 = to_tt2000
        self._datasets: dict[tuple[str, str], tuple[Dataset, str]] = {}

    @property
    def schemas(self) -> list[str]:
        """The services whose granules are looked up."""
        return [table.schema for table in self._tables]

    @property
    def schemas_with_datasets(self) -> list[str]:
        """Those of them whose rows say of which dataset they are."""
        return [table.schema for table in self._tables if table.column("dataset_id")]

    def find(self, connection: Connection, names: Sequence[str]) -> list[list[GranuleRow]]:
        """For each name the granules that have it: none, one, or one in each of several services."""
        found: list[list[GranuleRow]] = [[] for _ in names]
        if not self._tables or not names:
            return found
        spans = [span_tt2000(name, self._to_tt2000) for name in names]
        rows = connection.execute(
            _statement(self._tables),
            {"uids": list(names), "starts": [one[0] for one in spans], "stops": [one[1] for one in spans]},
        ).fetchall()
        self._learn(connection, {(row[1], row[5]) for row in rows if row[5]})
        sizes = _sizes(connection, _own_files(row[6:] for row in rows))
        for place, schema, _, _, uid, dataset_id, *values, relatives, candidates in rows:
            located = None
            if dataset_id and (schema, dataset_id) in self._datasets:
                dataset, kind = self._datasets[schema, dataset_id]
                located = locate_files(str(schema), uid, dataset, kind, spans[place - 1], candidates)
            found[place - 1].append(
                GranuleRow(*[schema, uid, *values, tuple(Relative(*one) for one in relatives), located, sizes])
            )
        return found

    def _learn(self, connection: Connection, wanted: set[tuple[str, str]]) -> None:
        missing = sorted(wanted - self._datasets.keys())
        if not missing:
            return
        rows = connection.execute(
            sql.SQL(
                "SELECT d.schema_name, d.granule, {} FROM archive.dataset d JOIN unnest(%s::text[], %s::text[]) "
                "AS w(schema_name, dataset_id) USING (schema_name, dataset_id)"
            ).format(dataset_columns()),
            ([schema for schema, _ in missing], [dataset_id for _, dataset_id in missing]),
        )
        for schema, kind, *described in rows:
            dataset = to_dataset(described)
            self._datasets[schema, dataset.dataset_id] = dataset, kind


def _statement(tables: Sequence[Table]) -> sql.Composed:
    return sql.SQL(
        """
        SELECT a.n, g.*, CASE WHEN g.dataset_id IS NULL THEN '[]'::json ELSE {files} END
        FROM unnest(%(uids)s::text[], %(starts)s::bigint[], %(stops)s::bigint[])
             WITH ORDINALITY AS a(uid, start, stop, n),
             LATERAL ({granules}) g
        ORDER BY a.n
        """
    ).format(
        files=candidate_files(start=sql.SQL("a.start"), stop=sql.SQL("a.stop")),
        granules=sql.SQL(" UNION ALL ").join(map(_rows_of, tables)),
    )


def _rows_of(table: Table) -> sql.Composed:
    name = sql.Identifier(table.schema, table.seen_as or table.name)
    return sql.SQL(
        """
        SELECT {schema}::text AS schema_name, t.time_min, t.time_max, t.granule_uid::text, {dataset_id} AS dataset_id,
        {values}, (
            SELECT coalesce(json_agg(json_build_array({relative})), '[]') FROM (
                SELECT * FROM {table} s WHERE s.obs_id = t.obs_id AND s.granule_uid <> t.granule_uid
                ORDER BY s.granule_uid LIMIT {most}
            ) s
        ) AS relatives
        FROM {table} t WHERE t.granule_uid = a.uid
        """
    ).format(
        schema=sql.Literal(table.schema),
        dataset_id=_values(table, "t", ("dataset_id",)),
        values=_values(table, "t", _COLUMNS),
        relative=_values(table, "s", ("granule_uid", "granule_gid", "dataproduct_type", "access_url", "access_format")),
        table=name,
        most=sql.Literal(MOST_RELATIVES),
    )


def _values(table: Table, alias: str, names: Sequence[str]) -> sql.Composed:
    """The columns as text; NULL for one that this table does not have."""
    return sql.SQL(", ").join(
        sql.SQL("{}::text").format(sql.Identifier(alias, name)) if table.column(name) else sql.SQL("NULL::text")
        for name in names
    )


def _own_files(rows: Iterable[Sequence[Any]]) -> dict[tuple[str, str], str]:
    """Published files that rows and their relatives lead to: schema and path -> address."""
    found: set[str | None] = set()
    for _, _, access_url, _, thumbnail_url, _, relatives, _ in rows:  # from access_url on, as the statement has them
        found |= {access_url, thumbnail_url, *(Relative(*one).access_url for one in relatives)}
    places = {file_place(address): address for address in found if address}
    return {place: address for place, address in places.items() if place is not None}


def _sizes(connection: Connection, places: Mapping[tuple[str, str], str]) -> Mapping[str, int]:
    """Bytes of the published files at these places, by address."""
    if not places:
        return {}
    rows = connection.execute(
        "SELECT f.schema_name, f.path, f.size_bytes FROM archive.file f "
        "JOIN unnest(%s::text[], %s::text[]) AS w(schema_name, path) USING (schema_name, path)",
        ([schema for schema, _ in places], [path for _, path in places]),
    )
    return {places[schema, path]: size for schema, path, size in rows}
