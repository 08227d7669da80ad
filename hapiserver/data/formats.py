"""Records as CSV, binary and JSON (HAPI 3.3 §3.7): blocks of values become blocks of bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cutouts.formats.cells import joined, lines
from cutouts.formats.numbers import Spelling, number_rows, string_array
from hapiserver.data.records import Block
from hapiserver.datasets import HapiParameter, HapiType

__all__ = ["MEDIA_TYPES", "body"]

MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "binary": "application/octet-stream",
    "json": "application/json",
}
_NUMBERS = frozenset({HapiType.DOUBLE, HapiType.INTEGER})
_CSV_NUMBERS = Spelling(infinities=("Infinity", "-Infinity"))
_SPECIAL = (b",", b'"', b"\n", b"\r")


def body(
    form: str, parameters: Sequence[HapiParameter], blocks: Iterator[Block], head: Mapping[str, Any] | None
) -> Iterator[bytes]:
    """The bytes of an answer; `head` is what comes before the records, in JSON always."""
    if form == "json":
        yield from _json(parameters, blocks, head or {})
        return
    if head is not None:
        text = json.dumps(head, ensure_ascii=False, indent=1)
        yield "".join(f"#{line}\n" for line in text.split("\n")).encode()
    write = _binary if form == "binary" else _csv
    for block in blocks:
        yield write(parameters, block)


def _binary(parameters: Sequence[HapiParameter], block: Block) -> bytes:
    """Record by record, low byte first, texts filled up with NUL."""
    layout = np.dtype([(f"f{place}", one.dtype, one.size) for place, one in enumerate(parameters)])
    records = np.empty(len(block[0]), layout)
    for place, values in enumerate(block):
        records[f"f{place}"] = values
    return records.tobytes()


def _csv(parameters: Sequence[HapiParameter], block: Block) -> bytes:
    pieces: list[pa.StringArray | str] = []
    rows = len(block[0])
    for one, values in zip(parameters, block, strict=True):
        if one.type in _NUMBERS:
            pieces.append(number_rows(values, _CSV_NUMBERS))
        else:
            pieces += [",", joined(_texts(one, values, _quoted), rows, ",")]
    return lines([*pieces[1:], "\n"])


@dataclass(frozen=True, slots=True)
class _Bracketed:
    """Texts of values put into the brackets of their dimensions."""

    texts: pa.StringArray
    size: tuple[int, ...]

    def by_row(self) -> pa.StringArray:
        texts = self.texts
        for length in reversed(self.size):
            texts = pc.binary_join_element_wise("[", joined(texts, len(texts) // length, ","), "]", "")
        return texts


def _json(parameters: Sequence[HapiParameter], blocks: Iterator[Block], head: Mapping[str, Any]) -> Iterator[bytes]:
    """The records are the last key of the object, written as they come."""
    text = json.dumps({**head, "format": "json"}, ensure_ascii=False)
    yield f'{text[:-1]}, "data": ['.encode()
    is_first = True
    for block in blocks:
        pieces: list[pa.StringArray | str] = []
        for one, values in zip(parameters, block, strict=True):
            if one.type in _NUMBERS:
                fill = _finite_fill(one)
                pieces.append(number_rows(values, Spelling(nan=fill, infinities=(fill, fill), nested=True)))
            else:
                pieces += [",", _Bracketed(_texts(one, values, _as_json), one.size).by_row()]
        records = lines(["[", *pieces[1:], "],\n"])
        yield (b"\n" if is_first else b",\n") + records[:-2]
        is_first = False
    yield b"\n]}\n"


def _finite_fill(one: HapiParameter) -> str:
    # JSON has no NaN
    return "null" if one.fill is None or not np.isfinite(float(one.fill)) else one.fill


def _texts(
    one: HapiParameter, values: npt.NDArray[Any], as_text: Callable[[HapiParameter, bytes], str]
) -> pa.StringArray:
    """One text for each time or text, in C order."""
    if one.type is HapiType.TIME:
        return _of_one_length(values, one.length, quote=as_text is _as_json)
    return pa.array([as_text(one, word) for word in values.reshape(-1).tolist()], pa.string())


def _of_one_length(values: npt.NDArray[Any], length: int, *, quote: bool) -> pa.StringArray:
    flat = np.ascontiguousarray(values).reshape(-1)
    assert flat.dtype.itemsize == length
    offsets = np.arange(len(flat) + 1, dtype=np.int32) * length
    texts = string_array(offsets, flat)
    return pc.binary_join_element_wise('"', texts, '"', "") if quote else texts


def _quoted(_one: HapiParameter, word: bytes) -> str:
    """As RFC 4180 has it."""
    text = word.decode("utf-8", "replace")
    return '"' + text.replace('"', '""') + '"' if any(special in word for special in _SPECIAL) else text


def _as_json(_one: HapiParameter, word: bytes) -> str:
    return json.dumps(word.decode("utf-8", "replace"), ensure_ascii=False)
