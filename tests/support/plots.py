"""What the plot of a page shows, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.support.chromium import WITHIN_MS

__all__ = ["drawn", "interval", "resolution"]


def drawn(page: Page) -> Locator:
    """The plot, once it has the values of what it shows."""
    page.wait_for_timeout(250)
    plot = page.locator(".series:not([aria-busy]) .canvas")
    plot.wait_for(timeout=4 * WITHIN_MS)
    return plot


def interval(page: Page) -> tuple[str, str]:
    """What the plot shows: its first instant and the one after its last."""
    series = page.locator(".series")
    return str(series.get_attribute("data-start")), str(series.get_attribute("data-stop"))


def resolution(page: Page) -> str | None:
    """Whether bins or records are drawn."""
    return page.locator(".series").get_attribute("data-resolution")
