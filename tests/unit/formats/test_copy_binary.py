"""Where the cells of COPY BINARY are found, beside a reader that goes cell by cell."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from epntap.formats.binary.copy_binary import Rows, framed

Cells = list[bytes | None]


def written(cells: Cells) -> bytes:
    body = [b"\xff\xff\xff\xff" if cell is None else struct.pack(">i", len(cell)) + cell for cell in cells]
    return struct.pack(">h", len(cells)) + b"".join(body)


def read(rows: Rows, columns: int) -> list[Cells]:
    found: list[Cells] = [[] for _ in range(rows.count)]
    for n in range(columns):
        for row, cell in zip(found, rows.values(n).to_pylist(), strict=True):
            row.append(cell)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_runs_of_nulls_among_values_of_any_length(seed: int) -> None:
    chance = random.Random(seed)  # no secret
    columns = chance.choice([1, 2, 3, 7, 64, 65, 131])
    always = [chance.random() < 0.8 for _ in range(columns)]
    fixed = [chance.random() < 0.5 for _ in range(columns)]

    def cell(n: int) -> bytes | None:
        if always[n] and chance.random() < 0.999:
            return None
        return b"\xff" * 8 if fixed[n] else b"\xff" * chance.randrange(6)

    table = [[cell(n) for n in range(columns)] for _ in range(chance.choice([1, 2, 50]))]
    rows = Rows(framed([written(row) for row in table]), columns)
    assert read(rows, columns) == table
    assert np.array_equal(rows.nulls.T, [[one is None for one in row] for row in table])


def test_nulls_of_the_first_and_the_last_row_say_nothing_of_those_between() -> None:
    table: list[Cells] = [[None] * 6, [None, None, b"\xff\xff\xff\xff", None, b"", None], [None] * 6]
    assert read(Rows(framed([written(row) for row in table]), 6), 6) == table
