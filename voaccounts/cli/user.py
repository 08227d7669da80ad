"""`epntap user`: who may sign in."""

from __future__ import annotations

import sys

import click

from epntap.errors import ParameterError
from epntap.settings import Settings
from voaccounts.cli.connected import connected, spelled, table
from voaccounts.model import Kind, checked_person, checked_text
from voaccounts.proofs.passwords import checked_password, hashed
from voaccounts.store.audit import entries, note
from voaccounts.store.people import add_person as add_to_store
from voaccounts.store.people import all_people, person_called, set_disabled, set_password
from voaccounts.store.people import remove_person as remove_from_store
from voaccounts.store.teams import memberships_of
from voaccounts.store.tokens import revoke_all

__all__ = ["user"]


@click.group("user")
def user() -> None:
    """People who may sign in: add, list, change, disable, remove them."""


def _password_from(name: str, *, is_piped: bool) -> str:
    if is_piped:
        text = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise ParameterError("There is no terminal to ask for a password; give --password-stdin, or --no-password.")
    return checked_password(text, name)


_STDIN = click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")


@user.command("add")
@click.argument("name")
@click.option("--full-name", default="", metavar="TEXT", help="How others know them.")
@click.option("--email", default="", metavar="ADDRESS", help="Where to reach them.")
@click.option("--affiliation", default="", metavar="TEXT", help="Where they work.")
@_STDIN
@click.option("--no-password", is_flag=True, help="They sign in with tokens only ('epntap token new').")
@click.pass_obj
def add(
    settings: Settings,
    /,
    name: str,
    full_name: str,
    email: str,
    affiliation: str,
    *,
    password_stdin: bool,
    no_password: bool,
) -> None:
    """Add somebody; the password is asked for."""
    name = checked_person(name)
    password = None if no_password else hashed(_password_from(name, is_piped=password_stdin))
    with connected(settings) as connection:
        add_to_store(
            connection,
            name,
            password=password,
            full_name=checked_text("A name", full_name),
            email=checked_text("An address", email),
            affiliation=checked_text("An affiliation", affiliation),
        )
        note(connection, "account made", name)
    click.echo(f"added {name}")


@user.command("list")
@click.pass_obj
def list_users(settings: Settings) -> None:
    """List everybody, with their groups."""
    with connected(settings) as connection:
        people = all_people(connection)
        groups = {one.name: [m.team for m in memberships_of(connection, one.name) if m.holds] for one in people}
    if not people:
        click.echo("there is nobody; run 'epntap user add NAME'")
        return
    table(
        [["NAME", "GROUPS", "SIGNS IN", "FULL NAME", "EMAIL"]]
        + [
            [
                one.name,
                " ".join(groups[one.name]) or "-",
                f"disabled since {spelled(one.disabled)}" if one.disabled else "yes" if one.has_password else "tokens",
                one.full_name or "-",
                one.email or "-",
            ]
            for one in people
        ]
    )


@user.command("password")
@click.argument("name")
@_STDIN
@click.pass_obj
def password_command(settings: Settings, name: str, *, password_stdin: bool) -> None:
    """Give somebody another password; their sessions end."""
    name = checked_person(name)
    stored = hashed(_password_from(name, is_piped=password_stdin))
    with connected(settings) as connection:
        person_called(connection, name)
        set_password(connection, name, stored)
        revoke_all(connection, name, Kind.SESSION)
        note(connection, "password changed", name)
    click.echo(f"changed the password of {name}; their sessions have ended")


@user.command("disable")
@click.argument("name")
@click.pass_obj
def disable(settings: Settings, name: str) -> None:
    """Let somebody sign in no more: neither password nor token nor session is good from now on."""
    _set(settings, name, disabled=True)


@user.command("enable")
@click.argument("name")
@click.pass_obj
def enable(settings: Settings, name: str) -> None:
    """Let somebody sign in again; sessions that were begun before stay ended."""
    _set(settings, name, disabled=False)


def _set(settings: Settings, name: str, *, disabled: bool) -> None:
    name = checked_person(name)
    with connected(settings) as connection:
        person_called(connection, name)
        set_disabled(connection, name, disabled=disabled)
        if disabled:
            revoke_all(connection, name, Kind.SESSION)
        note(connection, "account disabled" if disabled else "account enabled", name)
    click.echo(f"{name} may {'not ' if disabled else ''}sign in")


@user.command("remove")
@click.argument("name")
@click.pass_obj
def remove(settings: Settings, name: str) -> None:
    """Forget somebody, with their memberships and tokens."""
    name = checked_person(name)
    with connected(settings) as connection:
        person_called(connection, name)
        remove_from_store(connection, name)
        note(connection, "account removed", name)
    click.echo(f"removed {name}")


@user.command("log")
@click.argument("name", default="")
@click.option("--most", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Lines.")
@click.pass_obj
def log_command(settings: Settings, name: str, most: int) -> None:
    """Show what was done to accounts, and by whom; of one person or of all."""
    with connected(settings) as connection:
        found = entries(connection, name.strip().lower(), most)
    for one in found:
        by = f" by {one.by or 'the operator'}"
        where = f" from {one.client}" if one.client else ""
        team = f" ({one.team})" if one.team else ""
        click.echo(f"{spelled(one.at)}  {one.what}: {one.person or '-'}{team}{by}{where}")
