"""Formats that a cut-out can leave in. One line a format."""

from __future__ import annotations

from cutouts.formats.base import Provenance, Rendering, SeriesFormat
from cutouts.formats.cdf import Cdf
from cutouts.formats.csv import Csv, Text
from cutouts.formats.parquet import Parquet
from cutouts.formats.votable import VoTable
from epntap.formats.choice import FormatTable

__all__ = ["FORMATS", "Provenance", "Rendering", "SeriesFormat", "choose_format"]

FORMATS: tuple[SeriesFormat, ...] = (Cdf(), VoTable(), VoTable(binary=True), Csv(), Text(), Parquet())
_TABLE = FormatTable(FORMATS, "FORMAT")


def choose_format(name: str | None, *, compress: bool = False) -> SeriesFormat:
    """Return the format that a client asks for, CDF if it does not say.

    `compress` holds for CDF only. Raises ParameterError for a format that is not offered.
    """
    found = _TABLE.choose(name)
    return Cdf(compress=True) if compress and isinstance(found, Cdf) else found
