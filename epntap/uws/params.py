"""What the parameters of the job tree mean (UWS 1.1 §2.2)."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from epntap.dali.params import Params, single
from epntap.errors import ParameterError
from epntap.uws.model import Filters, Phase

__all__ = ["duration", "filters", "instant", "phase_of", "required", "wait_seconds"]


def required(params: Params, name: str, example: str) -> str:
    """The value of a parameter without which a request means nothing."""
    text = single(params, name)
    if text is None:
        raise ParameterError(f"{name} is missing; post for example {name}={example}.")
    return text.strip()


def instant(name: str, text: str) -> datetime:
    """A time in ISO 8601; without a zone it is UTC. Raises ParameterError."""
    try:
        parsed = datetime.fromisoformat(text.strip())
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ParameterError(f"{name} must be a time such as 2030-01-31T12:00:00Z, but is {text[:60]!r}.") from None


def duration(text: str) -> int:
    """Seconds of EXECUTIONDURATION, 0 for no limit."""
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdigit() and len(stripped) < 10):
        raise ParameterError(f"EXECUTIONDURATION must be a whole number of seconds, 0 or more, but is {text[:60]!r}.")
    return int(stripped)


def wait_seconds(params: Params) -> float | None:
    """Seconds of WAIT, negative for as long as possible; None when it is not given."""
    text = single(params, "WAIT")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds):
        raise ParameterError(f"WAIT must be a number of seconds, or -1, but is {text[:60]!r}.")
    return seconds


def phase_of(text: str) -> Phase:
    """The phase of that name."""
    try:
        return Phase(text.strip().upper())
    except ValueError:
        raise ParameterError(f"PHASE={text[:60]!r} is unknown; expected one of {', '.join(Phase)}.") from None


def filters(params: Params) -> Filters:
    """PHASE (any of several), AFTER and LAST of a job list (UWS 1.1 §2.2.2.1)."""
    after = single(params, "AFTER")
    last = single(params, "LAST")
    if last is not None and not (last.strip().isascii() and last.strip().isdigit() and int(last) > 0):
        raise ParameterError(f"LAST must be a whole number of jobs, 1 or more, but is {last[:60]!r}.")
    return Filters(
        phases=tuple(phase_of(text) for text in params.get("PHASE", ()) if text.strip()),
        after=None if after is None else instant("AFTER", after),
        last=None if last is None else int(last),
    )
