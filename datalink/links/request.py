"""What is asked of {links}."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from epntap.access import ANONYMOUS, Caller

__all__ = ["LinksRequest"]


@dataclass(frozen=True, slots=True)
class LinksRequest:
    """What is asked for."""

    #: as they were sent, each once
    identifiers: Sequence[str]
    schema: str | None = None
    #: not all identifiers that were sent are here
    is_cut: bool = False
    #: rows; an identifier is never cut in two
    maxrec: int | None = None
    #: who asks
    caller: Caller = ANONYMOUS
    #: (name, value) of what a person had filled into a form before
    filled: Sequence[tuple[str, str]] = ()
