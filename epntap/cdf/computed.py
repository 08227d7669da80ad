"""Epochs that a file describes by a function of stored variables (VIRTUAL=TRUE), where the function is known.

THEMIS stores seconds since an instant, and names the function that makes CDF_EPOCH of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from epntap.cdf.binary.datatypes import CdfType
from epntap.cdf.fills import is_fill
from epntap.cdf.roles import resolve_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy.typing as npt

    from epntap.cdf.variable import Variable

__all__ = ["ComputedEpoch", "computed_epoch"]

_FUNCTION = "comp_themis_epoch"
_MS_PER_S = 1000.0
_FILL = -1.0e31
# what makes others compute again what stands there as values
_RECIPE = frozenset({"VIRTUAL", "FUNCT", "FUNCTION", "COMPONENT_0", "COMPONENT_1"})


@dataclass(frozen=True, slots=True, eq=False)
class ComputedEpoch:
    """An epoch variable that is an instant and seconds since then."""

    #: as if its values were stored
    variable: Variable
    #: CDF_EPOCH, one record
    origin: Variable
    #: a record for each epoch
    seconds: Variable

    def values(self, origin: npt.NDArray[Any], seconds: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return CDF_EPOCH (n,) from what is stored: (1,) or more and (n,). Fills give fills."""
        number = seconds.reshape(-1).astype(np.float64)
        epochs = origin.reshape(-1)[0] + number * _MS_PER_S
        fills = is_fill(self.seconds, seconds)
        return epochs if fills is None else np.where(fills.reshape(-1), _FILL, epochs)


def computed_epoch(variable: Variable, variables: Mapping[str, Variable]) -> ComputedEpoch | None:
    """Return how a virtual epoch variable is computed; None if it is stored, or if its function is not known."""
    function = (variable.text("FUNCT") or variable.text("FUNCTION") or "").casefold()
    if not variable.virtual or function != _FUNCTION or variable.cdf_type is not CdfType.CDF_EPOCH:
        return None
    origin, seconds = (resolve_name(variables, variable.text(f"COMPONENT_{one}") or "") for one in (0, 1))
    if origin is None or seconds is None or origin.cdf_type is not CdfType.CDF_EPOCH or not origin.records:
        return None
    if seconds.dtype.kind != "f" or seconds.dims or not seconds.record_varying:
        return None
    # some files hold the epochs as well, some a single one that is zero
    if not seconds.records or variable.records >= max(seconds.records, 2):
        return None
    attributes = {name: entry for name, entry in variable.attributes.items() if name not in _RECIPE}
    stored = replace(
        variable,
        dims=(),
        records=seconds.records,
        record_varying=True,
        virtual=False,
        attributes=MappingProxyType(attributes),
    )
    return ComputedEpoch(stored, origin, seconds)
