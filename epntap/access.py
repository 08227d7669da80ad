"""Who asks, and what they may have: the one place where rights are compared. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

__all__ = [
    "ANONYMOUS",
    "NEVER",
    "OPEN",
    "Caller",
    "Credentials",
    "Rights",
    "Scope",
    "SigningIn",
    "may",
    "may_now",
    "may_see",
    "may_see_now",
    "rights_of",
]

#: what SPASE calls data that everybody may have (AccessRights)
OPEN = "Open"
#: the date of release of what does not open by itself, a DALI timestamp
NEVER = "9999-12-31T23:59:59"


class Scope(StrEnum):
    """What a credential is good for."""

    #: to see what its owner may see
    READ = "read"
    #: to bring tables along
    UPLOAD = "upload"
    #: to make jobs
    RUN = "run"
    #: to change groups, tokens and passwords: never by an application's token
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    #: empty for somebody who has not said who they are; letters, digits and ._@+- otherwise
    name: str = ""
    #: those whose membership has not lapsed; letters, digits and ._-
    groups: frozenset[str] = frozenset()
    #: what the credential is good for; nobody in particular may do all that is for everybody
    scopes: frozenset[Scope] = frozenset(Scope)

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody in particular asks."""
        return not self.name


#: whoever asks without signing in
ANONYMOUS = Caller()


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings along to say who asks. Nothing of it is ever printed."""

    #: the header of this name
    authorization: str = ""
    #: the cookie of a session
    cookie: str = ""
    #: name and password as parameters, where a protocol has them there
    name_and_password: tuple[str, str] | None = None
    #: the address that asks, by which failures are counted
    client: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"

    def __bool__(self) -> bool:
        return bool(self.authorization or self.cookie or self.name_and_password)


class SigningIn(Protocol):
    """What knows people. Servers see a `Caller` only."""

    def in_use(self) -> bool:
        """Whether there are accounts at all; without any, credentials are ignored. Cheap."""
        ...

    def recognise(self, given: Credentials) -> Caller:
        """Who asks. Raises AuthenticationError for what is wrong, expired or revoked, TooOftenError for guessing."""
        ...

    def key_for(self, purpose: str) -> bytes:
        """The key with which this installation signs for a purpose; the same in all processes."""
        ...

    def named(self, name: str) -> Caller | None:
        """Somebody with the groups of this moment, for what was begun by them earlier; None where they may no more."""
        ...


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may have something, and who may know of it."""

    #: everybody, from the end of the embargo on if there is one
    open: bool = True
    #: with a time zone; until then only the groups may have it
    embargoed_until: datetime | None = None
    #: whoever is in one of these may have it in any case
    groups: frozenset[str] = frozenset()
    #: whoever may not have it may not even know that it is there
    hidden: bool = False


def rights_of(access_rights: str, *embargoes: str | None, groups: Iterable[str] = (), hidden: bool = False) -> Rights:
    """The rights that SPASE's word for them means, all words but Open closing the data, and embargoes, the last of
    which counts: each is a DALI timestamp in UTC, or None.
    """  # noqa: D205  # one sentence
    ends = [datetime.fromisoformat(text.rstrip("Z")).replace(tzinfo=UTC) for text in embargoes if text]
    return Rights(access_rights == OPEN, max(ends, default=None), frozenset(groups), hidden)


def may(caller: Caller, rights: Rights, now: datetime) -> bool:
    """Whether the caller may have it at this instant, which has a time zone."""
    if caller.groups & rights.groups:
        return True
    return rights.open and (rights.embargoed_until is None or now >= rights.embargoed_until)


def may_now(caller: Caller, rights: Rights) -> bool:
    """Whether the caller may have it."""
    return may(caller, rights, datetime.now(UTC))


def may_see(caller: Caller, rights: Rights, now: datetime) -> bool:
    """Whether the caller may know at this instant that it is there."""
    return not rights.hidden or may(caller, rights, now)


def may_see_now(caller: Caller, rights: Rights) -> bool:
    """Whether the caller may know that it is there."""
    return may_see(caller, rights, datetime.now(UTC))
