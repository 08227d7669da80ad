"""Files by the million: what a refresh takes does not grow with what they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from epntap.db.pool import Database, Role, connect
from tests.support.made_up_files import ingest_made_up

_BYTES = """
SELECT sum(pg_total_relation_size(format('archive.%I', name)::regclass))
FROM unnest('{file,scanned_file,folder,phrase}'::text[]) AS t (name)
"""


def test_what_files_take_in_memory_and_in_the_database_is_bounded(database: Database, tmp_path: Path) -> None:
    few = ingest_made_up(database, tmp_path, 500)
    assert (few["rows"], few["opened"], few["refused"]) == (500, 500, [])
    many = ingest_made_up(database, tmp_path, 4000)
    assert (many["inserted"], many["unchanged"], many["opened"]) == (3500, 500, 3500)
    again = ingest_made_up(database, tmp_path, 4000)
    assert (again["rows"], again["unchanged"], again["opened"]) == (4000, 4000, 0)
    with connect(database, Role.OWNER) as connection:
        row = connection.execute(_BYTES).fetchone()
        phrases = connection.execute("SELECT count(*) FROM archive.phrase").fetchone()
    assert row is not None
    assert row[0] / 4000 < 900  # 1.4 kB with checksums as text, and folder and layout in each row
    assert phrases == (2,)  # a layout and a dataset


@pytest.mark.accept
def test_a_refresh_of_a_million_files_takes_less_than_500_megabytes(database: Database, tmp_path: Path) -> None:
    files = int(os.environ.get("EPNTAP_MADE_UP_FILES", "1000000"))
    print("first", ingest_made_up(database, tmp_path, files))
    again = ingest_made_up(database, tmp_path, files)
    print("again", again)
    with connect(database, Role.OWNER) as connection:
        row = connection.execute(_BYTES).fetchone()
    assert row is not None
    print("bytes per file", row[0] / files)
    assert (again["rows"], again["unchanged"], again["opened"]) == (files, files, 0)
    assert again["peak_mb"] < 500
