"""The first look at a file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pycdfpp
import pytest

from epntap.cdf import CdfFile, check_header
from epntap.errors import UnreadableFileError
from tests.support.cdf_builder import CdfBuilder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return CdfBuilder().axis("Epoch", np.arange(1000)).write(tmp_path / "plain.cdf")


def _refusal(path: Path) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        check_header(path)
    message = str(caught.value)
    assert str(path.parent) not in message
    with pytest.raises(UnreadableFileError):
        CdfFile(path)
    return message


def test_a_whole_file(plain: Path) -> None:
    header = check_header(plain)
    size = plain.stat().st_size
    assert (header.version[0], header.row_major, header.byte_order, header.compression.name) == (3, True, "<", "NONE")
    assert (header.end_of_file, header.file_size) == (size, size)


@pytest.mark.parametrize("extra", [b"\x00" * 16, b"x", b"\x00" * 420])
def test_bytes_after_the_end_do_no_harm(plain: Path, extra: bytes) -> None:
    plain.write_bytes(plain.read_bytes() + extra)
    assert check_header(plain).file_size == check_header(plain).end_of_file + len(extra)
    with CdfFile(plain) as file:
        assert file.read("Epoch").tolist() == list(range(1000))


@pytest.mark.parametrize("compression", ["gzip_compression", "rle_compression"])
def test_a_file_compressed_as_a_whole(tmp_path: Path, compression: str) -> None:
    cdf = pycdfpp.CDF()
    cdf.add_variable("counts", np.arange(1000))
    cdf.compression = getattr(pycdfpp.CompressionType, compression)
    path = tmp_path / "packed.cdf"
    pycdfpp.save(cdf, str(path))
    header = check_header(path)
    assert header.compression.name == compression[:4].rstrip("_").upper()
    assert header.end_of_file > header.file_size
    with CdfFile(path) as file:
        assert file.read("counts").tolist() == list(range(1000))
    path.write_bytes(path.read_bytes()[:-1])
    assert "truncated" in _refusal(path)


@pytest.mark.parametrize("cut", [1, 100, 5000])
def test_a_truncated_file(plain: Path, cut: int) -> None:
    content = plain.read_bytes()
    plain.write_bytes(content[:-cut])
    assert _refusal(plain) == (
        f"plain.cdf is truncated: its header says {len(content)} bytes, the file has {len(content) - cut}"
    )


@pytest.mark.parametrize("size", [4, 7, 8, 20, 100, 350])
def test_a_file_that_ends_within_its_header(plain: Path, size: int) -> None:
    plain.write_bytes(plain.read_bytes()[:size])
    assert "is truncated" in _refusal(plain)


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "it is empty"), (b"abc", "found 616263"), (b"\x89HDF\r\n\x1a\n" + bytes(100), "found 89484446")],
)
def test_what_is_not_a_cdf(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "other.cdf"
    path.write_bytes(content)
    message = _refusal(path)
    assert message.startswith("other.cdf is not a CDF file: ")
    assert found in message


def test_what_is_not_there(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "gone.cdf") == "gone.cdf cannot be opened: no such file or directory"


def test_a_folder_or_a_pipe(tmp_path: Path) -> None:
    folder, pipe = tmp_path / "folder.cdf", tmp_path / "pipe.cdf"
    folder.mkdir()
    os.mkfifo(pipe)
    assert "is not a file" in _refusal(folder)
    assert "is not a file" in _refusal(pipe)


def test_what_the_system_refuses_to_open(plain: Path) -> None:
    assert _refusal(plain / "below.cdf") == "below.cdf cannot be opened: not a directory"


def _patched(path: Path, offset: int, value: int) -> Path:
    content = bytearray(path.read_bytes())
    content[offset : offset + 4] = value.to_bytes(4, "big")
    path.write_bytes(content)
    return path


def test_encodings_that_numpy_cannot_read(plain: Path) -> None:
    assert "stores numbers in the VAX encoding" in _refusal(_patched(plain, 36, 3))


def test_a_file_in_pieces(plain: Path) -> None:
    assert "keeps its variables in other files" in _refusal(_patched(plain, 40, 1))


def test_a_record_that_is_something_else(plain: Path) -> None:
    assert "expected a record of type 1 at byte 8, found type 99" in _refusal(_patched(plain, 16, 99))


def test_magic_numbers_that_do_not_fit(plain: Path) -> None:
    assert "expected the bytes 0000ffff or cccc0001" in _refusal(_patched(plain, 4, 7))


def test_a_file_that_shrinks_while_it_is_read(plain: Path) -> None:
    with CdfFile(plain) as file:
        assert file.variables["Epoch"].records == 1000
        os.truncate(plain, 900)
        with pytest.raises(UnreadableFileError, match=r"plain.cdf was changed while it was being read"):
            file.read("Epoch")
