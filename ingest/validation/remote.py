"""The check of an EPN-TAP table anywhere: its rows are fetched over TAP and asked the same rules as ours."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from psycopg import sql

from epntap.catalog.model import Column, Table
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.epncore.columns import TABLE_UTYPE, by_name
from epntap.epncore.rules.all_rules import NO_SEVERITIES, TABLE_RULES, Severity
from epntap.epncore.rules.model import literal
from epntap.errors import InputError, NotFoundError
from epntap.hints import did_you_mean
from ingest.findings import table_findings
from ingest.validation.report import CheckReport
from ingest.validation.rows import examine

__all__ = ["DEFAULT_MAXREC", "check_remote"]


#: rows that are looked at unless somebody asks for more
DEFAULT_MAXREC = 100_000
#: rows of one query: most services answer that many without MAXREC
PAGE_ROWS = 20_000
#: seconds without a byte from the service
TIMEOUT_S = 60

_STAGED = sql.Identifier("pg_temp", "checked_granules")
_NUMBERS = {
    "double": "double precision",
    "float": "double precision",
    "long": "bigint",
    "int": "bigint",
    "short": "bigint",
    "unsignedByte": "bigint",
}
#: names of standard columns that are reserved words of ADQL
_RESERVED = frozenset({"dec"})


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows of an answer, column by column in the order of the table, and whether the service cut it."""

    fields: tuple[Any, ...]  # of astropy
    columns: tuple[list[Any], ...]
    overflow: bool

    @property
    def rows(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def check_remote(
    database: Database,
    url: str,
    *,
    table_name: str | None = None,
    maxrec: int = DEFAULT_MAXREC,
    severities: Mapping[str, Severity] = NO_SEVERITIES,
    advance: Callable[[int], None] = lambda _rows: None,
) -> CheckReport:
    """The rules asked of a table at a TAP address; `maxrec` is the most rows to look at.

    Without `table_name` the service must have one epn_core table. `database` lends the room for the rows while they
    are looked at. Raises InputError when the service cannot be asked, NotFoundError when it has no such table.
    """
    clock = time.perf_counter()
    with _in_sentences(url):
        service = _Service(url)
        described = service.describe(table_name)
        typed, pages = _typed(described, service.pages(described, maxrec))
        with connect(database, Role.ADMIN) as connection:
            rows, partial_ = _stage(connection, typed, pages, maxrec, advance)
            examined = examine(connection, _STAGED, _standard(typed), severities)
            connection.rollback()
    return CheckReport(
        table=typed.qualified_name,
        address=url,
        rows=rows,
        partial=partial_,
        rules=len(examined.rules) + len(TABLE_RULES),
        findings=(*table_findings(typed, examined.facts, severities), *examined.findings),
        seconds=time.perf_counter() - clock,
    )


class _Service:
    """A TAP service, asked with pyvo."""

    def __init__(self, url: str) -> None:
        import pyvo  # noqa: PLC0415  # slow to import, and needed here alone
        from pyvo.utils.http import create_session  # noqa: PLC0415

        session = create_session()
        session.request = partial(session.request, timeout=TIMEOUT_S)
        self._tap = pyvo.dal.TAPService(url, session=session)

    def describe(self, name: str | None) -> Table:
        """The table as TAP_SCHEMA describes it."""
        found = self._ask(
            "SELECT table_name, utype, description FROM tap_schema.tables WHERE table_name LIKE '%epn_core%' "
            "OR utype LIKE 'ivo://ivoa.net/std/epntap#%' OR utype LIKE 'ivo://vopdc.obspm/std/epncore#%'",
            1000,
        )
        by_table = {str(row[0]): row[1:] for row in zip(*found.columns, strict=True)}
        chosen = _choose(tuple(by_table), name)
        utype, description = by_table[chosen]
        of_table = literal(chosen)
        columns = self._ask(
            f"SELECT column_name, datatype, unit, ucd, utype FROM tap_schema.columns WHERE table_name = {of_table}",  # noqa: S608
            5000,
        )
        schema, _, bare = chosen.rpartition(".")
        return Table(
            schema=schema,
            name=bare,
            columns=tuple(
                Column(
                    name=str(column).strip('"').lower() if by_name(str(column).strip('"').lower()) else str(column),
                    datatype=str(datatype),
                    unit=unit or None,
                    ucd=ucd or None,
                    utype=column_utype or None,
                )
                for column, datatype, unit, ucd, column_utype in zip(*columns.columns, strict=True)
            ),
            utype=utype or None,
            description=description,
        )

    def pages(self, table: Table, maxrec: int) -> Iterator[_Page]:
        """The standard columns of the first rows, a page at a time; one row more than `maxrec` if there are more."""
        names = [column.name for column in table.columns if by_name(column.name)]
        select = ", ".join(f'"{name}"' if name in _RESERVED else name for name in names)
        wanted = maxrec + 1
        if wanted <= PAGE_ROWS or "granule_uid" not in names:
            yield self._ask(f"SELECT TOP {wanted} {select} FROM {table.qualified_name}", wanted)  # noqa: S608
            return
        yield from self._sorted_pages(table, select, names.index("granule_uid"), wanted)

    def _sorted_pages(self, table: Table, select: str, key: int, wanted: int) -> Iterator[_Page]:
        """Pages by granule_uid. Rows with the last one of a page come again with the next, so that none is lost."""
        source = f"FROM {table.qualified_name} WHERE granule_uid"
        page = self._ask(f"SELECT TOP {PAGE_ROWS} {select} {source} IS NULL", PAGE_ROWS)
        yield page
        wanted -= page.rows
        size, start = PAGE_ROWS, ""
        while wanted > 0:
            top = min(size, wanted)
            after = f">= {literal(start)}" if start else "IS NOT NULL"
            page = self._ask(f"SELECT TOP {top} {select} {source} {after} ORDER BY granule_uid", top)
            last = page.columns[key][-1] if page.rows else ""
            if not page.rows or (page.rows < top and not page.overflow) or top == wanted:
                yield page
                return
            kept = [n for n, uid in enumerate(page.columns[key]) if uid != last]
            if not kept:  # one name all over: only a longer page can get beyond it
                size *= 2
                if page.overflow:
                    yield page
                    return
                continue
            yield replace(page, columns=tuple([column[n] for n in kept] for column in page.columns))
            wanted -= len(kept)
            start = str(last)

    def _ask(self, query: str, rows: int) -> _Page:
        with warnings.catch_warnings():
            # faults of the document are not what is looked at here
            warnings.simplefilter("ignore")
            answer = self._tap.run_sync(query, maxrec=rows)
        table = answer.resultstable
        return _Page(
            fields=tuple(table.fields),
            columns=tuple([_value(cell) for cell in table.array[name].tolist()] for name in table.array.dtype.names),
            overflow=answer.status[0].lower() == "overflow",
        )


def _value(cell: Any) -> Any:  # a number, a text, an array, or None
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, str):
        return cell.replace("\0", "") or None  # VOTable does not tell an empty text from none
    if isinstance(cell, float):
        return None if cell != cell else cell  # noqa: PLR0124  # NaN is how VOTable writes NULL
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    if isinstance(cell, list):
        return " ".join(str(item) for item in cell if item is not None) or None
    return cell


def _choose(found: Sequence[str], name: str | None) -> str:
    if name is not None:
        chosen = [one for one in found if one.strip('"') in {name, f"{name}.epn_core"}]
        if not chosen:
            said = f"it has {', '.join(found)}" if found else "it has no epn_core table"
            raise NotFoundError(f"The service has no EPN-TAP table {name}; {said}.{did_you_mean(name, found)}")
        return chosen[0]
    if not found:
        raise NotFoundError(
            f"The service has no EPN-TAP table: none is called epn_core or has the utype {TABLE_UTYPE}."
        )
    if len(found) > 1:
        raise NotFoundError(f"The service has several EPN-TAP tables; choose one with --table: {', '.join(found)}.")
    return found[0]


def _typed(table: Table, pages: Iterator[_Page]) -> tuple[Table, Iterator[_Page]]:
    """The table with the types that its answers have, which are those that clients see; and the pages again."""
    first = next(pages)
    fields = {str(field.name).lower(): field for field in first.fields}
    columns = []
    for column in table.columns:
        field = fields.get(column.name)
        if field is None:
            columns.append(column)
            continue
        array = field.arraysize not in {None, "", "1"}
        columns.append(
            replace(
                column,
                datatype=str(field.datatype),
                arraysize=field.arraysize or None,
                xtype=field.xtype or None,
                pg_type="text" if array else _NUMBERS.get(str(field.datatype), "text"),
            )
        )

    def again() -> Iterator[_Page]:
        yield first
        yield from pages

    return replace(table, columns=tuple(columns)), again()


def _standard(table: Table) -> Table:
    """The table without the columns of its own: those are not fetched."""
    return replace(table, columns=tuple(column for column in table.columns if by_name(column.name)))


def _stage(
    connection: Connection, table: Table, pages: Iterator[_Page], maxrec: int, advance: Callable[[int], None]
) -> tuple[int, bool]:
    """Lay the rows down in a temporary table; how many they are, and whether there are more."""
    columns = _standard(table).columns
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(
            _STAGED,
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.pg_type)) for column in columns
            ),
        )
    )
    rows, more = 0, False
    with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(_STAGED)) as copy:
        for page in pages:
            room = maxrec - rows
            for row in zip(*(column[:room] for column in page.columns), strict=True):
                copy.write_row(row)
            more = page.overflow or page.rows > room
            rows += min(page.rows, room)
            advance(min(page.rows, room))
    return rows, more


@contextmanager
def _in_sentences(url: str) -> Iterator[None]:
    import pyvo  # noqa: PLC0415
    import requests  # noqa: PLC0415

    try:
        yield
    except pyvo.dal.DALQueryError as exc:
        raise InputError(f"The TAP service {url} refuses a query of the check: {_reason(exc)}.") from exc
    except (pyvo.dal.DALAccessError, requests.RequestException) as exc:
        raise InputError(
            f"The TAP service {url} cannot be asked: {_reason(exc)}. (Expected is the address of TAP without /sync, "
            "such as https://tap.example.org/tap.)"
        ) from exc


def _reason(exc: Exception) -> str:
    if "Max retries exceeded" in str(exc):  # of urllib3, with a chain of class names around it
        return "nothing answers at this address"
    lines = str(exc).strip().splitlines()
    return (lines[0] if lines else type(exc).__name__).rstrip(".")
