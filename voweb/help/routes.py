"""The routes of the help."""

from __future__ import annotations

from pathlib import Path

from epntap.http.wing import Wing
from epntap.pages import Pages
from voweb.help.views import FIRST, help_blueprint

__all__ = ["BUILT", "is_built", "routes"]

#: where docs/_site/build_site.py puts it, within the wheel too
BUILT = Path(__file__).parent / "site"


def is_built(site: Path = BUILT) -> bool:
    """Whether there is a site."""
    return (site / FIRST).is_file()


def routes(pages: Pages, site: Path = BUILT) -> Wing:
    """The files of a built site at /help."""
    return Wing(name="help", blueprints=(help_blueprint(pages, site),))
