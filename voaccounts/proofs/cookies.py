"""Cookies of sessions: a token with our signature, so that what was made up is refused without asking the database."""

from __future__ import annotations

import hashlib

import itsdangerous

__all__ = ["signed", "token_in"]

_PURPOSE = "session"


def signed(key: bytes, token: str) -> str:
    """What the cookie holds."""
    return _signer(key).sign(token.encode()).decode("ascii")


def token_in(key: bytes, cookie: str) -> str | None:
    """The token in a cookie; None for what this installation has not signed."""
    try:
        return _signer(key).unsign(cookie.encode("utf-8", "replace")).decode("ascii")
    except (itsdangerous.BadSignature, UnicodeDecodeError):
        return None


def _signer(key: bytes) -> itsdangerous.Signer:
    return itsdangerous.Signer(key, salt=_PURPOSE, key_derivation="hmac", digest_method=hashlib.sha256)
