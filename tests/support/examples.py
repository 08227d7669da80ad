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
        # its name can be asked for in newer versions only
        loaded, wanted = hypothesis.settings.default, hypothesis.settings.get_profile(THOROUGH)
        thorough = loaded is not None and loaded.max_examples == wanted.max_examples
    return most if thorough else max(1, most // _PART)
