"""Geometry with columns that pgSphere holds: the answers are those of our own functions, and its indexes serve."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from epntap.adql import Features, translate
from epntap.catalog.model import Catalog, Column, Table
from epntap.connection import Connection
from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database
from tests.support.adql_tables import create_tables, type_names

#: an ordinary table, and one in which pgSphere holds the same geometries
_ARRAYS = Table(
    "sky",
    "arrays",
    (
        Column("id", "int", pg_type="integer"),
        Column("place", "double", "2", "point", pg_type="double precision[]"),
        Column("spot", "double", "3", "circle", pg_type="double precision[]"),
        Column("outline", "double", "*", "polygon", pg_type="double precision[]"),
        Column("s_region", "char", "*", "adql:REGION"),
    ),
)
_SPHERES = Table(
    "sky",
    "spheres",
    (
        Column("id", "int", pg_type="integer"),
        Column("place", "double", "2", "point", pg_type="spoint"),
        Column("spot", "double", "3", "circle", pg_type="scircle"),
        Column("outline", "double", "*", "polygon", pg_type="spoly"),
        Column("s_region", "char", "*", "adql:REGION"),
    ),
)
CATALOG = Catalog(tables=(_ARRAYS, _SPHERES))
FEATURES = Features(pgsphere=True)


def _server_with_sphere() -> Path | None:
    for control in sorted(Path("/usr/share/postgresql").glob("*/extension/pg_sphere.control"), reverse=True):
        programs = Path("/usr/lib/postgresql") / control.parts[4] / "bin"
        if (programs / "initdb").exists():
            return programs
    return None


@contextmanager
def _running(programs: Path) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="sphere-", dir="/tmp"))  # a short path: socket names are limited
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(program: str, *args: str) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *args]
        subprocess.run(command, check=True, user=user, stdout=subprocess.DEVNULL, cwd=folder)

    try:
        run("initdb", "-A", "trust", "--locale=C.UTF-8", "--username=postgres", "--no-sync")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses= -c fsync=off", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _create_extension(connection: Connection) -> None:
    try:
        connection.execute("CREATE EXTENSION pg_sphere")
    except psycopg.errors.InvalidFunctionDefinition:
        # PostgreSQL 15.20 refuses wrong commutators and negators in the script of pgSphere 1.2.0: load it without
        version = connection.info.server_version // 10000
        script = Path(f"/usr/share/postgresql/{version}/extension/pg_sphere--1.2.0.sql").read_text(encoding="utf-8")
        script = re.sub(r"(?m)^\\.*$", "", script).replace("MODULE_PATHNAME", "$libdir/pg_sphere")
        connection.execute(re.sub(r"(?i),\s*(?:COMMUTATOR|NEGATOR)\s*=\s*'?[^,\s)']+'?", "", script))


@pytest.fixture(scope="module")
def sky() -> Iterator[Connection]:
    """A server of the system's PostgreSQL with pgSphere, and both tables filled alike."""
    programs = _server_with_sphere()
    if programs is None:
        pytest.skip("no PostgreSQL with pgSphere on this machine (Debian: postgresql-15-pgsphere)")
    with _running(programs) as url:
        apply_migrations(Database(url))
        with psycopg.connect(url, cursor_factory=psycopg.ClientCursor, autocommit=True) as connection:
            _create_extension(connection)
            create_tables(connection, CATALOG.tables)
            _fill(connection)
            connection.execute("SET search_path = pg_catalog")
            yield connection


def _fill(connection: Connection) -> None:
    connection.execute(
        """
        INSERT INTO sky.arrays
        SELECT i, ARRAY[lon, lat], ARRAY[lon, lat, 1 + i % 7],
               ARRAY[lon, lat, lon + 5, lat, lon + 5, lat + 4, lon, lat + 4],
               'Circle ICRS ' || lon || ' ' || lat || ' 3'
        FROM (SELECT i, (i * 37 % 360)::float8 AS lon, (i * 17 % 150 - 75)::float8 AS lat
              FROM generate_series(1, 300) i) s
        """
    )
    connection.execute(
        """
        INSERT INTO sky.spheres
        SELECT id, spoint(radians(place[1]), radians(place[2])),
               scircle(spoint(radians(spot[1]), radians(spot[2])), radians(spot[3])),
               udf.sphere_spelling(outline)::spoly, s_region
        FROM sky.arrays
        """
    )
    connection.execute("CREATE INDEX ON sky.spheres USING gist (place)")
    connection.execute("CREATE INDEX ON sky.spheres USING gist (outline)")


def rows(connection: Connection, query: str) -> list[tuple[object, ...]]:
    result = translate(query, CATALOG, features=FEATURES)
    with connection.cursor() as cursor:
        cursor.execute(result.statement, result.params)
        assert type_names(cursor) == [column.pg_type for column in result.columns]
        return cursor.fetchall()


@pytest.mark.parametrize(
    "condition",
    [
        "1 = CONTAINS(place, CIRCLE(100, 10, 20))",
        "1 = CONTAINS(POINT(185, 11), spot)",
        "1 = CONTAINS(POINT(187, 12), outline)",
        "1 = CONTAINS(place, POLYGON(10, 10, 60, 10, 60, 50, 10, 50))",
        "1 = CONTAINS(place, BOX(180, 0, 100, 40))",
        "1 = CONTAINS(place, outline)",
        "1 = CONTAINS(spot, CIRCLE(100, 10, 40))",
        "1 = CONTAINS(spot, POLYGON(10, 10, 60, 10, 60, 50, 10, 50))",
        "1 = CONTAINS(outline, CIRCLE(100, 10, 40))",
        "1 = CONTAINS(outline, POLYGON(10, 10, 80, 10, 80, 50, 10, 50))",
        "0 = CONTAINS(spot, place)",
        "0 = CONTAINS(place, CIRCLE(100, 10, 20))",
        "1 = INTERSECTS(spot, CIRCLE(100, 10, 5))",
        "1 = INTERSECTS(outline, CIRCLE(187, 12, 5))",
        "1 = INTERSECTS(spot, POLYGON(10, 10, 60, 10, 60, 50, 10, 50))",
        "1 = INTERSECTS(outline, POLYGON(12, 10, 60, 10, 60, 50, 10, 50))",
        "1 = INTERSECTS(outline, spot)",
        "1 = INTERSECTS(place, CIRCLE(100, 10, 20))",
        "1 = INTERSECTS(outline, POINT(187, 12))",
        "1 = CONTAINS(place, s_region)",
        "1 = INTERSECTS(s_region, outline)",
        "DISTANCE(place, POINT(100, 10)) < 20",
        "DISTANCE(CENTROID(spot), place) < 0.001",
        "AREA(outline) > 15",
        "COORD1(place) > 100.5 AND COORD2(place) < -10.5",
    ],
)
def test_both_tables_give_the_same_rows(condition: str, sky: Connection) -> None:
    found = [rows(sky, f"SELECT id FROM sky.{table} WHERE {condition} ORDER BY id") for table in ("arrays", "spheres")]
    assert found[0] == found[1]
    assert found[0]


def test_geometries_leave_as_arrays_of_degrees(sky: Connection) -> None:
    ((place, spot, outline),) = rows(sky, "SELECT place, spot, outline FROM sky.spheres WHERE id = 5")
    assert place == pytest.approx([185, 10])
    assert spot == pytest.approx([185, 10, 6])
    assert outline == pytest.approx([185, 10, 190, 10, 190, 14, 185, 14])


@pytest.mark.parametrize(
    "query",
    [
        "SELECT DISTINCT outline FROM sky.spheres",
        "SELECT place FROM sky.spheres UNION SELECT place FROM sky.arrays",
        "SELECT COUNT(DISTINCT place) FROM sky.spheres",
        "SELECT COALESCE(place, POINT(1, 2)) FROM sky.spheres",
        "SELECT CENTROID(outline), AREA(spot), COORD1(place) FROM sky.spheres",
        "SELECT q.o FROM (SELECT outline AS o FROM sky.spheres) AS q WHERE 1 = CONTAINS(POINT(1, 2), q.o)",
    ],
)
def test_the_database_takes_the_statement(query: str, sky: Connection) -> None:
    rows(sky, query)


def test_the_index_of_the_column_serves(sky: Connection) -> None:
    result = translate(
        "SELECT id FROM sky.spheres WHERE 1 = CONTAINS(place, CIRCLE('ICRS', 100, 10, 1))", CATALOG, features=FEATURES
    )
    with sky.transaction():
        sky.execute("SET LOCAL enable_seqscan = off")
        plan = sky.execute("EXPLAIN " + result.statement.as_string(sky), result.params).fetchall()
    assert "spheres_place_idx" in "\n".join(str(line[0]) for line in plan)
