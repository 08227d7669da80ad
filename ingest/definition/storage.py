"""How the rows of a service are kept. No I/O here."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Storage"]


class Storage(StrEnum):
    """What `[service] storage` says."""

    #: each row whole, in one table
    WIDE = "wide"
    #: what the rows of a dataset share once, beside what each has of its own
    NARROW = "narrow"
