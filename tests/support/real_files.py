"""Real CDF files of missions, among the shared test material; none where it is missing."""

from __future__ import annotations

from tests.support.places import SHARED

__all__ = ["REAL"]

REAL = sorted(path for folder in ("mission", "preflight") for path in (SHARED / "data" / "cdf" / folder).glob("*.cdf"))
