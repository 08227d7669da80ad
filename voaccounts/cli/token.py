"""`epntap token`: what programs sign in with."""

from __future__ import annotations

from datetime import timedelta

import click

from epntap.access import Scope
from epntap.settings import Settings
from voaccounts.cli.connected import connected, spelled, table
from voaccounts.model import APPLICATION_SCOPES, Kind, checked_person, checked_text
from voaccounts.store.audit import note
from voaccounts.store.people import person_called
from voaccounts.store.tokens import issue, revoke, tokens_of

__all__ = ["token"]


@click.group("token")
def token() -> None:
    """Tokens, with which programs sign in as somebody: make, list, revoke them."""


@token.command("new")
@click.argument("person")
@click.option("--label", default="", metavar="TEXT", help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(sorted(one.value for one in APPLICATION_SCOPES)),  # of enums, click would have the names
    help="What it is good for, several times for more; all if none.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="How long it is good.")
@click.pass_obj
def new(settings: Settings, person: str, label: str, scopes: tuple[str, ...], days: int) -> None:
    """Make a token and print it; it is not shown again."""
    person = checked_person(person)
    wanted = {Scope(one) for one in scopes} or APPLICATION_SCOPES
    with connected(settings) as connection:
        person_called(connection, person)
        made = issue(
            connection,
            person,
            Kind.APPLICATION,
            wanted,
            label=checked_text("A label", label),
            lifetime=timedelta(days=days),
        )
        note(connection, "token made", person)
    click.echo(made)


@token.command("list")
@click.argument("person")
@click.pass_obj
def list_tokens(settings: Settings, person: str) -> None:
    """List the tokens of somebody."""
    person = checked_person(person)
    with connected(settings) as connection:
        person_called(connection, person)
        found = tokens_of(connection, person)
    if not found:
        click.echo(f"{person} has no token; run 'epntap token new {person}'")
        return
    rows = [
        [str(one.number), " ".join(sorted(one.scopes)), _state(one.holds, spelled(one.expires)), one.label or "-"]
        for one in found
    ]
    table([["NUMBER", "SCOPES", "GOOD", "LABEL"], *rows])


def _state(holds: bool, until: str) -> str:
    return (f"until {until}" if until else "yes") if holds else "no"


@token.command("revoke")
@click.argument("number", type=int)
@click.pass_obj
def revoke_command(settings: Settings, number: int) -> None:
    """End a token; what is asked with it from now on is refused."""
    with connected(settings) as connection:
        person = revoke(connection, number)
        note(connection, "token revoked", person)
    click.echo(f"revoked token {number} of {person}")
