"""What the form of the page asks for, and the request to TAP that this is. It reads what browsers send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO

from epntap.access import Caller
from epntap.dali.params import MAXREC, Params, maxrec, single
from epntap.errors import ParameterError
from epntap.tap.query.params import TapRequest, tap_request

__all__ = ["FIRST_ROWS", "LIMITS", "PAGE_ROWS", "Action", "Form", "read_form"]

#: rows that the page may ask for at once; more are for a download or a job
LIMITS = (100, 1_000, 10_000)
FIRST_ROWS = 1_000
#: rows of one page of the answer
PAGE_ROWS = 100
#: of a page without scripts: each page asks for all rows up to its end
_MOST_PAGES = 20
_FIELD = "TABLE"


class Action(StrEnum):
    """What a button asks for."""

    EDIT = "edit"
    RUN = "run"
    EXPLAIN = "explain"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Form:
    """The form as it was sent, or as it is at first."""

    query: str = ""
    maxrec: int = FIRST_ROWS
    action: Action = Action.EDIT
    #: of the answer, from 1 on
    page: int = 1
    #: of the tree: the table whose columns are shown
    shown: str = ""
    #: what an uploaded table is called in the query
    table: str = "mine"
    #: its content; None without one
    upload: BinaryIO | None = field(default=None, compare=False)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameters of TAP that say the same."""
        pairs = [("LANG", "ADQL"), ("QUERY", self.query), (MAXREC, str(self.maxrec))]
        return [*pairs, ("UPLOAD", f"{self.table},param:{_FIELD}")] if self.upload is not None else pairs

    @property
    def files(self) -> Mapping[str, BinaryIO]:
        """The files that go with them."""
        return {_FIELD: self.upload} if self.upload is not None else {}

    def request(self, caller: Caller) -> TapRequest:
        """The question to TAP. Raises ParameterError."""
        if not self.query.strip():
            raise ParameterError("There is no query yet; please write one, or take an example.")
        given = {name: [value] for name, value in self.pairs}
        return tap_request(given, {name: _opened(file) for name, file in self.files.items()}, caller)


def read_form(params: Params, files: Mapping[str, BinaryIO]) -> Form:
    """The form as a browser has sent it, or as a link says it. Raises ParameterError."""
    query = (single(params, "QUERY") or single(params, "SQL") or "").replace("\r\n", "\n")
    named = {name.upper(): file for name, file in files.items()}
    upload = named.get(_FIELD)
    wanted = maxrec(params)
    return Form(
        query=query,
        maxrec=FIRST_ROWS if wanted is None else min(wanted, LIMITS[-1]),
        action=_action(single(params, "DO")),
        page=_page(single(params, "PAGE")),
        shown=single(params, "SHOW") or "",
        table=single(params, "NAME") or "mine",
        upload=upload if upload is not None and _has_content(upload) else None,
    )


def _action(text: str | None) -> Action:
    try:
        return Action((text or Action.EDIT).strip().lower())
    except ValueError:
        raise ParameterError(f"DO={str(text)[:40]!r} is unknown; expected {', '.join(Action)}.") from None


def _page(text: str | None) -> int:
    if text is None:
        return 1
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_PAGES):
        raise ParameterError(f"PAGE must be from 1 to {_MOST_PAGES}, but is {text[:40]!r}; a download has all rows.")
    return int(text)


def _has_content(file: BinaryIO) -> bool:
    # a browser sends a part for a field of a file that nobody has chosen
    has_some = bool(file.read(1))
    file.seek(0)
    return has_some


def _opened(file: BinaryIO) -> Callable[[], AbstractContextManager[BinaryIO]]:
    return lambda: nullcontext(file)
