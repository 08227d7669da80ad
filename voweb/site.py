"""The frame of the pages of this installation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from epntap.addresses import HELP
from epntap.pages import Entry, Pages, Site
from epntap.pages.render import LAYOUT_ASSETS
from epntap.pages.site import site_prefix
from epntap.settings import Settings
from voweb.branding import read_branding
from voweb.help.routes import is_built
from voweb.islands import island
from voweb.navigation import NAVIGATION
from voweb.views import ABOUT, LEGAL

__all__ = ["pages_of"]

#: what pages of this room load; what a build of scripts leaves here has its names with it
_ASSETS = Path(__file__).parent / "static"


def pages_of(settings: Settings, has_accounts: Callable[[], bool] = lambda: False) -> Pages:
    """What makes pages, for these settings. Raises SetupError for a branding that cannot be used."""
    brand = read_branding(settings.branding)
    files = brand.files or {}
    site = Site(
        name=brand.name or Site().name,
        # a clone has none before it is built
        navigation=tuple(entry for entry in NAVIGATION if entry.path != HELP or is_built()),
        footer=tuple(
            Entry(label, path)
            for label, path, text in (("About", ABOUT, brand.about), ("Legal", LEGAL, brand.legal))
            if text
        ),
        tagline=brand.tagline,
        about=brand.about,
        legal=brand.legal,
        contact=brand.contact,
        logo=next((name for name in files if "logo" in name), ""),
        colours=next((name for name in files if name.endswith(".css")), ""),
        sends=island("samp").script,
        prefix=site_prefix(settings.addresses),
    )
    return Pages(site, (LAYOUT_ASSETS, _ASSETS), files, has_accounts)
