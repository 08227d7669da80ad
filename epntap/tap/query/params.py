"""What a TAP request asks for, checked as far as that goes without the catalogue (TAP 1.1 §2.7)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

from epntap.access import ANONYMOUS, Caller
from epntap.dali.params import Params, maxrec, single
from epntap.errors import ParameterError
from epntap.formats.paging import MOST_PAGES
from epntap.upload.model import Source

__all__ = ["Parts", "TapRequest", "tap_request"]

#: what opens each file part of a request, by its name
Parts = Mapping[str, Callable[[], AbstractContextManager[BinaryIO]]]

_LANGUAGES = ("ADQL", "ADQL-2.0", "ADQL-2.1")
_RUNID_LENGTH = 64
_LONGEST_NAME = 63
_LONGEST_QUERY_FILE = 1_000_000
_TABLE_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")
#: TAP 1.0 joined uploads with ; which may also stand in an address
_BETWEEN_UPLOADS = re.compile(r";(?=\s*[^,;/?]*,\s*[A-Za-z][A-Za-z0-9+.-]*:)")


@dataclass(frozen=True, slots=True)
class TapRequest:
    """One question to TAP, checked as far as that goes without the catalogue."""

    query: str
    response_format: str | None = None
    #: None: the default of the service
    maxrec: int | None = None
    runid: str | None = None
    #: tables that the request brings
    uploads: tuple[Source, ...] = ()
    #: of an answer that is shown in pages
    page: int = 1
    #: who asks
    caller: Caller = ANONYMOUS


def tap_request(params: Params, parts: Parts = MappingProxyType({}), caller: Caller = ANONYMOUS) -> TapRequest:
    """The request that parameters and file parts describe. Raises ParameterError with what was expected and found."""
    verb = single(params, "REQUEST")
    if verb is not None and verb.lower() != "doquery":
        raise ParameterError(f"REQUEST={verb!r} is not offered; leave REQUEST out or give doQuery.")
    lang = single(params, "LANG")
    if lang is None:
        raise ParameterError("LANG is missing; add LANG=ADQL.")
    if lang.strip().upper() not in _LANGUAGES:
        raise ParameterError(f"Unknown query language {lang!r}; expected one of {', '.join(_LANGUAGES)}.")
    query = single(params, "QUERY") or _query_file(parts)
    if query is None:
        raise ParameterError("QUERY is missing; give an ADQL query, for example SELECT TOP 5 * FROM tap_schema.tables.")
    runid = single(params, "RUNID")
    return TapRequest(
        query=query,
        response_format=single(params, "RESPONSEFORMAT") or single(params, "FORMAT"),
        maxrec=maxrec(params),
        runid=runid[:_RUNID_LENGTH] if runid else None,
        uploads=_uploads(params, parts),
        page=_page(params),
        caller=caller,
    )


def _page(params: Params) -> int:
    """Which page of an answer is shown; other formats than HTML have no pages."""
    text = single(params, "PAGE")
    if text is None:
        return 1
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdigit() and len(stripped) < 9 and 1 <= int(stripped) <= MOST_PAGES):
        raise ParameterError(
            f"PAGE must be a number from 1 to {MOST_PAGES}, but is {text[:60]!r}; what comes after the last page "
            "can be had in another RESPONSEFORMAT."
        )
    return int(stripped)


def _query_file(parts: Parts) -> str | None:
    """A query that was posted as a file."""
    named = [part for part in parts if part.upper() == "QUERY"]
    if len(named) != 1:
        return None
    with parts[named[0]]() as file:
        content = file.read(_LONGEST_QUERY_FILE + 1)
    if len(content) > _LONGEST_QUERY_FILE:
        raise ParameterError(f"QUERY is a file of more than {_LONGEST_QUERY_FILE:,} bytes; please shorten it.")
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise ParameterError("QUERY is no text in UTF-8; please send it in UTF-8.") from exc


def _uploads(params: Params, parts: Parts) -> tuple[Source, ...]:
    """The tables that UPLOAD names (DALI 1.1 §3.4.5): name,param:part or name,http(s) address."""
    texts = (text.strip().rstrip(";") for text in params.get("UPLOAD", ()))
    values = (value for text in texts for value in _BETWEEN_UPLOADS.split(text))
    sources: dict[str, Source] = {}
    for value in (value.strip() for value in values):
        if not value:
            continue
        source = _upload(value, params, parts)
        if source.name.lower() in sources:
            raise ParameterError(f"UPLOAD gives the name {source.name} to two tables; use different names.")
        sources[source.name.lower()] = source
    return tuple(sources.values())


def _upload(value: str, params: Params, parts: Parts) -> Source:
    name, comma, address = (text.strip() for text in value.partition(","))
    if not comma or not address:
        raise ParameterError(
            f"UPLOAD={value[:100]!r} cannot be read; expected a name, a comma and param:part or an address, "
            "for example UPLOAD=mytable,param:mytable."
        )
    if not _TABLE_NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ParameterError(
            f"UPLOAD names a table {name[:100]!r}; a name begins with a letter, goes on with letters, digits and _, "
            f"and has at most {_LONGEST_NAME} characters."
        )
    scheme, _, rest = address.partition(":")
    if scheme.lower() == "param":
        return Source(name, open=_part(rest.strip(), params, parts))
    if scheme.lower() in {"http", "https"}:
        return Source(name, address)
    raise ParameterError(
        f"UPLOAD gives the table {name} the address {address[:100]!r}; expected param:, http: or https:."
    )


def _part(name: str, params: Params, parts: Parts) -> Callable[[], AbstractContextManager[BinaryIO]]:
    alike = [part for part in parts if part == name] or [part for part in parts if part.lower() == name.lower()]
    if len(alike) == 1:
        return parts[alike[0]]
    values = params.get(name.upper(), ())
    if len(values) == 1 and values[0]:  # a part without a file name counts as an ordinary parameter
        content = values[0].encode()
        return lambda: io.BytesIO(content)
    there = ", ".join(sorted(parts)[:10])
    found = f"its file parts are {there}" if there else "it has no file parts (a multipart/form-data body holds them)"
    raise ParameterError(f"UPLOAD refers to the part {name[:100]!r} of the request, but {found}.")
