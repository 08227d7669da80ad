"""One column of the answer to a query, for services that take a query in place of a list."""

from __future__ import annotations

import socket

from epntap.access import Caller
from epntap.errors import ParameterError
from epntap.tap.query.params import TapRequest
from epntap.tap.query.pipeline import TapService
from epntap.tap.query.records import records

__all__ = ["column_values"]


def column_values(
    service: TapService, query: str, column: str, most: int, caller: Caller, client: socket.socket | None = None
) -> tuple[list[str], str | None]:
    """The values of a column without NULL, each once, and the schema of the table that it is from, where it is known.

    Raises our errors: ParameterError when the query has no such column or more than `most` rows.
    """
    answer = records(service, TapRequest(query, maxrec=most, caller=caller), client)
    if column not in answer.names:
        raise ParameterError(
            f"QUERY must have a column {column} in its answer, but has {', '.join(answer.names[:12])}; "
            f"please add {column} after SELECT."
        )
    if answer.is_cut:
        raise ParameterError(f"QUERY finds more than the {most:,} rows that are taken at once; please narrow it.")
    place = answer.names.index(column)
    origin = answer.columns[place].origin
    values = list(dict.fromkeys(str(row[place]) for row in answer.rows if row[place] not in (None, "")))
    return values, None if origin is None else origin[0].partition(".")[0]
