"""PDS3 labels, beside their files or at the start of them, read with pvl."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from epntap.errors import UnreadableFileError
from ingest.labels.record import Label
from ingest.tables.values import Measure, Raw, Scalar

with warnings.catch_warnings():
    # on import it warns of its own future
    warnings.simplefilter("ignore")
    import pvl
    from pvl.collections import PVLModule, Quantity
    from pvl.decoder import OmniDecoder
    from pvl.grammar import OmniGrammar
    from pvl.parser import OmniParser

__all__ = ["has_attached_label", "read_pds3"]

#: a label longer than this is none; real ones end before 100 kB
LONGEST_LABEL = 2_000_000
_BLOCK = 65_536
#: how a file with a label begins (PDS Standards Reference 3.8, chapter 5); SFDU lines may precede
_START = re.compile(rb"\s*(?:(?:CCSD|NJPL)\w{10,20}.*\s+)*(?:PDS_VERSION_ID|ODL_VERSION_ID)\s*=", re.IGNORECASE)
_END = re.compile(rb"^[ \t]*END[ \t]*(?:/\*.*)?\r?$", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d|\d{1,2}:\d{2}")
_FILE = re.compile(r"[^/\\]+\.\w+")


class _Decoder(OmniDecoder):  # type: ignore[misc]  # pvl has no types
    """Tries dates only on what looks like one: most of the time of a label would go there."""

    def decode_datetime(self, value: str) -> Any:  # date, time or datetime of the library
        if not _DATE.match(value):
            raise ValueError(value)
        return super().decode_datetime(value)


def has_attached_label(path: Path) -> bool:
    """Whether a file starts with a PDS3 label."""
    try:
        with path.open("rb") as file:
            return bool(_START.match(file.read(512)))
    except OSError:
        return False


def read_pds3(path: Path, relative: str) -> Label:
    """The label in a file, or at its start. Raises UnreadableFileError."""
    text = _label_text(path, relative)
    grammar = OmniGrammar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = pvl.loads(text, parser=OmniParser(grammar=grammar, decoder=_Decoder(grammar=grammar)))
    except (ValueError, TypeError, AttributeError, IndexError, RecursionError) as exc:
        reason = " ".join(str(exc).split())
        raise UnreadableFileError(f"the PDS3 label cannot be read: {reason[:200]}") from exc
    if not isinstance(module, PVLModule) or not len(module):
        raise UnreadableFileError("the PDS3 label holds no keyword")
    items = list(_flatten(module.items(), ""))
    return Label(relative, [(name, _raw(value)) for name, value in items], _described(items))


def _label_text(path: Path, relative: str) -> str:
    content = bytearray()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                content += block
                # whole lines only, so that an END that is not complete yet is not taken for one
                if found := _END.search(content, max(0, len(content) - _BLOCK - 200)):
                    return _decoded(content[: found.end()])
                if len(content) > LONGEST_LABEL:
                    break
    except OSError as exc:
        raise UnreadableFileError(f"{relative} cannot be opened: {(exc.strerror or 'unknown reason').lower()}") from exc
    if len(content) > LONGEST_LABEL or b"\0" in content:
        raise UnreadableFileError("there is no END statement, so this is no PDS3 label")
    if not content.strip():
        raise UnreadableFileError("the label is empty")
    return _decoded(content)


def _decoded(content: bytearray) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _flatten(pairs: Iterable[tuple[str, Any]], prefix: str) -> Iterator[tuple[str, Any]]:  # values of the library
    for name, value in pairs:
        if hasattr(value, "items"):
            yield from _flatten(value.items(), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _described(items: Iterable[tuple[str, Any]]) -> Iterator[str]:  # values of the library
    for name, value in items:
        last = name.rpartition(".")[2]
        if last.startswith("^") and last not in {"^STRUCTURE", "^CATALOG", "^DATA_SET_MAP_PROJECTION"}:
            first = value[0] if isinstance(value, list | tuple) and value else value
            if isinstance(first, str) and _FILE.fullmatch(first.strip()):
                yield first.strip()
        elif last in {"FILE_NAME", "DOCUMENT_FILE"} and isinstance(value, str):
            yield value.strip()


def _raw(value: Any) -> Raw:  # values of the library
    if isinstance(value, Quantity):
        inner = _scalar(value.value)
        if isinstance(inner, int | float):
            return Measure(float(inner), str(value.units))
        if isinstance(value.value, list | tuple):
            return [_measured(item, str(value.units)) for item in value.value]
        return inner
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [_scalar(item) for item in items]
    return _scalar(value)


def _measured(item: Any, unit: str) -> Scalar:  # values of the library
    inner = _scalar(item)
    return Measure(float(inner), unit) if isinstance(inner, int | float) else inner


def _scalar(value: Any) -> Scalar:  # values of the library
    if isinstance(value, Quantity):
        return _measured(value.value, str(value.units))
    if value is None or isinstance(value, bool | int | float):
        return value
    if hasattr(value, "isoformat") and hasattr(value, "year"):
        return value  # type: ignore[no-any-return]  # a date or datetime
    return " ".join(str(value).split())
