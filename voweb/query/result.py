"""An answer as a page shows it: so many rows, read at once, and what each cell is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from socket import socket
from typing import Any

from epntap.access import Caller
from epntap.answer.model import ResultColumn
from epntap.instants.julian import datetime_from_jd
from epntap.tap.query.pipeline import TapService
from epntap.tap.query.records import records
from voweb.query.form import PAGE_ROWS, Form

__all__ = ["Cell", "Result", "ask"]

_ADDRESS = ("https://", "http://")
#: what stands in a cell; the whole is in a download
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Cell:
    """One value on a page."""

    text: str
    #: where it leads
    link: str = ""
    #: whether that is a picture
    is_picture: bool = False
    is_number: bool = False
    #: what the value means, such as the date of a Julian day
    means: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A page of an answer."""

    columns: tuple[ResultColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]
    #: number of the first row here
    first: int
    #: whether there are more rows after these
    has_more: bool


def ask(service: TapService, form: Form, caller: Caller, client: socket | None) -> Result:
    """The page of the answer that the form asks for. Raises our errors."""
    first = (form.page - 1) * PAGE_ROWS
    enough = min(form.maxrec, first + PAGE_ROWS)
    request = replace(form.request(caller), maxrec=enough)
    found = records(service, request, client)
    rows = tuple(tuple(map(_cell, found.columns, row)) for row in found.rows[first:])
    return Result(found.columns, rows, first + 1, found.is_cut)


def _cell(column: ResultColumn, value: Any) -> Cell:  # of JSON
    if value is None:
        return Cell("")
    if isinstance(value, bool | int | float):
        return Cell(str(value), is_number=not isinstance(value, bool), means=_meaning(column, value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    link = text if text.startswith(_ADDRESS) and " " not in text else ""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return Cell(shown, link, is_picture=bool(link) and column.name == "thumbnail_url")


def _meaning(column: ResultColumn, value: float) -> str:
    """The date of a Julian day (EPN-TAP 2.0: times in days, UTC)."""
    if column.unit != "d" or not (column.ucd or "").startswith("time.") or not 1_000_000 < value < 5_000_000:
        return ""
    return f"{datetime_from_jd(value) + timedelta(milliseconds=0.5):%Y-%m-%d %H:%M:%S}"
