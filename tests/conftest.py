"""Fixtures that every test may use: a real PostgreSQL, a database of one's own, the shared material."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import InsufficientPrivilege

from epntap.db.migrate import apply_migrations, grant_database
from epntap.db.pool import Database, Role, connect
from epntap.db.server import open_database
from epntap.settings import Settings
from ingest.progress import Silent
from tests.support.server import Server, serve
from voserver.demo import prepare_demo

ROOT = Path(__file__).parent.parent
TEMPLATE = "epntap_template"


def shared_directory() -> Path:
    """Folder of the shared test material; it may be missing."""
    return Path(os.environ.get("EPNTAP_SHARED", str(ROOT.parent / "shared"))).resolve()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shared_directory().is_dir():
        return
    skip = pytest.mark.skip(reason="shared test material not found; set EPNTAP_SHARED")
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the shared test material (mark the test `shared`)."""
    return shared_directory()


def _named(database: Database, name: str) -> Database:
    if database.embedded:
        host = conninfo_to_dict(database.url)["host"]
        return Database(f"postgresql://postgres:@/{name}?host={host}", embedded=True)
    scheme, rest = database.url.split("://", 1)
    address, _, query = rest.partition("?")
    base = address.rsplit("/", 1)[0]
    return Database(f"{scheme}://{base}/{name}" + (f"?{query}" if query else ""))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Database]:
    """A running server: embedded in a scratch folder, or the one that EPNTAP_TEST_DATABASE_URL names."""
    home = Path(tempfile.mkdtemp(prefix="epntap-", dir="/tmp"))  # a short path: socket names are limited
    settings = Settings(home=home, database_url=os.environ.get("EPNTAP_TEST_DATABASE_URL", ""))
    try:
        with open_database(settings, create=True) as database:
            yield database
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _create(server: Database, name: str, template: str = "template0") -> Database:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return _named(server, name)


def clone_database(server: Database, prefix: str, template: str) -> Database:
    """A new database like the template; drop it when done."""
    clone = _create(server, f"{prefix}_{uuid.uuid4().hex[:12]}", template)
    with connect(clone, Role.ADMIN, autocommit=True) as connection:
        grant_database(connection)
    return clone


def drop_database(server: Database, database: Database) -> None:
    """Remove a database whoever may be connected."""
    _drop(server, name_of(database))


def name_of(database: Database) -> str:
    """What the server calls it."""
    with psycopg.connect(database.url) as connection:
        return connection.info.dbname


def _drop(server: Database, name: str) -> None:
    drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    with psycopg.connect(server.url, autocommit=True) as connection:
        try:
            connection.execute(drop + sql.SQL(" WITH (FORCE)"))
        except InsufficientPrivilege:
            # a login that is no superuser may not end an autovacuum worker; without FORCE the server does it
            connection.execute(drop)


@pytest.fixture(scope="session")
def template_database(postgres_server: Database) -> Iterator[str]:
    """Name of a database with our SQL applied and nothing ingested; tests clone it."""
    name = f"{TEMPLATE}_{uuid.uuid4().hex[:8]}"
    apply_migrations(_create(postgres_server, name))
    yield name
    _drop(postgres_server, name)


@pytest.fixture
def database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """A database of the test's own with our SQL applied."""
    own = clone_database(postgres_server, "test", template_database)
    yield own
    drop_database(postgres_server, own)


@pytest.fixture(scope="session")
def demo_template(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Name of a database that publishes the synthetic samples. Nobody is connected to it, so tests can clone it."""
    database = clone_database(postgres_server, "samples", template_database)
    home = tmp_path_factory.mktemp("demo")
    prepare_demo(Settings(home=home), database, lambda _text: None, Silent())
    yield name_of(database)
    drop_database(postgres_server, database)


@pytest.fixture(scope="session")
def demo_database(postgres_server: Database, demo_template: str) -> Iterator[Database]:
    """A database that publishes the synthetic samples, served to all tests. Read it; do not change it."""
    database = clone_database(postgres_server, "demo", demo_template)
    yield database
    drop_database(postgres_server, database)


@pytest.fixture(scope="module")
def own_demo_database(postgres_server: Database, demo_template: str) -> Iterator[Database]:
    """The same for the tests of one module: no worker of another server takes its jobs."""
    database = clone_database(postgres_server, "own", demo_template)
    yield database
    drop_database(postgres_server, database)


@pytest.fixture(scope="session")
def served(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A web server that serves the sample archive."""
    with serve(demo_database, tmp_path_factory.mktemp("serve")) as server:
        yield server


@pytest.fixture
def database_url(database: Database) -> str:
    """Address of the test's own database, for a connection that may do everything."""
    return database.url
