"""One Chromium and one server for the tests of a module."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from epntap.db.pool import Database, Role, connect
from eventtables.store.tables import save_table
from tests.support.chromium import WITHIN_MS, missing
from tests.support.events import catalogue
from tests.support.help_site import built_site
from tests.support.server import Server, serve


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("EPNTAP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("no Chromium on this machine")
    expect.set_options(timeout=WITHIN_MS)
    with sync_playwright() as playwright:
        # in a container there is no sandbox to be had, and nothing but our own pages is opened
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(chromium: Browser, own_demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    assert chromium.is_connected()  # a server is started only where somebody will look at it
    built_site()
    with connect(own_demo_database, Role.OWNER, autocommit=True) as owner:
        save_table(owner, "hostile", catalogue())
    with serve(own_demo_database, tmp_path_factory.mktemp("browser"), job_workers="1") as server:
        yield server
