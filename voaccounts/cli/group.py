"""`epntap group`: groups, who is in them, and who asks to be."""

from __future__ import annotations

from contextlib import suppress

import click

from epntap.connection import Connection
from epntap.errors import NotFoundError
from epntap.settings import Settings
from voaccounts.cli.connected import connected, instant_of, spelled, table
from voaccounts.model import checked_person, checked_team, checked_text
from voaccounts.store.audit import note
from voaccounts.store.people import person_called
from voaccounts.store.teams import (
    add_team,
    all_teams,
    applications_for,
    end_membership,
    join,
    members_of,
    remove_team,
    take_application,
    team_called,
)

__all__ = ["group"]


@click.group("group")
def group() -> None:
    """Groups: make and list them, let people in and out, decide about those who ask."""


_UNTIL = click.option("--until", metavar="INSTANT", help="When it ends by itself: 2030-01-31, or 90d from now.")


@group.command("add")
@click.argument("name")
@click.option("--title", default="", metavar="TEXT", help="What people call it.")
@click.option("--closed", is_flag=True, help="Nobody may ask to join.")
@click.pass_obj
def add(settings: Settings, name: str, title: str, *, closed: bool) -> None:
    """Make a group."""
    name = checked_team(name)
    with connected(settings) as connection:
        add_team(connection, name, checked_text("A title", title), takes_applications=not closed)
        note(connection, "group made", team=name)
    click.echo(f"made the group {name}")


@group.command("list")
@click.pass_obj
def list_groups(settings: Settings) -> None:
    """List all groups."""
    with connected(settings) as connection:
        teams = [(one, len(applications_for(connection, one.name))) for one in all_teams(connection)]
    if not teams:
        click.echo("there is no group; run 'epntap group add NAME'")
        return
    rows = [[one.name, str(one.members), str(asking), one.title or "-"] for one, asking in teams]
    table([["NAME", "MEMBERS", "ASKING", "TITLE"], *rows])


@group.command("show")
@click.argument("name")
@click.pass_obj
def show(settings: Settings, name: str) -> None:
    """Show who is in a group, and who asks to be."""
    name = checked_team(name)
    with connected(settings) as connection:
        team = team_called(connection, name)
        members, asking = members_of(connection, name), applications_for(connection, name)
    click.echo(f"{team.name}  {team.title}".rstrip())
    for one in members:
        until = f"until {spelled(one.expires)}" if one.expires else ""
        said = ["lead" if one.is_lead else "member", until, "" if one.holds else "(lapsed)"]
        click.echo(f"  {one.person}  {' '.join(word for word in said if word)}")
    for waiting in asking:
        click.echo(f"  {waiting.person}  asks since {spelled(waiting.asked)}: {waiting.said or '-'}")


@group.command("remove")
@click.argument("name")
@click.pass_obj
def remove(settings: Settings, name: str) -> None:
    """Forget a group. What was for its members is for nobody until another group is declared."""
    name = checked_team(name)
    with connected(settings) as connection:
        team_called(connection, name)
        remove_team(connection, name)
        note(connection, "group removed", team=name)
    click.echo(f"removed the group {name}")


@group.command("join")
@click.argument("name")
@click.argument("person")
@click.option("--lead/--no-lead", default=None, help="Whether they decide who else is a member.")
@_UNTIL
@click.pass_obj
def join_command(settings: Settings, name: str, person: str, *, lead: bool | None, until: str | None) -> None:
    """Make somebody a member, or change until when they are."""
    name, person = checked_team(name), checked_person(person)
    with connected(settings) as connection:
        team_called(connection, name)
        person_called(connection, person)
        join(connection, person, name, expires=instant_of(until), lead=lead)
        _decided(connection, person, name)
        note(connection, "membership granted", person, team=name)
    click.echo(f"{person} is in the group {name}{f' until {spelled(instant_of(until))}' if until else ''}")


@group.command("leave")
@click.argument("name")
@click.argument("person")
@click.pass_obj
def leave_command(settings: Settings, name: str, person: str) -> None:
    """Take somebody out of a group."""
    name, person = checked_team(name), checked_person(person)
    with connected(settings) as connection:
        end_membership(connection, person, name)
        note(connection, "membership ended", person, team=name)
    click.echo(f"{person} is not in the group {name} any more")


@group.command("refuse")
@click.argument("name")
@click.argument("person")
@click.pass_obj
def refuse_command(settings: Settings, name: str, person: str) -> None:
    """Refuse somebody who asks to join; 'epntap group join' lets them in."""
    name, person = checked_team(name), checked_person(person)
    with connected(settings) as connection:
        take_application(connection, person, name)
        note(connection, "membership refused", person, team=name)
    click.echo(f"{person} is refused")


def _decided(connection: Connection, person: str, team: str) -> None:
    with suppress(NotFoundError):
        take_application(connection, person, team)
