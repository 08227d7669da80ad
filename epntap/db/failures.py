"""What PostgreSQL says, in the words of our users. No text of the database leaves through here."""

from __future__ import annotations

import logging

import psycopg
from psycopg import errors as pg

from epntap.errors import EpnTapError, QueryError, QueryTimeoutError, ServiceError, UnavailableError

__all__ = ["from_psycopg", "timeout_error"]

log = logging.getLogger(__name__)

_USER_MISTAKES: dict[type[psycopg.Error], str] = {
    pg.DivisionByZero: "A division by zero occurred; guard the divisor, for example with NULLIF(x, 0).",
    pg.FloatingPointException: "A computation left the range of floating-point numbers.",
    pg.InvalidTextRepresentation: "A text value could not be CAST to the type asked for.",
    pg.InvalidDatetimeFormat: "A text value is no timestamp; write it as '2016-12-31T23:59:59'.",
    pg.DatetimeFieldOverflow: "A timestamp has a field out of range; write it as '2016-12-31T23:59:59'.",
    pg.InvalidArgumentForPowerFunction: "POWER has no real result for one of its arguments.",
    pg.InvalidArgumentForLogarithm: "A logarithm of zero or of a negative number was asked for.",
    pg.InvalidArgumentForNthValueFunction: "A function was given an argument outside its range.",
    pg.NumericValueOutOfRange: "A number is outside the range of its type; CAST it to DOUBLE PRECISION first.",
    pg.StringDataRightTruncation: "A text value is too long for the type asked for.",
    pg.InvalidParameterValue: "A function was given an argument outside its range.",
    pg.StatementTooComplex: "The query is too deeply nested for the database; please simplify it.",
    pg.ProgramLimitExceeded: "The query exceeds a limit of the database; please shorten it.",
}


def timeout_error(timeout_s: float) -> QueryTimeoutError:
    """The time limit of an answer is over."""
    return QueryTimeoutError(
        f"The query took longer than the {timeout_s:.0f} seconds that an answer may take; "
        "narrow it (for example by time_min and time_max) or ask for fewer rows with TOP."
    )


def from_psycopg(exc: psycopg.Error, *, timeout_s: float) -> EpnTapError:
    """The error of ours for a failure in the database."""
    if isinstance(exc, pg.QueryCanceled):
        return timeout_error(timeout_s)
    for kind, sentence in _USER_MISTAKES.items():
        if isinstance(exc, kind):
            return QueryError(sentence)
    if isinstance(exc, (pg.AdminShutdown, pg.CrashShutdown, pg.CannotConnectNow, psycopg.InterfaceError)) or (
        isinstance(exc, psycopg.OperationalError) and exc.sqlstate is None
    ):
        return UnavailableError("The database went away while the query ran; please try again in a minute.", 30)
    if isinstance(exc, (pg.InsufficientResources, pg.DiskFull, pg.OutOfMemory, pg.TooManyConnections)):
        return UnavailableError("The database has no room for this query at the moment; please try again later.", 60)
    log.error("unexpected database error", exc_info=exc)
    return ServiceError("The query failed inside the database; the operators find the reason in the log.")
