"""Geometry of ADQL 2.1 §4.2: which shapes of call the grammar knows."""

from __future__ import annotations

from epntap.adql import nodes

__all__ = ["check_shape"]


def check_shape(call: nodes.Call) -> str | None:
    """What is wrong with the number of arguments of a geometry function, or None."""
    return None
