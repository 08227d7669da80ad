"""Parameters in UTF-8 and nothing else: text that was changed on its way in would be another query.

What is posted holds no NUL either, which no text in a database can have.

Werkzeug keeps what is no UTF-8 as %XX, where % is a wildcard of LIKE, or puts U+FFFD in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any
from urllib.parse import parse_qsl

import flask
from werkzeug.datastructures import MultiDict
from werkzeug.formparser import FormDataParser
from werkzeug.utils import cached_property

from epntap.errors import ParameterError

__all__ = ["Utf8Request"]

_NUL = "\0"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_REPLACEMENT = "\ufffd"


def _pairs(text: bytes, where: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as exc:
        name = text[: exc.start].decode(errors="replace").rpartition("&")[2].partition("=")[0]
        raise ParameterError(_sentence(name, where)) from exc


def _sentence(name: str, where: str) -> str:
    what = f"The parameter {name[:40]}" if name.isidentifier() else f"Something in {where}"
    return f"{what} is not in UTF-8; please encode it in UTF-8, in which é is sent as %C3%A9."


def _without_nul(pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        if _NUL in name or _NUL in value:
            what = f"The parameter {name[:40]}" if name.isidentifier() else "A parameter"
            raise ParameterError(f"{what} holds the character NUL, which no text here can have; please leave it out.")


class _Parser(FormDataParser):
    def _parse_urlencoded(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, Any]]:
        charset = options.get("charset", "utf-8").lower().replace("_", "-")
        if charset not in {"utf-8", "utf8", "us-ascii"}:
            raise ParameterError(f"The body is in {charset[:40]}; please send it in UTF-8.")
        del mimetype, content_length
        pairs = _pairs(stream.read(), "the body")
        _without_nul(pairs)
        return stream, self.cls(pairs), self.cls()

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, Any]]:
        parsed = super()._parse_multipart(stream, mimetype, content_length, options)
        for name, value in parsed[1].items(multi=True):
            if name.upper() == "QUERY" and _REPLACEMENT in value:
                raise ParameterError(_sentence(name, "the body"))
        _without_nul(parsed[1].items(multi=True))
        return parsed


class Utf8Request(flask.Request):
    """A request whose parameters are refused where they are not in UTF-8. Raises ParameterError when they are read."""

    form_data_parser_class = _Parser

    def _load_form_data(self) -> None:
        try:
            super()._load_form_data()
        except ParameterError:
            # said once; whoever makes the answer may look at the parameters again
            self.__dict__.update(form=self.parameter_storage_class(), files=self.parameter_storage_class())
            raise

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """The parameters in the address."""
        try:
            pairs = _pairs(self.query_string, "the address")
            if self.method not in _READS:  # servers of what is only read have words of their own for odd names
                _without_nul(pairs)
            return self.parameter_storage_class(pairs)
        except ParameterError:
            self.__dict__["args"] = self.parameter_storage_class()
            raise
