"""The plot of a dataset over a year: from all of it to the very last record, whose values are known beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from summaries.run import summarise
from tests.support.chromium import looking
from tests.support.databases import clone_database, drop_database
from tests.support.known_truth import Plan, write_archive
from tests.support.plots import drawn, interval, resolution
from tests.support.server import Server, serve

#: a record a minute: over half a million
PLAN = Plan(datasets=1, days=365, first=date(2015, 1, 1))


@pytest.fixture(scope="module")
def year(
    chromium: Browser, postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    assert chromium.is_connected()  # an archive is made only where somebody will look at it
    root = tmp_path_factory.mktemp("year")
    database = clone_database(postgres_server, "year", template_database)
    ingest_service(load_definition(write_archive(PLAN, root / "archive")), database)

    @contextmanager
    def lend() -> Iterator[Connection]:
        with connect(database, Role.SERVICE, autocommit=True) as connection:
            yield connection

    home: Path = root / "home"
    for _ in summarise(lend, home / "summaries", "truth", (), jobs=1):
        pass
    try:
        with serve(database, home) as server:
            yield server
    finally:
        drop_database(postgres_server, database)


def test_keys_zoom_from_a_year_to_its_last_record(chromium: Browser, year: Server) -> None:
    (dataset,) = PLAN
    epochs = dataset.epochs()
    last = dataset.stored("n", epochs)[-1]
    with looking(chromium, year) as look:
        look.open("/datasets/truth/kt_000?parameters=n")
        plot = drawn(look.page)
        first_view = interval(look.page)
        assert (first_view[0][:10], first_view[1][:10]) == ("2015-01-01", "2015-12-31")
        assert resolution(look.page) == "bins"
        seen = {resolution(look.page)}
        for _ in range(30):
            plot.press("End")
            plot.press("+")
            plot = drawn(look.page)
            seen.add(resolution(look.page))
            if resolution(look.page) == "records" and "1 record, " in look.page.locator(".under").inner_text():
                break
        plot.press("End")
        drawn(look.page)
        assert seen == {"bins", "records"}
        start, stop = interval(look.page)
        shown = look.page.request.get(f"{look.base}/plot/truth/kt_000?parameters=n&start={start}&stop={stop}").json()
        assert 1 <= shown["records"] <= 3
        expect(look.page.locator(".under")).to_contain_text(f"{shown['records']} record")
        (panel,) = shown["panels"]
        (line,) = panel["lines"]
        drawn_last = np.array(line["values"][-1], float)
        assert np.isclose(drawn_last, last, rtol=1e-6, equal_nan=True)
        assert look.complaints == []
