"""UCD1+ strings: are they valid, and how are they spelled. Uses the IVOA word list that astropy carries."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["canonical_ucd", "is_valid_ucd"]


@lru_cache(maxsize=4096)
def canonical_ucd(ucd: str) -> str | None:
    """The UCD in the spelling of the word list and without blanks, or None if it is not a valid UCD1+.

    Valid means: every word is in the list, the first may be primary, the others secondary (UCD1+ §2).
    """
    from astropy.io.votable.ucd import parse_ucd  # noqa: PLC0415  # half a second that only ingestion pays

    bare = ";".join(word.strip() for word in ucd.split(";"))
    try:
        words = parse_ucd(bare, check_controlled_vocabulary=True)
    except ValueError:
        return None
    return ";".join(word for _, word in words)


def is_valid_ucd(ucd: str) -> bool:
    """Whether this is one valid UCD1+ exactly as spelled."""
    return canonical_ucd(ucd) == ucd
