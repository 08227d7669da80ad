"""Protocol parameters: names are case-insensitive here and nowhere else (DALI 1.1 §3.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from epntap.errors import ParameterError

__all__ = ["MAXREC", "SECRET_PARAMETERS", "Params", "maxrec", "read_params", "single"]

#: the most rows that a client wants (DALI 1.1 §3.4.4)
MAXREC = "MAXREC"

#: what clients send by which they are known: neither kept nor shown
SECRET_PARAMETERS = frozenset({"USERID", "USERNAME", "PASSWORD", "TOKEN"})

# digits; beyond any limit of ours anyway
_LONGEST_NUMBER = 18

#: upper-case name → values in order
Params = Mapping[str, Sequence[str]]


def read_params(pairs: Iterable[tuple[str, str]]) -> Params:
    """All parameters of a request by upper-case name; unknown ones are kept and hurt nobody."""
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name.upper()].append(value)
    return values


def single(params: Params, name: str) -> str | None:
    """The value of a parameter that may be given once; empty counts as absent (DALI 1.1 §3.2).

    The same value again is no second one: astroquery sends FORMAT and format with a table.
    """
    values = [value for value in params.get(name, ()) if value.strip()]
    if len(set(values)) > 1:
        raise ParameterError(f"{name} is given {len(values)} times; please give it once.")
    return values[0] if values else None


def maxrec(params: Params) -> int | None:
    """The most rows that the client wants (DALI 1.1 §3.4.4), None if it does not say. Raises ParameterError."""
    text = single(params, MAXREC)
    if text is None:
        return None
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdigit()):
        raise ParameterError(f"MAXREC must be a whole number of rows, 0 or more, but is {text!r}.")
    return int(stripped.lstrip("0")[:_LONGEST_NUMBER] or "0")
