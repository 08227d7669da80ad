"""COPY of the rows of a statement: what of it stays the same from run to run is made once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import ClientCursor, sql

from epntap.connection import Connection, kept_in_place
from epntap.db.rows.copy_out import CopyOut
from epntap.db.rows.plan import Plan, expected_bytes, planned

__all__ = ["CopyStatement"]

_BINARY = sql.SQL("FORMAT binary")
#: seconds that estimates of the planner are taken for true: rows come and go, but not by orders of magnitude
PLAN_HOLDS_S = 60.0


class CopyStatement:
    """A statement that may be run often, by several threads at once, on connections with the same settings.

    What is kept has no part in the answer: its text with the values in it, and what the planner thinks that it costs.
    """

    def __init__(
        self,
        statement: sql.Composable,
        params: Mapping[str, Any],
        options: sql.Composable,
        relations: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`params` are values of any type that psycopg can adapt, `options` those of COPY.

        `relations` are tables and views that it names, by schema and name; they are kept in place by a statement that
        goes before it.
        """
        self.is_binary = options == _BINARY
        self._relations = relations
        self._locks: bytes | None = None if relations else b""
        self._rows = statement
        self._statement = sql.SQL("COPY ({}) TO STDOUT ({})").format(statement, options)
        self._params = params
        self._text: bytes | None = None
        self._plan: tuple[Plan, float] | None = None

    def text(self, connection: Connection) -> bytes:
        """What is sent. Raises psycopg.Error for values that cannot be sent."""
        if self._text is None:
            self._text = ClientCursor(connection).mogrify(self._statement, self._params).encode()
        return self._text

    @property
    def size(self) -> int:
        """Bytes of the text, once it was made."""
        return 0 if self._text is None else len(self._text)

    def sent(self, connection: Connection) -> CopyOut:
        """The rows, on which the server works from now on. Raises psycopg.Error."""
        if self._locks is None:
            held = kept_in_place(*(sql.Identifier(*relation) for relation in self._relations))
            self._locks = held.as_bytes(connection) + b"; "
        return CopyOut(connection, self._locks + self.text(connection), is_binary=self.is_binary)

    def cost(self, connection: Connection) -> float:
        """What the planner thinks that it costs, or thought a moment ago. Raises psycopg.Error."""
        return float(self._planned(connection)["Total Cost"])

    def expected_bytes(self, connection: Connection) -> float:
        """What the planner thinks that its rows take, or thought a moment ago. Raises psycopg.Error."""
        return expected_bytes(self._planned(connection))

    def _planned(self, connection: Connection) -> Plan:
        known = self._plan
        if known is None or time.monotonic() - known[1] >= PLAN_HOLDS_S:
            known = self._plan = (planned(connection, self._rows, self._params), time.monotonic())
        return known[0]
