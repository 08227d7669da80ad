"""The interval that a whole service covers, for descriptors in answers that name no granule yet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg

from datalink.links.descriptors import Range
from datalink.links.offers import tt2000_range
from epntap.archive.kept.counts import coverage
from epntap.catalog.model import Catalog
from epntap.cdf import tt2000_from_mjd

__all__ = ["ServiceSpans"]

_MJD_ORIGIN_JD = 2_400_000.5


class ServiceSpans:
    """Tells for a schema what can be cut of it; asks the database once for each publication."""

    def __init__(
        self, connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]], catalog: Callable[[], Catalog]
    ) -> None:
        self._connect = connect
        self._catalog = catalog
        self._known: tuple[Catalog | None, dict[str, Range | None]] = (None, {})

    def __call__(self, schema: str) -> Range | None:
        """First and last instant of the data of a service; None for one of which nothing can be cut."""
        catalog = self._catalog()
        published, spans = self._known
        if published is not catalog:
            spans = {}
            self._known = (catalog, spans)
        if schema not in spans:
            spans[schema] = self._read(catalog, schema)
        return spans[schema]

    def _read(self, catalog: Catalog, schema: str) -> Range | None:
        table = catalog.table(schema, "epn_core")
        if table is None or table.column("dataset_id") is None:
            return None
        with self._connect() as connection:
            covered = coverage(connection, schema)
        if covered is None or covered.time_min is None or covered.time_max is None:
            return None
        return tt2000_range(
            *(tt2000_from_mjd(repr(jd - _MJD_ORIGIN_JD)) for jd in (covered.time_min, covered.time_max))
        )
