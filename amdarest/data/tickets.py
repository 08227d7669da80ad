"""Addresses of files with data: what was asked for, by whom, and a mark that nobody else can make.

The second step comes without a name and password, so the address has to say who may have the file; and it says it for
a while only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from epntap.access import ANONYMOUS, Caller
from epntap.errors import NotFoundError

__all__ = ["Tickets"]

#: that an address is good for: of what everybody may have, and of what was asked for by name
_OPEN_S, _NAMED_S = 86_400, 3_600
_MARK_BYTES = 18


@dataclass(frozen=True, slots=True)
class Tickets:
    """Makes such addresses and reads them."""

    #: the same in all processes of an installation
    key: Callable[[], bytes]
    #: somebody with the groups of this moment
    named: Callable[[str], Caller | None]

    def give(self, values: Mapping[str, str], caller: Caller) -> str:
        """One for this request; another one each time."""
        said = [int(time.time()), secrets.token_urlsafe(9), caller.name, dict(values)]
        body = _encoded(json.dumps(said, separators=(",", ":")).encode())
        return f"{body}.{self._mark(body)}"

    def read(self, text: str) -> tuple[Mapping[str, str], Caller]:
        """What was asked for, and by whom, with the groups of this moment.

        Raises NotFoundError for one that was not given here, or too long ago, or to somebody who may no more.
        """
        body, _, mark = text.partition(".")
        if not hmac.compare_digest(mark.encode(), self._mark(body).encode()):
            raise NotFoundError("This is no address that getParameter or getDataset has given.")
        made, _, name, values = json.loads(_decoded(body))
        if time.time() > made + (_NAMED_S if name else _OPEN_S):
            raise NotFoundError("This address was given too long ago; ask getParameter or getDataset for another one.")
        caller = self.named(name) if name else ANONYMOUS
        if caller is None:
            raise NotFoundError("This address was given to somebody who may not have it any more.")
        return values, caller

    def _mark(self, body: str) -> str:
        return _encoded(hmac.digest(self.key(), body.encode(), hashlib.sha256)[:_MARK_BYTES])


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise NotFoundError("This is no address that getParameter or getDataset has given.") from None
