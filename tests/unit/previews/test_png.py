"""What is written as PNG is what others read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from previews.png import png_of


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (527, 960)], ids=str)
def test_pixels_come_back_as_they_were(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(17).integers(0, 256, (*shape, 3), np.uint8)
    with Image.open(io.BytesIO(png_of(pixels, 100))) as read:
        assert (read.format, read.mode, read.size) == ("PNG", "RGB", shape[::-1])
        assert np.array_equal(np.asarray(read), pixels)
        assert round(read.info["dpi"][0]) == 100


def test_a_part_of_each_pixel_is_taken_as_it_lies() -> None:
    pixels = np.arange(4 * 5 * 4, dtype=np.uint8).reshape(4, 5, 4)
    with Image.open(io.BytesIO(png_of(pixels[:, :, :3], 72))) as read:
        assert np.array_equal(np.asarray(read), pixels[:, :, :3])
