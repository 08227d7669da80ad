"""An answer as an HTTP response, told once for all servers.

HEAD, lengths for HTTP/1.0, compression, conditions and ranges (RFC 9110 §13, §14), names of files, a place among what
lasts, and a watch over the client.
"""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import flask
from werkzeug.http import is_resource_modified

from epntap.answer.admission import Place, Slots
from epntap.answer.allowance import Allowance, Asker, Had
from epntap.answer.blocks import Blocks, Version, part_of
from epntap.answer.endings import BrokenStreamError
from epntap.answer.model import OutcomeStatus
from epntap.answer.spool import spooled
from epntap.answer.watch import Ending, Watch, Watcher
from epntap.errors import EpnTapError, UnavailableError
from epntap.formats.gzip import gzipped
from epntap.http.faults import ChangedError, RangeError
from epntap.http.request import accepts_gzip, caller, client_socket, is_http_1_0

__all__ = ["Sender", "unchanged"]

#: a shorter answer fits into one packet anyway
_WORTH_COMPRESSING = 1024
#: a longer one may hold its thread until a slow client has taken it
_FITS_INTO_BUFFERS = 1024 * 1024
_BUSY_S = 5
#: characters of all remarks in a header
_MOST_OF_REMARKS = 1_000
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._+-]+")


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends answers; slow readers hold threads of the web server, so they are counted and watched."""

    #: for what has no place of its own and is longer than the buffers of a connection
    places: Slots
    #: seconds that a client may take to accept one block
    send_timeout_s: float
    watcher: Watcher
    #: counts what is had, where somebody counts it
    allowance: Allowance | None = None

    def respond(self, answer: Blocks, *, inline: bool = False, caching: str = "") -> flask.Response:
        """The response that sends an answer and closes it afterwards.

        `inline` answers are shown where they can be, others saved; `caching` is Cache-Control. What has a length and
        a version can be asked for in parts. Raises our errors when it cannot be sent, and has closed it then.
        """
        with ExitStack() as unsent:
            unsent.callback(answer.close)
            asker = Asker(caller(), flask.g.get("client") or "")
            if self.allowance is not None:
                self.allowance.check(asker)
            response = unchanged(answer.version, caching)
            if response is not None:
                return response
            response = flask.Response(iter(()), content_type=answer.media_type)
            _describe(response, answer, inline, caching)
            if flask.request.method == "HEAD":
                _say_length(response, answer)
            elif answer.is_complete:
                response.set_data(_joined(answer, response))
                self._spend(asker, answer, answer)
            else:
                response.response = body = self._body(answer, response)
                body.on_close(lambda: self._spend(asker, answer, body))
                unsent.pop_all()
            return response

    def _spend(self, asker: Asker, answer: Blocks, body: Blocks) -> None:
        """Count what was sent of an answer."""
        if self.allowance is not None:
            rows = answer.outcome.rows if answer.outcome is not None else 0
            self.allowance.spend(asker, Had(body.bytes_sent, rows, answer.datasets))

    def _body(self, answer: Blocks, response: flask.Response) -> Blocks:
        """What is sent of the answer, and how."""
        body = answer
        try:
            if answer.length is None and is_http_1_0():
                body = _aside(answer)
            self._watch(body)
            if body.compressible and accepts_gzip():
                body = body.replaced(gzipped(body))
                response.headers["Content-Encoding"] = "gzip"
            bounds = _asked_part(body)
            if bounds is not None:
                response.status_code = 206
                response.headers["Content-Range"] = f"bytes {bounds[0]}-{bounds[1] - 1}/{body.length}"
                body = part_of(body, *bounds)
            _say_length(response, body)
            self._count(body)
        except BaseException:
            body.close()
            raise
        return body

    def _watch(self, body: Blocks) -> None:
        """Let a client be cut off that does not read; whoever began the answer may be watching already."""
        if body.watch is None:
            body.watch = watch = Watch(math.inf, _cut_off, client_socket())
            self.watcher.add(watch)
            body.on_close(lambda: self.watcher.remove(watch))
        body.watch.send_timeout_s = self.send_timeout_s

    def _count(self, body: Blocks) -> None:
        """Give a long answer a place."""
        if body.has_place or body.length is None or body.length <= _FITS_INTO_BUFFERS:
            return
        place = Place(self.places)
        if not place.take():
            raise UnavailableError("Too many answers are being sent; please try again in a few seconds.", _BUSY_S)
        body.on_close(place.close)


def unchanged(version: Version | None, caching: str = "") -> flask.Response | None:
    """The response 304 when the client has this version already, and nothing has to be made; None otherwise.

    Raises ChangedError when the client wants another version only (If-Match).
    """
    request = flask.request
    if version is None or request.method not in {"GET", "HEAD"} or _is_wanted(version, ignore_if_range=True):
        return None
    if request.if_match:
        raise ChangedError("If-Match: the answer is another version than the one that is asked for.")
    response = flask.Response(status=304)
    del response.headers["Content-Type"]
    _say_version(response, version, caching)
    return response


def _describe(response: flask.Response, answer: Blocks, inline: bool, caching: str) -> None:
    """The headers of an answer, however it is sent."""
    headers = response.headers
    if answer.file_name or inline:
        headers["Content-Disposition"] = _disposition(answer.file_name, inline=inline)
    if answer.content_encoding is not None:
        headers["Content-Encoding"] = answer.content_encoding
    if answer.compressible:
        headers["Vary"] = "Accept-Encoding"
    if answer.most_rows is not None:
        headers["X-Maxrec"] = str(answer.most_rows)
    if answer.is_cut or (answer.outcome is not None and answer.outcome.status is OutcomeStatus.OVERFLOW):
        headers["X-Overflow"] = "true"  # for formats that cannot say it; of most streams it is not known yet
    if answer.remarks:
        headers["X-Remarks"] = _remarks(answer.remarks)
    _say_version(response, answer.version, caching)
    if _has_parts(answer):
        headers["Accept-Ranges"] = "bytes"


def _remarks(remarks: Sequence[str]) -> str:
    """How many there are and what they say, as far as a header should hold it: a proxy takes 4 kB of all headers."""
    said = " ".join("; ".join(remarks).split())
    said = said if len(said) <= _MOST_OF_REMARKS else f"{said[:_MOST_OF_REMARKS]}..."
    return f"{len(remarks)}: {said}".encode("ascii", "replace").decode()


def _say_version(response: flask.Response, version: Version | None, caching: str) -> None:
    if version is not None:
        response.set_etag(version.etag, weak=version.is_weak)
        response.last_modified = _changed(version)
    if caching:
        response.headers["Cache-Control"] = caching


def _say_length(response: flask.Response, answer: Blocks) -> None:
    if answer.length is not None:
        response.content_length = answer.length


def _disposition(name: str, *, inline: bool) -> str:
    how = "inline" if inline else "attachment"
    if not name:
        return how
    if inline and _PLAIN_NAME.fullmatch(name):
        return f'{how}; filename="{name}"'
    return f"{how}; filename*=UTF-8''{quote(name)}"


def _joined(answer: Blocks, response: flask.Response) -> bytes:
    """The bytes of an answer that is there."""
    body = b"".join(answer)
    if answer.compressible and accepts_gzip() and len(body) >= _WORTH_COMPRESSING:
        body = gzip.compress(body, 1, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
    return body


def _aside(answer: Blocks) -> Blocks:
    try:
        return spooled(answer)
    except BrokenStreamError as exc:
        if isinstance(exc.__cause__, EpnTapError):
            raise exc.__cause__ from None  # nothing has been sent yet, so it can be said
        raise


def _has_parts(answer: Blocks) -> bool:
    # the same request has the same bytes, so that a part of them may be asked for
    return answer.length is not None and answer.version is not None and not answer.version.is_weak


def _asked_part(answer: Blocks) -> tuple[int, int] | None:
    """The bytes that are asked for, None for all: one range, and of this version (RFC 9110 §14.2, §13.1.5)."""
    asked = flask.request
    if asked.method != "GET" or asked.range is None or asked.range.units != "bytes" or len(asked.range.ranges) != 1:
        return None
    if answer.length is None or answer.version is None or not _has_parts(answer):
        return None
    if "If-Range" in asked.headers and _is_wanted(answer.version, ignore_if_range=False):
        return None
    bounds = asked.range.range_for_length(answer.length)
    if bounds is None:
        raise RangeError(asked.headers["Range"], answer.length)
    return bounds[0], bounds[1]


def _is_wanted(version: Version, *, ignore_if_range: bool) -> bool:
    """Whether the conditions of the request ask for an answer of this version."""
    return is_resource_modified(
        flask.request.environ, etag=version.etag, last_modified=_changed(version), ignore_if_range=ignore_if_range
    )


def _changed(version: Version) -> datetime | None:
    return None if version.changed is None else version.changed.replace(tzinfo=UTC)


def _cut_off(_ending: Ending) -> None:
    """The watch has cut the connection already; what is sent from here ends with it."""
