"""What a format for cut-outs is: names, a media type, and a generator of bytes. No HTTP here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import metadata
from math import prod
from typing import Protocol

from cutouts.joined.series import Axis, Column, SeriesCut
from epntap.archive.model import Dataset, Parameter
from epntap.cdf import Variable, format_utc
from epntap.errors import ParameterError

__all__ = [
    "Provenance",
    "Rendering",
    "SeriesFormat",
    "is_short",
    "only_axis",
    "repeated_in",
    "software_version",
    "statements",
    "too_long",
]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who made a cut-out of what."""

    #: granule or dataset that was asked for
    identifier: str
    #: public address of the service
    service: str
    #: when the newest of its files was changed, UTC. Not when the cut-out is made: the same request for the same files
    #: has the same bytes, so that caches and resumed downloads may join them
    changed: datetime
    #: what the catalogue knows of the dataset
    dataset: Dataset | None = None

    def parameter(self, variable: Variable) -> Parameter | None:
        """What the catalogue says of a variable."""
        name = variable.name.casefold()
        for parameter in self.dataset.parameters if self.dataset else ():
            if name in {(parameter.variable or "").casefold(), parameter.name.casefold()}:
                return parameter
        return None


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Rendering:
    """A cut-out on its way out."""

    blocks: Iterator[bytes]
    #: size in bytes, None if it is known only afterwards
    length: int | None = None
    #: lets go of what is kept for the blocks, also if none was taken
    close: Callable[[], None] = _nothing


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


def only_axis(cut: SeriesCut, what: str) -> Axis:
    """Return the time axis of a cut that has one. If it has more, raises ParameterError that lists them."""
    if len(cut.axes) == 1:
        return cut.axes[0]
    axes = "; ".join(f"{axis.name} ({', '.join(column.variable.name for column in axis.columns)})" for axis in cut.axes)
    raise ParameterError(
        f"FORMAT: expected variables of one time axis for {what}, found {len(cut.axes)} axes: {axes}; "
        "name variables of one axis in PARAMETERS, or ask for CDF or VOTable"
    )


#: values of a constant that are told in a line or a PARAM
_MOST_VALUES = 4096
#: values of a constant that become columns of a table that has no other place
_MOST_COLUMNS = 64


def is_short(column: Column) -> bool:
    """Whether something that does not vary can be told among other things."""
    return prod(column.variable.dims) <= _MOST_VALUES


def too_long(column: Column) -> str:
    """What is said in place of values that are too many."""
    return f"{' x '.join(map(str, column.variable.dims))} values, which FORMAT=CDF has"


def repeated_in(cut: SeriesCut) -> list[Column]:
    """Return data (VAR_TYPE) that do not vary and that text tables repeat in each line: CSV has no other place."""
    found = []
    for column in cut.fixed:
        is_data = (column.variable.text("VAR_TYPE") or "").casefold() == "data"
        if is_data and len(column) and prod(column.variable.dims) <= _MOST_COLUMNS:
            found.append(column)
    return found


@cache
def software_version() -> str:
    """Return the version of this software."""
    try:
        return metadata.version("epntap")
    except metadata.PackageNotFoundError:
        return "unknown"


def statements(cut: SeriesCut, provenance: Provenance) -> list[tuple[str, tuple[str, ...]]]:
    """Return what every format says of a cut-out's origin: names with one or more texts each."""
    pieces = cut.interval.pieces
    thanks = provenance.dataset.acknowledgement if provenance.dataset else None
    said = [
        ("Cutout_of", (provenance.identifier,)),
        ("Cutout_start", (f"{format_utc(cut.interval.start_tt2000)}Z",)),
        ("Cutout_stop", (f"{format_utc(cut.interval.stop_tt2000)}Z",)),
        ("Cutout_intervals", (f"{len(pieces):,} between start and stop",) if pieces else ()),
        ("Cutout_files", tuple(cut.sources)),
        ("Cutout_left_out", tuple(cut.left_out.values())),
        ("Cutout_remarks", tuple(cut.remarks)),
        ("Cutout_acknowledgement", (thanks,) if thanks else ()),
        ("Cutout_service", (provenance.service,)),
        ("Cutout_files_changed", (f"{provenance.changed:%Y-%m-%dT%H:%M:%S}Z",)),
        ("Cutout_software", (f"epntap {software_version()}",)),
    ]
    return [(name, texts) for name, texts in said if texts]
