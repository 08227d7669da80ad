"""The frame of the pages of this installation."""

from __future__ import annotations

from pathlib import Path

from epntap.pages import Pages, Site
from epntap.pages.render import LAYOUT_ASSETS
from epntap.pages.site import site_prefix
from epntap.settings import Settings
from voweb.navigation import NAVIGATION

__all__ = ["pages_of"]

#: what pages of this room load; what a build of scripts leaves here has its names with it
_ASSETS = Path(__file__).parent / "static"


def pages_of(settings: Settings) -> Pages:
    """What makes pages, for these settings."""
    site = Site(navigation=NAVIGATION, prefix=site_prefix(settings.addresses))
    return Pages(site, (LAYOUT_ASSETS, _ASSETS))
