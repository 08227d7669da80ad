"""Joins of intervals by their overlap: the rows that arithmetic finds, whatever ends they have and whoever writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
import pytest
from psycopg import sql

from epntap.adql import Translation, translate
from epntap.archive.kept.counts import write_value_counts
from epntap.catalog.load import load_catalog
from epntap.catalog.model import Catalog, Column, Table
from epntap.db.pool import Database, Role, connect
from tests.bench.granules import fill
from tests.support.databases import clone_database, drop_database

ROWS = 4000
INTERVALS = 150
FIRST_DAY = 2_451_544.5
UPLOAD = Table(
    "tap_upload",
    "u",
    (
        Column("id", "int", pg_type="integer"),
        Column("t0", "double", unit="d", pg_type="double precision"),
        Column("t1", "double", unit="d", pg_type="double precision"),
    ),
)

#: what means the same, in either order of the tables
SPELLINGS = (
    "TAP_UPLOAD.u AS u JOIN bench.epn_core AS e ON e.time_min <= u.t1 AND e.time_max >= u.t0",
    "bench.epn_core AS e JOIN TAP_UPLOAD.u AS u ON u.t0 <= e.time_max AND u.t1 >= e.time_min",
    "bench.epn_core AS e, TAP_UPLOAD.u AS u WHERE e.time_max >= u.t0 AND NOT e.time_min > u.t1",
    "TAP_UPLOAD.u AS u, bench.epn_core AS e WHERE NOT (e.time_min > u.t1 OR e.time_max < u.t0)",
    "TAP_UPLOAD.u AS u, bench.epn_core AS e WHERE 1 = ivo_interval_overlaps(e.time_min, e.time_max, u.t0, u.t1)",
    "bench.epn_core AS e JOIN TAP_UPLOAD.u AS u ON 1 = ivo_interval_overlaps(u.t0, u.t1, e.time_min, e.time_max)",
)
CONTAINED = "TAP_UPLOAD.u AS u JOIN bench.epn_core AS e ON e.time_min >= u.t0 AND e.time_max <= u.t1"
STORED = (
    "bench.epn_core AS e JOIN bench.epn_core AS u ON e.time_min <= u.time_max AND e.time_max >= u.time_min"
    " AND u.dataset_id = 'bench-000'"
)

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def filled(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """A service of 4 000 granules."""
    database = clone_database(postgres_server, "overlaps", template_database)
    fill(database, ROWS)
    with connect(database, Role.OWNER) as owner:
        promises = owner.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'bench.epn_core'::regclass AND contype = 'c'"
        ).fetchall()
        for (name,) in promises:  # rows of this test break them
            owner.execute(sql.SQL("ALTER TABLE bench.epn_core DROP CONSTRAINT {}").format(sql.Identifier(name)))
    yield database
    drop_database(postgres_server, database)


def set_times(database: Database, starts: Floats, ends: Floats, *, unknown: Sequence[int] = ()) -> None:
    """Give the rows these times, by hand; none of these have a start."""
    with connect(database, Role.OWNER) as owner:
        owner.execute(
            """
            UPDATE bench.epn_core AS e SET time_min = new.a, time_max = new.b
            FROM (SELECT granule_uid, row_number() OVER (ORDER BY granule_uid) AS n FROM bench.epn_core) AS old
            JOIN unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS new (a, b, n) ON new.n = old.n
            WHERE e.granule_uid = old.granule_uid
            """,
            ([None if n in unknown else t for n, t in enumerate(starts.tolist())], ends.tolist()),
        )


def count_again(database: Database) -> None:
    """What an ingestion does when all is written."""
    with connect(database, Role.OWNER) as owner:
        write_value_counts(owner, "bench", ROWS, {})
        owner.execute("ANALYZE bench.epn_core")


def catalog_of(database: Database) -> Catalog:
    with connect(database, Role.SERVICE) as service:
        return load_catalog(service).with_tables([UPLOAD])


def longest(catalog: Catalog) -> float | None:
    table = catalog.table("bench", "epn_core")
    assert table is not None
    return table.longest


def pairs(source: str, catalog: Catalog) -> Translation:
    what = "u.id" if "TAP_UPLOAD" in source else "u.granule_uid"
    return translate(
        f"SELECT {what} AS one, e.granule_uid AS two FROM {source}", catalog, schemas={"tap_upload": "pg_temp"}
    )


class Asked:
    """A reader with its upload."""

    def __init__(self, connection: psycopg.Connection[Any], intervals: Floats) -> None:
        self._cursor = psycopg.ClientCursor(connection)
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("CREATE TEMPORARY TABLE u (id integer, t0 float8, t1 float8)")
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO u VALUES (%s, %s, %s)", [(n, *map(float, one)) for n, one in enumerate(intervals)]
            )
        connection.execute("ANALYZE u")

    def rows(self, translation: Translation) -> list[tuple[Any, ...]]:
        return sorted(self._cursor.execute(translation.statement, translation.params).fetchall())

    def plan(self, translation: Translation) -> str:
        explained = sql.SQL("EXPLAIN {}").format(translation.statement)
        return "\n".join(line for (line,) in self._cursor.execute(explained, translation.params))


@pytest.fixture
def intervals() -> Floats:
    """Within and around the times of the rows; some are moments, some the wrong way round."""
    random = np.random.default_rng(11)
    starts = FIRST_DAY - 3 + random.random(INTERVALS) * 30
    lengths = np.where(random.random(INTERVALS) < 0.2, 0.0, random.random(INTERVALS) * 2 - 0.1)
    return np.column_stack([starts, starts + lengths])


@pytest.fixture
def asked(filled: Database, intervals: Floats) -> Iterator[Asked]:
    with connect(filled, Role.READER, autocommit=True) as connection:
        yield Asked(connection, intervals)


def uids(database: Database) -> list[str]:
    with connect(database, Role.SERVICE) as service:
        return [uid for (uid,) in service.execute("SELECT granule_uid FROM bench.epn_core ORDER BY 1")]


def by_arithmetic(database: Database, found: npt.NDArray[np.bool_]) -> list[tuple[int, str]]:
    names = uids(database)
    return sorted((int(interval), names[row]) for row, interval in zip(*np.nonzero(found), strict=True))


def overlapping(starts: Floats, ends: Floats, intervals: Floats, source: str = "") -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (starts[:, None] <= intervals[:, 1]) & (ends[:, None] >= intervals[:, 0])
    if "ivo_interval_overlaps" in source:  # of which one that is the wrong way round has nothing in it
        found &= (starts <= ends)[:, None] & (intervals[:, 0] <= intervals[:, 1])
    return found


def random_times(seed: int, longest_days: float) -> tuple[Floats, Floats]:
    random = np.random.default_rng(seed)
    starts = FIRST_DAY + random.random(ROWS) * 20
    return starts, starts + random.random(ROWS) * longest_days


def test_short_rows_are_found_by_their_start_alone(filled: Database, asked: Asked, intervals: Floats) -> None:
    starts, ends = random_times(1, 1.2)
    starts[:200], ends[:200] = ends[:200].copy(), starts[:200].copy()  # the wrong way round
    set_times(filled, starts, ends)
    count_again(filled)
    catalog = catalog_of(filled)
    days = longest(catalog)
    assert days is not None
    assert np.abs(ends - starts).max() < days < np.abs(ends - starts).max() + 1e-12
    for source in SPELLINGS:
        translation = pairs(source, catalog)
        assert "time_span" not in translation.statement.as_string(None)
        expected = by_arithmetic(filled, overlapping(starts, ends, intervals, source))
        assert len(expected) > 10_000
        assert asked.rows(translation) == expected, source
    inside = (starts[:, None] >= intervals[:, 0]) & (ends[:, None] <= intervals[:, 1])
    assert asked.rows(pairs(CONTAINED, catalog)) == by_arithmetic(filled, inside)
    names = uids(filled)
    some = [n for n, name in enumerate(names) if name.startswith("bench-000")]
    stored = overlapping(starts, ends, np.column_stack([starts[some], ends[some]]))
    assert asked.rows(pairs(STORED, catalog)) == sorted(
        (names[some[one]], names[row]) for row, one in zip(*np.nonzero(stored), strict=True)
    )


def plans_of_counts(filled: Database, asked: Asked, intervals: Floats, starts: Floats, ends: Floats) -> Iterator[str]:
    """How rows with these times are counted for each interval, in each spelling, once the counts are right."""
    set_times(filled, starts, ends)
    count_again(filled)
    with psycopg.connect(filled.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE bench.epn_core")
    catalog = catalog_of(filled)
    for source in SPELLINGS:
        found = overlapping(starts, ends, intervals, source).sum(axis=0)
        expected = [(n, int(count)) for n, count in enumerate(found) if count]
        query = f"SELECT u.id, COUNT(*) AS n FROM {source} GROUP BY u.id"
        translation = translate(query, catalog, schemas={"tap_upload": "pg_temp"})
        assert asked.rows(translation) == expected
        yield asked.plan(translation)


def test_a_count_for_each_interval_reads_one_index_only(filled: Database, asked: Asked, intervals: Floats) -> None:
    starts, ends = random_times(2, 1.0)
    for plan in plans_of_counts(filled, asked, intervals, starts, ends):
        assert "Index Only Scan using epn_core_times on epn_core" in plan, plan
        assert "Index Cond: ((time_min >= COALESCE((u.t0 - " in plan, plan


def test_a_longer_row_between_translation_and_run_is_found(filled: Database, asked: Asked, intervals: Floats) -> None:
    starts, ends = random_times(3, 1.0)
    set_times(filled, starts, ends)
    count_again(filled)
    catalog = catalog_of(filled)
    translations = [pairs(source, catalog) for source in SPELLINGS]
    assert "time_span" not in translations[0].statement.as_string(None)
    # by hand: what is known is taken back with the same commit
    starts[7] -= 12
    set_times(filled, starts, ends)
    for source, translation in zip(SPELLINGS, translations, strict=True):
        expected = by_arithmetic(filled, overlapping(starts, ends, intervals, source))
        assert asked.rows(translation) == expected, source
        assert asked.rows(pairs(source, catalog_of(filled))) == expected, source
    assert longest(catalog_of(filled)) is None
    # by an ingestion: the longer one is known with the same commit
    starts[8] -= 15
    set_times(filled, starts, ends)
    count_again(filled)
    for source, translation in zip(SPELLINGS, translations, strict=True):
        expected = by_arithmetic(filled, overlapping(starts, ends, intervals, source))
        assert asked.rows(translation) == expected, source
    assert longest(catalog_of(filled)) == pytest.approx(ends[8] - starts[8])


def test_what_a_transaction_sees_is_its_own_snapshot(filled: Database, intervals: Floats) -> None:
    starts, ends = random_times(4, 1.0)
    set_times(filled, starts, ends)
    count_again(filled)
    translation = pairs(SPELLINGS[0], catalog_of(filled))
    before = by_arithmetic(filled, overlapping(starts, ends, intervals))
    with connect(filled, Role.READER, autocommit=True) as connection:
        asked = Asked(connection, intervals)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        assert asked.rows(translation) == before
        starts[9] -= 9
        set_times(filled, starts, ends)
        assert asked.rows(translation) == before
        connection.execute("COMMIT")
        assert asked.rows(translation) == by_arithmetic(filled, overlapping(starts, ends, intervals))


def test_rows_of_any_length_and_without_ends_are_found(filled: Database, asked: Asked, intervals: Floats) -> None:
    starts, ends = random_times(5, 1.2)
    starts[:40], ends[:40] = -np.inf, np.inf
    starts[40:60], ends[60:80] = -np.inf, np.inf
    starts[80:100], ends[100:120] = np.inf, -np.inf
    starts[120:130] = ends[120:130] = np.inf
    starts[130:300] -= np.random.default_rng(6).random(170) * 400  # long, and longer
    set_times(filled, starts, ends, unknown=range(300, 340))
    count_again(filled)
    starts[300:340] = np.nan  # compares with nothing, as NULL does
    catalog = catalog_of(filled)
    assert longest(catalog) == np.inf
    for source in SPELLINGS:
        translation = pairs(source, catalog)
        assert "LATERAL" in translation.statement.as_string(None)
        assert asked.rows(translation) == by_arithmetic(filled, overlapping(starts, ends, intervals, source)), source
    inside = (starts[:, None] >= intervals[:, 0]) & (ends[:, None] <= intervals[:, 1])
    assert asked.rows(pairs(CONTAINED, catalog)) == by_arithmetic(filled, inside)


def test_what_is_no_number_is_never_short(filled: Database) -> None:
    starts, ends = random_times(7, 1.0)
    ends[5] = np.nan
    set_times(filled, starts, ends)
    count_again(filled)
    assert longest(catalog_of(filled)) == np.inf


def test_a_few_long_rows_spoil_nothing(filled: Database, asked: Asked, intervals: Floats) -> None:
    starts, ends = random_times(8, 1.0)
    starts[:5] -= 300
    ends[5:8] += 4000
    for plan in plans_of_counts(filled, asked, intervals, starts, ends):
        assert "Append" in plan, plan
        assert "Index Only Scan using epn_core_times on epn_core" in plan, plan
        assert "Index Scan using epn_core_long_span on epn_core" in plan, plan


@pytest.mark.parametrize(
    "source",
    [
        "TAP_UPLOAD.u AS u LEFT JOIN bench.epn_core AS e ON e.time_min <= u.t1 AND e.time_max >= u.t0",
        "bench.epn_core AS e RIGHT JOIN TAP_UPLOAD.u AS u ON e.time_min <= u.t1 AND e.time_max >= u.t0",
    ],
)
def test_intervals_without_rows_stay_in_outer_joins(
    filled: Database, asked: Asked, intervals: Floats, source: str
) -> None:
    starts, ends = random_times(9, 1.0)
    starts[:5] -= 300
    set_times(filled, starts, ends)
    count_again(filled)
    found = overlapping(starts, ends, intervals).sum(axis=0)
    query = f"SELECT u.id, COUNT(e.granule_uid) AS n FROM {source} GROUP BY u.id"
    translation = translate(query, catalog_of(filled), schemas={"tap_upload": "pg_temp"})
    assert asked.rows(translation) == [(n, int(count)) for n, count in enumerate(found)]


def test_other_conditions_and_columns_stand_beside_them(filled: Database, asked: Asked, intervals: Floats) -> None:
    starts, ends = random_times(10, 1.0)
    starts[:5] -= 300
    set_times(filled, starts, ends)
    count_again(filled)
    names = uids(filled)
    query = (
        "SELECT u.id, e.granule_uid FROM bench.epn_core AS e JOIN TAP_UPLOAD.u AS u ON e.time_min <= u.t1"
        " AND e.time_max >= u.t0 AND e.dataset_id = 'bench-000' WHERE e.time_min > 2451000 AND u.id < 100"
    )
    translation = translate(query, catalog_of(filled), schemas={"tap_upload": "pg_temp"})
    found = overlapping(starts, ends, intervals)[:, :100]
    rows = [
        (int(one), names[row])
        for row, one in zip(*np.nonzero(found), strict=True)
        if names[row].startswith("bench-000") and starts[row] > 2451000
    ]
    assert rows
    assert asked.rows(translation) == sorted(rows)
