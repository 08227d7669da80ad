"""What is remembered of the catalogue holds until something is published."""

from __future__ import annotations

import itertools

import pytest

from previews.remembered import Remembered


def test_it_is_made_once_for_each_state_of_the_catalogue() -> None:
    count = itertools.count()
    memory = Remembered()

    def ask(state: int, key: str) -> int:
        return memory.get(state, key, lambda: next(count))

    assert [ask(1, "a"), ask(1, "a"), ask(1, "b")] == [0, 0, 1]
    assert [ask(2, "a"), ask(2, "b"), ask(2, "a")] == [2, 3, 2]


def test_what_was_not_asked_for_longest_goes_first() -> None:
    count = itertools.count()
    memory = Remembered(most=2)
    found = [memory.get(1, key, lambda: next(count)) for key in "abacab"]
    assert found == [0, 1, 0, 2, 0, 3]


def test_what_fails_is_tried_again() -> None:
    memory = Remembered()

    def fail() -> int:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011  # our own, above
            memory.get(1, "a", fail)
    assert memory.get(1, "a", lambda: 5) == 5


def test_what_another_state_replaced_meanwhile_is_not_kept() -> None:
    memory = Remembered()

    def slow() -> str:
        memory.get(2, "a", lambda: "new")
        return "old"

    assert memory.get(1, "a", slow) == "old"
    assert memory.get(2, "a", lambda: "again") == "new"
