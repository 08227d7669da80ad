"""Which queries are asked shard by shard: those of which each row comes from one row of one spread table, no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pglast
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pglast import ast
from pglast.visitors import Visitor
from psycopg import sql

from epntap.adql import Translation, translate
from epntap.adql.shards import PerShard
from epntap.catalog.indexes import RELEASED
from epntap.catalog.model import Catalog, Narrow
from epntap.db.rows.plan import ROW_BYTES, expected_bytes
from tests.support.adql_cases import CASES
from tests.support.adql_sample import BASE_URL, CATALOG
from tests.support.examples import examples

AGGREGATES = {"count", "sum", "avg", "min", "max", "string_agg", "array_agg", "stddev", "histogram"}


def spread(**changes: Any) -> Catalog:
    tables = (replace(one, is_distributed=True, **changes) if one.schema == "amdadb" else one for one in CATALOG.tables)
    return replace(CATALOG, tables=tuple(tables))


SPREAD = spread(longest=1.0)


def asked(query: str, catalog: Catalog = SPREAD, **more: Any) -> PerShard | None:
    return translate(query, catalog, base_url=BASE_URL, **{"row_limit": 100, **more}).per_shard


def on_shard(query: str, catalog: Catalog = SPREAD) -> str:
    per_shard = asked(query, catalog)
    assert per_shard is not None
    statement, params = per_shard.on("epn_core_102008")
    return statement.as_string(None) % {name: sql.Literal(value).as_string(None) for name, value in params.items()}


def test_a_shard_stands_in_the_place_of_the_table() -> None:
    assert on_shard("SELECT TOP 7 e.granule_uid FROM amdadb.epn_core AS e WHERE e.c1min > 2") == (
        'SELECT "e"."granule_uid" FROM "amdadb"."epn_core_102008" AS "e" WHERE ("e"."c1min" > 2) LIMIT 7'
    )
    whole = on_shard("SELECT * FROM amdadb.epn_core")
    assert whole.endswith('FROM "amdadb"."epn_core_102008" AS "epn_core" LIMIT 100')


@pytest.mark.parametrize(
    ("longest", "said"), [(1.5, "1.5::double"), (None, "NULL::double"), (float("inf"), "NULL::double")]
)
def test_a_shard_is_told_what_only_the_coordinator_has(longest: float | None, said: str) -> None:
    query = "SELECT granule_uid FROM amdadb.epn_core WHERE time_min <= 2459000.5 AND time_max >= 2458999.5"
    text = on_shard(query, spread(longest=longest))
    assert said in text
    assert "value_count" not in text
    assert "value_count" in translate(query, spread(longest=longest)).statement.as_string(None)


SEEN = "SELECT granule_uid FROM amdadb.epn_core WHERE c1min > 2"


@pytest.mark.parametrize(
    "catalog",
    [CATALOG, spread(seen_as=RELEASED), spread(narrow=Narrow(frozenset(), frozenset()))],
    ids=["not spread", "some rows closed", "narrow"],
)
def test_only_whole_spread_tables_are_asked_so(catalog: Catalog) -> None:
    assert asked(SEEN) is not None
    assert asked(SEEN, catalog) is None


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM amdadb.epn_core ORDER BY time_min",
        "SELECT DISTINCT c1min FROM amdadb.epn_core",
        "SELECT c1min, COUNT(*) FROM amdadb.epn_core GROUP BY c1min",
        "SELECT COUNT(*) FROM amdadb.epn_core",
        "SELECT MAX(c1min) + 1 FROM amdadb.epn_core",
        "SELECT 1 FROM amdadb.epn_core HAVING COUNT(*) > 1",
        "SELECT granule_uid FROM amdadb.epn_core OFFSET 5",
        "SELECT a.granule_uid FROM amdadb.epn_core AS a JOIN amdadb.epn_core AS b ON a.c1min = b.c1min",
        "SELECT a.granule_uid FROM amdadb.epn_core AS a, lab.parts AS b",
        "SELECT granule_uid FROM (SELECT granule_uid FROM amdadb.epn_core) AS a",
        "WITH a AS (SELECT granule_uid FROM amdadb.epn_core) SELECT granule_uid FROM a",
        "SELECT granule_uid FROM amdadb.epn_core UNION ALL SELECT granule_uid FROM amdadb.epn_core",
        "SELECT granule_uid FROM amdadb.epn_core WHERE c1min IN (SELECT weight FROM lab.parts)",
        "SELECT granule_uid FROM amdadb.epn_core WHERE NOT EXISTS (SELECT 1 FROM tap_upload.mine)",
        "SELECT granule_uid FROM amdadb.epn_core WHERE c1min > 2 OR (c2min > 1 AND EXISTS (SELECT 1 FROM lab.parts))",
        "SELECT RA FROM tap_upload.mine",
        "SELECT e.granule_uid FROM amdadb.epn_core AS e JOIN tap_upload.mine AS u ON e.c1min = u.RA",
        "SELECT * FROM amdadb.epn_core WHERE granule_uid = 'a'",
        "SELECT * FROM amdadb.epn_core WHERE c1min > 2 AND granule_uid IN ('a', 'b')",
        "SELECT * FROM illu67p.epn_core",
    ],
)
def test_everything_else_is_asked_as_ever(query: str) -> None:
    assert asked(query) is None


def test_a_page_that_is_not_the_first_is_asked_as_ever() -> None:
    assert asked(SEEN, passed_over=0) is not None
    assert asked(SEEN, passed_over=50) is None


class Parts(Visitor):
    """What there is in a statement."""

    def __init__(self) -> None:
        super().__init__()
        self.selects = self.tables = self.others = 0
        self.functions: set[str] = set()

    def visit_SelectStmt(self, _: Any, node: ast.SelectStmt) -> None:  # noqa: N802  # named by pglast
        self.selects += 1
        clauses = ("sortClause", "groupClause", "distinctClause", "havingClause", "limitOffset", "withClause", "larg")
        self.others += sum(bool(getattr(node, clause)) for clause in clauses)

    def visit_RangeVar(self, _: Any, node: ast.RangeVar) -> None:  # noqa: N802
        self.tables += 1
        assert node.relname == "epn_core_102008"

    def visit_JoinExpr(self, *_: Any) -> None:  # noqa: N802
        self.others += 1

    def visit_FuncCall(self, _: Any, node: ast.FuncCall) -> None:  # noqa: N802
        self.functions.add(getattr((node.funcname or ())[-1], "sval", ""))
        self.others += bool(node.over or node.agg_distinct or node.agg_order)


def is_of_one_table(translation: Translation) -> bool:
    """Whether the statement on a shard is a SELECT of that alone, row by row."""
    assert translation.per_shard is not None
    statement, params = translation.per_shard.on("epn_core_102008")
    parts = Parts()
    values = {name: sql.Literal(value).as_string(None) for name, value in params.items()}
    parts(pglast.parse_sql(statement.as_string(None) % values))
    return (parts.selects, parts.tables, parts.others) == (1, 1, 0) and not parts.functions & AGGREGATES


def test_no_query_of_the_documentation_is_asked_so_that_must_not_be() -> None:
    catalog = replace(CATALOG, tables=tuple(replace(one, is_distributed=True) for one in CATALOG.tables))
    queries = [case.query for case in CASES if not case.is_refused]
    translations = [translate(query, catalog, base_url=BASE_URL, row_limit=100) for query in queries]
    so = [one for one in translations if one.per_shard is not None]
    assert len(so) > 50
    assert all(map(is_of_one_table, so))


def test_nothing_is_asked_so_where_nothing_is_spread() -> None:
    queries = [case.query for case in CASES if not case.is_refused]
    assert not any(translate(query, CATALOG, base_url=BASE_URL, row_limit=100).per_shard for query in queries)


PLAIN = ["c1min > 2", "target_name LIKE 'J%'", "time_min <= 5 AND time_max >= 3", "granule_uid <> 'a'", "c2min IS NULL"]
EXCLUDED = ["c1min IN (SELECT weight FROM lab.parts)", "EXISTS (SELECT 1 FROM lab.parts)", "granule_uid = 'a'"]


@given(
    select=st.sampled_from(["", "DISTINCT "]),
    top=st.sampled_from(["", "TOP 5 "]),
    outputs=st.sampled_from(["*", "granule_uid", "c1min + 1", "COUNT(*)", "MAX(c1min)"]),
    joined=st.sampled_from(["", ", lab.parts", " JOIN illu67p.epn_core AS i ON i.c1min = amdadb.epn_core.c2min"]),
    where=st.lists(st.sampled_from([*PLAIN, *EXCLUDED]), max_size=3, unique=True),
    tail=st.sampled_from(["", " ORDER BY 1", " OFFSET 3"]),
)
@settings(max_examples=examples(200))
def test_one_part_too_many_and_it_is_asked_as_ever(
    select: str, top: str, outputs: str, joined: str, where: list[str], tail: str
) -> None:
    if joined:
        where = [f"amdadb.epn_core.{one}" if one in PLAIN[:1] else "1 = 1" for one in where]
        outputs = "amdadb.epn_core.granule_uid"
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    translation = translate(f"SELECT {select}{top}{outputs} FROM amdadb.epn_core{joined}{condition}{tail}", SPREAD)
    is_plain = not (select or joined or tail or "(" in outputs or set(where) & set(EXCLUDED))
    assert (translation.per_shard is not None) == is_plain
    if translation.per_shard is not None:
        assert is_of_one_table(translation)
        assert translation.per_shard.most == (5 if top else None)


def scan(rows: float) -> dict[str, Any]:
    return {"Node Type": "Seq Scan", "Plan Rows": rows, "Plan Width": 9}


def citus(rows: float, tasks: int, **more: Any) -> dict[str, Any]:
    job = {"Task Count": tasks, "Tasks": [{"Remote Plan": [[{"Plan": scan(rows)}]]}]}
    return {
        "Node Type": "Custom Scan",
        "Plan Rows": 100_000,
        "Plan Width": 0,
        "Distributed Query": {"Job": job, **more},
    }


def limit(rows: float, *plans: dict[str, Any]) -> dict[str, Any]:
    return {"Node Type": "Limit", "Plan Rows": rows, "Plan Width": 9, "Plans": list(plans)}


@pytest.mark.parametrize(
    ("plan", "rows"),
    [
        (scan(7), 7),
        (limit(5, scan(7)), 5),
        (citus(624, 8), 8 * 624),
        (limit(10_000, citus(624, 8)), 8 * 624),
        (limit(1_000, citus(1_000, 8)), 1_000),
        (citus(1_000, 1, Subplans=[{"PlannedStmt": [{"Plan": limit(100_000, citus(9_000, 8))}]}]), 72_000),
        (
            {
                "Node Type": "Custom Scan",
                "Plan Rows": 0,
                "Plan Width": 0,
                "Distributed Query": {"Job": {"Task Count": 0}},
            },
            0,
        ),
    ],
)
def test_what_is_expected_is_that_of_all_shards(plan: dict[str, Any], rows: float) -> None:
    """The forms in which Citus 14.0.1 says it."""
    assert expected_bytes(plan) == rows * (9 + ROW_BYTES)
