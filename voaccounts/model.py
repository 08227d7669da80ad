"""What accounts are. Plain data, no I/O here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from epntap.access import Scope
from epntap.errors import ParameterError

__all__ = [
    "APPLICATION_SCOPES",
    "Application",
    "Entry",
    "Kind",
    "Membership",
    "Person",
    "SignInFacts",
    "Team",
    "Token",
    "checked_person",
    "checked_team",
    "checked_text",
]

#: what the token of a program may be good for
APPLICATION_SCOPES = frozenset({Scope.READ, Scope.UPLOAD, Scope.RUN})

#: as the tables check it: what goes into headers, logs and settings of sessions needs no quoting anywhere
_PERSON = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,62}")
_TEAM = re.compile(r"[a-z][a-z0-9._-]{0,62}")
_LONGEST_TEXT = 200
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Kind(StrEnum):
    """What a token is of."""

    APPLICATION = "application"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    name: str
    full_name: str
    email: str
    affiliation: str
    made: datetime
    #: None while they may sign in
    disabled: datetime | None
    has_password: bool


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """What decides whether somebody may sign in with a password."""

    name: str
    #: as it is stored; None where they have none
    password: str | None
    is_disabled: bool
    groups: frozenset[str]

    def __repr__(self) -> str:
        return f"SignInFacts({self.name})"


@dataclass(frozen=True, slots=True)
class Team:
    """A group."""

    name: str
    title: str
    takes_applications: bool
    members: int


@dataclass(frozen=True, slots=True)
class Membership:
    """Somebody in a group."""

    person: str
    team: str
    is_lead: bool
    since: datetime
    #: None for one that is ended by somebody only
    expires: datetime | None
    #: whether it holds now
    holds: bool
    full_name: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """Somebody who asks to become a member."""

    person: str
    team: str
    said: str
    asked: datetime
    full_name: str = ""
    email: str = ""
    affiliation: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without the token."""

    number: int
    person: str
    kind: Kind
    label: str
    scopes: frozenset[Scope]
    made: datetime
    expires: datetime | None
    revoked: datetime | None
    #: whether it is good now
    holds: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the audit log."""

    at: datetime
    what: str
    person: str = ""
    team: str = ""
    #: empty: the operator
    by: str = ""
    client: str = ""


def checked_person(text: str) -> str:
    """The name of an account, in small letters. Raises ParameterError."""
    name = text.strip().lower()
    if not _PERSON.fullmatch(name):
        raise ParameterError(
            "The name of an account has 1 to 63 letters, digits or ._@+- and begins with a letter or digit, "
            f"but is {text[:80]!r}."
        )
    return name


def checked_team(text: str) -> str:
    """The name of a group, in small letters. Raises ParameterError."""
    name = text.strip().lower()
    if not _TEAM.fullmatch(name):
        raise ParameterError(
            f"The name of a group has 1 to 63 letters, digits or ._- and begins with a letter, but is {text[:80]!r}."
        )
    return name


def checked_text(what: str, text: str, *, longest: int = _LONGEST_TEXT) -> str:
    """A text of a person's own on one line. Raises ParameterError for one that is too long."""
    line = _CONTROLS.sub(" ", text).strip()
    if len(line) > longest:
        raise ParameterError(f"{what} may have {longest} characters, but has {len(line)}.")
    return line
