"""Parts of answers, whatever their blocks."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from epntap.http.ranges import Part


class Whole:
    """An answer in blocks, which counts how many were made."""

    def __init__(self, blocks: list[bytes]) -> None:
        self.blocks = blocks
        self.made = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for block in self.blocks:
            self.made += 1
            yield block

    def close(self) -> None:
        self.closed = True


@given(st.lists(st.binary(max_size=20), min_size=1), st.data())
def test_a_part_is_a_slice(blocks: list[bytes], data: st.DataObject) -> None:
    content = b"".join(blocks)
    first = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(first, len(content)))
    assert b"".join(Part(Whole(blocks), first, stop)) == content[first:stop]


def test_nothing_is_made_after_the_part() -> None:
    whole = Whole([b"abc", b"def", b"ghi"])
    part = Part(whole, 2, 5)
    assert list(part) == [b"c", b"de"]
    assert whole.made == 2
    part.close()
    assert whole.closed
