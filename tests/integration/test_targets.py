"""Who looks for the medium between the bodies by its name finds the missions that were there (decision 013)."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from epntap.adql import translate
from epntap.catalog.load import load_catalog
from epntap.db.pool import Database, Role, connect
from ingest.pipeline import ingest_service
from tests.support.archives import SPASE_SOURCE, definition

pytestmark = pytest.mark.shared

NAMESPACES = {"s": "http://www.spase-group.org/data/schema"}
NOW = datetime.fromisoformat("2026-02-01T10:00:00")
#: whose records are of all regions that there are
PARTS = ("Instrument/CDPP-AMDA/Ulysses", "Observatory/CDPP-AMDA", "NumericalData/CDPP-AMDA/ULYSSES")


def days(path: Path) -> tuple[int, bool]:
    """UTC days that a record spans, and whether it says that the medium was observed; read without the software."""
    tree = etree.parse(path)
    start, stop = (
        datetime.fromisoformat(tree.findtext(f".//s:TimeSpan/s:{end}", namespaces=NAMESPACES) or "")
        for end in ("StartDate", "StopDate")
    )
    last = (stop - timedelta(microseconds=1)).date()
    regions = [str(one.text) for one in tree.iterfind(".//s:ObservedRegion", NAMESPACES)]
    return (last - start.date()) // timedelta(days=1) + 1, any(one.startswith("Heliosphere") for one in regions)


def test_ulysses_is_found_by_the_name_of_the_medium(database: Database, tmp_path: Path, shared: Path) -> None:
    for part in PARTS:
        shutil.copytree(shared / "data/spase" / part, tmp_path / "spase" / part)
    report = ingest_service(definition(tmp_path, SPASE_SOURCE, 'granule = "day"'), database, now=NOW)
    spans = [days(path) for path in (tmp_path / "spase/NumericalData").rglob("*.xml")]
    assert report.total_rows == sum(count for count, _ in spans) > 40_000

    query = (
        "SELECT dataset_id, COUNT(*) AS n FROM plasma.epn_core"
        " WHERE 1 = ivo_hashlist_has(LOWER(target_name), LOWER('Solar Wind')) GROUP BY dataset_id"
    )
    with connect(database, Role.SERVICE) as connection:
        result = translate(query, load_catalog(connection))
    with connect(database, Role.READER) as connection:
        found = connection.execute(result.statement, result.params).fetchall()
    assert sorted(count for _, count in found) == sorted(count for count, in_medium in spans if in_medium)
    assert all(name.startswith("ulys-") for name, _ in found)
