"""What can go wrong, as a tree: each class knows its HTTP status and its protocol word.

EpnTapError
 ├─ UserError               400  the request cannot be answered as it stands
 │   ├─ ParameterError      400  a protocol parameter is missing, repeated or has a wrong value
 │   ├─ UploadError         400  an uploaded table cannot be read, or is larger than is accepted
 │   │   └─ TooLargeError   413
 │   ├─ AdqlError           400  the query is not ADQL, or names what does not exist
 │   ├─ QueryError          400  the query ran into a limit of its own (division by zero, bad cast …)
 │   ├─ AuthenticationError 401  the credentials are wrong, expired or revoked
 │   ├─ ForbiddenError      403
 │   └─ NotFoundError       404
 ├─ ServiceError            500  our fault, or that of something we depend on
 │   ├─ QueryTimeoutError   504  the time limit of an answer is over
 │   └─ UnavailableError    503  try again later
 │       └─ TooOftenError    429  the caller has asked for enough
 ├─ InputError                   a file or definition given to ingestion cannot be used
 │   ├─ DefinitionError
 │   └─ UnreadableFileError
 └─ SetupError                   the installation is not as a command needs it

Messages are one sentence or two in plain words: what was expected, what was found, where, what to do.
They are shown to users as they are, so they never hold SQL, tracebacks, or names of this machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "AdqlError",
    "AuthenticationError",
    "DefinitionError",
    "EpnTapError",
    "ForbiddenError",
    "InputError",
    "NotFoundError",
    "ParameterError",
    "Problem",
    "QueryError",
    "QueryTimeoutError",
    "ServiceError",
    "SetupError",
    "TooLargeError",
    "TooOftenError",
    "UnavailableError",
    "UnreadableFileError",
    "UploadError",
    "UserError",
]


class EpnTapError(Exception):
    """Base of all errors that are meant to be read by a person."""

    status: ClassVar[int] = 500
    #: DataLink 1.1 §3.4.2 fault word
    fault: ClassVar[str] = "FatalFault"
    #: SODA 1.0 §5 error label
    label: ClassVar[str] = "Error"

    @property
    def message(self) -> str:
        """The sentence for the user."""
        return str(self)


class UserError(EpnTapError):
    """The request cannot be answered as it stands; asking again will not help."""

    status = 400
    fault = "UsageFault"
    label = "UsageError"


class ParameterError(UserError):
    """A protocol parameter is missing, repeated, or has a value that is not allowed."""


class UploadError(UserError):
    """An uploaded table cannot be read, or is larger than is accepted."""


class TooLargeError(UploadError):
    """A request has a larger body than is accepted; what it asks has not been read."""

    status = 413


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a query, with its place in the text (1-based line and column)."""

    message: str
    line: int
    column: int
    #: the source line and a second line with carets under the culprit; empty when there is no place
    excerpt: str = ""
    #: characters from line and column on that are wrong, 0 when there is no place
    length: int = 0
    #: what may be written in their place, likeliest first
    suggestions: tuple[str, ...] = ()


class AdqlError(UserError):
    """The query is not ADQL or names things that do not exist. Holds all problems found."""

    def __init__(self, problems: Problem | list[Problem] | tuple[Problem, ...]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        if not self.problems:
            raise ValueError("an AdqlError needs at least one problem")
        super().__init__("; ".join(f"{p.message} (line {p.line}, column {p.column})" for p in self.problems))


class QueryError(UserError):
    """The query is valid but failed while running, for a reason its author can mend."""


class AuthenticationError(UserError):
    """The credentials are wrong, expired or revoked; without any the public part is answered."""

    status = 401
    fault = "AuthenticationFault"
    label = "AuthenticationError"


class ForbiddenError(UserError):
    """The caller may not have this."""

    status = 403
    label = "AuthorizationError"


class NotFoundError(UserError):
    """There is no such thing."""

    status = 404
    fault = "NotFoundFault"


class ServiceError(EpnTapError):
    """Our fault, or that of something we depend on."""

    status = 500


class QueryTimeoutError(ServiceError):
    """The time limit of the answer is over."""

    status = 504
    fault = "TransientFault"


class UnavailableError(ServiceError):
    """Something we depend on is away or everything is busy: try again later."""

    status = 503
    fault = "TransientFault"
    label = "ServiceUnavailable"

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooOftenError(UnavailableError):
    """The caller has asked for as much as they may for now."""

    status = 429


class InputError(EpnTapError):
    """A file or a definition handed to ingestion cannot be used."""

    status = 400


class DefinitionError(InputError):
    """A service definition has an unknown key, a missing path, or a value of the wrong kind."""


class UnreadableFileError(InputError):
    """An archive file cannot be read; the message says why and the neighbours are not affected."""

    fault = "FatalFault"


class SetupError(EpnTapError):
    """The installation is not as a command needs it (database away, port taken, not initialised)."""
