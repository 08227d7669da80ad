"""Sizes of JPEG images, of those that the generator makes and of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from epntap.errors import UnreadableFileError
from ingest.demo.jpeg import grey_blocks
from ingest.labels.jpeg import jpeg_size


def image(folder: Path, content: bytes) -> Path:
    path = folder / "x.jpg"
    path.write_bytes(content)
    return path


def test_the_size_of_a_generated_image(tmp_path: Path) -> None:
    content = grey_blocks([[0, 128, 255], [7, 0, 0]], "SYNTHETIC")
    assert jpeg_size(image(tmp_path, content)) == (24, 16)
    frame = content.index(b"\xff\xc0")
    assert content[frame + 5 : frame + 9] == bytes([0, 16, 0, 24])


def test_padding_and_restart_markers_are_passed_over(tmp_path: Path) -> None:
    frame = b"\xff\xc2\x00\x0b\x08\x01\x00\x02\x00\x01\x01\x11\x00"
    content = b"\xff\xd8\xff\xd0\xff\xff\xff\xe0\x00\x04ab" + frame
    assert jpeg_size(image(tmp_path, content)) == (512, 256)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"GIF89a", "is not a JPEG image"),
        (b"", "is not a JPEG image"),
        (b"\xff\xd8", "its frame header is missing"),
        (b"\xff\xd8\xff\xe0\x00\x04ab", "its frame header is missing"),
        (b"\xff\xd8\xff\xe0\x00\x01", "its frame header is missing"),
        (b"\xff\xd8\xff\xda\x00\x04ab", "its frame header is missing"),
        (b"\xff\xd8\xff\xc0\x00\x0b\x08\x01", "is cut short"),
        (b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x05\x01", "5 x 0 pixels"),
    ],
)
def test_damaged_images(tmp_path: Path, content: bytes, expected: str) -> None:
    with pytest.raises(UnreadableFileError, match=expected):
        jpeg_size(image(tmp_path, content))


def test_an_image_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="cannot be opened: no such file"):
        jpeg_size(tmp_path / "x.jpg")


@pytest.mark.shared
def test_a_real_image(shared: Path) -> None:
    path = shared / "data/other/images/mgs_plasma_slide.jpg"
    content = path.read_bytes()
    frame = min(at for at in (content.find(b"\xff\xc0"), content.find(b"\xff\xc2")) if at > 0)
    height, width = (int.from_bytes(content[frame + at : frame + at + 2], "big") for at in (5, 7))
    assert jpeg_size(path) == (width, height)
