"""Protocol parameters: names are case-insensitive here and nowhere else (DALI 1.1 §3.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from epntap.errors import ParameterError

__all__ = ["Params", "TapRequest", "read_params", "tap_request"]

#: upper-case name → values in order
Params = Mapping[str, Sequence[str]]

_LANGUAGES = ("ADQL", "ADQL-2.0", "ADQL-2.1")
_RUNID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class TapRequest:
    """One question to TAP, checked as far as that goes without the catalogue."""

    query: str
    response_format: str | None = None
    #: None: the default of the service
    maxrec: int | None = None
    runid: str | None = None


def read_params(pairs: Iterable[tuple[str, str]]) -> Params:
    """All parameters of a request by upper-case name; unknown ones are kept and hurt nobody."""
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name.upper()].append(value)
    return values


def single(params: Params, name: str) -> str | None:
    """The value of a parameter that may be given once; empty counts as absent (DALI 1.1 §3.2)."""
    values = [value for value in params.get(name, ()) if value.strip()]
    if len(values) > 1:
        raise ParameterError(f"{name} is given {len(values)} times; please give it once.")
    return values[0] if values else None


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
    return int(stripped)
