"""An answer as an HTTP response: its length when it is known, its end in the log, its thread never lost."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import flask

from epntap.answer.admission import Place, Slots
from epntap.answer.endings import BrokenStreamError
from epntap.answer.model import OutcomeStatus
from epntap.answer.spool import Spool
from epntap.errors import EpnTapError, UnavailableError
from epntap.formats.gzip import Gzipped
from epntap.tap.answer import Answer

__all__ = ["to_response"]

#: a shorter answer fits into one packet anyway
_WORTH_COMPRESSING = 1024
#: a longer one may hold its thread until a slow client has taken it
_FITS_INTO_BUFFERS = 1024 * 1024


def to_response(answer: Answer, *, download_name: str = "") -> flask.Response:
    """The response that sends an answer and closes it afterwards."""
    headers = {"Content-Type": answer.media_type}
    if download_name:
        headers["Content-Disposition"] = f'inline; filename="{download_name}.{answer.extension}"'
    if answer.content_encoding:
        headers["Content-Encoding"] = answer.content_encoding
    if answer.outcome is not None and answer.outcome.status is OutcomeStatus.OVERFLOW:
        headers["X-Overflow"] = "true"  # for formats that cannot say it; of a stream it is not known yet
    compress = answer.compressible and flask.request.accept_encodings.quality("gzip") > 0
    if answer.compressible:
        headers["Vary"] = "Accept-Encoding"
    if answer.is_complete:
        try:
            body = b"".join(answer)
        finally:
            answer.close()
        if compress and len(body) >= _WORTH_COMPRESSING:
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        response = flask.Response(body, headers=headers)
    elif flask.request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        # Without chunks an early end of the connection would look like the end of the answer.
        spool = _spooled(answer)
        response = flask.Response(_counted(spool, answer.slots), headers=headers)
        response.content_length = spool.length
    elif compress:
        headers["Content-Encoding"] = "gzip"
        response = flask.Response(Gzipped(answer), headers=headers)
    else:
        response = flask.Response(answer, headers=headers)
    flask.g.answer = answer
    return response


class _Counted:
    """A spooled answer with its place among those that last."""

    def __init__(self, spool: Spool, place: Place) -> None:
        self._spool = spool
        self._place = place

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._spool)

    def close(self) -> None:
        self._spool.close()
        self._place.close()


def _counted(spool: Spool, slots: Slots | None) -> Spool | _Counted:
    if slots is None or spool.length <= _FITS_INTO_BUFFERS:
        return spool
    place = Place(slots)
    if not place.take():
        spool.close()
        raise UnavailableError("Too many answers are being sent; please try again in a few seconds.", 5)
    return _Counted(spool, place)


def _spooled(answer: Answer) -> Spool:
    try:
        return Spool(answer)
    except BrokenStreamError as exc:
        if isinstance(exc.__cause__, EpnTapError):
            raise exc.__cause__ from None  # nothing has been sent yet, so it can be said
        raise
