"""What PostgreSQL says, in the words of our users. No text of the database leaves through here."""

from __future__ import annotations

import logging

import psycopg
from psycopg import errors as pg

from epntap.addresses import ASYNC, TAP
from epntap.errors import EpnTapError, QueryError, QueryTimeoutError, ServiceError, UnavailableError

__all__ = ["crowded_error", "from_psycopg", "timeout_error", "why_elsewhere"]

log = logging.getLogger(__name__)

#: SQLSTATE, or its class of two letters -> what the author of the query can do
_USER_MISTAKES = {
    "22012": "A division by zero occurred; guard the divisor, for example with NULLIF(x, 0).",
    "22003": "A number is outside the range of its type, or NaN, which is no whole number; CAST to DOUBLE PRECISION.",
    "22P01": "A computation left the range of floating-point numbers.",
    "22P02": "A text value could not be CAST to the type asked for.",
    "22007": "A text value is no timestamp; write it as '2016-12-31T23:59:59'.",
    "22008": "A timestamp has a field out of range; write it as '2016-12-31T23:59:59'.",
    "2201F": "A power or square root has no real result for one of its arguments.",
    "2201E": "A logarithm of zero or of a negative number was asked for.",
    "22001": "A text value is too long for the type asked for.",
    "22": "A function was given a value outside its range, such as ACOS(2) or a histogram without bins.",
    "0A000": "The database cannot run a query of this form on a table that is spread over several servers: join by "
    "granule_uid and with =, write IN or a JOIN in the place of EXISTS, or ask with fewer conditions.",
    "54": "The query is too large for the database (columns, arguments or nesting); please simplify it.",
}

#: what 22003 is about, which only its text tells -> the same
_RANGES = {
    "input is out of range": "A function was given a value for which it has no result, such as ACOS(2) or LOG(0).",
    "value out of range: underflow": "A result is closer to zero than a double precision number can be.",
    "value out of range: overflow": "A result is larger than a double precision number can be.",
    "cannot convert NaN to integer": "NaN was to become a whole number; leave it out, for example with NULLIF.",
}

#: a schema, table, column, function or type that is not there
_MISSING = frozenset({"3F000", "42P01", "42703", "42883", "42704"})
#: a table or column that was there when the query was translated
_GONE = frozenset({"42P01", "42703"})


def timeout_error(timeout_s: float) -> QueryTimeoutError:
    """The time limit of an answer is over."""
    return QueryTimeoutError(
        f"The query took longer than the {timeout_s:.0f} seconds that an answer may take; "
        "narrow it (for example by time_min and time_max) or ask for fewer rows with TOP."
    )


def crowded_error() -> UnavailableError:
    """The query takes long, and no place is left for one that does."""
    return UnavailableError(
        "The query takes long, and as many long queries as the service takes at once are running; "
        f"please try again in a minute, or send it as a job to {TAP}{ASYNC}.",
        30,
    )


def from_psycopg(exc: psycopg.Error, *, timeout_s: float) -> EpnTapError:
    """The error of ours for a failure in the database."""
    state = exc.sqlstate or ""
    if isinstance(exc, pg.QueryCanceled):
        return timeout_error(timeout_s)
    told = _RANGES.get(str(exc.diag.message_primary))
    if sentence := told or _USER_MISTAKES.get(state) or _USER_MISTAKES.get(state[:2]):
        return QueryError(sentence)
    if isinstance(exc, pg.InternalError_) and "spher" in str(exc):
        return QueryError("A geometry is too large or crosses itself; use smaller polygons.")
    if unavailable := _unavailable(exc):
        return unavailable
    log.error("unexpected database error", exc_info=exc)
    return ServiceError("The query failed inside the database; the operators find the reason in the log.")


def why_elsewhere(exc: psycopg.Error) -> str | None:
    """In a word, why a query that failed so on a standby may well succeed on its primary; None if it would not."""
    if _is_conflict(exc):
        return "conflict"
    if (exc.sqlstate or "") in _MISSING:
        return "missing"  # the catalogue has it, and the standby not yet or no longer
    return "away" if _is_away(exc) else None


def _unavailable(exc: psycopg.Error) -> UnavailableError | None:
    """For what is over after a while."""
    if _is_conflict(exc):
        return UnavailableError(
            "The query met with a change of what it was reading; please try again in a few seconds.", 5
        )
    if (exc.sqlstate or "") in _GONE:
        log.warning("a query met with a table that is no longer there", exc_info=exc)
        return UnavailableError(
            "A table of this query was replaced or removed at this moment; please try again in a few seconds.", 5
        )
    if _is_away(exc):
        return UnavailableError("The database went away while the query ran; please try again in a minute.", 30)
    if (exc.sqlstate or "")[:2] in {"53", "58"}:
        return UnavailableError("The database has no room for this query at the moment; please try again later.", 60)
    return None


def _is_conflict(exc: psycopg.Error) -> bool:
    """What a standby has to replay stood against the query, or against its whole session."""
    return isinstance(exc, (pg.SerializationFailure, pg.DeadlockDetected))


def _is_away(exc: psycopg.Error) -> bool:
    state = exc.sqlstate or ""
    return (
        state[:3] == "57P"
        or state[:2] == "08"
        or isinstance(exc, psycopg.InterfaceError)
        or (isinstance(exc, psycopg.OperationalError) and not state)
    )
