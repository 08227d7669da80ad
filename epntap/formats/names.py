"""Names of columns for formats in which no two columns may have the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["distinct"]


def distinct(names: Sequence[str], fold: Callable[[str], str] = str) -> list[str]:
    """The names, the second `a` being `a_2`; `fold` gives names that differ for no reader the same value."""
    wanted = {fold(name) for name in names}
    taken: set[str] = set()
    result = []
    for name in names:
        free, number = name, 1
        while fold(free) in taken or (number > 1 and fold(free) in wanted):
            number += 1
            free = f"{name}_{number}"
        taken.add(fold(free))
        result.append(free)
    return result
