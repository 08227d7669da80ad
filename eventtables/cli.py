"""`epntap events`: tables of events imported, listed, exported, dropped, and made of others.

What is made here is public; tables of people are named ~OWNER/TABLE.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from epntap.access import ANONYMOUS
from epntap.archive.holdings import Held, Holdings
from epntap.catalog.load import load_catalog
from epntap.connection import Connection
from epntap.db.migrate import check_migrated
from epntap.db.pool import Role, connect
from epntap.db.server import open_database
from epntap.errors import UnreadableFileError
from epntap.fetch import fetched
from epntap.settings import Settings
from epntap.upload.model import Limits
from eventtables.model import EventTable
from eventtables.operations import difference, extend, filtered, intersection, overlapping, shift, union
from eventtables.readers import Wishes, open_table
from eventtables.store.tables import (
    StoredTable,
    any_table_called,
    chunks_of,
    drop_table,
    every_table,
    save_stream,
    save_table,
    whole_table,
)
from eventtables.times import spelled
from eventtables.writers import WRITERS

__all__ = ["events"]

_FACTS = ("title", "description", "contact", "reference", "licence", "authors")
_MOST_BYTES = 4_000_000_000
_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group("events")
def events() -> None:
    """Tables of events: import, list, export, drop them, and make new ones of those that are there.

    What is made is public: TAP shows it as events.NAME, and clients of AMDA's interface find it. Tables of people are
    named ~OWNER/TABLE where one is read.
    """


@contextmanager
def _connected(settings: Settings, role: Role) -> Iterator[Connection]:
    with open_database(settings) as database:
        check_migrated(database)
        with connect(database, role, autocommit=True) as connection:
            yield connection


def _described(command: _Command) -> _Command:
    """Options that say what a file does not."""
    for fact in reversed(_FACTS):
        command = click.option(
            f"--{fact}", metavar="TEXT", help=f"The {fact} of the table, in place of what the file says."
        )(command)
    return command


def _named(command: _Command) -> _Command:
    """The name of the table that is made."""
    command = click.option("--replace", "is_replaced", is_flag=True, help="In place of the table of this name.")(
        command
    )
    return click.option("--name", required=True, metavar="NAME", help="What it is called in queries: events.NAME.")(
        command
    )


@events.command("import")
@click.argument("file", metavar="FILE|ADDRESS")
@_named
@click.option("--start", default="", metavar="COLUMN", help="Column of a CSV that holds the starts.")
@click.option("--stop", default="", metavar="COLUMN", help="Column of a CSV that holds the ends.")
@click.option("--catalogue", default="", metavar="NAME", help="Which of the catalogues in a file of TSCat.")
@click.option(
    "--first-day", type=click.IntRange(0, 1), help="Number of the first of January, where days are so counted."
)
@_described
@click.pass_obj
def import_command(
    settings: Settings,
    /,
    file: str,
    name: str,
    start: str,
    stop: str,
    catalogue: str,
    first_day: int | None,
    *,
    is_replaced: bool,
    **facts: str | None,
) -> None:
    """Import a table from a file or an address.

    Read are VOTables (AMDA's, TSCat's, any with the UCDs time.start and time.end), AMDA's ASCII, CSV, TSCat's JSON.
    """
    given: dict[str, Any] = {
        ("name" if fact == "title" else fact): text for fact, text in facts.items() if text is not None
    }
    with _opened(settings, file) as opened:

        def from_its_beginning() -> BinaryIO:
            opened.seek(0)
            return opened

        stream = open_table(from_its_beginning, name, Wishes(start, stop, catalogue, first_day))
        stream = replace(stream, about=replace(stream.about, **given))
        with _connected(settings, Role.OWNER) as connection:
            stored = save_stream(connection, name, stream, replace=is_replaced)
    for warning in stream.warnings:
        click.echo(f"note: {warning}", err=True)
    _say(stored)


@events.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def list_command(settings: Settings, *, as_json: bool) -> None:
    """List the tables."""
    with _connected(settings, Role.SERVICE) as connection:
        stored = every_table(connection)
    if as_json:
        click.echo(json.dumps([_facts(one) for one in stored], indent=2))
        return
    if not stored:
        click.echo("there is no table of events; run 'epntap events import FILE --name NAME'")
    for one in stored:
        _say(one)


@events.command("export")
@click.argument("name")
@click.option("--format", "form", type=click.Choice(list(WRITERS)), default="votable", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File; standard output if none.")
@click.pass_obj
def export_command(settings: Settings, name: str, form: str, output: Path | None) -> None:
    """Write a table in the form that a client reads."""
    with open_database(settings) as database:
        check_migrated(database)

        def lend() -> AbstractContextManager[Connection]:
            return connect(database, Role.SERVICE, autocommit=True)

        with lend() as connection:
            stored = any_table_called(connection, name)
        blocks = WRITERS[form].write(stored.about, stored.survey, chunks_of(lend, stored))
        if output is None:
            for block in blocks:
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            return
        with output.open("wb") as file:
            file.writelines(blocks)


@events.command("publish")
@click.argument("table", metavar="~OWNER/TABLE")
@_named
@click.pass_obj
def publish_command(settings: Settings, table: str, name: str, *, is_replaced: bool) -> None:
    """Copy a table of somebody's own to those that everybody sees."""
    with _connected(settings, Role.OWNER) as connection:
        stored = any_table_called(connection, table)
        found = whole_table(connection, stored)
        history = "\n".join(part for part in (found.about.history, f"Published from {stored.place}.") if part)
        _keep(connection, name, found.described(history=history), is_replaced=is_replaced)


@events.command("drop")
@click.argument("name")
@click.pass_obj
def drop_command(settings: Settings, name: str) -> None:
    """Remove a table."""
    with _connected(settings, Role.OWNER) as connection:
        drop_table(connection, name)
    click.echo(f"dropped events.{name}")


# -- tables made of others ---------------------------------------------------------------------------------------------


def _of_two(name: str, make: Callable[[EventTable, EventTable], EventTable], said: str) -> None:
    @events.command(name, help=said)
    @click.argument("one")
    @click.argument("other")
    @_named
    @click.pass_obj
    def command(settings: Settings, one: str, other: str, name: str, *, is_replaced: bool) -> None:
        with _connected(settings, Role.OWNER) as connection:
            first, second = (_called(connection, each) for each in (one, other))
            _keep(connection, name, make(first, second), is_replaced=is_replaced)


_of_two("union", union, "Make a table of the times that at least one of two tables covers.")
_of_two("intersection", intersection, "Make a table of the times that both of two tables cover.")
_of_two("difference", difference, "Make a table of the times that one table covers and another does not.")
_of_two("overlapping", overlapping, "Make a table of the events that overlap or touch an event of another table.")


@events.command("extend")
@click.argument("table")
@click.option("--before", type=float, default=0, metavar="S", help="Seconds by which events begin earlier.")
@click.option("--after", type=float, default=0, metavar="S", help="Seconds by which events end later.")
@_named
@click.pass_obj
def extend_command(
    settings: Settings, table: str, before: float, after: float, name: str, *, is_replaced: bool
) -> None:
    """Make a table of the events of another, longer or shorter."""
    with _connected(settings, Role.OWNER) as connection:
        _keep(connection, name, extend(_called(connection, table), before, after), is_replaced=is_replaced)


@events.command("shift")
@click.argument("table")
@click.option("--by", "seconds", type=float, required=True, metavar="S", help="Seconds by which events are later.")
@_named
@click.pass_obj
def shift_command(settings: Settings, table: str, seconds: float, name: str, *, is_replaced: bool) -> None:
    """Make a table of the events of another, earlier or later."""
    with _connected(settings, Role.OWNER) as connection:
        _keep(connection, name, shift(_called(connection, table), seconds), is_replaced=is_replaced)


@events.command("filter")
@click.argument("table")
@click.argument("condition")
@_named
@click.pass_obj
def filter_command(settings: Settings, table: str, condition: str, name: str, *, is_replaced: bool) -> None:
    """Make a table of the events for which a condition holds: 'duration > 3600' (seconds), 'Bzmin <= -10'."""
    with _connected(settings, Role.OWNER) as connection:
        _keep(connection, name, filtered(_called(connection, table), condition), is_replaced=is_replaced)


@events.command("statistics")
@click.argument("table")
@click.option("--dataset", required=True, metavar="ID", help="Dataset whose records are looked at.")
@click.option("--parameters", required=True, metavar="NAMES", help="Parameters of it, between commas: B,flux(0,2).")
@_named
@click.pass_obj
def statistics_command(
    settings: Settings, table: str, dataset: str, parameters: str, name: str, *, is_replaced: bool
) -> None:
    """Make a table of the events of another with count, min, max, mean, std and filled share of parameters."""
    from eventtables.measured.measuring import Measuring  # noqa: PLC0415  # slow to import
    from eventtables.measured.request import measure_request  # noqa: PLC0415
    from summaries.reader import Summaries  # noqa: PLC0415

    asked = {"EVENTS": [table], "DATASET": [dataset], "PARAMETERS": [parameters]}
    with _connected(settings, Role.OWNER) as connection:

        def lend() -> AbstractContextManager[Connection]:
            return nullcontext(connection)

        datasets = Holdings(lend, lambda: load_catalog(connection), Held)()[1]
        request, _ = measure_request(asked, datasets, ANONYMOUS)
        made = Measuring(lend, Summaries(lend, settings.summaries_dir)).table(request, lambda _done, _total: None)
        _keep(connection, name, made, is_replaced=is_replaced)


def _called(connection: Connection, name: str) -> EventTable:
    """The table; in histories it goes by its name here."""
    found = whole_table(connection, any_table_called(connection, name))
    return replace(found, about=replace(found.about, name=name))


def _keep(connection: Connection, name: str, table: EventTable, *, is_replaced: bool) -> None:
    made = table.described(created=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()), modified="")
    _say(save_table(connection, name, made, replace=is_replaced))


# -- what is read and said ---------------------------------------------------------------------------------------------


@contextmanager
def _opened(settings: Settings, file: str) -> Iterator[BinaryIO]:
    """A file of this machine, or what is at an address, put aside."""
    if file.startswith(("http://", "https://")):
        limits = Limits(rows=0, bytes=_MOST_BYTES, tables=1, private_addresses=settings.upload_private_addresses)
        with fetched(file, limits, time.monotonic() + 300) as content:
            yield content
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115  # closed below
        opened.read(1)  # a folder opens as well
    except OSError as exc:
        raise UnreadableFileError(f"{file} cannot be read: {exc.strerror}.") from exc
    with opened:
        yield opened


def _facts(one: StoredTable) -> dict[str, Any]:  # ready for json.dumps
    return {
        "table": one.qualified_name if not one.owner else one.place,
        "title": one.about.name,
        "events": one.survey.count,
        "columns": [column.name for column in one.about.columns],
        "first_start": _time(one.survey.first),
        "last_stop": _time(one.survey.last),
    }


def _say(one: StoredTable) -> None:
    span = f", {_time(one.survey.first)} to {_time(one.survey.last)}" if one.survey.count else ""
    kind = f"{len(one.about.columns)} columns" if one.about.is_catalogue else "a time table"
    click.echo(
        f"{one.place if one.owner else one.qualified_name}: {one.survey.count:,} events{span}, {kind}: {one.about.name}"
    )


def _time(moment: Any) -> str | None:  # datetime64 or None
    return None if moment is None else spelled(moment.reshape(1))[0]
