"""What HAPI can answer: codes, their HTTP status and message (HAPI 3.3 §4.2), and the error that carries one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from epntap.errors import UserError

__all__ = ["MESSAGES", "NO_DATA", "OK", "VERSION", "HapiError", "failure", "reason", "status_of"]

#: as answers say it: major and minor
VERSION = "3.3"
OK, NO_DATA = 1200, 1201

#: code -> HTTP status and message
MESSAGES: Mapping[int, tuple[int, str]] = MappingProxyType(
    {
        OK: (200, "OK"),
        NO_DATA: (200, "OK - no data for time range"),
        1400: (400, "Bad request - user input error"),
        1401: (400, "Bad request - unknown API parameter name"),
        1402: (400, "Bad request - syntax error in start time"),
        1403: (400, "Bad request - syntax error in stop time"),
        1404: (400, "Bad request - start equal to or after stop"),
        1405: (400, "Bad request - start < startDate and/or stop > stopDate"),
        1406: (404, "Bad request - unknown dataset id"),
        1407: (404, "Bad request - unknown dataset parameter"),
        1408: (400, "Bad request - too much time or data requested"),
        1409: (400, "Bad request - unsupported output format"),
        1410: (400, "Bad request - unsupported include value"),
        1411: (400, "Bad request - out-of-order or duplicate parameters"),
        1412: (400, "Bad request - unsupported resolve_references value"),
        1413: (400, "Bad request - unsupported depth value"),
        1500: (500, "Internal server error"),
        1501: (500, "Internal server error - upstream request error"),
    }
)


def failure(code: int, detail: str = "") -> str:
    """What is said of a request that failed; it begins as clients expect it (§5.2)."""
    return f"HAPI error {code}: {MESSAGES[code][1]}{f'; {detail}' if detail else ''}"


class HapiError(UserError):
    """A request is answered with one of the codes; the detail never repeats what the client has sent (§5.2)."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(failure(code, detail))
        self.code = code


def status_of(code: int, message: str = "") -> dict[str, Any]:  # JSON
    """What every answer in JSON begins with."""
    return {"HAPI": VERSION, "status": {"code": code, "message": message or MESSAGES[code][1]}}


def reason(code: int, http_status: int | None = None) -> str:
    """The first line of the response, which says the code too."""
    status, message = MESSAGES[code]
    word = "OK" if status == 200 else "Error"
    return f"{http_status or status} {word}; HAPI {code} {message}"
