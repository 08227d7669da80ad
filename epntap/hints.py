"""Hints in messages: the name that was perhaps meant, and the place that is shown of a long text."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["MARGIN", "did_you_mean", "nearest", "one_line", "shortened"]


# Characters of a source line shown on each side of a mistake: a generated query may be one line of a megabyte.
MARGIN = 60
# what is longer is no name that was misspelt, and comparing it takes time
_LONGEST_WORD = 256


def shortened(text: str) -> str:
    """As much of a user's text as a message repeats."""
    return text if len(text) <= 40 else text[:37] + "…"


def one_line(text: str) -> str:
    """A text of somebody else on one line, without characters that cannot be seen: terminals obey some of them."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def nearest(word: str, known: Iterable[str], most: int = 1, likeness: float = 0.6) -> list[str]:
    """Those of the known words that are likest to one, best first; case does not matter.

    `likeness` is from 0 to 1 (difflib). There is none for a word of more than 256 characters.
    """
    if len(word) > _LONGEST_WORD:
        return []
    by_folded = {name.lower(): name for name in known}
    return [by_folded[close] for close in get_close_matches(word.lower(), by_folded, n=most, cutoff=likeness)]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` with the likeliest of the known words, or nothing."""
    close = nearest(word, known)
    return f" Did you mean {close[0]!r}?" if close else ""
