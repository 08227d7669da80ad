"""Conditions that are added for the sake of an index: the rows are the same with and without, and the index is used."""

from __future__ import annotations

import random
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from epntap.adql import rewrite, translate
from epntap.catalog.indexes import EPN_CORE_INDEXES
from epntap.connection import Connection
from tests.support.adql_sample import CATALOG
from tests.support.adql_tables import create_tables

#: times of rows and of queries: they meet often, may be missing, infinite, no number, or in the wrong order
TIMES = (None, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0, "Infinity", "-Infinity", "NaN")
LITERALS = ("0", "1", "2", "2.5", "3", "4.5", "5 - 1", "-1", "NULL", "1e3", "ivo_to_jd('2024-01-31')")


@pytest.fixture
def tables(database_url: str) -> Iterator[Connection]:
    generator = random.Random(8)
    with psycopg.connect(database_url, cursor_factory=psycopg.ClientCursor) as connection:
        create_tables(connection, [t for t in CATALOG.tables if t.schema in ("amdadb", "illu67p", "lab")])
        for schema, count in (("amdadb", 150), ("illu67p", 30)):
            table = sql.Identifier(schema, "epn_core")
            with connection.cursor() as cursor:
                cursor.executemany(
                    sql.SQL("INSERT INTO {} (granule_uid, obs_id, time_min, time_max) VALUES (%s, %s, %s, %s)").format(
                        table
                    ),
                    [(f"{schema}{n}", f"o{n % 3}", *generator.choices(TIMES, k=2)) for n in range(count)],
                )
            for index in EPN_CORE_INDEXES:
                if index.name in ("times", "long_span"):
                    connection.execute(
                        sql.SQL("CREATE INDEX {} ON {} USING {} ({}){}").format(
                            sql.Identifier(f"{schema}_{index.name}"),
                            table,
                            sql.SQL(index.method),
                            index.target,
                            index.condition,
                        )
                    )
        connection.execute("SET search_path = pg_catalog")
        yield connection


def rows(connection: Connection, query: str) -> list[tuple[object, ...]]:
    result = translate(query, CATALOG)
    return sorted(connection.execute(result.statement, result.params).fetchall())


def comparison(generator: random.Random, table: str, values: tuple[str, ...]) -> str:
    column = f"{table}.{generator.choice(('time_min', 'time_max'))}"
    value, other = generator.choices(values, k=2)
    match generator.randrange(7):
        case 0:
            return f"{value} {generator.choice(('<', '<=', '>', '>=', '=', '<>'))} {column}"
        case 1:
            return f"{column} {generator.choice(('', 'NOT '))}BETWEEN {value} AND {other}"
        case 2:
            return f"{value} {generator.choice(('', 'NOT '))}BETWEEN {table}.time_min AND {table}.time_max"
        case 3:
            flag = generator.choice(("0", "1"))
            ends = [f"{table}.time_min, {table}.time_max", f"{value}, {other}"]
            return f"{flag} = ivo_interval_overlaps({', '.join(generator.sample(ends, 2))})"
        case _:
            return f"{column} {generator.choice(('<', '<=', '>', '>='))} {value}"


def condition(generator: random.Random, table: str, values: tuple[str, ...], depth: int = 0) -> str:
    parts = [
        f"({condition(generator, table, values, depth + 1)})"
        if depth < 2 and generator.random() < 0.25
        else comparison(generator, table, values)
        for _ in range(generator.randint(1, 4))
    ]
    joined = generator.choice((" AND ", " AND ", " AND ", " OR ")).join(parts)
    return f"NOT ({joined})" if generator.random() < 0.15 else joined


def queries() -> Iterator[str]:
    generator = random.Random(4)
    columns = tuple(f"b.{name}{offset}" for name in ("time_min", "time_max") for offset in ("", " + 0.5", " - 1"))
    for _ in range(400):
        yield f"SELECT a.granule_uid FROM amdadb.epn_core AS a WHERE {condition(generator, 'a', LITERALS)}"
    for _ in range(200):
        kind = generator.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN"))
        on, where = condition(generator, "a", columns), condition(generator, "a", LITERALS)
        yield (
            "SELECT COALESCE(a.granule_uid, '') AS x, COALESCE(b.granule_uid, '') AS y"
            f" FROM amdadb.epn_core AS a {kind} illu67p.epn_core AS b ON {on} WHERE {where}"
        )


def test_random_conditions_select_the_same_rows_with_and_without_what_is_added(
    tables: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list(queries())
    tables.execute("SET enable_seqscan = off")
    with_index = [rows(tables, query) for query in asked]
    strengthened = sum("time_span" in translate(query, CATALOG).statement.as_string(None) for query in asked)
    monkeypatch.setattr(rewrite, "RULES", ())
    monkeypatch.setattr(rewrite, "JOINT_RULES", ())
    tables.execute("SET enable_seqscan = on")
    for query, found in zip(asked, with_index, strict=True):
        assert "time_span" not in translate(query, CATALOG).statement.as_string(None)
        assert rows(tables, query) == found, query
    assert strengthened > len(asked) / 3
    assert sum(0 < len(found) < 150 for found in with_index) > len(asked) / 3


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("amdadb.epn_core AS a", "time_min <= 2.5 AND time_max >= 2"),
        ("amdadb.epn_core AS a", "2 < time_max AND obs_id = 'o1' AND time_min < 2.5"),
        ("amdadb.epn_core AS a", "2.5 BETWEEN time_min AND time_max"),
        ("amdadb.epn_core AS a", "time_min >= ivo_to_jd('2024-01-01') AND time_max <= 2460311.5 + 1"),
        ("amdadb.epn_core AS a", "1 = ivo_interval_overlaps(time_min, time_max, 2, 2.5)"),
        ("amdadb.epn_core AS a, illu67p.epn_core AS b", "a.time_min <= b.time_max AND a.time_max >= b.time_min"),
        ("illu67p.epn_core AS b, amdadb.epn_core AS a", "b.time_min <= a.time_max AND b.time_max >= a.time_min"),
        ("amdadb.epn_core AS a, lab.parts AS p", "p.weight BETWEEN a.time_min AND a.time_max"),
        (
            "illu67p.epn_core AS b",
            "EXISTS (SELECT * FROM amdadb.epn_core a WHERE a.time_min <= b.time_max + 1 AND a.time_max >= b.time_min)",
        ),
    ],
)
def test_the_index_of_times_can_answer(source: str, where: str, tables: Connection) -> None:
    tables.execute("INSERT INTO lab.parts (id, weight) SELECT n, n FROM generate_series(1, 50) AS s(n)")
    tables.execute(
        "INSERT INTO amdadb.epn_core (time_min, time_max) SELECT n, n + 1 FROM generate_series(1, 20000) s(n)"
    )
    tables.execute("ANALYZE amdadb.epn_core, illu67p.epn_core, lab.parts")
    result = translate(f"SELECT COUNT(*) FROM {source} WHERE {where}", CATALOG)
    plan = tables.execute(sql.SQL("EXPLAIN {}").format(result.statement), result.params).fetchall()
    assert any("_long_span" in str(line) or "_times" in str(line) for line in plan), "\n".join(
        str(line) for (line,) in plan
    )


def test_numbers_beyond_integers_are_compared_as_what_they_are(tables: Connection) -> None:
    tables.execute("UPDATE amdadb.epn_core SET processing_level = 3 WHERE granule_uid = 'amdadb7'")
    query = "SELECT granule_uid FROM amdadb.epn_core WHERE processing_level {}"
    large = "99999999999999999999"
    for test in (f"= {large}", f"> {large}", f"IN ({large}, 4)", f"BETWEEN {large} AND 1e30", f"= -{large}"):
        assert rows(tables, query.format(test)) == []
    for test in (f"< {large}", f"IN ({large}, 3)", f"BETWEEN -{large} AND {large}", f"<> {large}"):
        assert rows(tables, query.format(test)) == [("amdadb7",)]
