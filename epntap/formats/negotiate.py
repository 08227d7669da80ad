"""Which format a client asks for by RESPONSEFORMAT (DALI 1.1 §3.4.3). One line a format."""

from __future__ import annotations

from difflib import get_close_matches

from epntap.errors import ParameterError
from epntap.formats.base import RowFormat
from epntap.formats.delimited import Csv, Tsv
from epntap.formats.tabledata import TableData

__all__ = ["FORMATS", "choose_format"]

FORMATS: tuple[RowFormat, ...] = (TableData(), Csv(), Tsv())


def _normalised(name: str) -> str:
    return "".join(name.lower().replace('"', "").split())


def choose_format(name: str | None) -> tuple[RowFormat, str]:
    """The format and the media type of the answer. Raises ParameterError for one that is not offered."""
    if not name:
        return FORMATS[0], FORMATS[0].media_type
    wanted = _normalised(name)
    for candidate in FORMATS:
        if wanted == candidate.media_type or wanted in candidate.names:
            # A client that names a media type gets that very type back (DALI 1.1 §3.4.3).
            asked_by_type = "/" in wanted and wanted not in {"votable/td", "text/csv"}
            return candidate, wanted if asked_by_type else candidate.media_type
    known = [alias for candidate in FORMATS for alias in (candidate.media_type, *candidate.names)]
    hint = get_close_matches(wanted, known, n=1)
    meant = f" Did you mean {hint[0]!r}?" if hint else ""
    short = ", ".join(candidate.names[0] for candidate in FORMATS)
    raise ParameterError(f"RESPONSEFORMAT {name!r} is not offered; expected one of {short}.{meant}")
