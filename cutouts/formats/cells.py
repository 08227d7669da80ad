"""Values of a cut-out as text: exact, shortest, with fills found. Shared by the formats that people read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cutouts.joined.series import Column
from epntap.cdf import FILL_TT2000, CdfType, Variable, as_epochs, format_utc_array, to_tt2000
from epntap.cdf.fills import plain_fill

__all__ = [
    "fill_of",
    "free_name",
    "is_fill_value",
    "joined",
    "lines",
    "picoseconds",
    "text_values",
    "time_bytes",
    "time_decimals",
    "time_texts",
    "with_text",
]

_BLOCK_BYTES = 1 << 20
_FEWEST_DECIMALS, _MOST_DECIMALS, _PICOSECOND_DECIMALS = 3, 9, 12
_PICOSECONDS = 10**12


def fill_of(variable: Variable) -> Any:  # a scalar of the variable's type
    """FILLVAL in the variable's own type; None if there is none or it does not fit."""
    return plain_fill(variable)


def is_fill_value(variable: Variable, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
    """Return which values are fills, None if none can be; shape of `values`."""
    fill = fill_of(variable)
    if fill is None:
        return None
    found: npt.NDArray[np.bool_] = np.isnan(values) if fill != fill else values == fill  # noqa: PLR0124
    return found


def free_name(wanted: str, taken: set[str]) -> str:
    """Return a name for a column that is not taken, and take it: `B_2` if there is a `B` already."""
    name, count = wanted, 2
    while name in taken:
        name, count = f"{wanted}_{count}", count + 1
    taken.add(name)
    return name


def with_text(texts: pa.StringArray, where: npt.NDArray[np.bool_] | None, text: str) -> pa.StringArray:
    """Return texts with another one at some places."""
    if where is None or not where.any():
        return texts
    return pc.if_else(pa.array(where.reshape(-1)), text, texts)


def joined(texts: pa.StringArray, rows: int, between: str) -> pa.StringArray:
    """Return one text for each row, from as many in a row as there are."""
    if len(texts) == rows:
        return texts
    offsets = np.arange(rows + 1, dtype=np.int32) * (len(texts) // max(rows, 1))
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts), between)


def lines(pieces: Sequence[pa.StringArray | str]) -> bytes:
    """Return rows put together from columns and what stands between them, as bytes one after the other.

    None of it is done row by row in Python, and the interpreter is free for other threads meanwhile.
    """
    rows = pc.binary_join_element_wise(*pieces, "")
    _, offsets, content = rows.buffers()
    if content is None or not len(rows):
        return b""
    ends = np.frombuffer(offsets, np.int32)
    text: bytes = content[int(ends[rows.offset]) : int(ends[rows.offset + len(rows)])].to_pybytes()
    return text


def text_values(values: npt.NDArray[np.bytes_]) -> npt.NDArray[np.str_]:
    """Return stored characters as text, padding cut off. They are ASCII, or UTF-8 or Latin-1 against the rules.

    A NUL that is no padding becomes U+FFFD: readers of text take it for the end of a string, or of the file.
    """
    try:
        decoded = np.char.decode(values, "utf-8")
    except UnicodeDecodeError:
        words = [_decoded(word) for word in values.reshape(-1).tolist()]
        decoded = np.array(words, np.str_).reshape(values.shape)
    stripped = np.char.rstrip(decoded)
    words = stripped.reshape(-1).tolist()
    if not any("\0" in word for word in words):
        return stripped
    return np.array([word.replace("\0", "\ufffd") for word in words], np.str_).reshape(stripped.shape)


def _decoded(word: bytes) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError:
        return word.decode("latin-1")


def picoseconds(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return what values of an EPOCH16 hold below the nanosecond, one after the other; 0 for fills."""
    parts = as_epochs(values, CdfType.CDF_EPOCH16)[:, 1]
    valid = (parts >= 0) & (parts < _PICOSECONDS)
    return np.where(valid, parts, 0).astype(np.int64) % 1000


def time_decimals(column: Column) -> int:
    """Return how many decimals of a second the epochs of a variable need: 3, 6, 9 or, for EPOCH16, 12."""
    digits = _FEWEST_DECIMALS
    for first, stop in column.blocks(_BLOCK_BYTES):
        values = column.read(first, stop)
        if column.variable.cdf_type is CdfType.CDF_EPOCH16 and picoseconds(values).any():
            return _PICOSECOND_DECIMALS
        instants = column.instants_of(values)
        known = instants[instants != FILL_TT2000]
        # TT2000 and UTC differ by whole milliseconds, so their decimals end alike
        while digits < _MOST_DECIMALS and (known % 10 ** (_MOST_DECIMALS - digits)).any():
            digits += 3
    return digits


def time_bytes(variable: Variable, values: npt.NDArray[Any], digits: int, suffix: str = "") -> npt.NDArray[np.bytes_]:
    """Return epochs as ISO times in UTC with what comes behind, empty where they are fills, one after the other."""
    instants = to_tt2000(as_epochs(values, variable.cdf_type), variable.cdf_type, variable.fill)
    if digits <= _MOST_DECIMALS:
        return format_utc_array(instants, digits, suffix)
    texts = format_utc_array(instants, _MOST_DECIMALS)
    rest = np.char.zfill(picoseconds(values).astype("S3"), 3)
    if suffix:
        rest = np.char.add(rest, suffix.encode())
    rest[texts == b""] = b""
    whole = np.empty(len(texts), [("ns", texts.dtype), ("ps", rest.dtype)])
    whole["ns"], whole["ps"] = texts, rest
    return whole.view(f"S{whole.itemsize}")


def time_texts(variable: Variable, values: npt.NDArray[Any], digits: int) -> pa.StringArray:
    """As `time_bytes`."""
    texts = time_bytes(variable, values, digits)
    width = texts.dtype.itemsize
    offsets = np.arange(len(texts) + 1, dtype=np.int32) * width
    plain = pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(texts.tobytes()))
    return with_text(plain, texts == b"", "")
