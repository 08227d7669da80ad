"""What a long run tells its caller while it works."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Is told what is being done."""

    def stage(self, title: str, total: int | None = None) -> None:
        """A new piece of work begins, of `total` steps where that is known."""

    def advance(self, steps: int = 1) -> None:
        """Steps of the current piece are done."""


class Silent:
    """Tells nobody."""

    def stage(self, title: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""
