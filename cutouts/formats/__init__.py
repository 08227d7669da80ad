"""Formats that a cut-out can leave in. One line a format."""

from __future__ import annotations

from difflib import get_close_matches

from cutouts.formats.base import Provenance, Rendering, SeriesFormat
from cutouts.formats.cdf import Cdf
from cutouts.formats.csv import Csv, Text
from cutouts.formats.parquet import Parquet
from cutouts.formats.votable import VoTable
from epntap.errors import ParameterError

__all__ = ["FORMATS", "Provenance", "Rendering", "SeriesFormat", "choose_format"]

FORMATS: tuple[SeriesFormat, ...] = (Cdf(), VoTable(), VoTable(binary=True), Csv(), Text(), Parquet())


def choose_format(name: str | None, *, compress: bool = False) -> SeriesFormat:
    """Return the format that a client asks for, CDF if it does not say.

    `compress` holds for CDF only. Raises ParameterError for a format that is not offered.
    """
    wanted = "".join((name or "cdf").lower().split())
    for known in FORMATS:
        if wanted in known.names or wanted == known.media_type:
            return Cdf(compress=True) if compress and isinstance(known, Cdf) else known
    short = ", ".join(known.names[0] for known in FORMATS)
    hint = get_close_matches(wanted, [alias for known in FORMATS for alias in known.names], n=1)
    meant = f" Did you mean {hint[0]!r}?" if hint else ""
    raise ParameterError(f"FORMAT {name!r} is not offered; expected one of {short}.{meant}")
