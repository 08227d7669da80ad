"""How the files themselves want a variable shown: what no catalogue keeps, read from one file of the interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from epntap.archive.model import ArchiveFile
from epntap.cdf import CdfFile, Variable
from epntap.errors import UnreadableFileError

__all__ = ["NO_HINTS", "Hints", "hints_of"]


@dataclass(frozen=True, slots=True)
class Hints:
    """Of one variable; empty texts where nothing is said."""

    #: data, support_data, metadata
    var_type: str = ""
    #: such as time_series or spectrogram, in small letters
    display: str = ""
    #: log or linear
    scale: str = ""
    #: values outside of these are no measurements
    valid_min: float = -math.inf
    valid_max: float = math.inf


NO_HINTS = Hints()


def hints_of(files: Sequence[ArchiveFile]) -> Mapping[str, Hints]:
    """Of all variables of the first file that can be read; nothing where none can."""
    for file in files[:3]:
        try:
            with CdfFile(Path(file.root, file.path)) as found:
                return {name: _hints(one) for name, one in found.variables.items()}
        except UnreadableFileError:
            continue
    return {}


def _hints(variable: Variable) -> Hints:
    return Hints(
        var_type=_word(variable, "VAR_TYPE"),
        display=_word(variable, "DISPLAY_TYPE"),
        scale=_word(variable, "SCALETYP"),
        valid_min=_bound(variable, "VALIDMIN", -math.inf),
        valid_max=_bound(variable, "VALIDMAX", math.inf),
    )


def _word(variable: Variable, attribute: str) -> str:
    return (variable.text(attribute) or "").strip().casefold()


def _bound(variable: Variable, attribute: str, otherwise: float) -> float:
    """One that holds for all components: of several the widest."""
    entry = variable.attributes.get(attribute)
    if entry is None:
        return otherwise
    try:
        values = np.asarray(entry.value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        return otherwise
    values = values[np.isfinite(values)]
    if not len(values):
        return otherwise
    return float(values.min() if otherwise < 0 else values.max())
