"""People: account.person."""

from __future__ import annotations

from psycopg.errors import UniqueViolation

from epntap.connection import Connection
from epntap.errors import NotFoundError, ParameterError
from epntap.hints import did_you_mean
from voaccounts.model import Person, SignInFacts

__all__ = [
    "add_person",
    "all_people",
    "anybody",
    "person_called",
    "remove_person",
    "set_disabled",
    "set_password",
    "sign_in_facts",
]

_PERSON = "name, full_name, email, affiliation, made, disabled, password IS NOT NULL"
#: those of this very moment: a membership that has lapsed is none
_GROUPS = """ARRAY(
    SELECT team FROM account.membership
    WHERE membership.person = person.name AND (expires IS NULL OR expires > now()) ORDER BY team
)"""


def anybody(connection: Connection) -> bool:
    """Whether there is an account at all."""
    row = connection.execute("SELECT EXISTS (SELECT FROM account.person)").fetchone()
    return row is not None and bool(row[0])


def sign_in_facts(connection: Connection, name: str) -> SignInFacts | None:
    """What decides whether somebody may sign in, and the groups of this moment."""
    row = connection.execute(
        f"SELECT name, password, disabled IS NOT NULL, {_GROUPS} FROM account.person WHERE name = %s",  # noqa: S608
        (name,),
    ).fetchone()
    return None if row is None else SignInFacts(row[0], row[1], row[2], frozenset(row[3]))


def person_called(connection: Connection, name: str) -> Person:
    """Somebody. Raises NotFoundError, which is for operators: it tells who is there."""
    row = connection.execute(f"SELECT {_PERSON} FROM account.person WHERE name = %s", (name,)).fetchone()  # noqa: S608
    if row is None:
        known = [one.name for one in all_people(connection)]
        raise NotFoundError(f"There is no account {name!r}.{did_you_mean(name, known)}")
    return Person(*row)


def all_people(connection: Connection) -> list[Person]:
    """Everybody, by name."""
    rows = connection.execute(f"SELECT {_PERSON} FROM account.person ORDER BY name")  # noqa: S608
    return [Person(*row) for row in rows]


def add_person(
    connection: Connection,
    name: str,
    *,
    password: str | None,
    full_name: str = "",
    email: str = "",
    affiliation: str = "",
) -> None:
    """Somebody new; `password` is what is stored of it. Raises ParameterError for a name that is taken."""
    try:
        connection.execute(
            "INSERT INTO account.person (name, password, full_name, email, affiliation) VALUES (%s, %s, %s, %s, %s)",
            (name, password, full_name, email, affiliation),
        )
    except UniqueViolation as exc:
        raise ParameterError(f"The account {name!r} is there already; please choose another name.") from exc


def set_password(connection: Connection, name: str, password: str | None) -> None:
    """Another password, of which this is stored, or none."""
    connection.execute("UPDATE account.person SET password = %s WHERE name = %s", (password, name))


def set_disabled(connection: Connection, name: str, *, disabled: bool) -> None:
    """Whether somebody may sign in."""
    connection.execute(
        "UPDATE account.person SET disabled = CASE WHEN %s THEN coalesce(disabled, now()) END WHERE name = %s",
        (disabled, name),
    )


def remove_person(connection: Connection, name: str) -> None:
    """Forget somebody, with all that is theirs, so that nobody inherits it with the name. Their jobs end."""
    connection.execute("DELETE FROM account.person WHERE name = %s", (name,))
    # after it, for a job that was made just before
    connection.execute("UPDATE uws.job SET destruction = now() WHERE owner = %s AND destruction > now()", (name,))
