"""How many examples a test of properties tries: a part of them in each run, all in `make accept`."""

from __future__ import annotations

import hypothesis

__all__ = ["THOROUGH", "examples"]

#: profile of hypothesis (`--hypothesis-profile`)
THOROUGH = "thorough"
_PART = 4


def examples(most: int, *, thorough: bool | None = None) -> int:
    """The number for this run, of those that are worth trying."""
    if thorough is None:
        thorough = hypothesis.settings.get_current_profile_name() == THOROUGH
    return most if thorough else max(1, most // _PART)
