"""What a file of a labelled tree holds: its label, or the part of it that rules look at, and the size of an image."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from epntap.errors import UnreadableFileError
from epntap.media import media_type
from ingest.files.digest import code_digest
from ingest.files.scan import Reading
from ingest.labels import jpeg, pds3, pds4, record
from ingest.labels.jpeg import jpeg_size
from ingest.labels.pds3 import has_attached_label, read_pds3
from ingest.labels.pds4 import is_pds4, read_pds4
from ingest.labels.plan import LabelPlan, Rows
from ingest.labels.products import is_label_name
from ingest.labels.record import Label
from ingest.tables import values
from ingest.tables.values import Measure, Raw

__all__ = ["Contents", "LabelLook", "media_type_of"]

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found in one file."""

    label: Label | None = None
    #: why the label cannot be used
    label_problem: str | None = None
    #: width and height of an image
    pixels: tuple[int, int] | None = None
    pixels_problem: str | None = None

    def to_json(self, names: tuple[str, ...]) -> str | None:
        """As text to be kept, of the label only the keywords with these names; None when there is nothing to keep."""
        document: dict[str, Any] = {}  # JSON
        if self.label is not None:
            found = {name: self.label.get(name) for name in names}
            document["values"] = {name: _packed(value) for name, value in found.items() if value is not None}
            document["files"] = list(self.label.files)
        if self.pixels is not None:
            document["pixels"] = list(self.pixels)
        problems = {"label_problem": self.label_problem, "pixels_problem": self.pixels_problem}
        document |= {key: problem for key, problem in problems.items() if problem is not None}
        return json.dumps(document, separators=(",", ":")) if document else None

    @classmethod
    def from_json(cls, text: str | None, relative: str) -> Contents:
        """What was kept of the file with this path."""
        if not text:
            return cls()
        document = json.loads(text)
        label = None
        if "values" in document:
            items = ((name, _unpacked(value)) for name, value in document["values"].items())
            label = Label(relative, items, document["files"])
        pixels = tuple(document["pixels"]) if "pixels" in document else None
        return cls(label, document.get("label_problem"), pixels, document.get("pixels_problem"))


@dataclass(frozen=True, slots=True)
class LabelLook:
    """Looks for labels and images, as a plan wants it."""

    #: keywords that rules look at
    names: tuple[str, ...]
    #: whether files of other names than those of labels may hold a label
    everywhere: bool
    #: suffix and media type, where it is another than usual
    media_types: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, plan: LabelPlan) -> LabelLook:
        """The look for a plan."""
        rules = [*plan.rules, *(rule for more in plan.products.values() for rule in more)]
        names = sorted({name for rule in rules for name in rule.fields})
        return cls(tuple(names), plan.rows is Rows.LABEL, tuple(sorted(plan.media_types.items())))

    @property
    def edition(self) -> str:
        """Of this look and the code that it uses."""
        modules = (Path(module.__file__ or "") for module in (jpeg, pds3, pds4, record, values))
        made_by = code_digest(Path(__file__), *modules)
        return hashlib.sha256(repr((made_by, self.names, self.everywhere, self.media_types)).encode()).hexdigest()[:16]

    def __call__(self, path: Path, relative: str, /) -> Reading:
        """The contents as text; what is wrong with a file is among them, for it does not always matter."""
        label, label_problem = _tried(lambda: self._label(path, relative))
        is_image = media_type_of(path.name, dict(self.media_types)) == "image/jpeg"
        pixels, pixels_problem = _tried(lambda: jpeg_size(path)) if is_image else (None, None)
        return Reading(Contents(label, label_problem, pixels, pixels_problem).to_json(self.names))

    def _label(self, path: Path, relative: str) -> Label | None:
        """The label in a file, or None if it holds none. Raises UnreadableFileError."""
        if is_label_name(relative):
            return read_pds3(path, relative)
        if not self.everywhere:
            return None
        if relative.lower().endswith((".xml", ".lblx")):
            return read_pds4(path, relative) if is_pds4(path) else None
        return read_pds3(path, relative) if has_attached_label(path) else None


def media_type_of(name: str, others: Mapping[str, str]) -> str:
    """Of a file by its name; `others` go before what is usual."""
    return others.get(name.rpartition(".")[2].lower()) or media_type(name)


def _tried(read: Callable[[], Found]) -> tuple[Found | None, str | None]:
    try:
        return read(), None
    except UnreadableFileError as exc:
        return None, str(exc)


def _packed(value: Raw) -> Any:  # JSON
    """A value as JSON; what JSON has no form for is a table with one letter."""
    match value:
        case Measure():
            return {"m": [value.value, value.unit]}
        case dt.datetime():
            return {"t": value.isoformat()}
        case dt.date():
            return {"d": value.isoformat()}
        case list():
            return {"l": [_packed(item) for item in value]}
        case tuple():
            return {"u": [_packed(item) for item in value]}
        case _:
            return value


def _unpacked(value: Any) -> Any:  # a Raw
    if not isinstance(value, dict):
        return value
    [(kind, inner)] = value.items()
    match kind:
        case "m":
            return Measure(*inner)
        case "t":
            return dt.datetime.fromisoformat(inner)
        case "d":
            return dt.date.fromisoformat(inner)
        case "l":
            return [_unpacked(item) for item in inner]
        case _:
            return tuple(_unpacked(item) for item in inner)
