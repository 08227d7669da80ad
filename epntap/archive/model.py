"""Datasets, parameters and files of an archive as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from epntap.access import OPEN, Rights, rights_of
from epntap.epncore.text import clean_granule_uid
from epntap.instants.days import Days, day_of

__all__ = ["ArchiveFile", "Dataset", "Parameter", "ScannedFile", "stem_of"]


def stem_of(path: str) -> str:
    """The name of a file without folder and suffix."""
    return path.rpartition("/")[2].rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One measured or supporting quantity of a dataset."""

    name: str
    position: int
    title: str | None = None
    description: str | None = None
    #: as the description spells it, not a VOUnit
    units: str | None = None
    #: one valid UCD1+ string, or None
    ucd: str | None = None
    #: shape of one record, () for a scalar
    shape: tuple[int, ...] = ()
    fill_value: str | None = None
    coordinate_system: str | None = None
    #: CDF variable that holds it, where known
    variable: str | None = None
    #: names of vector components as the description spells them; ingestion keeps them in the series of the dataset only
    components: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """One product of a mission: what a SPASE NumericalData record or a Logical_source describes."""

    #: key of the dataset: SPASE ProductKey or CDF Logical_source
    dataset_id: str
    title: str
    description: str | None = None
    #: SPASE ResourceID
    resource_id: str | None = None
    #: first and last instant described, UTC without tzinfo; both None for a placeholder
    start: datetime | None = None
    stop: datetime | None = None
    cadence_min_s: float | None = None
    cadence_max_s: float | None = None
    #: SPASE AccessRights, as the description says it; `rights` is what it means
    access_rights: str = OPEN
    #: base of the HAPI service that holds the dataset, without a trailing slash, and its id there
    hapi_url: str | None = None
    hapi_id: str | None = None
    landing_url: str | None = None
    information_url: str | None = None
    #: without resolver prefix
    doi: str | None = None
    #: people, each with what they are to the dataset
    contacts: tuple[str, ...] = ()
    #: what who uses the data is asked to say
    acknowledgement: str | None = None
    #: DALI timestamp, UTC, that a definition or a description declares: until then nobody has the data
    embargoed_until: str | None = None
    #: whoever is in one of these has the data in any case
    groups: tuple[str, ...] = ()
    #: who may not have the data may not know of them either
    hidden: bool = False
    #: its identifier on our own HAPI server, where files of it are held; ingestion gives it
    series_id: str | None = None
    parameters: tuple[Parameter, ...] = field(default=())

    @property
    def rights(self) -> Rights:
        """Who may have the data."""
        return self.rights_to(())

    def rights_to(self, files: Iterable[ArchiveFile]) -> Rights:
        """Who may have these files of it: an embargo of the dataset or of one of them holds for all."""
        return rights_of(
            self.access_rights,
            self.embargoed_until,
            *(file.embargoed_until for file in files),
            groups=self.groups,
            hidden=self.hidden,
        )


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One readable CDF file of a dataset, as indexed."""

    dataset_id: str
    #: absolute folder of the source, and the path below it with forward slashes
    root: str
    path: str
    size_bytes: int
    mtime_ns: int
    #: first and last stored epoch over all time axes, TT2000 nanoseconds, both inclusive; None: no record
    tt2000_min: int | None
    tt2000_max: int | None
    #: records of the longest time axis
    records: int
    #: fill epochs met (counted, never indexed)
    fill_epochs: int = 0
    #: product version as found in the file name, "" if none; the newest of one product wins
    version: str = ""
    #: identifier of its granule, where that is not its name without suffix
    granule_uid: str = ""
    #: of the content, in hexadecimal; "" when the source does without checksums
    sha256: str = ""
    #: a line for each time axis: its name with a digest of how its parameters are described, then what is measured
    #: along it, with tabs between (FileFacts.layout); "" when not known
    layout: str = ""
    #: DALI timestamp, UTC: until then nobody has the file
    embargoed_until: str | None = None
    #: UTC days that hold records, as epntap.instants.days writes them; "": all from the first record to the last
    days: str = ""

    @property
    def days_held(self) -> Days:
        """The days that hold records."""
        if self.days:
            return Days.parse(self.days)
        if self.tt2000_min is None or self.tt2000_max is None:
            return Days()
        return Days(((day_of(self.tt2000_min), day_of(self.tt2000_max)),))

    @property
    def uid(self) -> str:
        """Identifier of the granule that is this file."""
        return self.granule_uid or clean_granule_uid(self.stem)

    @property
    def stem(self) -> str:
        """The name without folder and suffix."""
        return stem_of(self.path)

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Names of what is measured along each time axis; empty when that is not known."""
        lines = [line.split("\t") for line in self.layout.splitlines()]
        return {axis.partition("\x1f")[0]: tuple(names) for axis, *names in lines}

    def reaches_into(self, start_tt2000: int, stop_tt2000: int) -> bool:
        """Whether the file holds instants from [start, stop); never for one without a record."""
        if self.tt2000_min is None or self.tt2000_max is None:
            return False
        return self.tt2000_min < stop_tt2000 and self.tt2000_max >= start_tt2000


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file that was opened, and what was found in it."""

    root: str
    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str = ""
    #: why it cannot be used; None when it can
    refusal: str | None = None
    logical_source: str = ""
    #: TT2000 nanoseconds, both inclusive
    tt2000_min: int | None = None
    tt2000_max: int | None = None
    records: int = 0
    fill_epochs: int = 0
    #: what it says about itself, once that has been asked, as the look that found it wants it kept
    description: str | None = None
    #: of the look; another one may find something else in the same file
    edition: str = ""
    #: a line for each time axis: its name with a digest of how its parameters are described, then what is measured
    #: along it, with tabs between (FileFacts.layout); "" when not known
    layout: str = ""
    #: as in ArchiveFile
    days: str = ""
