"""Two services of the same rows, kept whole and kept apart: what each question costs in both, asked in turns.

python -m tests.bench.storages postgresql://… WIDE NARROW [PART_OF_A_QUESTION]   (two schemas of one database)

Time is that of the processor: of this program and of the server process that answers, so that others on the machine
matter less. The program must run beside the server, on Linux.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table as Listing

from epntap.adql import translate
from epntap.catalog.load import load_catalog
from epntap.catalog.model import Catalog
from epntap.db.pool import Database, Role, connect
from tests.bench.queries import INTERVALS, MAXREC, QUESTIONS, ask_with_intervals

ROUNDS = 11
#: no typical question may cost more than so many times as much, or so much more
MOST_TIMES, MOST_MS = 1.3, 5.0
_MONTH = "time_min BETWEEN 2455200.5 AND 2455231.5"
_EARTH = "1 = ivo_hashlist_has(lower(target_name), lower('Earth'))"
MORE = {
    "a host in a year, three columns": "SELECT granule_uid, time_min, access_url FROM {t} WHERE instrument_host_name"
    " = 'ACE' AND time_min BETWEEN 2453005.5 AND 2453371.5",
    "a target, a level, a month ORDER BY time_min, TOP 100": f"SELECT TOP 100 * FROM {{t}} WHERE {_EARTH} AND"
    f" processing_level = 3 AND {_MONTH} ORDER BY time_min",
    "a rare target ORDER BY time_min, TOP 100": "SELECT TOP 100 * FROM {t} WHERE"
    " 1 = ivo_hashlist_has(lower(target_name), lower('Pluto')) ORDER BY time_min",
    "a target ORDER BY time_min DESC, TOP 100": "SELECT TOP 100 * FROM {t} WHERE"
    " 1 = ivo_hashlist_has(lower(target_name), lower('Jupiter')) ORDER BY time_min DESC",
    "one dataset ORDER BY time_min, TOP 100": "SELECT TOP 100 * FROM {t} WHERE dataset_id = 'ace-imf-all'"
    " ORDER BY time_min",
    "ORDER BY granule_uid, TOP 100": "SELECT TOP 100 * FROM {t} ORDER BY granule_uid",
    "a measurement in a month, TOP 1000": "SELECT TOP 1000 * FROM {t} WHERE"
    f" 1 = ivo_hashlist_has(measurement_type, 'phys.magField') AND {_MONTH}",
    "an instrument LIKE '%x%'": "SELECT TOP 100 * FROM {t} WHERE instrument_name LIKE '%Magnet%'",
    "GROUP BY dataset_id of a year": "SELECT dataset_id, COUNT(*) AS n FROM {t} WHERE time_min BETWEEN 2455200.5"
    " AND 2455565.5 GROUP BY dataset_id",
    "COUNT of a target and a level": f"SELECT COUNT(*) FROM {{t}} WHERE {_EARTH} AND processing_level = 3",
    "LIKE in a column without index, none": "SELECT TOP 5 * FROM {t} WHERE external_link LIKE '%unobtainium%'",
    "two columns DISTINCT": "SELECT DISTINCT target_name, instrument_name FROM {t}",
    "MIN and MAX of time of a target": f"SELECT MIN(time_min), MAX(time_max) FROM {{t}} WHERE {_EARTH}",
    "joined with 100 intervals, whole rows of a target": "SELECT TOP 1000 e.* FROM {t} AS e JOIN TAP_UPLOAD.intervals"
    f" AS u ON e.time_min <= u.t2 AND e.time_max >= u.t1 WHERE {_EARTH}",
}


class Asker:
    """Asks as a web process does, and tells what that has cost."""

    def __init__(self, connection: psycopg.Connection[Any], catalog: Catalog) -> None:
        self._cursor, self._catalog = psycopg.ClientCursor(connection), catalog
        self._server = Path(f"/proc/{connection.info.backend_pid}/schedstat")

    def ask(self, query: str) -> tuple[float, int]:
        """Milliseconds of the processor, and the number of rows."""
        began = self._spent()
        translation = translate(query, self._catalog, row_limit=MAXREC + 1, schemas={"tap_upload": "pg_temp"})
        rows = len(self._cursor.execute(translation.statement, translation.params).fetchall())
        return self._spent() - began, rows

    def _spent(self) -> float:
        return (time.process_time_ns() + int(self._server.read_text().split()[0])) / 1e6


def compare(database: Database, schemas: tuple[str, str], part: str = "") -> Listing:
    """The costs as a table for people."""
    questions = {question.what: question.query for question in QUESTIONS} | MORE
    table = Listing("question", "rows", *schemas, "times", "ms more", "")
    with connect(database, Role.SERVICE) as service:
        catalog = load_catalog(service).with_tables([INTERVALS])
    with ask_with_intervals(database) as connection:
        asker = Asker(connection, catalog)
        for what, query in questions.items():
            if part not in what:
                continue
            spent: list[list[float]] = [[], []]
            for _ in range(ROUNDS):
                asked = [asker.ask(query.replace("{t}", f"{schema}.epn_core")) for schema in schemas]
                assert asked[0][1] == asked[1][1], what
                for times, (ms, _rows) in zip(spent, asked, strict=True):
                    times.append(ms)
            wide, narrow = map(statistics.median, spent)
            beyond = narrow > wide * MOST_TIMES and narrow - wide > MOST_MS
            table.add_row(
                what,
                f"{asked[0][1]:,}",
                f"{wide:.1f}",
                f"{narrow:.1f}",
                f"{narrow / wide:.2f}",
                f"{narrow - wide:+.1f}",
                "[bold red]beyond[/]" if beyond else "",
            )
    return table


def main() -> None:
    url, wide, narrow, *part = sys.argv[1:]
    Console(width=140).print(compare(Database(url), (wide, narrow), *part))


if __name__ == "__main__":
    main()
