"""An interval of a dataset in pieces, each with all the files that a cut of it needs, so that few are open at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cutouts.interval import Interval
from epntap.archive.model import ArchiveFile

__all__ = ["Window", "reaching", "windows"]

#: files that follow each other without a gap between their spans are opened together, so many at most
_TOGETHER = 4


@dataclass(frozen=True, slots=True)
class Window:
    """Files that have to be looked at together, and the instants for which they are all that there is."""

    files: tuple[ArchiveFile, ...]
    interval: Interval


def reaching(files: Iterable[ArchiveFile], interval: Interval) -> tuple[ArchiveFile, ...]:
    """Those of the files that may have a record of an interval."""
    start, stop = interval.start_tt2000, interval.stop_tt2000
    found = (file for file in files if file.reaches_into(start, stop))
    if not interval.pieces:
        return tuple(found)
    return tuple(one for one in found if interval.reaches(one.tt2000_min or 0, one.tt2000_max or 0))


def windows(files: Sequence[ArchiveFile], interval: Interval) -> Iterator[Window]:
    """An interval in pieces, in the order of time, with the files that reach into each.

    What a piece holds is what the whole has there: every file that has an instant of it is among its files.
    """
    ordered = sorted((file for file in files if file.tt2000_min is not None), key=_begins)
    group: list[ArchiveFile] = []
    reach = 0
    for file in ordered:
        first, last = _begins(file)[0], file.tt2000_max or 0
        if group and first > reach:
            yield from _pieces(group, interval)
            group = []
        reach = max(reach, last) if group else last
        group.append(file)
    yield from _pieces(group, interval)


def _begins(file: ArchiveFile) -> tuple[int, str]:
    return file.tt2000_min or 0, file.path


def _pieces(group: Sequence[ArchiveFile], interval: Interval) -> Iterator[Window]:
    """The same for files whose spans overlap."""
    starts = sorted({_begins(file)[0] for file in group})[::_TOGETHER]
    for number, start in enumerate(starts):
        stop = starts[number + 1] if number + 1 < len(starts) else interval.stop_tt2000
        piece = interval.intersect(Interval(start if number else interval.start_tt2000, stop))
        if piece.is_empty:
            continue
        found = reaching(group, piece)
        if found:
            yield Window(found, piece)
