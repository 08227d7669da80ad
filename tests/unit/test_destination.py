"""Where --output leads: a file is whole or not there, and what is no plain file stays what it is."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from epntap.errors import SetupError
from voserver.prompt.destination import destination, write_blocks


def write(output: Path, *blocks: bytes) -> None:
    with destination(output, "text/csv") as file:
        write_blocks(blocks, file)


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    output = tmp_path / "rows.csv"
    write(output, b"whole")

    def broken() -> None:
        with destination(output, "text/csv") as file:
            file.write(b"half")
            raise SetupError("no more")

    with pytest.raises(SetupError):
        broken()
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert output.read_bytes() == b"whole"


def test_a_link_leads_to_its_file(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_pipes_are_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write(pipe, b"one", b"two")
    assert pipe.is_fifo()
    reader.join(10)
    assert read == [b"onetwo"]


def test_devices_stay_devices(tmp_path: Path) -> None:
    null = tmp_path / "null"
    null.symlink_to(os.devnull)
    write(null, b"rows")
    assert null.is_symlink()
    assert Path(os.devnull).is_char_device()


def test_long_names_are_taken(tmp_path: Path) -> None:
    write(tmp_path / ("n" * 250), b"rows")
    assert (tmp_path / ("n" * 250)).read_bytes() == b"rows"
