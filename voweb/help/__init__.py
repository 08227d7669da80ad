"""The help at /help: the pages of docs/ as a site, built before and served as files."""

from __future__ import annotations

from voweb.help.routes import routes

__all__ = ["routes"]
