"""Members as one stream of bytes: ZIP or tar, with the index at the end.

The index comes last because it tells how each member ended; an archive without it is not complete. Nothing is kept
but the member at hand.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Generator
from datetime import UTC, datetime

from datalink.bulk.members import INDEX_NAME, Members, index_csv

__all__ = ["tar_blocks", "zip_blocks"]

#: texts become a fraction; CDF holds numbers, and Parquet is compressed already
_DEFLATED = (".csv", ".txt", ".vot", ".xml")
#: how well: 1 to 9; one processor fills a fast line with this
_LEVEL = 1
#: as much as a directory entry says in 32 bits
_ZIP64_FROM = 0xFFFF_0000
_FIRST_YEAR = 1980
_TAR_BLOCK = 512
_TAR_RECORD = 10_240


class _Outlet(io.RawIOBase):
    """What is written here leaves with the next `take`: zipfile sees a file that cannot be rewound."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, block: object) -> int:  # of any buffer, as RawIOBase has it
        copied = bytes(block)  # type: ignore[call-overload]  # a buffer
        self._blocks.append(copied)
        return len(copied)

    def take(self) -> bytes:
        taken = b"".join(self._blocks)
        self._blocks.clear()
        return taken


def zip_blocks(members: Members) -> Generator[bytes, None, None]:
    """The ZIP (ZIP64 where it has to be); one that was broken off has no directory, so that every reader refuses it."""
    outlet = _Outlet()
    archive = zipfile.ZipFile(outlet, "w", allowZip64=True)  # closed only when it is complete
    try:
        for member in members:
            info = _zip_info(member.name, member.changed)
            with archive.open(info, "w", force_zip64=member.size > _ZIP64_FROM) as target:
                yield outlet.take()  # the client sees that something comes
                for block in member.blocks():
                    target.write(block)
                    yield outlet.take()
            yield outlet.take()
        archive.writestr(_zip_info(INDEX_NAME, datetime.now(UTC)), index_csv(members.entries))
        archive.close()
        yield outlet.take()
    finally:
        archive.fp = None  # or it would write a directory after all


def tar_blocks(members: Members) -> Generator[bytes, None, None]:
    """The tar (POSIX.1-2001)."""
    written = 0
    for member in members:
        head = _tar_header(member.name, member.size, member.changed)
        yield head
        yield from member.blocks()
        padding = bytes(-member.size % _TAR_BLOCK)
        if padding:
            yield padding
        written += len(head) + member.size + len(padding)
    index = index_csv(members.entries)
    end = _tar_header(INDEX_NAME, len(index), datetime.now(UTC).replace(tzinfo=None)) + index
    end += bytes(-len(index) % _TAR_BLOCK) + bytes(2 * _TAR_BLOCK)
    yield end + bytes(-(written + len(end)) % _TAR_RECORD)


def _zip_info(name: str, changed: datetime) -> zipfile.ZipInfo:
    year = max(changed.year, _FIRST_YEAR)
    info = zipfile.ZipInfo(name, (year, changed.month, changed.day, changed.hour, changed.minute, changed.second))
    info.external_attr = 0o644 << 16
    if name.endswith(_DEFLATED):
        info.compress_type = zipfile.ZIP_DEFLATED
        info._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001  # public from Python 3.13 on
    return info


def _tar_header(name: str, size: int, changed: datetime) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mtime = int(changed.replace(tzinfo=UTC).timestamp())
    return info.tobuf(tarfile.PAX_FORMAT)
