"""gunicorn's worker with threads, made patient: a thread gets a request when it has arrived, not when it has begun.

A client that connects and says nothing, or sends its request in drips, waits with the poller of the main thread, which
holds thousands of them. Without this, as many such clients as there are threads stop a process.
"""

from __future__ import annotations

import errno
import re
import socket
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

__all__ = ["REQUEST_TIMEOUT_S", "WAITED_FOR_BYTES", "PatientWorker"]

#: for a request to arrive, and for the next bytes of one that is longer than what is waited for
REQUEST_TIMEOUT_S = 10
#: a request up to this size is waited for with its body; most are. It must fit into the buffer of a socket.
WAITED_FOR_BYTES = 64 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:", re.IGNORECASE)


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """Hands requests to threads when they are complete, or too long to wait for."""

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection and wait for its first request."""
        try:
            client, address = listener.accept()
        except OSError as exc:
            if exc.errno not in {errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK}:
                raise
            return
        self.nr_conns += 1
        self._wait_for_request(TConn(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """The next request on a connection that was kept has begun."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._wait_for_request(conn)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """More of a request has arrived."""
        if _has_arrived(client):
            super().on_pending_socket_readable(conn, client)

    def _wait_for_request(self, conn: Any) -> None:
        conn.sock.setblocking(False)
        if _has_arrived(conn.sock):
            conn.data_ready = True
            self.enqueue_req(conn)
            return
        conn.timeout = time.monotonic() + REQUEST_TIMEOUT_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, 1, partial(self.on_pending_socket_readable, conn))


def _has_arrived(client: socket.socket) -> bool:
    """True when there is a request to handle, or an end of the connection; else the next byte wakes."""
    try:
        seen = client.recv(WAITED_FOR_BYTES, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True  # the thread will meet it as well
    arrived = not seen or len(seen) >= _expected_bytes(seen)
    # What lies there would wake the poller again and again, so the socket counts as readable with one byte more.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 if arrived else len(seen) + 1)
    return arrived


def _expected_bytes(seen: bytes) -> int:
    """How long the request that begins like this is, as far as it is waited for."""
    end = seen.find(b"\r\n\r\n")
    if end < 0:
        return WAITED_FOR_BYTES
    if _EXPECTS.search(seen, 0, end + 2):
        return end + 4  # the body comes when the application has asked for it (RFC 9110 §10.1.1)
    length = _LENGTH.search(seen, 0, end + 2)
    whole = end + 4 + (int(length[1]) if length else 0)
    return whole if whole <= WAITED_FOR_BYTES else end + 4
