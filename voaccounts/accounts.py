"""Who asks: what a request brings along becomes a Caller. No HTTP here."""

from __future__ import annotations

import base64
import binascii
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from epntap.access import ANONYMOUS, Caller, Credentials, Scope
from epntap.connection import Connection
from epntap.errors import AuthenticationError, EpnTapError, ParameterError
from voaccounts.model import Kind, checked_person
from voaccounts.proofs.cookies import signed, token_in
from voaccounts.proofs.passwords import Passwords
from voaccounts.proofs.tokens import is_token
from voaccounts.store.attempts import failed, refuse_guessing, succeeded
from voaccounts.store.audit import note
from voaccounts.store.keys import key_for
from voaccounts.store.people import anybody, sign_in_facts
from voaccounts.store.tokens import caller_with, issue, revoke_token

__all__ = ["Accounts", "Session"]

log = logging.getLogger(__name__)

#: how old the answer to "is there any account" may be, seconds: while there is none, and from then on
_LOOK_AGAIN_S = 2.0
_LOOK_AGAIN_IN_USE_S = 60.0
_LONGEST_HEADER = 8_192
#: names that stand for nobody beside a token that is sent as a password
_NO_NAMES = frozenset({"", "token", "x-token-auth"})
_WRONG = "The name or the password is wrong."


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody has signed in."""

    caller: Caller
    #: for programs, which send it themselves
    token: str = field(repr=False)
    #: for browsers, which send it by themselves
    cookie: str = field(repr=False)
    expires: datetime


class Accounts:
    """Knows people; one a process."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Connection]],
        passwords: Passwords,
        session_lifetime_s: int,
    ) -> None:
        #: lends a connection in the service role, autocommit
        self.connect = connect
        self._passwords = passwords
        self._lifetime = timedelta(seconds=session_lifetime_s)
        self._is_in_use = False
        self._look_at = 0.0
        self._looking = threading.Lock()
        self._keys: dict[str, bytes] = {}

    # -- who asks

    def in_use(self) -> bool:
        """Whether there are accounts at all. Nobody waits for the answer but the first who asks."""
        now = time.monotonic()
        if now < self._look_at or not self._looking.acquire(blocking=False):
            return self._is_in_use
        is_first, self._look_at = not self._look_at, now + _LOOK_AGAIN_S
        if is_first:
            self._look()
        else:
            threading.Thread(target=self._look, name="accounts", daemon=True).start()
        return self._is_in_use

    def _look(self) -> None:
        try:
            with self.connect() as connection:
                self._is_in_use = anybody(connection)
            if self._is_in_use:
                self._look_at = time.monotonic() + _LOOK_AGAIN_IN_USE_S
        except (EpnTapError, psycopg.Error):
            log.info("whether there are accounts is not known at the moment")
        finally:
            self._looking.release()

    def recognise(self, given: Credentials) -> Caller:
        """Who asks. Raises AuthenticationError, or TooOftenError for somebody who guesses."""
        if not given or not (self._is_in_use or self._has_people()):
            return ANONYMOUS
        if given.authorization:
            return self._by_header(given.authorization[:_LONGEST_HEADER], given.client)
        if given.name_and_password is not None:
            return self._by_password(*given.name_and_password, given.client)
        return self._by_cookie(given.cookie)

    def _has_people(self) -> bool:
        # the first account has just been made, perhaps: who brings credentials is not told otherwise by an old answer
        with self.connect() as connection:
            self._is_in_use = anybody(connection)
        return self._is_in_use

    def named(self, name: str) -> Caller | None:
        """Somebody with the groups of this moment; None where there is nobody, or nobody who may sign in."""
        with self.connect() as connection:
            found = sign_in_facts(connection, name)
        return None if found is None or found.is_disabled else Caller(found.name, found.groups)

    def _by_header(self, header: str, client: str) -> Caller:
        scheme, _, rest = header.strip().partition(" ")
        match scheme.lower():
            case "basic":
                return self._by_password(*_basic(rest), client)
            case "bearer":
                return self._by_token(rest.strip())
        raise AuthenticationError(f"Authorization has the scheme {scheme[:20]!r}; expected Basic or Bearer.")

    def _by_token(self, token: str, name: str = "") -> Caller:
        if is_token(token):
            with self.connect() as connection:
                found = caller_with(connection, token)
            if found is not None and name in {*_NO_NAMES, found.name}:
                return found
        raise AuthenticationError("The token is wrong, has expired or was revoked.")

    def _by_cookie(self, cookie: str) -> Caller:
        token = token_in(self._cookie_key(), cookie)
        if token is not None and is_token(token):
            with self.connect() as connection:
                found = caller_with(connection, token)
            if found is not None:
                return found
        raise AuthenticationError("The session has ended; please sign in again.")

    def _by_password(self, name: str, password: str, client: str) -> Caller:
        """One look-up for a token; for a password that was right a moment ago as well."""
        name = name.strip().lower()
        if is_token(password):
            return self._by_token(password, name)
        with self.connect() as connection:
            found = sign_in_facts(connection, name) if _may_be_name(name) else None
            stored = None if found is None or found.is_disabled else found.password
            if found is not None and self._passwords.is_known(name, password, stored):
                return Caller(found.name, found.groups)
            refuse_guessing(connection, name, client)
        is_right = self._passwords.is_right(name, password, stored)  # without a connection: it takes long
        with self.connect() as connection:
            if found is not None and is_right:
                succeeded(connection, name, client)
                return Caller(found.name, found.groups)
            failed(connection, name, client)
            note(connection, "password refused", name if found else "", client=client)
        raise AuthenticationError(_WRONG)

    # -- sessions

    def sign_in(self, name: str, password: str, client: str) -> Session:
        """A new session. Raises AuthenticationError, or TooOftenError for somebody who guesses.

        A token is no password here: a session can do what the token of a program cannot.
        """
        return self.begin_session(self.check_password(name, password, client).name, client)

    def check_password(self, name: str, password: str, client: str) -> Caller:
        """Whose password it is. Raises AuthenticationError, or TooOftenError for somebody who guesses."""
        if is_token(password):
            raise AuthenticationError(_WRONG)
        return self._by_password(name, password, client)

    def begin_session(self, name: str, client: str) -> Session:
        """A new session of somebody who has just proved who they are."""
        caller = self.named(name)
        if caller is None:
            raise AuthenticationError(_WRONG)
        key = self._cookie_key()
        with self.connect() as connection:
            token = issue(connection, caller.name, Kind.SESSION, Scope, lifetime=self._lifetime)
            note(connection, "signed in", caller.name, by=caller.name, client=client)
        return Session(caller, token, signed(key, token), datetime.now(UTC) + self._lifetime)

    def sign_out(self, cookie: str) -> None:
        """End the session of a cookie, if it is one."""
        token = token_in(self._cookie_key(), cookie)
        if token is not None:
            with self.connect() as connection:
                revoke_token(connection, token)

    def _cookie_key(self) -> bytes:
        return self.key_for("cookies")

    def key_for(self, purpose: str) -> bytes:
        """The key with which this installation signs for a purpose; the same in all processes. Asked for once."""
        if purpose not in self._keys:
            with self.connect() as connection:
                self._keys[purpose] = key_for(connection, purpose)
        return self._keys[purpose]


def _basic(text: str) -> tuple[str, str]:
    try:
        said = base64.b64decode(text.strip().encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        said = b""
    name, colon, password = said.decode("utf-8", "replace").partition(":")
    if not colon:
        raise AuthenticationError("Authorization: Basic is followed by name:password in base64, but this is not.")
    return name, password


def _may_be_name(name: str) -> bool:
    try:
        return checked_person(name) == name
    except ParameterError:
        return False
