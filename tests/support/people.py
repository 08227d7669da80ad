"""Accounts for tests."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta

from epntap.access import Scope
from epntap.db.pool import Database, Role, connect
from voaccounts.model import APPLICATION_SCOPES, Kind
from voaccounts.proofs.passwords import hashed
from voaccounts.store.people import add_person
from voaccounts.store.teams import add_team, all_teams, join
from voaccounts.store.tokens import issue

__all__ = ["PASSWORD", "add", "basic", "bearer", "token_for"]

PASSWORD = "correct horse battery"
_STORED: list[str] = []


def add(
    database: Database,
    name: str,
    *teams: str,
    lead: bool = False,
    expires: datetime | None = None,
    password: bool = True,
) -> None:
    """An account with this password, in these groups, which are made when they are not there."""
    if not _STORED:
        _STORED.append(hashed(PASSWORD))
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        add_person(connection, name, password=_STORED[0] if password else None)
        known = {one.name for one in all_teams(connection)}
        for team in teams:
            if team not in known:
                add_team(connection, team)
            join(connection, name, team, lead=lead, expires=expires)


def token_for(
    database: Database, name: str, *, scopes: Iterable[Scope] = APPLICATION_SCOPES, lifetime: timedelta | None = None
) -> str:
    """A token of a program."""
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        return issue(connection, name, Kind.APPLICATION, scopes, lifetime=lifetime)


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    """The header that says so."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """The header that says so."""
    return {"Authorization": f"Bearer {token}"}
