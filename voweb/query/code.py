"""The same question from a program: Python, a shell, STILTS."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

__all__ = ["code_of"]

#: in which curl sends the file: what a table is called may mean something to curl
_FIELD = "table"


def code_of(query: str, tap: str, upload: str | None = None) -> Mapping[str, str]:
    """By the name of the client, what asks this query of the TAP service at this address.

    `upload` is the name of a table that goes along; its file is then called `table.vot`.
    """
    return {
        "Python (pyvo)": _pyvo(query, tap, upload),
        "curl": _curl(query, tap, upload),
        "STILTS": _stilts(query, tap, upload),
    }


def _pyvo(query: str, tap: str, upload: str | None) -> str:
    uploads = f", uploads={{{_python(upload)}: 'table.vot'}}" if upload else ""
    return (
        f"import pyvo\n\nservice = pyvo.dal.TAPService({tap!r})\n"
        f"table = service.search({_python(query)}{uploads}).to_table()\n"
    )


def _python(text: str) -> str:
    """A literal of Python; one with lines where that says the same."""
    is_plain = text.replace("\n", "").isprintable() and not {'"', "\\"} & set(text)
    return f'"""{text}"""' if is_plain and "\n" in text else repr(text)


def _curl(query: str, tap: str, upload: str | None) -> str:
    if upload:
        return (
            f"curl {shlex.quote(f'{tap}/sync')} -F LANG=ADQL -F RESPONSEFORMAT=csv \\\n"
            f"     --form-string {shlex.quote(f'UPLOAD={upload},param:{_FIELD}')} -F {_FIELD}=@table.vot \\\n"
            f"     --form-string {shlex.quote(f'QUERY={query}')}\n"
        )
    return (
        f"curl {shlex.quote(f'{tap}/sync')} -d LANG=ADQL -d RESPONSEFORMAT=csv \\\n"
        f"     --data-urlencode {shlex.quote(f'QUERY={query}')}\n"
    )


def _stilts(query: str, tap: str, upload: str | None) -> str:
    table = f"     nupload=1 upload1=table.vot {shlex.quote(f'upname1={upload}')} \\\n" if upload else ""
    return (
        f"stilts tapquery {shlex.quote(f'tapurl={tap}')} sync=true out=result.fits \\\n{table}"
        f"     {shlex.quote(f'adql={query}')}\n"
    )
