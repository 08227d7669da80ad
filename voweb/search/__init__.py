"""Search for people: by target, quantity, mission and time, with counts for what else may be chosen; no ADQL needed."""

from __future__ import annotations

from voweb.search.routes import routes

__all__ = ["routes"]
