"""`epntap query` and `epntap get`: what clients ask over HTTP, asked at the prompt by the same way."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO

import click

from cutouts.cutouts import Cutouts
from cutouts.files import published_file
from cutouts.formats import FORMATS as DATA_FORMATS
from cutouts.make import make_cut
from cutouts.plan import Limit, check_format
from cutouts.request import EVERYTHING, CutRequest, labelled_name
from datalink.soda.params import cut_request
from epntap.access import ANONYMOUS
from epntap.addresses import file_place
from epntap.answer.blocks import Blocks
from epntap.answer.endings import BrokenStreamError
from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.db.migrate import check_migrated
from epntap.db.pool import Role, open_pool, pooled
from epntap.db.server import open_database
from epntap.db.standbys import query_pools
from epntap.errors import ParameterError, QueryError
from epntap.formats.base import AnswerFacts
from epntap.formats.negotiate import FORMATS
from epntap.formats.textual.text import Text
from epntap.settings import Settings
from epntap.tap.query.answer import Answer
from epntap.tap.query.params import TapRequest
from voserver.house import House, Pools, build_house
from voserver.process.lock import as_served
from voserver.prompt.destination import STANDARD_OUTPUT, destination, note, write_blocks
from voserver.prompt.lookup import find_granule

__all__ = ["get", "query"]

_OUTPUT = click.Path(path_type=Path, dir_okay=False)
#: the format for people: aligned columns, of other services made of their CSV
_TABLE = "table"
#: rows that are written at once, and of which the first show how wide columns are
_ROWS_AT_ONCE = 1_000


@contextmanager
def _command_house(settings: Settings) -> Iterator[House]:
    """What servers are made of, for one command and its few connections."""
    longest_ms = f"{settings.async_timeout_hard_s * 1000}"
    with open_database(settings) as database, ExitStack() as stack:
        check_migrated(database)
        queries, primary = query_pools(database, 1, statement_timeout=longest_ms)
        stack.callback(queries.close)
        if primary is not None:
            stack.callback(primary.close)
        internal = open_pool(database, Role.SERVICE, size=2, name="internal")
        stack.callback(internal.close)
        changed = as_served(settings).with_changes(query_connections=1)
        yield build_house(changed, database, Pools(queries, internal, internal, primary))


# -- query


@click.command()
@click.argument("adql", metavar="ADQL")
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    help=f"{_TABLE}, {', '.join(one.names[0] for one in FORMATS)}; else what --output ends in, or {_TABLE}.",
)
@click.option("--maxrec", type=click.IntRange(0), metavar="ROWS", help="The most rows; without it all of them.")
@click.option("--url", metavar="TAP", help="Ask the TAP service at this address, not this installation.")
@click.option("--output", type=_OUTPUT, default=STANDARD_OUTPUT, metavar="FILE", help="Write the answer there.")
@click.pass_obj
def query(settings: Settings, adql: str, form: str | None, maxrec: int | None, url: str | None, output: Path) -> None:
    """Run an ADQL query ("-" reads it from standard input) and write its rows as they come.

    The query goes the way of those over HTTP, with their rights, but without their limits of rows and seconds. That
    there are more rows than the answer holds is said on standard error.
    """
    adql = sys.stdin.read() if adql == "-" else adql
    form = form or _format_of(output) or _TABLE
    if url is not None:
        _query_elsewhere(url, adql, form, maxrec, output)
        return
    with _command_house(settings) as house:
        request = TapRequest(
            adql, "text" if form == _TABLE else form, settings.maxrec_hard if maxrec is None else maxrec
        )
        answer = house.tap.answer_job(request, timeout_s=settings.async_timeout_hard_s, on_cancel=lambda _end: None)
        with closing(answer), destination(output, answer.media_type) as file:
            _write_answer(answer, file)


def _write_answer(answer: Answer, file: IO[bytes]) -> None:
    try:
        write_blocks(answer, file)
    except BrokenStreamError as exc:
        raise QueryError(str(exc)) from exc
    if answer.failure is not None:
        raise answer.failure
    if answer.outcome is not None and answer.outcome.status is OutcomeStatus.OVERFLOW:
        note(f"the answer holds the first {answer.outcome.rows:,} rows; there are more, which --maxrec lets through.")


def _query_elsewhere(url: str, adql: str, form: str, maxrec: int | None, output: Path) -> None:
    from voserver.prompt.elsewhere import asked_elsewhere  # noqa: PLC0415  # pyvo is slow to import

    is_table = form == _TABLE
    with asked_elsewhere(url, adql, "csv" if is_table else form, maxrec) as answer:
        media_type = Text.media_type if is_table else answer.media_type
        with destination(output, media_type) as file:
            write_blocks(_aligned(answer) if is_table else answer, file)
        if answer.is_cut:
            note(f"{url} says that there are more rows; --maxrec asks for as many as it lets through.")


def _aligned(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """CSV as aligned columns."""
    rows = csv.reader(_lines(blocks))
    names = next(rows, [])
    first = list(islice(rows, _ROWS_AT_ONCE))
    columns = [ResultColumn(name, _kind_of(row[n] for row in first if n < len(row))) for n, name in enumerate(names)]
    if not columns:
        return
    writer = Text().writer(columns, AnswerFacts())
    count = 0
    for some in chain([first] if first else [], iter(lambda: list(islice(rows, _ROWS_AT_ONCE)), [])):
        filled = [[*row, *[""] * len(names)][: len(names)] for row in some]
        yield writer.rows("".join("\t".join(map(_escaped, row)) + "\n" for row in filled).encode())
        count += len(some)
    yield from writer.trailer(Outcome(OutcomeStatus.OK, count))


def _lines(blocks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from (f"{line.decode('utf-8', 'replace')}\n" for line in lines)
    if rest:
        yield rest.decode("utf-8", "replace")


def _kind_of(cells: Iterable[str]) -> str:
    """`double` for what stands to the right, which are numbers; `char` for all else."""
    try:
        return "double" if [float(cell) for cell in cells if cell] else "char"
    except ValueError:
        return "char"


def _escaped(cell: str) -> str:
    """As COPY would write it."""
    for plain, written in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        cell = cell.replace(plain, written)
    return cell


def _format_of(output: Path) -> str | None:
    """What the ending of a file says, where it is that of a format."""
    ending = output.suffix.removeprefix(".").lower()
    if ending in {"vot", "xml"}:
        return "votable"
    return ending if any(ending in {one.extension, *one.names} for one in FORMATS) else None


# -- get


@click.command()
@click.argument("uid", metavar="UID")
@click.option("--start", metavar="UTC", help="First instant to keep.")
@click.option("--stop", metavar="UTC", help="First instant to leave out.")
@click.option("--parameters", metavar="NAMES", help="Variables to keep, with commas between them.")
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    help=f"{', '.join(one.names[0] for one in DATA_FORMATS)}; else what --output says.",
)
@click.option("--schema", metavar="SCHEMA", help="Service that the granule is of, where several know it.")
@click.option(
    "--output",
    type=_OUTPUT,
    metavar="FILE",
    help="Where to write, - for standard output; else its name, in this folder.",
)
@click.pass_obj
def get(settings: Settings, /, uid: str, output: Path | None, **asked: str | None) -> None:
    """Write the data of a granule, or what is held of a dataset, as a whole or between two instants.

    The rights are those of everybody: what is under embargo is refused here too.
    """
    form = asked.pop("form") or (None if output is None else _data_format_of(output))
    names = {"start": "START", "stop": "STOP", "parameters": "PARAMETERS", "schema": "SCHEMA"}
    given = {names[name]: [value] for name, value in asked.items() if value is not None}
    params = {"ID": [uid], **given, **({"FORMAT": [form]} if form else {})}
    request = cut_request(params, ANONYMOUS, lambda *_table: [])
    with _command_house(settings) as house:
        answer = _data(house, settings, request)
        with closing(answer):
            target = output or _free(Path(_name(answer.file_name, request)))
            with destination(target, answer.media_type) as file:
                written = write_blocks(answer, file)
    for remark in answer.remarks:
        note(f"{remark}.")
    if target != STANDARD_OUTPUT:
        note(f"{target}: {written:,} bytes.")


def _data(house: House, settings: Settings, request: CutRequest) -> Blocks:
    is_whole = request.interval == EVERYTHING and not request.parameters
    with pooled(house.pools.internal) as connection:
        row = find_granule(connection, house.catalog(), request.identifier, request.schema)
    place = file_place(str(row.values.get("access_url") or "")) if row else None
    if place is not None:
        if not is_whole or request.format_name:
            raise ParameterError(
                f"{request.identifier} is the file {place[1]}, which is published as it is: leave out --start, --stop, "
                "--parameters and --format."
            )
        return published_file(house.finder, *place, request.caller)
    form = check_format(request)
    original = (
        house.cutouts.original(request.identifier, request.schema, request.caller)
        if is_whole and form.extension == "cdf"
        else None
    )
    return original or _cut(house.cutouts, settings, request)


def _cut(cutouts: Cutouts, settings: Settings, request: CutRequest) -> Blocks:
    """Made in this process: nobody else waits for it."""
    most = settings.soda_async_bytes
    plan = cutouts.plan(request, Limit(most, f"the {most:,} of EPNTAP_SODA_ASYNC_BYTES; take a shorter interval."))
    answer = make_cut(plan)
    assert answer is not None  # a size above which it is left to others was not given
    return answer


def _name(name: str, request: CutRequest) -> str:
    safe = name.replace("/", "_").lstrip(".") or "granule"
    return safe if request.interval == EVERYTHING else labelled_name(safe, request.interval)


def _free(path: Path) -> Path:
    if path.exists():
        raise ParameterError(f"There is a file {path} in this folder already; give --output FILE to replace it.")
    return path


def _data_format_of(output: Path) -> str | None:
    ending = output.suffix.removeprefix(".").lower()
    if ending in {"vot", "xml"}:
        return "votable"
    return ending if any(ending in {one.extension, *one.names} for one in DATA_FORMATS) else None
