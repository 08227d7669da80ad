"""Values of a cut-out as text: exact, shortest, with fills found. Shared by the formats that people read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from datalink.series import Column
from epntap.cdf import FILL_TT2000, Variable, as_epochs, format_utc_array, to_tt2000

__all__ = ["fill_of", "is_fill_value", "number_texts", "text_values", "time_decimals", "time_texts"]

_BLOCK_BYTES = 1 << 20
_FEWEST_DECIMALS, _MOST_DECIMALS = 3, 9


def fill_of(variable: Variable) -> Any:  # a scalar of the variable's type
    """FILLVAL in the variable's own type; None if there is none or it does not fit."""
    fill = variable.fill
    if fill is None or variable.cdf_type.is_text:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        value = np.asarray(fill).astype(variable.dtype)[()]
    if variable.dtype.kind in "iu" and value != fill:
        return None
    return value


def is_fill_value(variable: Variable, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
    """Return which values are fills, None if none can be; shape of `values`."""
    fill = fill_of(variable)
    if fill is None or fill != fill:  # noqa: PLR0124  (NaN says it itself)
        return None
    found: npt.NDArray[np.bool_] = values == fill
    return found


def number_texts(values: npt.NDArray[Any]) -> npt.NDArray[np.bytes_]:
    """Return the shortest decimal texts that read back as the same numbers; NaN, +Inf and -Inf as VOTable has them."""
    texts = values.astype("S32") if values.dtype.kind == "f" else values.astype("S21")
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            texts[np.isnan(values)] = b"NaN"
            texts[values == np.inf] = b"+Inf"
            texts[values == -np.inf] = b"-Inf"
    return texts


def text_values(values: npt.NDArray[np.bytes_]) -> npt.NDArray[np.str_]:
    """Return stored characters as text, padding cut off. They are ASCII, or UTF-8 or Latin-1 against the rules."""
    try:
        decoded = np.char.decode(values, "utf-8")
    except UnicodeDecodeError:
        decoded = np.char.decode(values, "latin-1")
    return np.char.rstrip(decoded)


def time_decimals(column: Column) -> int:
    """Return how many decimals of a second the epochs of a variable need: 3, 6 or 9."""
    digits = _FEWEST_DECIMALS
    for first, stop in column.blocks(_BLOCK_BYTES):
        instants = column.instants(first, stop)
        known = instants[instants != FILL_TT2000]
        # TT2000 and UTC differ by whole milliseconds, so their decimals end alike
        while digits < _MOST_DECIMALS and (known % 10 ** (_MOST_DECIMALS - digits)).any():
            digits += 3
    return digits


def time_texts(variable: Variable, values: npt.NDArray[Any], digits: int) -> npt.NDArray[np.bytes_]:
    """Return epochs as ISO times in UTC, empty where they are fills; shape of `values`."""
    instants = to_tt2000(as_epochs(values, variable.cdf_type), variable.cdf_type, variable.fill)
    return format_utc_array(instants, digits).reshape(values.shape)
