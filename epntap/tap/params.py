"""What a TAP request asks for, checked as far as that goes without the catalogue (TAP 1.1 §2.7)."""

from __future__ import annotations

from dataclasses import dataclass

from epntap.errors import ParameterError
from epntap.params import Params, single

__all__ = ["TapRequest", "tap_request"]

_LANGUAGES = ("ADQL", "ADQL-2.0", "ADQL-2.1")
_RUNID_LENGTH = 64
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True)
class TapRequest:
    """One question to TAP, checked as far as that goes without the catalogue."""

    query: str
    response_format: str | None = None
    #: None: the default of the service
    maxrec: int | None = None
    runid: str | None = None


def tap_request(params: Params) -> TapRequest:
    """The request that the parameters describe. Raises ParameterError with what was expected and found."""
    verb = single(params, "REQUEST")
    if verb is not None and verb.lower() != "doquery":
        raise ParameterError(f"REQUEST={verb!r} is not offered; leave REQUEST out or give doQuery.")
    lang = single(params, "LANG")
    if lang is None:
        raise ParameterError("LANG is missing; add LANG=ADQL.")
    if lang.strip().upper() not in _LANGUAGES:
        raise ParameterError(f"Unknown query language {lang!r}; expected one of {', '.join(_LANGUAGES)}.")
    query = single(params, "QUERY")
    if query is None:
        raise ParameterError("QUERY is missing; give an ADQL query, for example SELECT TOP 5 * FROM tap_schema.tables.")
    runid = single(params, "RUNID")
    return TapRequest(
        query=query,
        response_format=single(params, "RESPONSEFORMAT") or single(params, "FORMAT"),
        maxrec=_maxrec(single(params, "MAXREC")),
        runid=runid[:_RUNID_LENGTH] if runid else None,
    )


def _maxrec(text: str | None) -> int | None:
    if text is None:
        return None
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdigit()):
        raise ParameterError(f"MAXREC must be a whole number of rows, 0 or more, but is {text!r}.")
    return int(stripped[:_LONGEST_NUMBER])  # beyond any limit of ours anyway
