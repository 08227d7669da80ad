"""Groups, who is in them, and who asks to be: account.team, account.membership, account.application."""

from __future__ import annotations

from datetime import datetime

from psycopg.errors import ForeignKeyViolation, UniqueViolation

from epntap.connection import Connection
from epntap.errors import NotFoundError, ParameterError
from epntap.hints import did_you_mean
from voaccounts.model import Application, Membership, Team

__all__ = [
    "add_team",
    "all_teams",
    "applications_for",
    "applications_of",
    "apply",
    "end_membership",
    "is_lead",
    "join",
    "members_of",
    "memberships_of",
    "remove_team",
    "take_application",
    "team_called",
]

_HOLDS = "(expires IS NULL OR expires > now())"
_MEMBERSHIP = f"membership.person, team, is_lead, since, expires, {_HOLDS}, full_name"
_APPLICATION = "application.person, team, said, asked, full_name, email, affiliation"


def all_teams(connection: Connection) -> list[Team]:
    """All groups, by name, with how many members they have now."""
    rows = connection.execute(
        "SELECT name, title, takes_applications, "  # noqa: S608
        f"(SELECT count(*) FROM account.membership WHERE team = name AND {_HOLDS}) FROM account.team ORDER BY name"
    )
    return [Team(*row) for row in rows]


def team_called(connection: Connection, name: str) -> Team:
    """A group. Raises NotFoundError."""
    teams = {one.name: one for one in all_teams(connection)}
    if name not in teams:
        raise NotFoundError(f"There is no group {name!r}.{did_you_mean(name, teams)}")
    return teams[name]


def add_team(connection: Connection, name: str, title: str = "", *, takes_applications: bool = True) -> None:
    """A new group. Raises ParameterError for a name that is taken."""
    try:
        connection.execute(
            "INSERT INTO account.team (name, title, takes_applications) VALUES (%s, %s, %s)",
            (name, title, takes_applications),
        )
    except UniqueViolation as exc:
        raise ParameterError(f"The group {name!r} is there already.") from exc


def remove_team(connection: Connection, name: str) -> None:
    """Forget a group and who was in it. What was for its members is for nobody then."""
    connection.execute("DELETE FROM account.team WHERE name = %s", (name,))


def members_of(connection: Connection, team: str) -> list[Membership]:
    """Who is in a group, those whose membership has lapsed as well."""
    rows = connection.execute(
        f"SELECT {_MEMBERSHIP} FROM account.membership JOIN account.person ON person.name = membership.person "  # noqa: S608
        "WHERE team = %s ORDER BY membership.person",
        (team,),
    )
    return [Membership(*row) for row in rows]


def memberships_of(connection: Connection, person: str) -> list[Membership]:
    """The groups of somebody, those whose membership has lapsed as well."""
    rows = connection.execute(
        f"SELECT {_MEMBERSHIP} FROM account.membership JOIN account.person ON person.name = membership.person "  # noqa: S608
        "WHERE membership.person = %s ORDER BY team",
        (person,),
    )
    return [Membership(*row) for row in rows]


def is_lead(connection: Connection, person: str, team: str) -> bool:
    """Whether somebody decides, now, who is in a group."""
    found = connection.execute(
        f"SELECT FROM account.membership WHERE person = %s AND team = %s AND is_lead AND {_HOLDS}",
        (person, team),
    )
    return found.fetchone() is not None


def join(
    connection: Connection, person: str, team: str, *, expires: datetime | None = None, lead: bool | None = None
) -> None:
    """Make somebody a member, or change until when they are; `lead` None leaves that as it is.

    Raises NotFoundError when there is no such person or group.
    """
    try:
        connection.execute(
            "INSERT INTO account.membership (person, team, is_lead, expires) "
            "VALUES (%(person)s, %(team)s, coalesce(%(lead)s, false), %(expires)s) "
            "ON CONFLICT (person, team) DO UPDATE SET expires = excluded.expires, "
            "is_lead = coalesce(%(lead)s, membership.is_lead)",
            {"person": person, "team": team, "lead": lead, "expires": expires},
        )
    except ForeignKeyViolation as exc:
        raise NotFoundError(f"There is no account {person!r}, or no group {team!r}.") from exc


def end_membership(connection: Connection, person: str, team: str) -> None:
    """Take somebody out of a group, at once. Raises NotFoundError for who is not in it."""
    if not connection.execute(
        "DELETE FROM account.membership WHERE person = %s AND team = %s", (person, team)
    ).rowcount:
        raise NotFoundError(f"{person} is not in the group {team!r}.")


# -- those who ask -----------------------------------------------------------------------------------------------------


def apply(connection: Connection, person: str, team: str, said: str) -> None:
    """Ask to become a member. Raises NotFoundError for a group that takes nobody who asks."""
    done = connection.execute(
        "INSERT INTO account.application (person, team, said) "
        "SELECT %(person)s, name, %(said)s FROM account.team WHERE name = %(team)s AND takes_applications "
        "ON CONFLICT (person, team) DO UPDATE SET said = excluded.said",
        {"person": person, "team": team, "said": said},
    )
    if not done.rowcount:
        raise NotFoundError(f"There is no group {team!r} that one may ask to join.")


def applications_for(connection: Connection, team: str) -> list[Application]:
    """Who asks to become a member of a group, the first first."""
    rows = connection.execute(
        f"SELECT {_APPLICATION} FROM account.application JOIN account.person ON person.name = application.person "  # noqa: S608
        "WHERE team = %s ORDER BY asked, application.person",
        (team,),
    )
    return [Application(*row) for row in rows]


def applications_of(connection: Connection, person: str) -> list[Application]:
    """What somebody asks for."""
    rows = connection.execute(
        f"SELECT {_APPLICATION} FROM account.application JOIN account.person ON person.name = application.person "  # noqa: S608
        "WHERE application.person = %s ORDER BY team",
        (person,),
    )
    return [Application(*row) for row in rows]


def take_application(connection: Connection, person: str, team: str) -> None:
    """It is decided: it need not be asked any more. Raises NotFoundError when nobody has asked."""
    if not connection.execute(
        "DELETE FROM account.application WHERE person = %s AND team = %s", (person, team)
    ).rowcount:
        raise NotFoundError(f"{person} does not ask to join the group {team!r}; perhaps somebody has decided it.")
