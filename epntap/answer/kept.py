"""Answers that were made, in a folder that any number of processes share and that does not grow beyond a bound."""

from __future__ import annotations

import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["KeptFiles"]

#: of the bound: what is written between two looks at the folder, and what is left after one
_BETWEEN = 1 / 20
_LEFT = 4 / 5


@dataclass(slots=True)
class KeptFiles:
    """Keeps answers, whoever may have them: who reads has asked that before. Nothing where the bound is 0."""

    folder: Path
    most_bytes: int
    #: written since the folder was looked at; the first answer of a process has it looked at
    _written: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def most_of_one(self) -> int:
        """Bytes of an answer that is kept."""
        return int(self.most_bytes * _BETWEEN)

    def get(self, key: str) -> bytes | None:
        """An answer, or None."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        with suppress(OSError):
            os.utime(path)  # the oldest go first
        return content

    def put(self, key: str, content: bytes) -> None:
        """Keep an answer, where there is room for it. A disk that is full is no error: it is made again."""
        if not content or len(content) > self.most_of_one:
            return
        path = self._path(key)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
            unfinished.replace(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink()
            return
        with self._lock:
            is_due = self._written is None or self._written + len(content) > self.most_bytes * _BETWEEN
            self._written = 0 if is_due else (self._written or 0) + len(content)
        if is_due:
            self._tidy()

    def _tidy(self) -> None:
        """Remove the oldest until enough room is left."""
        found = []
        for path in self.folder.glob("??/*"):
            with suppress(OSError):
                about = path.stat()
                found.append((about.st_mtime_ns, about.st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= self.most_bytes * (1 - _BETWEEN):
            return
        for _, size, path in sorted(found):
            if total <= self.most_bytes * _LEFT:
                return
            with suppress(OSError):
                path.unlink()
                total -= size

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key
