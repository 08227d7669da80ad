"""What a picture is made from. Plain data, which goes to the process that draws."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from cutouts.formats.base import software_version
from cutouts.interval import Interval
from cutouts.plan import version_of
from epntap.answer.blocks import Version
from previews.marks import Marks
from previews.request import Form
from summaries.reader import Asked

__all__ = ["EDITION", "Bar", "InventoryPlan", "PicturePlan", "Row", "version_of_values"]

#: of how pictures look; another one makes all of them anew
EDITION = "3"


@dataclass(frozen=True, slots=True)
class PicturePlan:
    """A picture of an interval of a dataset."""

    #: granule or dataset
    identifier: str
    #: of the dataset
    title: str
    form: Form
    width: int
    #: what the axis shows, at whole pixels
    shown: Interval
    #: where values come from; its interval lies within what is shown
    asked: Asked
    #: as they were asked for; empty: those that matter most
    parameters: tuple[str, ...]
    #: whether everybody may have it
    for_all: bool = False
    #: events that are marked
    marks: Marks = ()
    #: what there is to say of them
    remark: str = ""

    def carried(self) -> PicturePlan:
        """The same for another process, which has no database."""
        return replace(self, asked=self.asked.carried())

    @property
    def version(self) -> Version:
        """What tells this picture from others, and from the same one of other files."""
        wanted = (self.identifier, self.title, self.form, self.width, self.shown, self.marks, self.remark)
        return version_of_values(self.asked, wanted, self.parameters, EDITION)


def version_of_values(asked: Asked, wanted: tuple[object, ...], parameters: tuple[str, ...], edition: str) -> Version:
    """What tells something that is made of values from others, and from the same of other files."""
    # the digest of a year is of all its files: what is drawn of one month may be made anew for another's
    years = [(year, asked.digests[year]) for year in sorted(asked.digests)]
    kept = sorted(asked.years[year].folder for year in asked.digests if year in asked.years)
    of_whom = (asked.schema, *wanted, asked.interval)
    return version_of((), of_whom, parameters, asked.series, years, kept, software_version(), edition)


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time, TT2000, both ends inclusive."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Row:
    """One dataset of an inventory."""

    dataset_id: str
    #: where files are held
    held: tuple[Bar, ...]
    #: what its description says that it covers
    described: Bar | None


@dataclass(frozen=True, slots=True)
class InventoryPlan:
    """A picture of what a service holds."""

    #: the service
    identifier: str
    title: str
    form: Form
    width: int
    rows: tuple[Row, ...]
    #: datasets that are not shown
    more: int = 0

    @property
    def version(self) -> Version:
        """What tells this picture from others."""
        facts = (self.identifier, self.title, self.form, self.width, self.rows, self.more)
        return Version(hashlib.sha256(repr((facts, software_version(), EDITION)).encode()).hexdigest()[:32])
