"""Hints in messages: the name that was perhaps meant, and the place that is shown of a long text."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["MARGIN", "did_you_mean", "shortened"]


# Characters of a source line shown on each side of a mistake: a generated query may be one line of a megabyte.
MARGIN = 60


def shortened(text: str) -> str:
    """As much of a user's text as a message repeats."""
    return text if len(text) <= 40 else text[:37] + "…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` with the likeliest of the known words, or nothing."""
    by_folded = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), by_folded, n=1)
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""
