"""Passwords: Argon2, at most two at once, and what was right a moment ago is not computed again."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from epntap.answer.admission import Slots
from epntap.errors import ParameterError, UnavailableError

__all__ = ["Passwords", "checked_password", "hashed"]

#: RFC 9106 §4 (its second choice) with one lane: about a tenth of a second of one core
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=65_536, parallelism=1)
#: of a password that nobody knows, made with the same parameters: who is not there takes as long as who is
_NOBODY = "$argon2id$v=19$m=65536,t=2,p=1$1KAIxWvOMJX+rzz6tObPBg$4XJLAWAocSXEVQoc4S2IFKhg9cpq779Ftj+HPC5EfaU"
_SHORTEST, _LONGEST = 10, 1_000
#: seconds for which a password that was right is remembered
_REMEMBERED_S = 300
_MOST_REMEMBERED = 10_000
_AT_ONCE = 2
_BUSY_S = 2


def checked_password(password: str, name: str = "") -> str:
    """A password that somebody chooses. Raises ParameterError, without repeating it."""
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise ParameterError(f"A password has {_SHORTEST} to {_LONGEST} characters, but this one has {len(password)}.")
    if name and password.lower() == name.lower():
        raise ParameterError("The password is the name of the account; please choose another.")
    return password


def hashed(password: str) -> str:
    """What is stored of a password."""
    return _HASHER.hash(password)


class Passwords:
    """Tells whether passwords are right; one a process."""

    def __init__(self, places: Slots, clock: Callable[[], float] = time.monotonic) -> None:
        #: for whoever computes or waits for it
        self._places = places
        self._computing = threading.BoundedSemaphore(_AT_ONCE)
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        #: keyed digest of a name, its password and what was stored of it → when it is forgotten
        self._known: OrderedDict[bytes, float] = OrderedDict()

    def is_known(self, name: str, password: str, stored: str | None) -> bool:
        """Whether it was right less than five minutes ago, for what is stored now: any change makes it unknown."""
        if stored is None:
            return False
        digest = self._digest(name, password, stored)
        with self._lock:
            until = self._known.get(digest)
            if until is not None and until < self._clock():
                del self._known[digest]
                until = None
        return until is not None

    def is_right(self, name: str, password: str, stored: str | None) -> bool:
        """Compute whether it is right; as long for nobody (None). Raises UnavailableError when too many are asked."""
        if not self._places.acquire():
            raise UnavailableError("Too many are signing in at the moment; please try again in a few seconds.", _BUSY_S)
        try:
            with self._computing:
                right = _verified(_NOBODY if stored is None else stored, password)
        finally:
            self._places.release()
        if not right or stored is None:
            return False
        digest = self._digest(name, password, stored)
        with self._lock:
            self._known[digest] = self._clock() + _REMEMBERED_S
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return True

    def _digest(self, name: str, password: str, stored: str) -> bytes:
        said = b"\0".join(text.encode("utf-8", "surrogatepass") for text in (name, stored, password))
        return hmac.new(self._key, said, hashlib.sha256).digest()


def _verified(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
