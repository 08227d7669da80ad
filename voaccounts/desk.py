"""What people may do with accounts themselves: their own, and the groups that they lead. No HTTP here."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from epntap.access import Caller, Scope
from epntap.connection import Connection
from epntap.errors import ForbiddenError, NotFoundError, ParameterError, TooOftenError
from voaccounts.accounts import Accounts, Session
from voaccounts.model import (
    APPLICATION_SCOPES,
    Application,
    Kind,
    Membership,
    Person,
    Team,
    Token,
    checked_person,
    checked_team,
    checked_text,
)
from voaccounts.proofs.passwords import checked_password, hashed
from voaccounts.store.attempts import registered
from voaccounts.store.audit import note
from voaccounts.store.people import add_person, person_called, set_password
from voaccounts.store.teams import (
    all_teams,
    applications_for,
    applications_of,
    apply,
    end_membership,
    is_lead,
    join,
    members_of,
    memberships_of,
    take_application,
)
from voaccounts.store.tokens import issue, revoke, revoke_all, tokens_of

__all__ = ["Desk", "Own", "TeamSeen"]

_MOST_TOKENS = 100
_MOST_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class Own:
    """What somebody sees of their account."""

    person: Person
    memberships: list[Membership]
    applications: list[Application]
    tokens: list[Token]
    #: groups that they may ask to join
    others: list[Team]


@dataclass(frozen=True, slots=True)
class TeamSeen:
    """What a lead sees of a group."""

    team: Team
    members: list[Membership]
    applications: list[Application]


@dataclass(frozen=True, slots=True)
class Desk:
    """Every method says who does it, and looks whether they may."""

    accounts: Accounts

    def own(self, caller: Caller) -> Own:
        """The account of somebody."""
        with self._work() as connection:
            memberships = memberships_of(connection, caller.name)
            asked = applications_of(connection, caller.name)
            taken = {one.team for one in memberships if one.holds} | {one.team for one in asked}
            return Own(
                person_called(connection, caller.name),
                memberships,
                asked,
                tokens_of(connection, caller.name),
                [one for one in all_teams(connection) if one.takes_applications and one.name not in taken],
            )

    def open_teams(self) -> list[Team]:
        """The groups that anybody may ask to join."""
        with self._work() as connection:
            return [one for one in all_teams(connection) if one.takes_applications]

    def register(  # what a form has
        self,
        name: str,
        password: str,
        *,
        full_name: str,
        email: str,
        affiliation: str,
        team: str,
        said: str,
        client: str,
    ) -> str:
        """A new account, which is in no group until a lead lets it in; its name."""
        name = checked_person(name)
        if not team:
            raise ParameterError("No group is named; choose the one that you ask to join.")
        team, said = checked_team(team), checked_text("What you say", said, longest=1_000)
        texts = {
            "full_name": checked_text("A name", full_name),
            "email": checked_text("An address", email),
            "affiliation": checked_text("An affiliation", affiliation),
        }
        if not (texts["full_name"] and texts["email"]):
            raise ParameterError("A name and an address are needed, so that a lead of the group knows who asks.")
        checked_password(password, name)
        with self._work() as connection:
            wait_s = registered(connection, client)
        if wait_s:
            raise TooOftenError("Too many have registered from this address; please try again later.", wait_s)
        stored = hashed(password)  # without a connection: it takes long
        with self._work() as connection:
            add_person(connection, name, password=stored, **texts)
            apply(connection, name, team, said)
            note(connection, "registered", name, team=team, by=name, client=client)
        return name

    # -- one's own account

    def change_password(self, caller: Caller, old: str, new: str, client: str) -> Session:
        """Another password; all sessions end, and the new one is begun. Raises AuthenticationError."""
        self._may_manage(caller)
        checked_password(new, caller.name)
        self.accounts.check_password(caller.name, old, client)
        stored = hashed(new)
        with self._work() as connection:
            set_password(connection, caller.name, stored)
            revoke_all(connection, caller.name, Kind.SESSION)
            note(connection, "password changed", caller.name, by=caller.name, client=client)
        return self.accounts.begin_session(caller.name, client)

    def end_sessions(self, caller: Caller) -> None:
        """End all sessions of somebody, wherever they are."""
        self._may_manage(caller)
        with self._work() as connection:
            revoke_all(connection, caller.name, Kind.SESSION)
            note(connection, "sessions ended", caller.name, by=caller.name)

    def make_token(self, caller: Caller, label: str, scopes: Collection[str], days: int) -> str:
        """A token of a program, which is told this once."""
        self._may_manage(caller)
        wanted = {Scope(one) for one in scopes if one in APPLICATION_SCOPES}
        if not wanted:
            raise ParameterError("A token needs at least one scope: read, upload or run.")
        if not 1 <= days <= _MOST_DAYS:
            raise ParameterError(f"A token is good for 1 to {_MOST_DAYS} days, but {days} were asked for.")
        label = checked_text("A label", label)
        with self._work() as connection:
            if sum(one.holds for one in tokens_of(connection, caller.name)) >= _MOST_TOKENS:
                raise ParameterError(f"There are {_MOST_TOKENS} tokens already; please revoke some.")
            made = issue(connection, caller.name, Kind.APPLICATION, wanted, label=label, lifetime=timedelta(days=days))
            note(connection, "token made", caller.name, by=caller.name)
        return made

    def revoke_token(self, caller: Caller, number: int) -> None:
        """End a token of one's own. Raises NotFoundError for those of others too."""
        self._may_manage(caller)
        with self._work() as connection:
            revoke(connection, number, caller.name)
            note(connection, "token revoked", caller.name, by=caller.name)

    def apply(self, caller: Caller, team: str, said: str) -> None:
        """Ask to join a group."""
        self._may_manage(caller)
        with self._work() as connection:
            apply(connection, caller.name, checked_team(team), checked_text("What you say", said, longest=1_000))
            note(connection, "membership asked for", caller.name, team=team, by=caller.name)

    def leave(self, caller: Caller, team: str) -> None:
        """Leave a group, or ask no more to join it."""
        self._may_manage(caller)
        with self._work() as connection:
            try:
                take_application(connection, caller.name, team)
            except NotFoundError:
                end_membership(connection, caller.name, team)
            note(connection, "membership given up", caller.name, team=team, by=caller.name)

    # -- groups that one leads

    def team(self, caller: Caller, name: str) -> TeamSeen:
        """A group that one leads. Raises NotFoundError for others: who is in them is for nobody else."""
        with self._work() as connection:
            self._must_lead(connection, caller, name)
            found = next(one for one in all_teams(connection) if one.name == name)
            return TeamSeen(found, members_of(connection, name), applications_for(connection, name))

    def accept(self, caller: Caller, team: str, person: str, until: str) -> None:
        """Let somebody in who asks to join, until the end of a day or without end."""
        self._may_manage(caller)
        expires = _end_of(until)
        with self._work() as connection:
            self._must_lead(connection, caller, team)
            take_application(connection, person, team)
            join(connection, person, team, expires=expires)
            note(connection, "membership granted", person, team=team, by=caller.name)

    def refuse(self, caller: Caller, team: str, person: str) -> None:
        """Refuse somebody who asks to join."""
        self._may_manage(caller)
        with self._work() as connection:
            self._must_lead(connection, caller, team)
            take_application(connection, person, team)
            note(connection, "membership refused", person, team=team, by=caller.name)

    def prolong(self, caller: Caller, team: str, person: str, until: str) -> None:
        """Change until when somebody is a member."""
        self._may_manage(caller)
        expires = _end_of(until)
        with self._work() as connection:
            self._must_lead(connection, caller, team)
            if person not in {one.person for one in members_of(connection, team)}:
                raise NotFoundError(f"{person} is not in the group {team!r}.")
            join(connection, person, team, expires=expires)
            note(connection, "membership changed", person, team=team, by=caller.name)

    def expel(self, caller: Caller, team: str, person: str) -> None:
        """Take somebody out of a group."""
        self._may_manage(caller)
        with self._work() as connection:
            self._must_lead(connection, caller, team)
            end_membership(connection, person, team)
            note(connection, "membership ended", person, team=team, by=caller.name)

    # ----------------------------------------------------------------------

    @contextmanager
    def _work(self) -> Iterator[Connection]:
        """A connection, and all that is done with it or nothing."""
        with self.accounts.connect() as connection, connection.transaction():
            yield connection

    def _may_manage(self, caller: Caller) -> None:
        if Scope.MANAGE not in caller.scopes:
            raise ForbiddenError("The token of a program changes no account; please sign in with your password.")

    def _must_lead(self, connection: Connection, caller: Caller, team: str) -> None:
        if not is_lead(connection, caller.name, team):
            raise NotFoundError(f"There is no group {team[:80]!r} that you lead.")


def _end_of(day: str) -> datetime | None:
    """The instant at which a membership ends that holds for this whole day (UTC)."""
    if not day.strip():
        return None
    try:
        found = datetime.strptime(day.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
        return found + timedelta(days=1)
    except (ValueError, OverflowError) as exc:
        raise ParameterError(f"{day[:40]!r} is no day; expected one such as 2030-12-31, or nothing.") from exc
