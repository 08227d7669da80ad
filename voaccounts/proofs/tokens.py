"""Tokens: random, told once, kept as a digest."""

from __future__ import annotations

import hashlib
import secrets

from voaccounts.model import Kind

__all__ = ["digest_of", "is_token", "new_token"]

#: so that a token is known for one wherever it turns up
_PREFIXES = {Kind.APPLICATION: "ept_", Kind.SESSION: "eps_"}
_LONGEST = 100


def new_token(kind: Kind) -> str:
    """A token that nobody can guess: 256 random bits."""
    return f"{_PREFIXES[kind]}{secrets.token_urlsafe(32)}"


def is_token(text: str) -> bool:
    """Whether it looks like one of ours; no password is taken for one by accident."""
    return text.startswith(tuple(_PREFIXES.values())) and len(text) <= _LONGEST


def digest_of(token: str) -> str:
    """What is stored. It needs neither salt nor work: there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
