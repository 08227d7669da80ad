"""Queries to the TAP services of others (`epntap query --url`): their bytes as they come, their errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pyvo
import requests
from lxml import etree
from pyvo.utils.http import create_session

from epntap.errors import InputError
from epntap.hints import one_line

__all__ = ["RemoteAnswer", "asked_elsewhere", "said_in"]

#: seconds without a byte from the service
TIMEOUT_S = 60
_BLOCK = 256 * 1024
#: of a document that says what is wrong
_MOST_OF_AN_ERROR = 1_000_000


class RemoteAnswer:
    """The answer of another service: what kind it is, whether it says that it was cut, and its bytes."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self.media_type = response.headers.get("Content-Type", "application/octet-stream")
        self.is_cut = response.headers.get("X-Overflow", "").lower() == "true"

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_content(_BLOCK)


@contextmanager
def asked_elsewhere(url: str, query: str, form: str, maxrec: int | None) -> Iterator[RemoteAnswer]:
    """The answer of the service at `url` to an ADQL query in a format. Raises InputError with what it says."""
    session = create_session()
    session.request = partial(session.request, timeout=TIMEOUT_S)
    asked = pyvo.dal.TAPService(url.rstrip("/").removesuffix("/sync"), session=session).create_query(
        query, maxrec=maxrec
    )
    asked["RESPONSEFORMAT"] = form
    try:
        with asked.submit(post=True) as response:
            _refuse_failure(url, response, form)
            yield RemoteAnswer(response)
    except requests.RequestException as exc:
        raise InputError(f"The TAP service {url} cannot be asked: {_reason(exc)}.") from exc


def _refuse_failure(url: str, response: requests.Response, form: str) -> None:
    is_votable = "votable" in response.headers.get("Content-Type", "")
    # some say what is wrong in a VOTable of status 200, whatever was asked for
    if response.ok and not (is_votable and form in {"csv", "tsv", "text", "json"}):
        return
    body = response.raw.read(_MOST_OF_AN_ERROR, decode_content=True)
    said = said_in(body) or f"it answers with status {response.status_code}"
    if response.status_code == 404:
        said = "nothing is there (expected is the address of TAP without /sync, such as https://tap.example.org/tap)"
    raise InputError(f"The TAP service {url} refuses the query: {said.rstrip('.')}.")


def said_in(body: bytes) -> str:
    """What an error document says: the text of QUERY_STATUS, or a plain text; on one line, for a terminal."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        text = body[:2000].decode("utf-8", "replace")
        return "" if "<" in text else one_line(text)
    for info in root.iter("{*}INFO"):
        if info.get("name") == "QUERY_STATUS" and info.get("value") == "ERROR":
            return one_line("".join(map(str, info.itertext())))
    return ""


def _reason(exc: Exception) -> str:
    if isinstance(exc, requests.Timeout):
        return f"it sent nothing for {TIMEOUT_S} seconds"
    if isinstance(exc, requests.ConnectionError):
        return "nothing answers at this address"
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0].rstrip(".")
