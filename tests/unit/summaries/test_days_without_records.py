"""A file of few records for many days: only the days that have some are opened for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epntap.archive.model import ArchiveFile
from epntap.instants.tt2000 import parse_utc
from summaries import build
from summaries.build import YearPlan, build_year, read_coverage
from summaries.gather import Gathered, gather
from summaries.grid import STORED_NS, days_of_year
from tests.support.cdf_builder import CdfBuilder

#: the narrowest bins are in a file for each day
KINDS = dict.fromkeys(STORED_NS, "day") | {STORED_NS[-1]: "year"}


@pytest.fixture
def sparse(tmp_path: Path) -> YearPlan:
    """One file with a record on each of two days of 2011, which reaches from 2010 to 2012."""
    told = ("2010-03-01T00:00:00", "2011-02-03T12:00:00", "2011-11-30T12:00:00", "2012-05-05T00:00:00")
    epochs = [parse_utc(one) for one in told]
    path = (
        CdfBuilder()
        .axis("Epoch", epochs)
        .variable("B", np.arange(4, dtype=np.float32), DEPEND_0="Epoch", VAR_TYPE="data")
        .write(tmp_path / "sparse.cdf")
    )
    facts = path.stat()
    file = ArchiveFile("s", str(tmp_path), path.name, facts.st_size, facts.st_mtime_ns, epochs[0], epochs[-1], 4)
    days = days_of_year(2011)
    return YearPlan(
        tmp_path / "kept", "2011-a", "Epoch", 2011, STORED_NS[0], KINDS, (file,), ((days.start, days.stop - 1),)
    )


def test_only_days_with_records_are_opened_for(sparse: YearPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(*given: Any, **more: Any) -> Gathered:
        asked.append(more)
        return gather(*given, **more)

    monkeypatch.setattr(build, "gather", counted)
    made = build_year(sparse)
    assert (made.failure, made.records) == ("", 2)
    assert (made.facts["B"]["min"], made.facts["B"]["max"]) == ("1.0", "2.0")
    # once for the time axis, and for each of two days
    assert len(asked) == 3
    first_days = read_coverage(sparse.folder / "2011-a")[:, 3] - sparse.days[0][0]
    assert first_days.tolist() == [33, 333]
