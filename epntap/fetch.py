"""Fetches a table from its address, within limits of size and time, and never from inside the own network.

A name is resolved once and the connection goes to the address that was checked, so that a name which means something
else a moment later (DNS rebinding) gains nothing. Redirections are followed by the same rules.
"""

from __future__ import annotations

import http.client
import ipaddress
import math
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from typing import BinaryIO, Protocol, cast
from urllib.parse import SplitResult, urljoin, urlsplit

import epntap
from epntap.errors import UploadError

__all__ = ["fetched"]

_MOST_REDIRECTIONS = 5
_BLOCK = 64 * 1024
_IN_MEMORY = 4 * 1024 * 1024
_REDIRECTIONS = frozenset((301, 302, 303, 307, 308))
_PORTS = {"http": 80, "https": 443}


class Limits(Protocol):
    """How much may be fetched, and from where."""

    @property
    def bytes(self) -> int:
        """At most so many, after decompression."""
        ...

    @property
    def fetch_timeout_s(self) -> float:
        """Seconds for one address."""
        ...

    @property
    def private_addresses(self) -> bool:
        """Also from addresses inside the own network."""
        ...


@contextmanager
def fetched(address: str, limits: Limits, deadline: float = math.inf) -> Iterator[BinaryIO]:
    """The bytes at an http or https address, there before the monotonic time `deadline`. Raises UploadError."""
    deadline = min(time.monotonic() + limits.fetch_timeout_s, deadline)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        _fetch(address, cast("BinaryIO", file), limits, deadline)
        yield cast("BinaryIO", file)


def _fetch(address: str, file: BinaryIO, limits: Limits, deadline: float) -> None:
    for _ in range(_MOST_REDIRECTIONS + 1):
        parts = _parts(address)
        with closing(_connection(parts, limits, deadline)) as connection, _ended_at(deadline, connection):
            try:
                response = _asked(connection, parts)
                if response.status not in _REDIRECTIONS:
                    _receive(response, file, address, limits, deadline)
                    return
                target = response.headers.get("Location", "")
            except (OSError, http.client.HTTPException) as exc:
                raise _failure(address, exc, limits, deadline) from exc
        if not target:
            raise UploadError(f"{_shown(address)} redirects to nowhere.")
        address = urljoin(address, target)
    raise UploadError(f"{_shown(address)} redirects more than {_MOST_REDIRECTIONS} times.")


def _parts(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise UploadError(f"{_shown(address)} is no address that can be read.") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise UploadError(f"{_shown(address)} is no http or https address; upload the table inline (param:) instead.")
    if parts.username is not None or parts.password is not None:
        raise UploadError("An address with a user name in it is not fetched; upload the table inline (param:) instead.")
    if not address.isascii() or any(c.isspace() or not c.isprintable() for c in address):
        raise UploadError(f"{_shown(address)} has characters that an address cannot have; write them as %XX.")
    return parts


def _connection(parts: SplitResult, limits: Limits, deadline: float) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    checked = _checked_address(host, port, private=limits.private_addresses)
    timeout = max(0.1, deadline - time.monotonic())
    if parts.scheme == "https":
        return _HttpsTo(checked, host, port, timeout=timeout, context=_trust())
    return _HttpTo(checked, host, port, timeout=timeout)


class _HttpTo(http.client.HTTPConnection):
    """A connection to an address that has been checked, whatever the name of the host means by now."""

    def __init__(self, checked: str, host: str, port: int, *, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._checked = checked

    def connect(self) -> None:
        self.sock = socket.create_connection((self._checked, self.port), self.timeout)


class _HttpsTo(http.client.HTTPSConnection):
    """The same with TLS, where the certificate must be that of the name."""

    def __init__(self, checked: str, host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._checked = checked
        self._trust = context

    def connect(self) -> None:
        plain = socket.create_connection((self._checked, self.port), self.timeout)
        try:
            self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _checked_address(host: str, port: int, *, private: bool) -> str:
    """The address of the host to connect to. Raises UploadError when it has none, or one that is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UploadError(f"The host {host[:100]} of the address is not known.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and not all(map(_is_public, addresses)):
        raise UploadError(
            f"The host {host[:100]} has an address inside a network that is not public, from which this service "
            "fetches nothing; upload the table inline (param:) instead."
        )
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # what carries an IPv4 address in it is as public as that: mapped, 6to4, NAT64
        if ip.ipv4_mapped is not None:
            return _is_public(str(ip.ipv4_mapped))
        if ip.sixtofour is not None:
            return _is_public(str(ip.sixtofour))
        if ip in _NAT64:
            return _is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.teredo is not None or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@contextmanager
def _ended_at(deadline: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """End the connection at the deadline, however slowly something arrives over it."""

    def end() -> None:
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _asked(connection: http.client.HTTPConnection, parts: SplitResult) -> http.client.HTTPResponse:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(
        "GET",
        path,
        headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": f"epntap/{epntap.__version__}"},
    )
    return connection.getresponse()


def _receive(response: http.client.HTTPResponse, file: BinaryIO, address: str, limits: Limits, deadline: float) -> None:
    if response.status != 200:
        raise UploadError(f"{_shown(address)} answers with status {response.status} and no table.")
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and len(length) < 20 and int(length) > limits.bytes:
        raise UploadError(_too_large(address, limits))
    received = 0
    while block := response.read1(_BLOCK):
        received += len(block)
        if received > limits.bytes:
            raise UploadError(_too_large(address, limits))
        if time.monotonic() > deadline:
            raise TimeoutError
        file.write(block)
    if time.monotonic() > deadline:
        raise TimeoutError
    if length.isdigit() and len(length) < 20 and received < int(length):
        raise UploadError(f"{_shown(address)} sent {received:,} of {int(length):,} bytes and closed the connection.")


def _too_large(address: str, limits: Limits) -> str:
    return (
        f"{_shown(address)} holds more than {limits.bytes:,} bytes, which is the limit for the uploads of one request."
    )


def _failure(address: str, exc: Exception, limits: Limits, deadline: float) -> UploadError:
    if isinstance(exc, TimeoutError) or time.monotonic() >= deadline:
        return UploadError(
            f"{_shown(address)} did not send the table within {limits.fetch_timeout_s:.0f} seconds, the limit for "
            "fetching; upload the table inline (param:) instead."
        )
    if isinstance(exc, ssl.SSLError):
        return UploadError(f"{_shown(address)} has no certificate that can be trusted.")
    return UploadError(f"{_shown(address)} cannot be fetched: the connection failed or the answer is not HTTP.")


def _shown(address: str) -> str:
    cleaned = "".join(c if c.isprintable() else "?" for c in address)
    return f"The address {cleaned[:200]}"
