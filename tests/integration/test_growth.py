"""Services of both storages are measured beside each other, and what they say differently is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from epntap.db.pool import Database, Role, connect
from ingest.definition.storage import Storage
from tests.bench.growth import QUESTIONS, Growth, Service, built_services, measure, tables
from tests.support.databases import clone_database, drop_database

SERVICES = [Service(millions, storage) for millions in (0.002, 0.016) for storage in Storage]


@pytest.fixture(scope="module")
def database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """Of a server whose processes can be looked at."""
    if not postgres_server.embedded:
        pytest.skip("processor time of a server elsewhere")
    found = clone_database(postgres_server, "growth", template_database)
    yield found
    drop_database(postgres_server, found)


def test_storages_are_built_asked_and_compared(database: Database, tmp_path: Path) -> None:
    growth = Growth()
    built_services(database, SERVICES, tmp_path, growth)
    measure(database, SERVICES, QUESTIONS, 1, growth)
    assert growth.differing == []
    lines = list(tables(growth))
    assert lines[0].endswith("| wide 0.002 M | narrow 0.002 M | wide 0.016 M | narrow 0.016 M |")
    assert "| rows | 2,000 | 2,000 | 16,000 | 16,000 |" in lines
    assert any(line.startswith("| building indexes | ") for line in lines)
    wide, narrow = growth.size[SERVICES[2]], growth.size[SERVICES[3]]
    assert narrow[0] < wide[0] / 2
    assert lines[-1] == f"{len(QUESTIONS)} questions, 0 times other rows."
    # more rows take more processor, of the database above all
    (bulk,) = (question.what for question in QUESTIONS if question.most > 100_000)
    for before, after in ((SERVICES[0], SERVICES[2]), (SERVICES[1], SERVICES[3])):
        assert growth.rows[bulk][after] == 8 * growth.rows[bulk][before]
        assert growth.processor_ms(bulk, after) > 2 * growth.processor_ms(bulk, before)
        assert growth.spent[bulk][after][0].server > growth.spent[bulk][after][0].program

    # what is there is not built again
    again = Growth()
    built_services(database, SERVICES, tmp_path, again)
    assert again.built == growth.built

    # one storage loses a row
    with connect(database, Role.OWNER) as connection:
        connection.execute("DELETE FROM grown0_002narrow.epn_core_granule WHERE granule_uid = 'bench-000_20020203'")
    asked = [question for question in QUESTIONS if question.what in {"COUNT(*)", "ORDER BY time_min, TOP 100"}]
    measure(database, SERVICES, asked, 1, again)
    assert again.differing == ["COUNT(*), 0.002 million"]
    assert list(tables(again))[-2] == "OTHER ROWS: COUNT(*), 0.002 million"
