"""A window of a real browser on a server of ours, and what is wrong with the page that it shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response

from tests.support.places import ROOT
from tests.support.server import Server

__all__ = ["DESK", "PHONE", "WITHIN_MS", "Look", "check", "looking", "missing", "serious", "settled"]

AXE = ROOT / "islands" / "node_modules" / "axe-core" / "axe.min.js"
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
WITHIN_MS = 15_000


def missing(what: str) -> NoReturn:
    if os.environ.get("BROWSER_TESTS") == "required":
        pytest.fail(what)
    pytest.skip(what)


@dataclass
class Look:
    """A page in a window, and what happened in it."""

    page: Page
    base: str
    #: of the console, and exceptions
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Response:
        answer = self.page.goto(self.base + path)
        assert answer is not None
        return answer

    def write(self, query: str) -> None:
        editor = self.page.get_by_label("ADQL")
        if self.page.locator(".editor").count():
            # Chromium writes styles into what it replaces, which the policy forbids; so there is nothing to replace
            editor.press("ControlOrMeta+A")
            editor.press("Delete")
        editor.fill(query)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()


@contextmanager
def looking(
    browser: Browser, server: Server, size: dict[str, int] = DESK, *, scripts: bool = True, dark: bool = False
) -> Iterator[Look]:
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
        accept_downloads=True,
    )
    context.set_default_timeout(WITHIN_MS)
    page = context.new_page()
    look = Look(page, server.base)

    def said(message: ConsoleMessage) -> None:
        # a page of an error has the status of the error, which the console repeats
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            look.complaints.append(f"{message.text} ({message.location})")

    page.on("console", said)
    page.on("pageerror", lambda error: look.complaints.append(str(error)))
    page.on("dialog", lambda dialog: look.complaints.append(f"dialog: {dialog.message}"))
    try:
        yield look
    finally:
        context.close()


def settled(look: Look) -> None:
    look.page.wait_for_load_state("networkidle")


def check(look: Look) -> None:
    """Everybody can read the page, and nothing of it is out of the window."""
    width = look.page.viewport_size["width"] if look.page.viewport_size else 0
    assert serious(look) == [], f"at {width} pixels"
    assert look.page.evaluate("document.documentElement.scrollWidth") <= width


def serious(look: Look) -> list[str]:
    """What axe finds that keeps people out."""
    if not AXE.exists():
        missing("axe-core is not installed; run `npm ci` in islands")
    if look.page.evaluate("typeof axe") == "undefined":
        look.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = look.page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]
