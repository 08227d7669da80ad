"""Files by the million: what is known of them lies in a temporary file, and comes back one by one."""

from __future__ import annotations

import os
import pickle
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from epntap.archive.model import ArchiveFile, ScannedFile

__all__ = ["FileList", "Scanned", "Seen", "Shelf", "Texts", "are_among", "by_dataset", "chosen", "shelved"]

#: what is put on a shelf waits in memory until it is so much
_BUFFER_BYTES = 1 << 20
#: fields that have few values, which are kept once each
_REPEATED = frozenset({"root", "dataset_id", "layout", "days", "logical_source", "edition", "version"})

T = TypeVar("T", ArchiveFile, ScannedFile)


class Shelf(Generic[T]):
    """Values of one class, each at the number that `put` says; few of them stay in memory."""

    def __init__(self, kind: type[T]) -> None:
        self._kind: Callable[..., T] = kind
        names = [one.name for one in fields(kind)]
        self._repeated = [n for n, name in enumerate(names) if name in _REPEATED]
        self._names = names
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        self._starts = array("Q", [0])
        self._buffer = bytearray()
        self._flushed = 0
        self._file: int | None = None

    def __len__(self) -> int:
        return len(self._starts) - 1

    def put(self, one: T) -> int:
        """Keep a value; the number by which it is to be had."""
        values = [getattr(one, name) for name in self._names]
        for n in self._repeated:
            values[n] = self._number(values[n])
        self._buffer += pickle.dumps(values, pickle.HIGHEST_PROTOCOL)
        self._starts.append(self._flushed + len(self._buffer))
        if len(self._buffer) > _BUFFER_BYTES:
            self._flush()
        return len(self._starts) - 2

    def __getitem__(self, number: int) -> T:
        start, stop = self._starts[number], self._starts[number + 1]
        if start >= self._flushed:
            taken = bytes(self._buffer[start - self._flushed : stop - self._flushed])
        else:
            assert self._file is not None
            taken = os.pread(self._file, stop - start, start)
        values = pickle.loads(taken)  # noqa: S301  # our own bytes, from a file that nobody else can open
        for n in self._repeated:
            values[n] = self._texts[values[n]]
        return self._kind(*values)

    def _number(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number

    def _flush(self) -> None:
        if self._file is None:
            self._file, name = tempfile.mkstemp(prefix="epntap-files-")
            Path(name).unlink()
            weakref.finalize(self, os.close, self._file)
        rest = memoryview(self._buffer)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        del rest
        self._flushed += len(self._buffer)
        self._buffer = bytearray()


class FileList(Sequence[ArchiveFile]):
    """Some of the files on a shelf, in an order."""

    def __init__(self, shelf: Shelf[ArchiveFile], numbers: array[int]) -> None:
        self.shelf = shelf
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[ArchiveFile]:
        return map(self.shelf.__getitem__, self.numbers)

    def __reversed__(self) -> Iterator[ArchiveFile]:
        return map(self.shelf.__getitem__, reversed(self.numbers))

    @overload
    def __getitem__(self, place: int) -> ArchiveFile: ...
    @overload
    def __getitem__(self, place: slice) -> FileList: ...
    def __getitem__(self, place: int | slice) -> ArchiveFile | FileList:
        if isinstance(place, slice):
            return FileList(self.shelf, self.numbers[place])
        return self.shelf[self.numbers[place]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # as of a list


def shelved(files: Iterable[ArchiveFile], shelf: Shelf[ArchiveFile] | None = None) -> FileList:
    """The files, on a shelf."""
    shelf = shelf or Shelf(ArchiveFile)
    return FileList(shelf, array("Q", map(shelf.put, files)))


def by_dataset(lists: Iterable[Sequence[ArchiveFile]]) -> dict[str, FileList]:
    """The files of each dataset, in their order."""
    numbers: dict[str, array[int]] = {}
    shelf: Shelf[ArchiveFile] | None = None
    for files in lists:
        some = files if isinstance(files, FileList) and shelf in {None, files.shelf} else shelved(files, shelf)
        shelf = some.shelf
        for number, file in zip(some.numbers, some, strict=True):
            numbers.setdefault(file.dataset_id, array("Q")).append(number)
    return {name: FileList(shelf, some) for name, some in numbers.items() if shelf is not None}


def chosen(files: Sequence[ArchiveFile], is_kept: Callable[[ArchiveFile], bool]) -> Sequence[ArchiveFile]:
    """The files that are to be kept, in their order."""
    if isinstance(files, FileList):
        return FileList(files.shelf, array("Q", (n for n in files.numbers if is_kept(files.shelf[n]))))
    return tuple(file for file in files if is_kept(file))


class Seen(Mapping[tuple[str, str], ScannedFile]):
    """What a run has found in files, by root and path."""

    def __init__(self) -> None:
        self._shelf = Shelf(ScannedFile)
        self._hashes = array("q")
        self._order: tuple[npt.NDArray[np.int64], npt.NDArray[np.intp]] | None = None
        self._noted: dict[tuple[str, str], ScannedFile] = {}

    def put(self, one: ScannedFile) -> None:
        """Keep what was found in a file; when it is put twice, the later counts."""
        self._shelf.put(one)
        self._hashes.append(hash((one.root, one.path)))
        self._order = None

    def note(self, one: ScannedFile) -> None:
        """Keep more of a file that was put already; for a few files."""
        self._noted[one.root, one.path] = one

    def __getitem__(self, key: tuple[str, str]) -> ScannedFile:
        if key in self._noted:
            return self._noted[key]
        hashes, order = self._sorted()
        wanted = hash(key)
        place = int(np.searchsorted(hashes, wanted, side="right")) - 1
        while place >= 0 and hashes[place] == wanted:
            found = self._shelf[int(order[place])]
            if (found.root, found.path) == key:
                return found
            place -= 1  # another file of the same hash
        raise KeyError(key)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((one.root, one.path) for one in map(self._shelf.__getitem__, range(len(self._shelf))))

    def __len__(self) -> int:
        return len(self._shelf)

    def are_there(self, keys: Sequence[tuple[str, str]]) -> Sequence[bool]:
        """Whether each of these files was seen. Two files in 10^13 may be taken for each other."""
        hashes, _ = self._sorted()
        found: Sequence[bool] = are_among(hashes, np.fromiter(map(hash, keys), np.int64, len(keys))).tolist()
        return found

    def since(self, root: str, first: int) -> Scanned:
        """The files below a folder that were put when there were so many, and after that, by path."""
        return Scanned(self, root, self._shelf, range(first, len(self._shelf)))

    def _sorted(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.intp]]:
        if self._order is None:
            hashes = np.array(self._hashes, np.int64)
            order = np.argsort(hashes, kind="stable")
            self._order = hashes[order], order
        return self._order


def are_among(numbers: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which of a few numbers are among many that are sorted, which `np.isin` would sort again each time."""
    if not len(numbers):
        return np.zeros(len(wanted), np.bool_)
    places = np.searchsorted(numbers, wanted)
    found: npt.NDArray[np.bool_] = numbers[np.minimum(places, len(numbers) - 1)] == wanted
    return found


class Scanned(Mapping[str, ScannedFile]):
    """What one look into the files of a folder has found, by path."""

    def __init__(self, seen: Seen, root: str, shelf: Shelf[ScannedFile], numbers: range) -> None:
        self._seen = seen
        self._root = root
        self._shelf = shelf
        self._numbers = numbers

    def __getitem__(self, path: str) -> ScannedFile:
        try:
            return self._seen[self._root, path]
        except KeyError:
            raise KeyError(path) from None

    def __iter__(self) -> Iterator[str]:
        return (self._shelf[number].path for number in self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


class Texts(Sequence[str]):
    """Texts in few bytes."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])
        for text in texts:
            self._bytes += text.encode()
            self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self))))
        if place < 0:
            place += len(self)
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self._bytes[self._ends[place] : self._ends[place + 1]].decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
