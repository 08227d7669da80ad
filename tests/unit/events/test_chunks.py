"""Files of events read some rows at a time: the same as at once, with the same words, and without growing memory."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventtables import readers
from eventtables.model import EventTable, EventTableError, Kind
from eventtables.readers import Wishes, build, open_table, read_table
from tests.support.events import catalogue, cells_of, intervals, real, written


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two rows at a time."""
    monkeypatch.setattr(build, "CHUNK", 2)
    return iter(())


@pytest.mark.parametrize("form", ["amda", "votable", "csv", "amda-ascii", "tscat", "tscat-votable"])
@pytest.mark.parametrize("table", [catalogue(), intervals([]), intervals([(n, n + 1) for n in range(4)])])
@pytest.mark.usefixtures("few")
def test_some_rows_at_a_time_are_the_same_table(form: str, table: EventTable, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = Wishes(start="start_time", stop="stop_time") if form == "csv" else Wishes()
    content = written(table, form)
    found = read_table(content, "x", wishes)
    monkeypatch.setattr(build, "CHUNK", 1000)
    at_once = read_table(content, "x", wishes)
    assert cells_of(found) == cells_of(at_once)
    assert found.about == at_once.about


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Dst_Li2020.xml", "ML_GTL_IsSOR_AL_cat_0.txt"])
def test_real_tables_are_the_same_some_rows_at_a_time(shared: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = read_table(real(shared, name), "x")
    monkeypatch.setattr(build, "CHUNK", 7)
    assert cells_of(read_table(real(shared, name), "x")) == cells_of(at_once)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "2", "3", "4", "5.5"], Kind.DOUBLE),
        (["1", "", "3", "4", "x"], Kind.TEXT),
        (["9007199254740993", "1", "1", "1", "0.5"], Kind.TEXT),
        (["true", "false", "", "true", "true"], Kind.BOOLEAN),
        (["2001-01-01", "", "2001-01-02T03:04", "2001-01-01", "2001-01-01"], Kind.TIME),
        (["", "", "", "", "7"], Kind.INT),
        (["1", "1", "1", "1", "007"], Kind.TEXT),
        (["", "", "", "", ""], Kind.TEXT),
    ],
)
@pytest.mark.usefixtures("few")
def test_a_column_is_what_all_of_its_texts_fit(texts: list[str], kind: Kind) -> None:
    text = "start,stop,x\n" + "".join(f"2001-01-01,2001-01-02,{one}\n" for one in texts)
    found = read_table(text.encode(), "x")
    assert [one.kind for one in found.about.columns] == [kind]
    assert len(found.events) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("start,stop\n" + "2001-01-01,2001-01-02\n" * 5 + "2001-01-03,2001-01-02\n", "Line 7: the event stops at"),
        ("# Name: x;\n" + "2001-01-01 2001-01-02\n" * 5 + "2001-01-01 x\n", "Line 7, column stop"),
        ("2001-01-01 2001-01-02\n" * 5 + "2001-01-01 2001-01-02 3\n", "Line 6 has 3 values; expected 2"),
        ("start,stop\n" + "2001-01-01,2001-01-02\n" * 3 + "\n\n2001-01-01,x\n", "Line 7, column stop"),
    ],
)
@pytest.mark.usefixtures("few")
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(EventTableError, match=said):
        read_table(text.encode(), "x")


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_a_byte_that_is_no_text_is_said_with_its_place(size: int) -> None:
    head = b"start,stop\n"
    content = head + b"2001-01-01,2001-01-02\n" * (size // 22) + b"\xff\n"
    with pytest.raises(EventTableError, match=f"byte {len(content) - 2:,} is not"):
        read_table(content, "x")
    with pytest.raises(EventTableError, match=f"byte {len(content):,} is not"):
        read_table(content[:-2] + b"\n \xc3", "x")


def peak_of(rows: int) -> int:
    """Bytes held at most while a CSV of so many rows is read."""
    text = "start,stop,a,b\n" + "2001-01-01T00:00:00,2001-01-02T00:00:00,1.5,word\n" * rows
    content = io.BytesIO(text.encode())
    del text

    def from_its_beginning() -> io.BytesIO:
        content.seek(0)
        return content

    tracemalloc.start()
    try:
        stream = open_table(from_its_beginning, "x")
        assert sum(map(len, stream.chunks)) == rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "CHUNK", 500)
    monkeypatch.setattr(readers, "_BLOCK", 4096)
    few, many = peak_of(2_000), peak_of(12_000)
    assert many < 1.3 * few
