"""`epntap services`, `datasets` and `show`: what is published, without ADQL. Nothing slow is imported here."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from epntap.addresses import file_place
from epntap.archive.files import file_of
from epntap.archive.finding.likely import hint_at_granule
from epntap.archive.model import ArchiveFile
from epntap.catalog.load import load_catalog
from epntap.catalog.model import Catalog
from epntap.connection import Connection
from epntap.db.migrate import check_migrated
from epntap.db.pool import Role, connect
from epntap.db.published import complete_schema
from epntap.db.server import open_database
from epntap.errors import NotFoundError
from epntap.hints import one_line
from epntap.instants.julian import dali_timestamp, datetime_from_jd
from epntap.settings import Settings
from voserver.process.lock import as_served
from voserver.prompt.lookup import Found, datasets_of, find_dataset, find_granule, published

__all__ = ["datasets", "services", "show"]

#: columns of epn_core that are Julian dates
_TIMES = frozenset({"time_min", "time_max"})
#: columns of a dataset that mean something to ingestion only
_INTERNAL = frozenset({"schema_name", "fingerprint"})


@contextmanager
def _catalogue(settings: Settings) -> Iterator[tuple[Connection, Catalog]]:
    with open_database(settings) as database:
        check_migrated(database)
        with connect(database, Role.SERVICE) as connection:
            yield connection, load_catalog(connection)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def services(settings: Settings, *, as_json: bool) -> None:
    """List the services: schema, title, granules, datasets, what time they cover, when they were refreshed."""
    with open_database(settings) as database:
        check_migrated(database)
        with connect(database, Role.SERVICE) as connection:
            found = published(connection)
    if as_json:
        click.echo(_document([dataclasses.asdict(one) for one in found]))
        return
    if not found:
        click.echo("nothing is published yet; run 'epntap ingest SERVICE.toml'")
        return
    rows = [
        (one.schema_name, f"{one.granule_count:,}", str(one.datasets), _day(one.time_min), _day(one.time_max),
         one.last_ingested.strftime("%Y-%m-%d %H:%M"), one.title)
        for one in found
    ]  # fmt: skip
    click.echo(_table(("schema", "granules", "datasets", "from", "to", "refreshed", "title"), rows, right={1, 2}))


@click.command()
@click.argument("schema", metavar="SCHEMA", shell_complete=complete_schema)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def datasets(settings: Settings, schema: str, *, as_json: bool) -> None:
    """List the datasets of a service: identifier, target, time, granules, files that are held, title."""
    with _catalogue(settings) as (connection, catalog):
        found = datasets_of(connection, catalog, schema)
    if as_json:
        click.echo(_document([dataclasses.asdict(one) for one in found]))
        return
    rows = [
        (one.dataset_id, one.target_name or "", _date(one.start_time), _date(one.stop_time), f"{one.granules:,}",
         f"{one.files:,}", _size(one.bytes) if one.files else "", one.title)
        for one in found
    ]  # fmt: skip
    names = ("dataset", "target", "from", "to", "granules", "files", "size", "title")
    click.echo(_table(names, rows, right={4, 5, 6}))


@click.command()
@click.argument("uid", metavar="UID")
@click.option("--schema", metavar="SCHEMA", help="Service to look in, where several know it.",
              shell_complete=complete_schema)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def show(settings: Settings, uid: str, schema: str | None, *, as_json: bool) -> None:
    """Show all that is known of a granule or of a dataset: its row, its files or parameters, its addresses."""
    settings = as_served(settings)
    with _catalogue(settings) as (connection, catalog):
        found = find_granule(connection, catalog, uid, schema) or find_dataset(connection, catalog, uid, schema)
        if found is None:
            tables = [one for one in catalog.tables if one.name == "epn_core" and one.column("dataset_id")]
            hint = hint_at_granule(connection, uid, [one.schema for one in tables if schema in {None, one.schema}])
            raise NotFoundError(
                f"There is no granule or dataset {uid!r}; 'epntap datasets SCHEMA' lists datasets.{hint}"
            )
        files = _files(connection, catalog, found, uid)
    values = {
        name: _absolute(settings, value)
        for name, value in found.values.items()
        if value not in (None, "", []) and name not in _INTERNAL
    }
    if found.kind == "granule":
        values["links"] = settings.addresses.links(uid, found.schema)
    if as_json:
        told = {
            "kind": found.kind,
            "schema": found.schema,
            "values": values,
            "files": files,
            "parameters": found.parameters,
        }
        click.echo(_document(told))
        return
    click.echo(f"{found.kind} {uid} of {found.schema}")
    click.echo("\n".join(_told(values)))
    for heading, lines in (
        ("files", [f"{one['path']}  ({_size(one['size_bytes'])})" for one in files]),
        (
            "parameters",
            [one_line(f"{one['name']} [{one['units'] or ''}] {one['title'] or ''}") for one in found.parameters],
        ),
    ):
        if lines:
            click.echo(f"\n{heading}\n" + "\n".join(f"  {line}".rstrip() for line in lines))


def _parameter(one: dict[str, Any]) -> str:
    return f"{one['name']} [{one['units'] or ''}] {one['title'] or ''}"


def _files(connection: Connection, catalog: Catalog, found: Found | None, uid: str) -> list[dict[str, Any]]:
    """The files of a granule."""
    if found is None or found.kind != "granule":
        return []
    files: tuple[ArchiveFile, ...] = ()
    place = file_place(str(found.values.get("access_url") or ""))
    if place is not None:
        published_as_it_is = file_of(connection, *place)
        files = () if published_as_it_is is None else (published_as_it_is,)
    elif found.values.get("dataset_id"):
        from epntap.archive.finding.finder import Finder  # noqa: PLC0415  # knows CDF's times, which are slow to import

        files = Finder(lambda: nullcontext(connection), lambda: catalog).granule(uid, found.schema).files
    return [{"path": str(Path(one.root, one.path)), "size_bytes": one.size_bytes} for one in files]


def _told(values: dict[str, Any]) -> Iterator[str]:
    width = max(map(len, values))
    for name, value in values.items():
        text = one_line(str(value))
        if name in _TIMES:
            text += f"  ({_moment(value)})"
        first, *rest = textwrap.wrap(text, max(40, 118 - width), break_long_words=False, break_on_hyphens=False) or [""]
        yield f"  {name.ljust(width)}  {first}"
        yield from (f"  {' ' * width}  {line}" for line in rest)


def _absolute(settings: Settings, value: Any) -> Any:  # values of columns of any type
    return settings.addresses.absolute(value) if isinstance(value, str) and value.startswith("/") else value


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], right: set[int]) -> str:
    """Columns under their names; numbers stand to the right."""
    lines = [tuple(names), *(tuple(map(one_line, cells)) for cells in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if n in right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _document(value: Any) -> str:  # anything made of rows
    return json.dumps(value, indent=2, default=_spelled, ensure_ascii=False)


def _spelled(value: object) -> str:
    return dali_timestamp(value) if isinstance(value, datetime) else str(value)


def _moment(jd: float) -> str:
    try:
        return dali_timestamp(datetime_from_jd(jd))
    except (OverflowError, ValueError):  # infinite, or of a year that the calendar does not have
        return f"JD {jd}"


def _day(jd: float | None) -> str:
    return "" if jd is None else _moment(jd).partition("T")[0]


def _date(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
