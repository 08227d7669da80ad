"""Which format a client asks for by RESPONSEFORMAT (DALI 1.1 §3.4.3). One line a format."""

from __future__ import annotations

from difflib import get_close_matches

from epntap.errors import ParameterError
from epntap.formats.arrow import Arrow
from epntap.formats.base import RowFormat
from epntap.formats.binary2 import Binary, Binary2
from epntap.formats.delimited import Csv, Tsv
from epntap.formats.fits import Fits
from epntap.formats.gzip import GzippedVotable
from epntap.formats.html import Html
from epntap.formats.json import Json
from epntap.formats.parquet import Parquet
from epntap.formats.tabledata import TableData
from epntap.formats.text import Text

__all__ = ["FORMATS", "choose_format", "is_votable"]

FORMATS: tuple[RowFormat, ...] = (
    TableData(),
    Binary2(),
    Binary(),
    GzippedVotable(),
    Csv(),
    Tsv(),
    Text(),
    Html(),
    Json(),
    Fits(),
    Parquet(),
    Arrow(),
)
_INDIFFERENT = ("charset=", "header=")


def _normalised(name: str) -> str:
    # A type is its name and its parameters, in any order and case; the character set is always UTF-8.
    base, *parameters = "".join(name.lower().replace('"', "").replace("'", "").split()).split(";")
    telling = sorted({p for p in parameters if p and not p.startswith(_INDIFFERENT)})
    return ";".join([base, *telling])


_BY_NAME = {
    _normalised(name): candidate
    for candidate in reversed(FORMATS)  # the first has the last word
    for name in (candidate.media_type, *candidate.names)
}


def choose_format(name: str | None) -> tuple[RowFormat, str]:
    """The format and the media type of the answer. Raises ParameterError for one that is not offered."""
    if not name:
        return FORMATS[0], FORMATS[0].media_type
    wanted = _normalised(name)
    if (found := _BY_NAME.get(wanted)) is not None:
        # A client that names a media type gets that very type back (DALI 1.1 §3.4.3).
        is_type = wanted.split(";")[0].count("/") == 1 and not wanted.startswith("votable/")
        return found, wanted if is_type and wanted != _normalised(found.media_type) else found.media_type
    hint = get_close_matches(wanted, _BY_NAME, n=1)
    meant = f" Did you mean {hint[0]!r}?" if hint else ""
    short = ", ".join(candidate.names[0] for candidate in FORMATS)
    raise ParameterError(f"RESPONSEFORMAT {name!r} is not offered; expected one of {short}.{meant}")


def is_votable(form: RowFormat) -> bool:
    """Whether a client that asks for this format reads VOTable."""
    return isinstance(form, (TableData, Binary2, Binary))
