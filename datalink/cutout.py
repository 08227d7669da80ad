"""The story of a cut-out: from a request to blocks of bytes. No HTTP here."""

from __future__ import annotations

import itertools
import mimetypes
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from datalink.cut import open_cut
from datalink.reformat import Provenance, choose_format
from datalink.reformat.cdf import Cdf
from datalink.series import Interval, SeriesCut
from datalink.service import DatalinkService
from datalink.soda.params import CutRequest
from epntap.archive.model import ArchiveFile
from epntap.archive.store import LocatedGranule, file_of
from epntap.epncore.text import clean_granule_uid
from epntap.errors import ForbiddenError, NotFoundError, ParameterError, UnavailableError, UnreadableFileError

__all__ = ["CutAnswer", "CutoutService", "NothingThereError", "published_file"]

_BUSY_S = 5
_INGEST_AGAIN_S = 3600
_COPY_BYTES = 1 << 20
#: types that Python does not know
_MEDIA_TYPES = {
    ".cdf": "application/x-cdf",
    ".lbl": "text/plain",
    ".tab": "text/plain",
    ".vot": "application/x-votable+xml",
}


class NothingThereError(NotFoundError):
    """The request is right, but there is no record in its interval (SODA 1.0 §4: status 204)."""

    status = 204


@dataclass(slots=True)
class CutoutService:
    """Makes cut-outs; so many at once that queries still find a thread."""

    links: DatalinkService
    slots: threading.BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self.slots = threading.BoundedSemaphore(max(1, self.links.settings.threads // 4))

    def cut(self, request: CutRequest) -> CutAnswer:
        """Begin a cut-out and make its first block, so that what fails early fails with a proper error.

        The answer must be closed by its receiver. Raises our errors; NothingThereError without a record.
        """
        # 1. what is asked for
        form = choose_format(request.format_name, compress=request.compress)
        if request.compress and not isinstance(form, Cdf):
            raise ParameterError("COMPRESS applies to CDF only; leave it out or ask for FORMAT=CDF.")
        granule = self.links.holding(request.identifier, request.schema)
        _check_access(granule)
        # 2. which files
        interval = request.interval.intersect(Interval(granule.start_tt2000, granule.stop_tt2000))
        files = [file for file in granule.files if file.reaches_into(interval.start_tt2000, interval.stop_tt2000)]
        _check_files(granule, files)
        # 3. the records, 4. as bytes
        stack = ExitStack()
        try:
            self._take_slot(stack)
            cut = stack.enter_context(open_cut(files, interval, request.parameters))
            self._check_size(cut, granule)
            provenance = Provenance(
                granule.granule_uid, self.links.settings.base_url, datetime.now(UTC).replace(tzinfo=None)
            )
            rendering = form.render(cut, provenance)
            blocks = iter(rendering.blocks)
            first = list(itertools.islice(blocks, 1))
            name = f"{granule.granule_uid}.{form.extension}"
            return CutAnswer(form.media_type, name, rendering.length, itertools.chain(first, blocks), stack.pop_all())
        except FileNotFoundError as exc:  # between the check and the opening
            raise _gone(Path(str(exc.filename)).name) from exc
        finally:
            stack.close()

    def original(self, granule_uid: str, schema: str | None = None) -> CutAnswer | None:
        """The very file of a granule that stands for one file, byte for byte; None for other granules.

        The answer must be closed by its receiver. Raises our errors as `cut` does.
        """
        granule = self.links.granule(granule_uid, schema)
        if len(granule.files) != 1 or clean_granule_uid(Path(granule.files[0].path).stem) != granule_uid:
            return None
        _check_access(granule)
        _check_files(granule, granule.files)
        file = granule.files[0]
        path = Path(file.root, file.path)
        stack = ExitStack()
        try:
            handle = stack.enter_context(path.open("rb"))
            blocks = iter(lambda: handle.read(_COPY_BYTES), b"")
            return CutAnswer(Cdf.media_type, path.name, file.size_bytes, blocks, stack.pop_all())
        except FileNotFoundError as exc:
            raise _gone(path.name) from exc
        finally:
            stack.close()

    def _take_slot(self, stack: ExitStack) -> None:
        if not self.slots.acquire(blocking=False):
            raise UnavailableError("Too many cut-outs are being made; please try again in a few seconds.", _BUSY_S)
        stack.callback(self.slots.release)

    def _check_size(self, cut: SeriesCut, granule: LocatedGranule) -> None:
        if cut.is_empty:
            raise NothingThereError(f"{granule.granule_uid} has no record in this interval.")
        most = self.links.settings.soda_sync_bytes
        if cut.size_bytes > most:
            raise ParameterError(
                f"The cut-out would hold {cut.size_bytes:,} bytes, more than the {most:,} that are made at once; "
                "please ask for a shorter interval or for fewer PARAMETERS."
            )


class CutAnswer:
    """The bytes of one cut-out; `close` lets go of the files. Iterate once."""

    def __init__(
        self, media_type: str, name: str, length: int | None, blocks: Iterator[bytes], resources: ExitStack
    ) -> None:
        self.media_type = media_type
        self.name = name
        #: in bytes, None when it is known only afterwards
        self.length = length
        self._blocks = blocks
        self._resources = resources

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def close(self) -> None:
        """Let go of the files. Safe to call again."""
        self._resources.close()


def published_file(links: DatalinkService, schema: str, path: str) -> CutAnswer:
    """A file that ingestion has published as it is. Raises NotFoundError for one that it has not."""
    with links.connect() as connection:
        file = file_of(connection, schema, path)
    if file is None:
        raise NotFoundError(f"{path!r} is no published file of {schema}; access_url over TAP has those that are.")
    _check_file(file)
    stack = ExitStack()
    handle = stack.enter_context(Path(file.root, file.path).open("rb"))  # noqa: SIM115  # the stack closes it
    media_type = mimetypes.guess_type(path)[0] or _MEDIA_TYPES.get(
        Path(path).suffix.lower(), "application/octet-stream"
    )
    blocks = iter(lambda: handle.read(_COPY_BYTES), b"")
    return CutAnswer(media_type, Path(path).name, file.size_bytes, blocks, stack)


def _check_access(granule: LocatedGranule) -> None:
    if not granule.is_open:
        raise ForbiddenError(
            f"The data of {granule.dataset.dataset_id} are not public ({granule.dataset.access_rights}); "
            "ask the data centre for access."
        )


def _check_files(granule: LocatedGranule, files: Sequence[ArchiveFile]) -> None:
    if not granule.files:
        raise NotFoundError(
            f"No file of the dataset {granule.dataset.dataset_id} is held for {granule.granule_uid}; "
            "its links name other sources."
        )
    if not files:
        raise NothingThereError(f"{granule.granule_uid} has no record in this interval.")
    for file in files:
        _check_file(file)


def _check_file(file: ArchiveFile) -> None:
    """The file is inside the archive and is the one that was indexed."""
    root = Path(file.root).resolve()
    path = Path(file.root, file.path)
    name = path.name
    try:
        real = path.resolve(strict=True)
        found = real.stat()
    except FileNotFoundError as exc:
        raise _gone(name) from exc
    except (OSError, RuntimeError) as exc:  # Python 3.11 has RuntimeError for links that lead to themselves
        reason = getattr(exc, "strerror", None) or "its links lead in a circle"
        raise UnreadableFileError(f"{name} cannot be read: {reason}.") from exc
    if not real.is_relative_to(root):
        raise ForbiddenError(f"{name} leads out of the archive and is not served.")
    if (found.st_size, found.st_mtime_ns) != (file.size_bytes, file.mtime_ns):
        raise UnavailableError(
            f"{name} has changed since it was indexed; the data centre has to ingest it again.", _INGEST_AGAIN_S
        )


def _gone(name: str) -> UnavailableError:
    return UnavailableError(
        f"{name} is no longer in the archive, though it was when it was indexed; the data centre has to ingest again.",
        _INGEST_AGAIN_S,
    )
