"""Rows of numbers as text: each reads back as the number it was, and the words for what is none are those asked for."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutouts.formats.numbers import _PART, Spelling, number_rows

#: every pattern of bits is as likely as another, so that subnormal and large numbers are met too
singles = st.integers(0, 2**32 - 1).map(lambda bits: struct.unpack("<f", struct.pack("<I", bits))[0])
doubles = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])
WHOLE = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
#: where the spelling of a number changes
EDGES = (0.0, -0.0, 1.0, -1.0, 1.4e-45, 1e-7, 1e-5, 9.999e-5, 0.1, 1e15, 1e16, 123456789012345680.0, 1e17, 1e22, 3e38)


def rows(values: npt.NDArray[Any], spelling: Spelling, fills: npt.NDArray[np.bool_] | None = None) -> list[str]:
    texts = number_rows(values, spelling, fills)
    texts.validate(full=True)
    found: list[str] = texts.to_pylist()
    return found


def is_same(read: np.floating[Any], written: np.floating[Any]) -> bool:
    return bool((read == written and np.signbit(read) == np.signbit(written)) or (np.isnan(read) and np.isnan(written)))


def check_floats(values: npt.NDArray[Any]) -> None:
    for text, value in zip(rows(values, Spelling()), values, strict=True):
        assert text[0] == ","
        assert is_same(values.dtype.type(text[1:]), value)
        # readers that guess do not take it for an integer
        assert any(mark in text for mark in ".eNI")


@given(st.lists(singles | st.floats(width=32), min_size=1, max_size=40))
def test_single_precision_reads_back_as_it_was(numbers: list[float]) -> None:
    check_floats(np.array(numbers, np.float32))


@given(st.lists(doubles | st.floats(), min_size=1, max_size=40))
def test_double_precision_reads_back_as_it_was(numbers: list[float]) -> None:
    check_floats(np.array(numbers, np.float64))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_hundred_thousand_patterns_of_bits_read_back(dtype: str) -> None:
    size = np.dtype(dtype).itemsize
    bits = np.random.default_rng(size).integers(0, 256, 100_000 * size, np.uint8)
    values = np.concatenate([bits.view(dtype), np.array(EDGES, dtype)])
    texts = [text[1:] for text in rows(values, Spelling())]
    read = np.array([float(text) for text in texts], "f8").astype(dtype)
    same = (read.view(f"u{size}") == values.view(f"u{size}")) | (np.isnan(read) & np.isnan(values))
    assert same.all()


def test_no_text_is_longer_than_that_of_another_library() -> None:
    bits = np.random.default_rng(1).integers(0, 256, 40_000, np.uint8)
    for dtype in ("float32", "float64"):
        values = bits.view(dtype)[np.isfinite(bits.view(dtype))]
        theirs = pa.array(values).cast(pa.string()).to_pylist()
        for own, other in zip(rows(values, Spelling()), theirs, strict=True):
            # of digits; exponents are spelt in more ways than one
            assert len(_digits(own)) <= len(_digits(other))


def _digits(text: str) -> str:
    return text.strip(",").lower().partition("e")[0].replace(".", "").replace("-", "").strip("0")


@pytest.mark.parametrize("dtype", WHOLE)
def test_integers_are_written_to_the_last_digit(dtype: str) -> None:
    limits = np.iinfo(dtype)
    values = np.array([[limits.min, limits.max], [0, 1], [limits.max - 1, limits.min + 1]], dtype)
    assert rows(values, Spelling()) == [f",{a},{b}" for a, b in values.tolist()]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), st.integers(-(2**63), 2**63 - 1))
def test_integers_read_back_and_fills_are_said(numbers: list[int], fill: int) -> None:
    values = np.array([*numbers, fill], np.int64)
    texts = rows(values, Spelling(fill="gone"), values == fill)
    assert texts == [",gone" if number == fill else f",{number}" for number in values.tolist()]


def test_what_is_no_number_has_the_words_that_are_asked_for() -> None:
    values = np.array([[1.5, math.nan], [math.inf, -math.inf], [-999.0, 2.0]])
    spelling = Spelling(lead=">", between=" ", nan="n", infinities=("up", "down"), fill="")
    assert rows(values, spelling) == [">1.5 n", ">up down", ">-999.0 2.0"]
    assert rows(values, spelling, values == -999) == [">1.5 n", ">up down", "> 2.0"]
    assert rows(values, Spelling(), np.isnan(values)) == [",1.5,", ",+Inf,-Inf", ",-999.0,2.0"]


def test_fills_and_words_alike_are_one_case() -> None:
    values = np.array([1.0, math.nan, -1.0])
    assert rows(values, Spelling(nan="NaN", fill="NaN"), values < 0) == [",1.0", ",NaN", ",NaN"]


def test_dimensions_have_brackets_where_they_are_wanted() -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    values[1, 2, 3] = math.inf
    texts = rows(values, Spelling(nan="-1.0", infinities=("-1.0", "-1.0"), nested=True))
    expected = values.copy()
    expected[1, 2, 3] = -1
    assert [json.loads(text[1:]) for text in texts] == expected.tolist()
    assert rows(values[:, 0, 0], Spelling(nested=True)) == [",0.0", ",12.0"]


@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_no_rows_are_no_texts(shape: tuple[int, ...]) -> None:
    assert rows(np.empty(shape), Spelling()) == []


def test_rows_without_numbers_are_their_lead() -> None:
    assert rows(np.empty((2, 0)), Spelling(lead=">")) == [">", ">"]


@pytest.mark.parametrize("width", [1, 3, _PART - 1, _PART + 1])
@pytest.mark.parametrize("nested", [False, True])
def test_rows_are_whole_where_parts_meet(width: int, nested: bool) -> None:
    count = 2 * _PART // width + 3
    values = np.arange(count * width, dtype=np.float64).reshape(count, width)
    values[1::2, -1] = math.nan
    texts = rows(values, Spelling(nan="null", nested=nested))
    read = [json.loads(text[1:] if nested else f"[{text[1:]}]") for text in texts]
    assert np.array_equal(np.array(read, "f8"), values, equal_nan=True)


def test_what_lies_apart_in_memory_is_read_in_its_order() -> None:
    values = np.arange(20.0).reshape(4, 5)[::2, ::-2]
    assert rows(values, Spelling()) == [",4.0,2.0,0.0", ",14.0,12.0,10.0"]
    assert rows(np.asfortranarray(values), Spelling(nested=True)) == [",[4.0,2.0,0.0]", ",[14.0,12.0,10.0]"]
