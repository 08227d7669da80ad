"""What the world is answered on a database with hidden rows is what it is answered on one without them, errors too."""

from __future__ import annotations

import csv
import io
import math
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from epntap.access import ANONYMOUS, Caller
from epntap.db.pool import Database
from epntap.errors import EpnTapError
from epntap.settings import Settings
from epntap.tap.query.params import tap_request
from ingest.definition.model import Definition
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, cdf, definition, record
from tests.support.askers import TEAM, close
from tests.support.databases import clone_database, drop_database
from voserver.house import House, build_house

NOW = datetime(2026, 1, 31, 10)  # noqa: DTZ001  # UTC without tzinfo
SEED = int(os.environ.get("EPNTAP_SEED", "20"))
SPASE = {
    "syn-mag": {"region": "Jupiter"}, "syn-mom": {"region": "Saturn"}, "hid-mag": {"region": "Mercury"},
    "hid-mom": {"region": "Jupiter"},
}  # fmt: skip
HIDDEN = ("hid-mag", "hid-mom", "hid_cdf")


@dataclass(frozen=True, slots=True)
class Sides:
    """The same service with what is hidden, and without it."""

    whole: House
    open: House


def archive(root: Path, *, whole: bool) -> Definition:
    for name, facts in SPASE.items():
        if whole or name not in HIDDEN:
            record(root, name, **facts)
    for name in ("open_cdf", "hid_cdf"):
        for day in range(1, 8):
            if whole or name not in HIDDEN:
                cdf(root / f"cdf/{name}_2001010{day}.cdf", f"2001-01-0{day}T00:00:00", 7 * day, logical_source=name)
    closing = []
    for name, until in (("hid-m*", "release_date = 2099-01-01"), ("hid_cdf", "")):
        if whole:
            closing += [f'[datasets."{name}"]', until, 'groups = ["team"]', 'visible = "nothing"']
    return definition(root, SPASE_SOURCE, CDF_SOURCE, *closing)


@pytest.fixture(scope="module")
def sides(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sides]:
    databases, houses = [], []
    for whole in (True, False):
        database = clone_database(postgres_server, "differ", template_database)
        ingest_service(archive(tmp_path_factory.mktemp("archive"), whole=whole), database, now=NOW)
        databases.append(database)
        houses.append(build_house(Settings(home=tmp_path_factory.mktemp("home"), query_connections=2), database))
    yield Sides(*houses)
    for house in houses:
        close(house)
    for database in databases:
        drop_database(postgres_server, database)


# -- queries -----------------------------------------------------------------------------------------------------------

TEXTS = ("dataset_id", "target_name", "target_class", "granule_uid", "obs_id", "instrument_name", "dataproduct_type")
NUMBERS = ("time_min", "time_max", "processing_level", "access_estsize", "c1min", "spatial_resolution_min")
WORDS = (
    "hid-mag", "hid_cdf", "open_cdf", "syn-mag", "Mercury", "Jupiter", "Saturn", "planet", "hid_cdf_20010103",
    "hid-mag_20010102", "open_cdf_20010102", "ts", "nonsense",
)  # fmt: skip
TIMES = (2451910.5, 2451911.5, 2451912.25, 2451914.0, 2451920.5, 0.0, 2460000.5)


class Maker:
    """Makes queries."""

    def __init__(self, random_: random.Random) -> None:
        self.r = random_

    def query(self) -> str:
        shape = self.r.choice((
            self.rows, self.rows, self.paged, self.counts, self.counts, self.groups, self.distinct, self.joined,
            self.within, self.union, self.catalogue, self.failing, self.bounds, self.common,
        ))  # fmt: skip
        return shape()

    def condition(self, depth: int = 0) -> str:
        r, text, number, word = self.r, self.r.choice(TEXTS), self.r.choice(NUMBERS[:3]), self.r.choice(WORDS)
        kinds = [
            f"{text} = '{word}'", f"{text} <> '{word}'", f"{text} LIKE '%{word[:3]}%'", f"{text} LIKE '{word[:2]}%'",
            f"{text} IN ('{word}', '{r.choice(WORDS)}')", f"{text} IS NULL", f"{text} IS NOT NULL",
            f"LOWER({text}) = '{word.lower()}'",
            f"{number} >= {r.choice(TIMES)}", f"{number} < {r.choice(TIMES)}",
            f"time_min BETWEEN {r.choice(TIMES)} AND {r.choice(TIMES)}",
            f"time_min <= {r.choice(TIMES)} AND time_max >= {r.choice(TIMES)}",
            f"1 = ivo_hashlist_has(target_name, '{word}')", f"1 = ivo_nocasematch({text}, '{word.upper()}')",
            f"1 = ivo_interval_overlaps(time_min, time_max, {r.choice(TIMES)}, {r.choice(TIMES)})",
            "modification_date > '2020-01-01'", "release_date > '2030-01-01'", "access_url IS NOT NULL",
        ]  # fmt: skip
        found = r.choice(kinds)
        if depth < 2 and r.random() < 0.4:
            return f"({found} {r.choice(('AND', 'OR'))} {self.condition(depth + 1)})"
        return f"NOT ({found})" if r.random() < 0.1 else found

    def where(self, prefix: str = " WHERE ") -> str:
        return f"{prefix}{self.condition()}" if self.r.random() < 0.8 else ""

    def rows(self) -> str:
        names = ", ".join(self.r.sample((*TEXTS, *NUMBERS[:3]), self.r.randint(1, 4)))
        return f"SELECT {self.r.choice((names, '*'))} FROM plasma.epn_core{self.where()}"

    def paged(self) -> str:
        r = self.r
        order = r.choice(("granule_uid", "time_min, granule_uid", "time_max DESC, granule_uid DESC"))
        offset = f" OFFSET {r.randint(0, 40)}" if r.random() < 0.6 else ""
        top = f"SELECT TOP {r.randint(1, 9)} granule_uid, time_min"
        return f"{top} FROM plasma.epn_core{self.where()} ORDER BY {order}{offset}"

    def counts(self) -> str:
        what = self.r.choice(("*", *TEXTS, f"DISTINCT {self.r.choice(TEXTS)}"))
        return f"SELECT COUNT({what}) FROM plasma.epn_core{self.where()}"

    def groups(self) -> str:
        r, key = self.r, self.r.choice(TEXTS)
        having = f" HAVING COUNT(*) > {r.randint(0, 8)}" if r.random() < 0.4 else ""
        whole = ("COUNT(*)", "SUM(time_max - time_min)", "AVG(time_min)", "MIN(time_min)", "MAX(granule_uid)")
        values = r.sample(whole, 2)
        return f"SELECT {key}, {', '.join(values)} FROM plasma.epn_core{self.where()} GROUP BY {key}{having}"

    def distinct(self) -> str:
        return f"SELECT DISTINCT {', '.join(self.r.sample(TEXTS, 2))} FROM plasma.epn_core{self.where()}"

    def joined(self) -> str:
        r = self.r
        other, on = r.choice((
            ("epn_core", "a.obs_id = b.obs_id"), ("dataset", "a.dataset_id = b.dataset_id"),
            ("parameter", "a.dataset_id = b.dataset_id"), ("epn_core", "a.time_min = b.time_max"),
        ))  # fmt: skip
        kind = r.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN" if "=" in on else "JOIN"))
        return f"SELECT a.granule_uid, b.dataset_id FROM plasma.epn_core AS a {kind} plasma.{other} AS b ON {on}"

    def within(self) -> str:
        r, tail = self.r, self.r.choice(("dataset", "parameter", "gap", "epn_core"))
        inner = f"SELECT dataset_id FROM plasma.{tail}"
        if r.random() < 0.5:
            return f"SELECT granule_uid FROM plasma.epn_core WHERE dataset_id {r.choice(('', 'NOT '))}IN ({inner})"
        return (
            "SELECT dataset_id FROM plasma.dataset AS d WHERE "
            f"{r.choice(('', 'NOT '))}EXISTS (SELECT 1 FROM plasma.epn_core AS e WHERE e.dataset_id = d.dataset_id)"
        )

    def union(self) -> str:
        kind = self.r.choice(("UNION", "UNION ALL", "EXCEPT", "INTERSECT"))
        return (
            f"SELECT granule_uid FROM plasma.epn_core{self.where()} {kind} "
            f"SELECT granule_uid FROM plasma.epn_core{self.where()}"
        )

    def catalogue(self) -> str:
        name = self.r.choice(("dataset", "parameter", "gap"))
        return self.r.choice((f"SELECT * FROM plasma.{name}", f"SELECT COUNT(*), MIN(dataset_id) FROM plasma.{name}"))

    def failing(self) -> str:
        """What fails on rows that hold some value: nobody may learn so that there are any."""
        r, word = self.r, self.r.choice(WORDS)
        divided = f"1 / (CASE WHEN dataset_id = '{word}' THEN 0 ELSE 1 END) = 1"
        return r.choice((
            f"SELECT granule_uid FROM plasma.epn_core WHERE {divided}",
            f"SELECT dataset_id FROM plasma.dataset WHERE {divided}",
            f"SELECT name FROM plasma.parameter WHERE {divided}",
            f"SELECT CAST(granule_uid AS INTEGER) FROM plasma.epn_core WHERE dataset_id = '{word}'",
            f"SELECT SQRT(2451911 - time_min) FROM plasma.epn_core WHERE dataset_id = '{word}'",
            "SELECT granule_uid FROM plasma.epn_core_closed", "SELECT granule_uid FROM plasma.epn_core_seen",
            f"SELECT {word.replace('-', '_')} FROM plasma.epn_core", "SELECT closed_until FROM plasma.epn_core",
        ))  # fmt: skip

    def bounds(self) -> str:
        return f"SELECT MIN(time_min), MAX(time_max), COUNT(time_min), SUM(time_min) FROM plasma.epn_core{self.where()}"

    def common(self) -> str:
        inner = f"SELECT dataset_id, time_min FROM plasma.epn_core{self.where()}"
        return f"WITH c AS ({inner}) SELECT COUNT(*), MAX(time_min) FROM c"


# -- answers -----------------------------------------------------------------------------------------------------------

Answer = list[list[str]] | tuple[str, str]


def answer(house: House, text: str, caller: Caller = ANONYMOUS) -> Answer:
    """Rows in an order of their own, or the kind of error and what it says."""
    try:
        given = house.tap.answer(tap_request({"LANG": ["ADQL"], "QUERY": [text], "FORMAT": ["csv"]}, caller=caller))
        try:
            rows = list(csv.reader(io.StringIO(b"".join(given).decode())))
        finally:
            given.close()
    except EpnTapError as exc:
        return type(exc).__name__, exc.message
    return [rows[0], *sorted(rows[1:])]


def is_same(one: Answer, other: Answer) -> bool:
    if isinstance(one, tuple) or isinstance(other, tuple):
        return one == other
    return len(one) == len(other) and all(
        len(left) == len(right) and all(map(_is_same_value, left, right))
        for left, right in zip(one, other, strict=True)
    )


def _is_same_value(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        # sums differ by the order of their rows
        return math.isclose(float(one), float(other), rel_tol=1e-12)
    except ValueError:
        return False


def compare(sides: Sides, number: int, seed: int) -> dict[str, int]:
    """Ask so many queries of both; how many failed, and how many the group is answered otherwise."""
    made, found = Maker(random.Random(seed)), {"errors": 0, "more for the group": 0, "empty": 0}
    for _ in range(number):
        text = made.query()
        of_team = answer(sides.whole, text, TEAM)  # and leaves nothing behind on the connection
        one, other = answer(sides.whole, text), answer(sides.open, text)
        assert is_same(one, other), f"{text}\n{one}\n{other}"
        found["errors"] += isinstance(one, tuple)
        found["more for the group"] += not is_same(one, of_team)
        found["empty"] += isinstance(one, list) and len(one) == 1
    return found


def test_queries_of_the_world_cannot_tell(sides: Sides) -> None:
    found = compare(sides, 200, SEED)
    assert found["more for the group"] > 60, found
    assert 3 < found["errors"] < 60, found
    assert found["empty"] < 120, found


@pytest.mark.accept
def test_many_queries_of_the_world_cannot_tell(sides: Sides) -> None:
    print(compare(sides, 1000, SEED + 1))
