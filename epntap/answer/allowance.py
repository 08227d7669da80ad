"""How much somebody may have, and what has been had: the seam to whoever counts it. No I/O here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from epntap.access import ANONYMOUS, Caller

__all__ = ["Allowance", "Asker", "Had"]


@dataclass(frozen=True, slots=True)
class Asker:
    """By whom something is counted: somebody, or else the address that asks."""

    caller: Caller = ANONYMOUS
    client: str = ""


@dataclass(frozen=True, slots=True)
class Had:
    """What an answer was when it had been sent, as far as it was."""

    size_bytes: int
    rows: int = 0
    #: services and datasets whose data it had
    datasets: tuple[tuple[str, str], ...] = ()


class Allowance(Protocol):
    """Counts what is had."""

    def check(self, asker: Asker) -> None:
        """Raises TooOftenError, which says when to come back, for somebody who has had enough."""
        ...

    def spend(self, asker: Asker, had: Had) -> None:
        """Somebody has had this. Never fails."""
        ...
