"""Files by the million in a temporary file: they come back as they were, in their order."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epntap.archive.model import ArchiveFile, ScannedFile
from ingest.files.shelf import FileList, Seen, Texts, are_among, by_dataset, chosen, shelved

ONE = ArchiveFile(
    "dé", "/a b", "x/1.cdf", 1, 2**62, None, -(2**63), 3, 4, "v1", "uid", "ab" * 32, "l\n\t", None, "days"
)


def files(count: int) -> list[ArchiveFile]:
    return [
        replace(ONE, dataset_id=f"d{n % 3}", path=f"{n:05}.cdf", size_bytes=n, layout="L" * 300) for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 9000])  # the last is more than stays in memory
def test_what_is_put_comes_back(count: int) -> None:
    given = files(count)
    kept = shelved(given)
    assert list(kept) == given
    assert list(reversed(kept)) == given[::-1]
    assert kept[count - 1 :] == given[count - 1 :]
    assert chosen(kept, lambda file: file.size_bytes % 7 == 0) == [one for one in given if one.size_bytes % 7 == 0]
    parts = by_dataset([kept])
    assert {name: list(some) for name, some in parts.items()} == {
        name: [one for one in given if one.dataset_id == name]
        for name in ("d0", "d1", "d2")
        if given
        if any(one.dataset_id == name for one in given)
    }


def test_the_temporary_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = shelved(files(20_000))
    assert list(tmp_path.iterdir()) == []  # whatever ends the process, nothing is left
    assert isinstance(kept, FileList)
    assert kept[19_999].path == "19999.cdf"


def test_what_was_seen_is_found_by_root_and_path() -> None:
    seen = Seen()
    for n in range(2000):
        seen.put(ScannedFile("/a", str(n), n, n))
    seen.put(ScannedFile("/a", "7", 70, 70))  # looked into once more
    seen.note(ScannedFile("/a", "8", 80, 80, description="more"))
    assert seen["/a", "1999"].size_bytes == 1999
    assert (seen["/a", "7"].size_bytes, seen["/a", "8"].description) == (70, "more")
    assert ("/b", "7") not in seen
    assert seen.are_there([("/a", "5"), ("/b", "5"), ("/a", "2000")]) == [True, False, False]
    last = seen.since("/a", 1999)
    assert list(last) == ["1999", "7"]
    assert last["7"].size_bytes == 70
    assert Seen().are_there([("/a", "1")]) == [False]


def test_numbers_among_others() -> None:
    among = np.array([-5, 0, 7], np.int64)
    assert are_among(among, np.array([7, 8, -6, -5, 0], np.int64)).tolist() == [True, False, False, True, True]


def test_texts_are_a_sequence() -> None:
    texts = Texts(["a", "", "é/ü"])
    assert texts == ("a", "", "é/ü")
    assert (len(texts), texts[-1], texts[1:], "é/ü" in texts) == (3, "é/ü", ("", "é/ü"), True)
    with pytest.raises(IndexError):
        texts[3]
