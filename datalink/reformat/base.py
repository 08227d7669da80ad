"""What a format for cut-outs is: names, a media type, and a generator of bytes. No HTTP here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from datalink.series import SeriesCut
from epntap.cdf import format_utc

__all__ = ["Provenance", "Rendering", "SeriesFormat", "statements"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who made a cut-out of what, and when."""

    #: granule or dataset that was asked for
    identifier: str
    #: public address of the service
    service: str
    #: UTC
    created: datetime


@dataclass(frozen=True, slots=True)
class Rendering:
    """A cut-out on its way out."""

    blocks: Iterator[bytes]
    #: size in bytes, None if it is known only afterwards
    length: int | None = None


class SeriesFormat(Protocol):
    """A way to write a cut-out."""

    @property
    def names(self) -> tuple[str, ...]:
        """Media types and short names that ask for this format, in lower case."""
        ...

    @property
    def media_type(self) -> str:
        """Media type of the answer."""
        ...

    @property
    def extension(self) -> str:
        """For file names."""
        ...

    def render(self, cut: SeriesCut, provenance: Provenance) -> Rendering:
        """Begin the answer, whose blocks are made while the cut is lent.

        What the format cannot say is a ParameterError here and now, not among the blocks.
        """
        ...


def statements(cut: SeriesCut, provenance: Provenance) -> list[tuple[str, tuple[str, ...]]]:
    """Return what every format says of a cut-out's origin: names with one or more texts each."""
    said = [
        ("Cutout_of", (provenance.identifier,)),
        ("Cutout_start", (f"{format_utc(cut.interval.start_tt2000)}Z",)),
        ("Cutout_stop", (f"{format_utc(cut.interval.stop_tt2000)}Z",)),
        ("Cutout_files", tuple(cut.sources)),
        ("Cutout_left_out", tuple(cut.left_out.values())),
        ("Cutout_remarks", tuple(cut.remarks)),
        ("Cutout_service", (provenance.service,)),
        ("Cutout_date", (f"{provenance.created:%Y-%m-%dT%H:%M:%S}Z",)),
    ]
    return [(name, texts) for name, texts in said if texts]
