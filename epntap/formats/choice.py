"""Choosing among formats by name, the same way wherever formats are offered. The tables are with the formats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from epntap.errors import ParameterError
from epntap.hints import did_you_mean

__all__ = ["FormatTable", "Named", "normalised"]

_PLUS = re.compile(r"(/[\w.-]+) (xml|json)\b", re.IGNORECASE)
_INDIFFERENT = ("charset=", "header=")


class Named(Protocol):
    """What a format is asked for by."""

    @property
    def media_type(self) -> str:
        """Media type of the answer."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Further media types and short names, in lower case; the usual one first."""
        ...


F = TypeVar("F", bound=Named)


class FormatTable(Generic[F]):
    """Formats of one kind of answer; the first is the one of a client that does not say."""

    def __init__(self, formats: Sequence[F], parameter: str, *, what: str = "", variants: bool = True) -> None:
        """`parameter` and `what` (such as ` for links`) are for messages.

        Without `variants` the parameters of a media type do not matter: there is one way of writing each type.
        """
        self._formats = formats
        self._parameter = parameter
        self._what = what
        self._variants = variants
        self._by_name = {
            self._key(name): form
            for form in reversed(formats)  # the first has the last word
            for name in (form.media_type, *form.names)
        }

    def choose(self, name: str | None) -> F:
        """The format with this name. Raises ParameterError for one that is not offered."""
        if not name:
            return self._formats[0]
        wanted = self._key(name)
        if wanted in self._by_name:
            return self._by_name[wanted]
        short = ", ".join(form.names[0] for form in self._formats)
        raise ParameterError(
            f"{self._parameter} {name!r} is not offered{self._what}; expected one of {short}."
            f"{did_you_mean(wanted, self._by_name)}"
        )

    def _key(self, name: str) -> str:
        key = normalised(name)
        return key if self._variants else key.partition(";")[0]


def normalised(name: str) -> str:
    """A media type as its name and its telling parameters, in any order and case; the character set is always UTF-8."""
    # a plus sign that was not encoded has arrived as a blank
    name = _PLUS.sub(r"\1+\2", name)
    base, *parameters = "".join(name.lower().replace('"', "").replace("'", "").split()).split(";")
    telling = sorted({p for p in parameters if p and not p.startswith(_INDIFFERENT)})
    return ";".join([base, *telling])
