"""The answer to a query as values, for who asks from within. Only what is known to be small is asked so."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from epntap.answer.endings import BrokenStreamError
from epntap.answer.model import OutcomeStatus, ResultColumn
from epntap.tap.query.params import TapRequest
from epntap.tap.query.pipeline import TapService

__all__ = ["Records", "records"]


@dataclass(frozen=True, slots=True)
class Records:
    """All rows of an answer."""

    columns: tuple[ResultColumn, ...]
    #: values as JSON has them
    rows: list[list[Any]]
    #: whether there are more than were asked for
    is_cut: bool

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        return [column.name for column in self.columns]


def records(service: TapService, request: TapRequest, client: socket.socket | None = None) -> Records:
    """The answer, read as a whole. Raises our errors."""
    with closing(service.answer(replace(request, response_format="json"), client)) as answer:
        try:
            found = json.loads(b"".join(answer))
        except BrokenStreamError as exc:
            raise answer.failure or exc from exc
        if answer.failure is not None:
            raise answer.failure
        return Records(tuple(answer.columns), found["data"], found["status"] == OutcomeStatus.OVERFLOW)
