"""Versions in file names: which files are editions of one product, and which of them is the newest. No I/O here."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Edition", "edition_of", "without_dates"]

# _v07, _V02, _v3.3.0, _V110503, and a revision after it as in _v02_r01
_VERSION = re.compile(r"_v([0-9]+(?:[._][0-9]+)*)(?:_r([0-9]+(?:\.[0-9]+)*))?$", re.IGNORECASE)

# _20230102, _2023-10-24T03, _20010226_051830_20010226_051836, _2011010617
_DATES = re.compile(r"(?:[_-]+(?:[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?|[0-9]{6,14})(?:T[0-9:]*)?)+$")


@dataclass(frozen=True, slots=True)
class Edition:
    """What a file name says: the product, and which version of it."""

    #: the name without suffix and version
    product: str
    #: as written, "" if there is none
    version: str
    #: rises with the version; no version comes first
    rank: tuple[tuple[int, ...], ...]


def edition_of(stem: str) -> Edition:
    """Split the name of a file (without its suffix) into product and version."""
    found = _VERSION.search(stem)
    if found is None:
        return Edition(stem, "", ())
    rank = tuple(_numbers(part) for part in found.groups() if part is not None)
    return Edition(stem[: found.start()], stem[found.start() + 1 :], rank)


def without_dates(product: str) -> str:
    """The product without the dates and times at its end, so that the files of a series have one name."""
    return _DATES.sub("", product) or product


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.split(r"[._]", text))
