"""How an answer can end before its end."""

from __future__ import annotations

__all__ = ["BrokenStreamError", "ClientGoneError"]


class ClientGoneError(ConnectionAbortedError):
    """The client left before its answer was complete; nobody is there to be told."""


class BrokenStreamError(ConnectionAbortedError):
    """An answer broke in a format that cannot say so: the connection is cut so that the client sees it."""
