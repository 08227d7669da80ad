"""Which format a client asks for by RESPONSEFORMAT (DALI 1.1 §3.4.3). One line a format."""

from __future__ import annotations

from epntap.formats.base import RowFormat
from epntap.formats.binary.arrow import Arrow
from epntap.formats.binary.binary2 import Binary, Binary2
from epntap.formats.binary.fits import Fits
from epntap.formats.binary.parquet import Parquet
from epntap.formats.choice import FormatTable, normalised
from epntap.formats.gzip import GzippedVotable
from epntap.formats.textual.delimited import Csv, Tsv
from epntap.formats.textual.html import Html
from epntap.formats.textual.json import Json, NdJson, Records
from epntap.formats.textual.tabledata import TableData
from epntap.formats.textual.text import Text

__all__ = ["FORMATS", "HTML", "choose_format", "is_votable"]

#: the one that is shown in pages
HTML: RowFormat = Html()
FORMATS: tuple[RowFormat, ...] = (
    TableData(),
    Binary2(),
    Binary(),
    GzippedVotable(),
    Csv(),
    Tsv(),
    Text(),
    HTML,
    Json(),
    Records(),
    NdJson(),
    Fits(),
    Parquet(),
    Arrow(),
)
_TABLE = FormatTable(FORMATS, "RESPONSEFORMAT")


def choose_format(name: str | None) -> tuple[RowFormat, str]:
    """The format and the media type of the answer. Raises ParameterError for one that is not offered."""
    found = _TABLE.choose(name)
    wanted = normalised(name or found.media_type)
    # A client that names a media type gets that very type back (DALI 1.1 §3.4.3).
    is_type = wanted.split(";")[0].count("/") == 1 and not wanted.startswith("votable/")
    return found, wanted if is_type and wanted != normalised(found.media_type) else found.media_type


def is_votable(form: RowFormat) -> bool:
    """Whether a client that asks for this format reads VOTable."""
    return isinstance(form, (TableData, Binary2, Binary))
