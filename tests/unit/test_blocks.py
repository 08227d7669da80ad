"""Answers as blocks of bytes, and what is made around them."""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.answer.blocks import Blocks, Version, file_blocks, part_of
from epntap.answer.spool import spooled
from epntap.answer.watch import Watch
from epntap.formats.gzip import gzipped

BLOCKS = st.lists(st.binary(max_size=20), min_size=1)


class Made:
    """An answer in blocks, which counts how many were made and how often it was closed."""

    def __init__(self, blocks: list[bytes]) -> None:
        self.made = 0
        self.closed = 0
        self.answer = Blocks(self._make(blocks), "text/plain", file_name="made.txt", version=Version("v"))
        self.answer.on_close(self._close)

    def _make(self, blocks: list[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.made += 1
            yield block

    def _close(self) -> None:
        self.closed += 1


@given(BLOCKS, st.data())
def test_a_part_is_a_slice(blocks: list[bytes], data: st.DataObject) -> None:
    content = b"".join(blocks)
    first = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(first, len(content)))
    part = part_of(Made(blocks).answer, first, stop)
    assert part.length == stop - first
    assert b"".join(part) == content[first:stop]


def test_nothing_is_made_after_the_part() -> None:
    whole = Made([b"abc", b"def", b"ghi"])
    part = part_of(whole.answer, 2, 5)
    assert list(part) == [b"c", b"de"]
    assert whole.made == 2
    part.close()
    assert whole.closed == 1


@given(st.binary(min_size=1, max_size=600_000), st.data())
def test_a_part_of_a_file_is_read_from_its_place(content: bytes, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(content) - 1))
    stop = data.draw(st.integers(first + 1, len(content)))
    file = io.BytesIO(content)
    answer = file_blocks(file, "application/octet-stream", length=len(content))
    part = part_of(answer, first, stop)
    assert b"".join(part) == content[first:stop]
    assert answer.bytes_sent <= len(content) - first
    part.close()
    assert file.closed


@given(BLOCKS)
def test_an_answer_put_aside_is_the_same_with_a_length(blocks: list[bytes]) -> None:
    whole = Made(blocks)
    aside = spooled(whole.answer)
    assert whole.closed == 1
    content = b"".join(blocks)
    assert (aside.length, aside.media_type, aside.file_name) == (len(content), "text/plain", "made.txt")
    assert b"".join(aside) == content
    aside.close()
    assert whole.closed == 1


def test_an_answer_that_breaks_while_it_is_put_aside_is_closed() -> None:
    def broken() -> Iterator[bytes]:
        yield b"begun"
        raise ZeroDivisionError

    closed = []
    answer = Blocks(broken(), "text/plain")
    answer.on_close(lambda: closed.append(True))
    with pytest.raises(ZeroDivisionError):
        spooled(answer)
    assert closed == [True]


@given(BLOCKS)
def test_no_block_is_empty_and_all_bytes_are_counted(blocks: list[bytes]) -> None:
    answer = Made(blocks).answer
    sent = list(answer)
    assert all(sent)
    assert answer.bytes_sent == len(b"".join(blocks)) == len(b"".join(sent))


def test_an_answer_that_never_began_is_closed_once() -> None:
    whole = Made([b"abc"])
    packed = whole.answer.replaced(gzipped(whole.answer))
    packed.close()
    packed.close()
    assert (whole.made, whole.closed) == (0, 1)


def test_what_is_around_an_answer_tells_its_watch() -> None:
    """A client that does not take a block is seen, however the block was made."""
    answer = Made([b"abc", b"def"]).answer
    answer.watch = watch = Watch(math.inf, lambda _ending: None, send_timeout_s=0)
    packed = answer.replaced(gzipped(answer))
    first = next(packed)
    assert watch.verdict(math.inf) is not None, "the client has the block and the answer waits"
    assert gzip.decompress(first + b"".join(packed)) == b"abcdef"
    assert watch.ending is None
