"""One column of the answer to a query, for services that take a query in place of a list."""

from __future__ import annotations

import json
import socket
from contextlib import closing

from epntap.access import Caller
from epntap.answer.endings import BrokenStreamError
from epntap.errors import ParameterError
from epntap.tap.params import TapRequest
from epntap.tap.pipeline import TapService

__all__ = ["column_values"]


def column_values(
    service: TapService, query: str, column: str, most: int, caller: Caller, client: socket.socket | None = None
) -> tuple[list[str], str | None]:
    """The values of a column without NULL, each once, and the schema of the table that it is from, where it is known.

    Raises our errors: ParameterError when the query has no such column or more than `most` rows.
    """
    with closing(service.answer(TapRequest(query, "json", most + 1, caller=caller), client)) as answer:
        names = [one.name for one in answer.columns]
        if column not in names:
            raise ParameterError(
                f"QUERY must have a column {column} in its answer, but has {', '.join(names[:12])}; "
                f"please add {column} after SELECT."
            )
        place = names.index(column)
        origin = answer.columns[place].origin
        try:
            text = b"".join(answer)
        except BrokenStreamError as exc:
            raise answer.failure or exc from exc
    rows = json.loads(text)["data"]
    if len(rows) > most:
        raise ParameterError(f"QUERY finds more than the {most:,} rows that are taken at once; please narrow it.")
    values = list(dict.fromkeys(str(row[place]) for row in rows if row[place] not in (None, "")))
    return values, None if origin is None else origin[0].partition(".")[0]
