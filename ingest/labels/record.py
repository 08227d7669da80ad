"""What a label says, by name. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingest.tables.values import Raw, Scalar

__all__ = ["Label", "LabelRecord"]


class Label:
    """Keywords of a label with their values, and the files that it describes.

    A keyword is found by its path (`IMAGE_MAP_PROJECTION.MAP_SCALE`) or by any end of it (`MAP_SCALE`); the first in
    the label wins. An element that is repeated under one path is a tuple of its values.
    """

    def __init__(self, path: str, items: Iterable[tuple[str, Raw]], files: Iterable[str] = ()) -> None:
        #: of the label itself, below the source folder
        self.path = path
        #: names of the files described, without folders, in the order of the label
        self.files = tuple(dict.fromkeys(files))
        self._values: dict[str, Raw] = {}
        for name, value in items:
            self._add(name, value)
        self._ends: dict[str, str] = {}
        for name in self._values:
            parts = name.split(".")
            for first in range(1, len(parts)):
                self._ends.setdefault(".".join(parts[first:]), name)

    def _add(self, name: str, value: Raw) -> None:
        before = self._values.get(name)
        if before is None:
            self._values[name] = value
        elif not isinstance(value, list | tuple) and not isinstance(before, list):
            several: tuple[Scalar, ...] = before if isinstance(before, tuple) else (before,)
            self._values[name] = (*several, value)

    def get(self, name: str, /) -> Raw:
        """The value of a keyword, or None."""
        if name in self._values:
            return self._values[name]
        return self._values.get(self._ends.get(name, ""))

    def keywords(self) -> Mapping[str, Raw]:
        """All values by their paths, in the order of the label."""
        return self._values


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """Names that a rule can use: fields of the file name, facts of the file, then keywords of labels."""

    fields: Mapping[str, Raw]
    labels: tuple[Label, ...] = ()

    def get(self, name: str, /) -> Raw:
        """The first that is there."""
        if name in self.fields:
            return self.fields[name]
        return next((value for label in self.labels if (value := label.get(name)) is not None), None)
