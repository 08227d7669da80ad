"""Fixtures that every test may use: a real PostgreSQL, a database of one's own, the shared material."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import psycopg
import pytest

from epntap.addresses import REACHED_AT
from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database
from epntap.db.server import open_database
from epntap.settings import Settings
from ingest.progress import Silent
from tests.support.databases import (
    clone_database,
    create_database,
    drop_database,
    forget_on_power_failure,
    name_of,
    named_database,
)
from tests.support.examples import THOROUGH, examples
from tests.support.memory import peak_memory_bytes
from tests.support.places import shared_directory
from tests.support.run import Run
from tests.support.server import Server, serve
from voserver.operating.demo import prepare_demo

TEMPLATE = "epntap_template"
LONG_MODULES = {"test_commands", "test_ingest_incremental", "test_ingest_row_changes", "test_soda_async"}
#: of one process with all the tests that it runs
MOST_MEMORY_BYTES = 1_500_000_000
_told: list[int] = []
ROLES_LOCK = 7240532


# how long an example takes depends on who else uses the machine; `make accept` tries as many as the tests name
hypothesis.settings.register_profile("epntap", deadline=None, max_examples=examples(100, thorough=False))
hypothesis.settings.register_profile(THOROUGH, deadline=None)
hypothesis.settings.load_profile("epntap")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # what waits longest begins first, so that no worker is left with it at the end
    items.sort(key=lambda item: (item.path.stem not in LONG_MODULES, "unit" in item.path.parts))
    if shared_directory().is_dir():
        return
    skip = pytest.mark.skip(reason="shared test material not found; set EPNTAP_SHARED")
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """The first test after which this process has taken too much memory fails."""
    yield
    if (taken := peak_memory_bytes()) > MOST_MEMORY_BYTES and not _told:
        _told.append(taken)
        raise AssertionError(f"this process has taken {taken / 1e9:.1f} GB; tests stay below 1.5 GB a process")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the shared test material (mark the test `shared`)."""
    return shared_directory()


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What this process shares with the other processes of the run."""
    folder = tmp_path_factory.getbasetemp()
    return Run(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


@pytest.fixture(scope="session")
def postgres_server(run: Run) -> Iterator[Database]:
    """A running server: embedded in a scratch folder, or the one that EPNTAP_TEST_DATABASE_URL names."""
    # a short path: names of sockets are limited
    home = Path(run.once("home", lambda: tempfile.mkdtemp(prefix="epntap-", dir="/tmp")))
    settings = Settings(home=home, database_url=os.environ.get("EPNTAP_TEST_DATABASE_URL", ""))
    with ExitStack() as stack:
        with run.alone():
            database = stack.enter_context(open_database(settings, create=True))
            if database.embedded:
                forget_on_power_failure(database)
        yield database
        with run.leaving() as is_last:
            for key in ("template", "samples") if is_last else ():
                if name := run.made(key):
                    drop_database(database, named_database(database, name))
            stack.close()
            if is_last:
                shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(run: Run, postgres_server: Database) -> str:
    """Name of a database with our SQL applied and nothing ingested; tests clone it."""

    def make() -> str:
        database = create_database(postgres_server, f"{TEMPLATE}_{uuid.uuid4().hex[:8]}")
        with psycopg.connect(postgres_server.url) as guard:  # roles belong to the server, which other runs may use
            guard.execute("SELECT pg_advisory_xact_lock(%s)", (ROLES_LOCK,))
            apply_migrations(database)
        return name_of(database)

    return run.once("template", make)


@pytest.fixture
def database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """A database of the test's own with our SQL applied."""
    own = clone_database(postgres_server, "test", template_database)
    yield own
    drop_database(postgres_server, own)


@pytest.fixture(scope="session")
def demo_template(
    run: Run, postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Name of a database that publishes the synthetic samples. Nobody is connected to it, so tests can clone it."""

    def make() -> str:
        database = clone_database(postgres_server, "samples", template_database)
        prepare_demo(Settings(home=tmp_path_factory.mktemp("demo")), database, lambda _text: None, Silent())
        return name_of(database)

    return run.once("samples", make)


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
    with serve(demo_database, tmp_path_factory.mktemp("serve"), job_workers="1") as server:
        yield server


@pytest.fixture
def database_url(database: Database) -> str:
    """Address of the test's own database, for a connection that may do everything."""
    return database.url


@pytest.fixture(autouse=True)
def _nobody_has_reached_us() -> Iterator[None]:
    """A request that a test makes in its own process leaves no address to the next test."""
    yield
    REACHED_AT.set("")
