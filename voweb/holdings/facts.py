"""What a page says of a service; made once for each publication."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from epntap.addresses import Addresses
from epntap.archive.kept.counts import COUNTED_TABLE, Coverage, coverage
from epntap.archive.kept.told import filled_shares
from epntap.catalog.model import Catalog, Schema, Table
from epntap.connection import Connection
from epntap.errors import NotFoundError
from epntap.hints import did_you_mean
from epntap.instants.julian import datetime_from_jd
from epntap.tap.examples import Example, examples_for

__all__ = ["Holding", "Holdings"]

#: what single targets have; a granule of several counts for each
_TARGETS = """
SELECT name FROM archive.value_count, unnest(string_to_array(value, '#')) AS name
WHERE column_name = 'target_name' AND name <> '' GROUP BY name ORDER BY sum(rows) DESC, name LIMIT 100
"""
_DATASETS = """
    SELECT count(*), count(*) FILTER (WHERE granule_count > 0),
           array_remove(array_agg(DISTINCT nullif(doi, '')), NULL)
    FROM archive.dataset WHERE schema_name = %s
"""
#: of a list that is shown as a whole
_MOST_DOIS = 20


@dataclass(frozen=True, slots=True)
class Holding:
    """One published service."""

    schema: Schema
    table: Table
    #: the other tables of the schema
    others: Sequence[Table]
    covered: Coverage
    #: column → part of the rows that have a value, and columns where that is estimated
    shares: Mapping[str, float]
    estimated: frozenset[str]
    datasets: int
    datasets_with_rows: int
    dois: Sequence[str]
    examples: Sequence[Example]

    @property
    def title(self) -> str:
        """What it is called."""
        return self.schema.title or self.table.title or self.schema.name

    @property
    def first(self) -> datetime | None:
        """When the first granule begins, UTC."""
        return _moment(self.covered.time_min)

    @property
    def last(self) -> datetime | None:
        """When the last granule ends, UTC."""
        return _moment(self.covered.time_max)

    def citation(self, address: str) -> str:
        """How to cite it, as far as that is known."""
        who = self.schema.creator or self.schema.publisher
        publisher = self.schema.publisher if self.schema.publisher != who else None
        year = f"({self.schema.updated:%Y})" if self.schema.updated else None
        parts = (" ".join(filter(None, (who, year))), self.title, publisher, self.schema.reference_url or address)
        return ". ".join(part for part in parts if part)

    def to_json(self, addresses: Addresses) -> dict[str, Any]:  # ready for json.dumps
        """Everything, for scripts."""
        covered = self.covered
        return {
            "schema": self.schema.name,
            "title": self.title,
            "description": self.table.description or self.schema.description,
            "publisher": self.schema.publisher,
            "creator": self.schema.creator,
            "reference_url": self.schema.reference_url,
            "citation": self.citation(addresses.tap()),
            "updated": self.schema.updated and f"{self.schema.updated:%Y-%m-%dT%H:%M:%S}Z",
            "tap": addresses.tap(),
            "table": self.table.qualified_name,
            "granules": self.table.rows,
            "datasets": self.datasets,
            "time_min": self.first and f"{self.first:%Y-%m-%dT%H:%M:%S}Z",
            "time_max": self.last and f"{self.last:%Y-%m-%dT%H:%M:%S}Z",
            "target_names": list(covered.target_names),
            "target_classes": list(covered.target_classes),
            "dataproduct_types": list(covered.dataproduct_types),
            "measurement_types": list(covered.measurement_types),
            "instrument_host_names": list(covered.instrument_host_names),
            "instrument_names": list(covered.instrument_names),
            "columns": [
                {
                    "name": column.name,
                    "datatype": column.datatype,
                    "unit": column.unit,
                    "ucd": column.ucd,
                    "description": column.description,
                    "filled": self.shares.get(column.name),
                    "filled_is_estimated": column.name in self.estimated,
                }
                for column in self.table.columns
            ],
        }


@dataclass(slots=True)
class Holdings:
    """All published services, read again after each publication."""

    catalog: Callable[[], Catalog]
    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _of: Catalog | None = None
    _known: dict[str, Holding] = field(default_factory=dict)
    _targets: Sequence[str] = ()

    def all(self) -> list[Holding]:
        """Every service, by the name of its schema."""
        catalog = self.catalog()
        with self._lock:
            if catalog is not self._of:
                self._known = self._read(catalog)
                self._of = catalog
            return list(self._known.values())

    def targets(self, most: int) -> Sequence[str]:
        """Those with most granules, of all services."""
        others = [name for one in self.all() for name in one.covered.target_names]
        return list(dict.fromkeys([*self._targets, *others]))[:most]

    def get(self, schema: str) -> Holding:
        """One service. Raises NotFoundError."""
        known = {one.schema.name: one for one in self.all()}
        if schema not in known:
            said = f"published are {', '.join(known)}" if known else "nothing is published yet"
            raise NotFoundError(f"There is no service {schema[:100]!r}; {said}.{did_you_mean(schema, known)}")
        return known[schema]

    def _read(self, catalog: Catalog) -> dict[str, Holding]:
        examples = examples_for(catalog)
        schemas = {schema.name: schema for schema in catalog.schemas}
        found = {}
        with self.connect() as connection:
            for table in catalog.tables:
                if table.name == COUNTED_TABLE and table.schema in schemas:
                    found[table.schema] = _holding(connection, catalog, schemas[table.schema], table, examples)
            self._targets = [str(name) for (name,) in connection.execute(_TARGETS)]
        return dict(sorted(found.items()))


def _holding(
    connection: Connection, catalog: Catalog, schema: Schema, table: Table, examples: Sequence[Example]
) -> Holding:
    shares, estimated = filled_shares(connection, table)
    row = connection.execute(_DATASETS, (schema.name,)).fetchone()
    datasets, with_rows, dois = row or (0, 0, None)
    return Holding(
        schema=schema,
        table=table,
        others=[one for one in catalog.tables if one.schema == schema.name and one is not table],
        covered=coverage(connection, schema.name) or Coverage(),
        shares=shares,
        estimated=estimated,
        datasets=datasets,
        datasets_with_rows=with_rows,
        dois=(dois or [])[:_MOST_DOIS],
        examples=[one for one in examples if one.table == table.qualified_name],
    )


def _moment(jd: float | None) -> datetime | None:
    try:
        return None if jd is None else datetime_from_jd(jd)
    except (ValueError, OverflowError):  # a year that no calendar has
        return None
