"""Rows of a service of which granules and datasets are kept apart: what is shared, and how the rest is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from psycopg import sql

from epntap.addresses import Addresses, around_uid
from epntap.catalog.model import Table
from epntap.catalog.narrow.layout import Layout
from ingest.by_dataset.build import CDF_MEDIA_TYPE, THUMBNAIL_WIDTH, GranuleBuilder
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.publish.narrow.contents import NarrowRows
from ingest.publish.rows.block import Block

__all__ = ["narrow_rows"]

_ADDRESSES = Addresses()
# of the characters that a granule_uid may have (epntap/epncore/text.py) addresses quote this one
_QUOTED_UID = sql.SQL("replace(granule_uid, '+', '%2B')")


def narrow_rows(table: Table, plans: Sequence[DatasetPlan], builder: GranuleBuilder) -> NarrowRows:
    """The rows that `GranuleBuilder.blocks` makes of the plans."""
    with_rows = [plan for plan in plans if builder.count(plan)]
    has_files = any(plan.single for plan in with_rows)

    def blocks() -> Iterator[Block]:
        for number, plan in enumerate(with_rows, 1):
            yield from builder.own_blocks(plan, number, has_files=has_files)

    return NarrowRows(
        Layout(table, _made(table.schema), has_files), tuple(builder.shared_values(plan) for plan in with_rows), blocks
    )


def _made(schema: str) -> dict[str, sql.Composable]:
    """What `GranuleBuilder` makes of the granule_uid: a row has an access_url where it has an access_estsize."""
    picture = _offered(_around(lambda uid: _ADDRESSES.preview(uid, schema, THUMBNAIL_WIDTH)))
    return {
        "obs_id": sql.SQL("granule_uid"),
        "access_url": _offered(_around(lambda uid: _ADDRESSES.data(uid, "cdf", schema))),
        # the others have the collation of the granule_uid
        "access_format": _offered(sql.SQL('{}::text COLLATE "C"').format(sql.Literal(CDF_MEDIA_TYPE))),
        "file_name": _offered(sql.SQL("granule_uid || '.cdf'")),
        "datalink_url": _around(lambda uid: _ADDRESSES.links(uid, schema)),
        # datasets that can be drawn have an empty one
        "thumbnail_url": sql.SQL("CASE WHEN thumbnail_url = '' THEN {} ELSE thumbnail_url END").format(picture),
    }


def _around(address_of: Callable[[str], str]) -> sql.Composable:
    before, after = around_uid(address_of)
    return sql.SQL("{} || {} || {}").format(sql.Literal(before), _QUOTED_UID, sql.Literal(after))


def _offered(value: sql.Composable) -> sql.Composable:
    return sql.SQL("CASE WHEN access_estsize IS NOT NULL THEN {} END").format(value)
