"""Makes one cut-out from a plan that says everything, in whatever process: no database, no HTTP here."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from cutouts.extract import open_cut
from cutouts.formats import Provenance, SeriesFormat, choose_format
from cutouts.formats.base import software_version
from cutouts.formats.cdf import Cdf
from cutouts.series import Interval, SeriesCut
from epntap.archive.model import ArchiveFile, Dataset
from epntap.errors import NotFoundError, ParameterError, UnavailableError, UnreadableFileError

__all__ = [
    "CutAnswer",
    "CutPlan",
    "Limit",
    "NothingThereError",
    "Version",
    "check_format",
    "gone",
    "make_cut",
    "version_of",
]

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


@dataclass(frozen=True, slots=True)
class Version:
    """Of an answer, for caches."""

    #: the same for the same bytes only
    etag: str
    #: when the newest of the files was changed, UTC
    changed: datetime


def version_of(files: Sequence[ArchiveFile], *request: object) -> Version:
    """The version of what is made of these files for this request."""
    facts = [(file.root, file.path, file.size_bytes, file.mtime_ns, file.sha256) for file in files]
    digest = hashlib.sha256(repr((facts, request)).encode()).hexdigest()
    newest_s = max((file.mtime_ns for file in files), default=0) / 1e9
    return Version(digest[:_ETAG_DIGITS], datetime.fromtimestamp(newest_s, UTC).replace(tzinfo=None))


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

    @property
    def version(self) -> Version:
        """What tells this cut-out from others, and from the same one of other files."""
        wanted = (self.identifier, self.interval, self.parameters, check_format(self).media_type, self.compress)
        known = self.dataset and self.dataset.parameters
        return version_of(self.files, wanted, self.service, known, software_version(), np.__version__, pa.__version__)

    @property
    def archived_bytes(self) -> int:
        """Size of the files that have to be looked into."""
        return sum(file.size_bytes for file in self.files)


class CutAnswer:
    """The bytes of one cut-out; `close` lets go of the files. Iterate once."""

    def __init__(
        self,
        media_type: str,
        name: str,
        length: int | None,
        blocks: Iterator[bytes],
        resources: ExitStack,
        *,
        records: int | None = None,
        size_bytes: int = 0,
        version: Version | None = None,
    ) -> None:
        self.media_type = media_type
        self.name = name
        #: in bytes, None when it is known only afterwards
        self.length = length
        #: of the longest time axis, None where nobody has counted
        self.records = records
        #: of all values, uncompressed
        self.size_bytes = size_bytes
        #: None where it is not known
        self.version = version
        self._blocks = blocks
        self._resources = resources

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def on_close(self, callback: Callable[[], None]) -> None:
        """Have something called when the answer is closed."""
        self._resources.callback(callback)

    def close(self) -> None:
        """Let go of the files. Safe to call again."""
        self._resources.close()


def make_cut(plan: CutPlan, *, small_bytes: int | None = None) -> CutAnswer | None:
    """Begin a cut-out and make its first block, so that what fails early fails with a proper error.

    The answer must be closed by its receiver. None when it holds more than `small_bytes` of values. Raises our
    errors; NothingThereError without a record.
    """
    form = check_format(plan)
    with ExitStack() as stack:
        try:
            cut = stack.enter_context(open_cut(plan.files, plan.interval, plan.parameters))
            _check_size(cut, plan)
            if small_bytes is not None and cut.size_bytes > small_bytes:
                return None
            provenance = Provenance(plan.identifier, plan.service, plan.version.changed, plan.dataset)
            rendering = form.render(cut, provenance)
            stack.callback(rendering.close)
            blocks = iter(rendering.blocks)
            first = list(itertools.islice(blocks, 1))
        except UnreadableFileError as exc:
            if isinstance(exc.__cause__, FileNotFoundError):  # after it was checked
                raise gone(Path(str(exc.__cause__.filename)).name) from exc
            raise
        return CutAnswer(
            form.media_type,
            f"{plan.identifier}.{form.extension}",
            rendering.length,
            itertools.chain(first, blocks),
            stack.pop_all(),
            records=max(map(len, cut.axes)),
            size_bytes=cut.size_bytes,
        )


class Formatted(Protocol):
    """What says in which format it is wanted."""

    @property
    def format_name(self) -> str | None: ...

    @property
    def compress(self) -> bool: ...


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


def _check_size(cut: SeriesCut, plan: CutPlan) -> None:
    if cut.is_empty:
        raise NothingThereError(f"{plan.identifier} has no record in this interval.")
    if cut.size_bytes > plan.limit.most_bytes:
        raise ParameterError(f"The cut-out would hold {cut.size_bytes:,} bytes, more than {plan.limit.sentence}")
