"""Fixtures that every test may use: a real PostgreSQL, a database of one's own, the shared material."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database
from epntap.db.server import open_database
from epntap.settings import Settings
from ingest.progress import Silent
from tests.support.databases import clone_database, create_database, drop_database, name_of, named_database
from tests.support.places import shared_directory
from tests.support.server import Server, serve
from voserver.demo import prepare_demo

TEMPLATE = "epntap_template"


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


@pytest.fixture(scope="session")
def template_database(postgres_server: Database) -> Iterator[str]:
    """Name of a database with our SQL applied and nothing ingested; tests clone it."""
    name = f"{TEMPLATE}_{uuid.uuid4().hex[:8]}"
    apply_migrations(create_database(postgres_server, name))
    yield name
    drop_database(postgres_server, named_database(postgres_server, name))


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
