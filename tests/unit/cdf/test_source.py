"""Bytes of files whose disk fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from epntap.cdf.binary.source import FileSource
from epntap.errors import UnreadableFileError


def test_a_disk_error_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.cdf"
    path.write_bytes(bytes(1 << 20))
    source = FileSource(path)
    assert source._descriptor is not None
    # the kernel gives EIO for memory that nobody has: here it stands for a bad sector
    failing = os.open("/proc/self/mem", os.O_RDONLY)
    os.dup2(failing, source._descriptor)
    os.close(failing)
    for read in (lambda: source.read(8, 8), lambda: source.read_into(8, memoryview(bytearray(1 << 18)))):
        with pytest.raises(UnreadableFileError, match=r"^a.cdf cannot be read: input/output error at byte \d+$"):
            read()
    source.close()
