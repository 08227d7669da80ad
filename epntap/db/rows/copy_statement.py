"""COPY of the rows of a statement: what of it stays the same from run to run is made once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from psycopg import ClientCursor, sql

from epntap.connection import Connection
from epntap.db.rows.plan import planned

__all__ = ["CopyStatement"]

_BINARY = sql.SQL("FORMAT binary")
#: seconds that an estimate of the planner is taken for true: rows come and go, but not by orders of magnitude
COST_HOLDS_S = 60.0


class CopyStatement:
    """A statement that may be run often, by several threads at once, on connections with the same settings.

    What is kept has no part in the answer: its text with the values in it, and what the planner thinks that it costs.
    """

    def __init__(self, statement: sql.Composable, params: Mapping[str, Any], options: sql.Composable) -> None:
        """`params` are values of any type that psycopg can adapt, `options` those of COPY."""
        self.is_binary = options == _BINARY
        self._rows = statement
        self._statement = sql.SQL("COPY ({}) TO STDOUT ({})").format(statement, options)
        self._params = params
        self._text: bytes | None = None
        self._cost = (0.0, -COST_HOLDS_S)

    def text(self, connection: Connection) -> bytes:
        """What is sent. Raises psycopg.Error for values that cannot be sent."""
        if self._text is None:
            self._text = ClientCursor(connection).mogrify(self._statement, self._params).encode()
        return self._text

    @property
    def size(self) -> int:
        """Bytes of the text, once it was made."""
        return 0 if self._text is None else len(self._text)

    def cost(self, connection: Connection) -> float:
        """What the planner thinks that it costs, or thought a moment ago. Raises psycopg.Error."""
        cost, asked = self._cost
        if time.monotonic() - asked >= COST_HOLDS_S:
            cost = float(planned(connection, self._rows, self._params)["Total Cost"])
            self._cost = (cost, time.monotonic())
        return cost
