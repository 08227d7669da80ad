"""What a process that makes cut-outs and the one that wants them say to each other: typed frames over a socket.

Both ends are of one program on one machine, so objects travel as pickles.
"""

from __future__ import annotations

import pickle
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Frame", "Head", "receive", "receive_exactly", "receive_header", "receive_object", "receive_some", "send"]

_HEADER = struct.Struct("!BQ")


class Frame(IntEnum):
    """What follows."""

    #: a CutPlan
    PLAN = 1
    #: a Head
    HEAD = 2
    #: bytes of the cut-out
    BLOCK = 3
    #: nothing: the cut-out is complete
    END = 4
    #: an exception of ours, in place of what was expected
    FAILURE = 5


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a cut-out before its first byte."""

    media_type: str
    name: str
    length: int | None
    records: int | None
    size_bytes: int
    remarks: tuple[str, ...]


def send(channel: socket.socket, kind: Frame, content: object = b"") -> None:
    """Send a frame; bytes as they are, anything else as a pickle."""
    body = content if isinstance(content, (bytes, bytearray, memoryview)) else pickle.dumps(content)
    channel.sendall(_HEADER.pack(kind, len(body)))
    channel.sendall(body)


def receive(channel: socket.socket) -> tuple[Frame, object]:
    """The next frame that is not a block. Raises EOFError when the other end is gone."""
    kind, length = receive_header(channel)
    return kind, receive_object(channel, length)


def receive_object(channel: socket.socket, length: int) -> object:
    """What was pickled in so many bytes."""
    body = receive_exactly(channel, length)
    return pickle.loads(body) if body else None  # noqa: S301  # from our own process


def receive_header(channel: socket.socket) -> tuple[Frame, int]:
    """Kind and length of the next frame. Raises EOFError when the other end is gone."""
    kind, length = _HEADER.unpack(receive_exactly(channel, _HEADER.size))
    return Frame(kind), length


def receive_some(channel: socket.socket, most: int) -> bytes:
    """What has arrived, at least a byte. Raises EOFError when the other end is gone."""
    block = channel.recv(most)
    if not block:
        raise EOFError
    return block


def receive_exactly(channel: socket.socket, length: int) -> bytes:
    """So many bytes. Raises EOFError when the other end is gone before."""
    body = bytearray(length)
    view = memoryview(body)
    while view:
        count = channel.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return bytes(body)
