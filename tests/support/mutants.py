"""CDF files with one or two fields of their records changed: what damaged disks and careless writers make."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

__all__ = ["mutants"]

_SMALL = (0, 1, 2, 3, 7, 10, 127, 255, 256, 65_535, 1 << 20, (1 << 31) - 1, -1, -2, -(1 << 31))
_LARGE = (*_SMALL, 1 << 32, 1 << 40, (1 << 63) - 1, -(1 << 63))
#: of the fields of a record that are numbers; names and values follow
_HEAD_BYTES = 100


def mutants(sound: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield so many damaged versions of a CDF of version 3, the same ones for the same seed."""
    chance = random.Random(seed)
    records = _records(sound)
    for _ in range(count):
        content = bytearray(sound)
        for _ in range(chance.choice((1, 1, 1, 2))):
            _damage(content, records, chance)
        yield bytes(content)


def _records(content: bytes) -> list[tuple[int, int]]:
    """Offset and size of each record, one after the other in the file."""
    found, offset = [], 8
    while offset + 12 <= len(content):
        size = struct.unpack_from(">q", content, offset)[0]
        if not 12 <= size <= len(content) - offset:
            break
        found.append((offset, size))
        offset += size
    return found or [(8, len(content) - 8)]


def _damage(content: bytearray, records: list[tuple[int, int]], chance: random.Random) -> None:
    start, size = chance.choice(records)
    match chance.randrange(8):
        case 0:
            place = min(start + chance.randrange(size), len(content) - 1)
            content[place] ^= 1 << chance.randrange(8)
        case 1:
            # a record takes the place of another, as far as it fits
            other, length = chance.choice(records)
            length = min(length, size)
            content[start : start + length] = content[other : other + length]
        case 2:
            del content[start + 1 + chance.randrange(size) :]
        case 3 | 4:
            _set(content, start + 4 * chance.randrange(3, max(4, min(size, _HEAD_BYTES) // 4)), ">i", chance, _SMALL)
        case 5:
            place = start + chance.choice((0, 12, 20, 28, 36, 44))
            struct.pack_into(">q", content, place, chance.choice(records)[0]) if place + 8 <= len(content) else None
        case _:
            _set(content, start + 4 * chance.randrange(min(size, _HEAD_BYTES) // 4), ">q", chance, _LARGE)


def _set(content: bytearray, place: int, form: str, chance: random.Random, values: tuple[int, ...]) -> None:
    size = struct.calcsize(form)
    if place + size > len(content):
        return
    old = struct.unpack_from(form, content, place)[0]
    new = chance.choice((*values, old + 1, old - 1, old * 2))
    limit = 1 << (8 * size - 1)
    struct.pack_into(form, content, place, max(-limit, min(limit - 1, new)))
