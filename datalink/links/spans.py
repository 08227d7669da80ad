"""The interval that a whole service covers, for descriptors in answers that name no granule yet."""

from __future__ import annotations

from datalink.links.descriptors import Range
from datalink.links.offers import tt2000_range
from epntap.catalog.model import Catalog
from epntap.cdf import tt2000_from_mjd

__all__ = ["service_span"]

_MJD_ORIGIN_JD = 2_400_000.5


def service_span(catalog: Catalog, schema: str) -> Range | None:
    """First and last instant of the data of a service; None for one of which nothing can be cut."""
    table = catalog.table(schema, "epn_core")
    if table is None or table.column("dataset_id") is None or table.holdings is None:
        return None
    first, last = table.holdings.time_min, table.holdings.time_max
    if first is None or last is None:
        return None
    return tt2000_range(*(tt2000_from_mjd(repr(jd - _MJD_ORIGIN_JD)) for jd in (first, last)))
