"""The report of an ingestion, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

from ingest.by_dataset.read import count_files
from ingest.facts import Refusal, RefusedRows
from ingest.kinds.cdf import CDF_FILES
from ingest.publish.account import Account
from ingest.publish.rows.copy import Merged
from ingest.report import LONGEST_LIST, GranuleCount, Report
from ingest.sources.said import Holdings, Superseded
from ingest.sources.source import Granule, Source
from tests.support.archives import held

SOURCE = Source(CDF_FILES, "[[source]] 1 (cdf-files)", Path("/archive"), Granule.DAY)


def report(*, unclaimed: int = 0) -> Report:
    kept, lost = held("a.cdf", "2001-01-01", "2001-01-02"), held("b.cdf", "2001-01-01", "2001-01-02")
    holdings = Holdings(
        source=SOURCE,
        found=4 + unclaimed,
        files=(kept, lost),
        superseded=(Superseded("c_v1.cdf", "c_v2.cdf"),),
        unclaimed=tuple(f"u{number}.cdf" for number in range(unclaimed)),
        refused=(Refusal("d.cdf", "it is truncated"),),
    )
    return Report(
        schema="plasma",
        granules=GranuleCount.of(Merged(inserted=10, updated=2, unchanged=1000, deleted=3), refused=5),
        account=Account(
            datasets=4,
            datasets_without_rows=1,
            sources=(count_files(holdings, {lost.dataset_id: {(lost.root, lost.path)}}),),
            refused_records=(Refusal("x.xml", "no ProductKey"),),
            refused_rows=(RefusedRows("y.xml", "target_class must have a value and has none", 5),),
        ),
        total_rows=1012,
        seconds=2.5,
        load_seconds=2.0,
        rows_compared=1012,
    )


def test_granules_add_up() -> None:
    count = report().granules
    assert count.seen == 1017 == count.loaded + count.unchanged + count.refused
    assert count.loaded == 12


def test_files_add_up() -> None:
    (source,) = report(unclaimed=3).account.sources
    assert source.found == source.indexed + len(source.superseded) + len(source.unclaimed) + len(source.refused)
    assert [refusal.path for refusal in source.refused] == ["d.cdf", "b.cdf"]
    assert source.claimed == {"syn-mag": 1}


def test_the_words() -> None:
    text = report().to_text()
    assert "plasma.epn_core: 1,012 granules of 4 datasets" in text
    assert "1,017 seen = 12 loaded + 1,000 unchanged + 5 refused" in text
    assert "3 vanished" in text
    assert "d.cdf: it is truncated" in text
    assert "c_v1.cdf by c_v2.cdf" in text
    assert "x.xml: no ProductKey" in text
    assert "y.xml: target_class must have a value and has none (5)" in text
    assert "(506 rows/s)" in text


def test_a_long_list_is_cut_in_words_but_not_for_scripts() -> None:
    one = report(unclaimed=LONGEST_LIST + 7)
    assert "and 7 more (all with --json)" in one.to_text()
    document = json.loads(json.dumps(one.to_json()))
    assert len(document["sources"][0]["unclaimed"]) == LONGEST_LIST + 7
    assert document["granules"]["loaded"] == 12
    assert document["rows_per_s"] == 506
