"""Text as epn_core columns may hold it (EPN-TAP 2.0 §1.2). No I/O here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["clean_granule_uid", "clean_text", "fold_to_ascii", "has_only_clean_text", "hash_list"]

#: characters that decomposition does not bring to ASCII but that have an accepted spelling
_SPELLINGS = str.maketrans(
    {
        "\u2299": "O",  # circled dot of the Sun, as in the name of the ISOIS suite
        "\u03bc": "u",
        "\u00b5": "u",
        "\u00df": "ss",
        "\u00e6": "ae",
        "\u0153": "oe",
        "\u00f8": "o",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u00d7": "x",
    }
)

_SPECIAL = re.compile(r"[^A-Za-z0-9 _\-+.,:;/()\[\]=@]")
_SPECIAL_IN_UID = re.compile(r"[^A-Za-z0-9._+-]")
_BLANKS = re.compile(r"\s+")


def fold_to_ascii(text: str) -> str:
    """The text without accents and with usual ASCII spellings; what is left over becomes `_`."""
    folded = unicodedata.normalize("NFKD", text.translate(_SPELLINGS)).translate(_SPELLINGS)
    return "".join(
        character if character.isascii() else "_" for character in folded if not unicodedata.combining(character)
    )


def clean_text(text: str | None) -> str | None:
    """A value for a text column, or None if nothing is left.

    Blanks at the ends are dropped and runs of blanks become one; quotes, `#` and other special characters
    become `_`, so the result may also stand in a hash list.
    """
    if text is None:
        return None
    folded = _BLANKS.sub(" ", fold_to_ascii(text)).strip()
    return _SPECIAL.sub("_", folded) or None


def has_only_clean_text(text: str) -> bool:
    """Whether a value could have come from clean_text, each item of a hash list taken by itself."""
    return all(item and clean_text(item) == item for item in text.split("#"))


def hash_list(items: Iterable[str | None]) -> str | None:
    """The cleaned items joined by `#` in order of first appearance, or None if there are none."""
    cleaned = (clean_text(item) for item in items)
    return "#".join(dict.fromkeys(item for item in cleaned if item)) or None


def clean_granule_uid(text: str) -> str:
    """A granule_uid that may stand in a hash list and in a path of a URL: what may not is replaced by `_`."""
    return _SPECIAL_IN_UID.sub("_", fold_to_ascii(text.strip()))
