"""What stands between a client and PostgreSQL and leaves the options of sessions out, as poolers are told to."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["without_options"]


@contextmanager
def without_options(host: str, port: int) -> Iterator[int]:
    """The port on loopback of a way to the server (its socket's folder, or its address) that drops options."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                client, _ = listener.accept()
                if over.is_set():
                    client.close()
                    return
                threading.Thread(target=_join, args=(client, host, port), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        over.set()
        with suppress(OSError):
            socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()


def _join(client: socket.socket, host: str, port: int) -> None:
    with suppress(OSError), client, _server(host, port) as server:
        (length,) = struct.unpack("!I", _exactly(client, 4))
        server.sendall(_without_options(_exactly(client, length - 4)))
        back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
        back.start()
        _pass_on(client, server)
        back.join()


def _server(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server


def _without_options(startup: bytes) -> bytes:
    version, words = startup[:4], startup[4:].rstrip(b"\0").split(b"\0")
    kept = [word for pair in zip(words[::2], words[1::2], strict=True) if pair[0] != b"options" for word in pair]
    body = version + b"".join(word + b"\0" for word in kept) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
