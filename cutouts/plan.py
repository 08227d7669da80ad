"""What a cut-out is made from: files, interval, format, limits. Plain data, which can go to another process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import pyarrow as pa

from cutouts.formats import SeriesFormat, choose_format
from cutouts.formats.base import software_version
from cutouts.formats.cdf import Cdf
from cutouts.interval import Interval
from epntap.answer.blocks import Version
from epntap.archive.model import ArchiveFile, Dataset
from epntap.errors import NotFoundError, ParameterError, UnavailableError

__all__ = ["CutPlan", "Formatted", "Limit", "NothingThereError", "changed_at", "check_format", "gone", "version_of"]


_INGEST_AGAIN_S = 3600


_ETAG_DIGITS = 32


class NothingThereError(NotFoundError):
    """The request is right, but there is no record in its interval (SODA 1.0 §4: status 204)."""

    status = 204
    label = "Error"


@dataclass(frozen=True, slots=True)
class Limit:
    """How large a cut-out may be."""

    #: of values, uncompressed
    most_bytes: int
    #: what the limit is about and what to do instead; follows "… bytes, more than "
    sentence: str


def version_of(files: Sequence[ArchiveFile], *request: object) -> Version:
    """The version of what is made of these files for this request."""
    facts = [(file.root, file.path, file.size_bytes, file.mtime_ns, file.sha256) for file in files]
    digest = hashlib.sha256(repr((facts, request)).encode()).hexdigest()
    return Version(digest[:_ETAG_DIGITS], changed_at(files))


def changed_at(files: Sequence[ArchiveFile]) -> datetime:
    """When the newest of the files was changed, UTC without tzinfo."""
    newest_s = max((file.mtime_ns for file in files), default=0) / 1e9
    return datetime.fromtimestamp(newest_s, UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class CutPlan:
    """A cut-out that somebody may have, with the files that it comes from. Can be sent to another process."""

    #: granule or dataset, for names and provenance
    identifier: str
    #: by time
    files: tuple[ArchiveFile, ...]
    interval: Interval
    parameters: tuple[str, ...]
    #: as it was asked for, None for CDF
    format_name: str | None
    compress: bool
    #: public address, for the provenance
    service: str
    limit: Limit
    #: what the catalogue knows of the dataset
    dataset: Dataset | None = None
    #: of the dataset, for counting what is had of it
    schema: str = ""

    @property
    def version(self) -> Version:
        """What tells this cut-out from others, and from the same one of other files."""
        wanted = (self.identifier, self.interval, self.parameters, check_format(self).media_type, self.compress)
        known = self.dataset and (self.dataset.parameters, self.dataset.acknowledgement)
        return version_of(self.files, wanted, self.service, known, software_version(), np.__version__, pa.__version__)

    @property
    def archived_bytes(self) -> int:
        """Size of the files that have to be looked into."""
        return sum(file.size_bytes for file in self.files)


class Formatted(Protocol):
    """What says in which format it is wanted."""

    @property
    def format_name(self) -> str | None:
        """As it was asked for, None for CDF."""
        ...

    @property
    def compress(self) -> bool:
        """Whether CDF is to be compressed."""
        ...


def check_format(wanted: Formatted) -> SeriesFormat:
    """The format of a request or plan. Raises ParameterError for one that is not offered."""
    form = choose_format(wanted.format_name, compress=wanted.compress)
    if wanted.compress and not isinstance(form, Cdf):
        raise ParameterError("COMPRESS applies to CDF only; leave it out or ask for FORMAT=CDF.")
    return form


def gone(name: str) -> UnavailableError:
    """What is said of a file that was indexed and is not there."""
    return UnavailableError(
        f"{name} is no longer in the archive, though it was when it was indexed; the data centre has to ingest again.",
        _INGEST_AGAIN_S,
    )
