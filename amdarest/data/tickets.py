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
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from epntap.access import Caller
from epntap.errors import NotFoundError

__all__ = ["Tickets", "shared_key"]

#: that an address is good for: of what everybody may have, and of what was asked for by name
_OPEN_S, _NAMED_S = 86_400, 3_600
_MARK_BYTES = 18


@dataclass(frozen=True, slots=True)
class Tickets:
    """Makes such addresses and reads them."""

    #: the same in all processes of an installation
    key: Callable[[], bytes]

    def give(self, values: Mapping[str, str], caller: Caller) -> str:
        """One for this request; another one each time."""
        said = [int(time.time()), secrets.token_urlsafe(9), caller.name, sorted(caller.groups), dict(values)]
        body = _encoded(json.dumps(said, separators=(",", ":")).encode())
        return f"{body}.{self._mark(body)}"

    def read(self, text: str) -> tuple[Mapping[str, str], Caller]:
        """What was asked for, and by whom. Raises NotFoundError for one that was not given here, or too long ago."""
        body, _, mark = text.partition(".")
        if not hmac.compare_digest(mark.encode(), self._mark(body).encode()):
            raise NotFoundError("This is no address that getParameter or getDataset has given.")
        made, _, name, groups, values = json.loads(_decoded(body))
        if time.time() > made + (_NAMED_S if name else _OPEN_S):
            raise NotFoundError("This address was given too long ago; ask getParameter or getDataset for another one.")
        return values, Caller(name, frozenset(groups))

    def _mark(self, body: str) -> str:
        return _encoded(hmac.digest(self.key(), body.encode(), hashlib.sha256)[:_MARK_BYTES])


def shared_key(path: Path) -> Callable[[], bytes]:
    """A key that the first process that needs it writes down, for all that see the folder."""

    @cache
    def read() -> bytes:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
            with suppress(FileExistsError):
                os.link(own, path)  # whole, or that of another process
            own.unlink()
        return path.read_bytes()

    return read


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise NotFoundError("This is no address that getParameter or getDataset has given.") from None
