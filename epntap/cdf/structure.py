"""What follows from the descriptions of all variables of a file: time axes, roles, epochs that are computed.

Files of one dataset mostly describe the same variables with the same numbers of records: they share one structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from epntap.cdf.binary.compression import SUPPORTED
from epntap.cdf.computed import ComputedEpoch, computed_epoch
from epntap.cdf.roles import Role, axes_of, roles_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epntap.cdf.variable import Variable

__all__ = ["Structure", "structure_of"]

_MOST_KEPT = 64


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """The variables of a file, what they are to each other."""

    #: all by name, in the order of the file; an epoch that is computed is as if it was stored
    variables: Mapping[str, Variable]
    computed: Mapping[str, ComputedEpoch]
    axes: tuple[Variable, ...]
    #: as far as the descriptions tell
    roles: Mapping[str, Role]
    #: those that have records and are compressed in a way that cannot be undone, if any record is
    unsupported: tuple[Variable, ...]


@lru_cache(maxsize=_MOST_KEPT)
def structure_of(stored: tuple[Variable, ...]) -> Structure:
    """Return the structure of a file that stores these variables."""
    by_name = {variable.name: variable for variable in stored}
    found = ((name, computed_epoch(variable, by_name)) for name, variable in by_name.items())
    computed = {name: one for name, one in found if one is not None}
    variables = by_name | {name: one.variable for name, one in computed.items()}
    axes = axes_of(variables)
    return Structure(
        variables=MappingProxyType(variables),
        computed=MappingProxyType(computed),
        axes=axes,
        roles=MappingProxyType(roles_of(variables, axes)),
        unsupported=tuple(one for one in variables.values() if one.records and one.compression not in SUPPORTED),
    )
