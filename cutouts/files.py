"""Files of the archive as they are, once it is sure that they may be handed out and are those that were indexed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cutouts.plan import NothingThereError, gone, version_of
from epntap.access import NEVER, OPEN, Caller, may_now, may_see_now, rights_of
from epntap.answer.blocks import Blocks, file_blocks
from epntap.archive.datasets import dataset
from epntap.archive.files import file_of
from epntap.archive.finding.batches import no_granule
from epntap.archive.finding.finder import Finder
from epntap.archive.finding.locate import LocatedGranule
from epntap.archive.kept.series import HeldSeries
from epntap.archive.model import ArchiveFile, Dataset
from epntap.db.caller import seen_by
from epntap.errors import ForbiddenError, NotFoundError, UnavailableError, UnreadableFileError
from epntap.media import media_type

__all__ = ["archived_file", "check_access", "check_files", "check_files_of", "published_file"]


_INGEST_AGAIN_S = 3600
_NEVER = rights_of(OPEN, NEVER).embargoed_until


def published_file(finder: Finder, schema: str, path: str, caller: Caller) -> Blocks:
    """A file that ingestion has published as it is.

    Raises NotFoundError for one that it has not, ForbiddenError for one that the caller may not have.
    """
    with finder.connect() as connection, seen_by(connection, caller):
        file = file_of(connection, schema, path)
        owner = None if file is None else dataset(connection, schema, file.dataset_id)
    if file is None or owner is None or not may_see_now(caller, owner.rights_to([file])):
        raise NotFoundError(f"{path!r} is no published file of {schema}; access_url over TAP has those that are.")
    _check_rights(owner, [file], caller)
    _check_file(file)
    answer = archived_file(file, media_type(path))
    answer.datasets = ((schema, owner.dataset_id),)
    return answer


def archived_file(file: ArchiveFile, kind: str) -> Blocks:
    """The bytes of a file as they are, of this media type. Raises UnavailableError when it is gone."""
    path = Path(file.root, file.path)
    try:
        handle = path.open("rb")
    except FileNotFoundError as exc:
        raise gone(path.name) from exc
    return file_blocks(handle, kind, file_name=path.name, length=file.size_bytes, version=version_of([file]))


def check_access(granule: LocatedGranule, caller: Caller) -> None:
    """Raises ForbiddenError when the caller may not have the data of the granule, NotFoundError when it is hidden."""
    if not may_see_now(caller, granule.dataset.rights_to(granule.files)):
        raise no_granule(granule.granule_uid)
    _check_rights(granule.dataset, granule.files, caller)


def _check_rights(owner: Dataset, files: Sequence[ArchiveFile], caller: Caller) -> None:
    rights = owner.rights_to(files)
    if may_now(caller, rights):
        return
    if rights.groups and rights.embargoed_until == _NEVER:
        raise ForbiddenError(f"The data of {owner.dataset_id} are for members of {' or '.join(owner.groups)} only.")
    if rights.open and rights.embargoed_until is not None:
        raise ForbiddenError(
            f"The data of {owner.dataset_id} will be public from {rights.embargoed_until:%Y-%m-%dT%H:%M:%SZ} on."
        )
    raise ForbiddenError(
        f"The data of {owner.dataset_id} are not public ({owner.access_rights}); ask the data centre for access."
    )


def check_files(granule: LocatedGranule, files: Sequence[ArchiveFile]) -> None:
    """Raises our errors when the files of an interval are not there, or not those that were indexed."""
    if not granule.files:
        raise _none_held(granule.dataset.dataset_id, granule.granule_uid)
    if not files:
        raise NothingThereError(f"{granule.granule_uid} has no record in this interval.")
    for file in files:
        _check_file(file)


def check_files_of(held: HeldSeries, files: Sequence[ArchiveFile]) -> None:
    """The same for files of a dataset, which are asked for without a granule."""
    if not files:
        raise _none_held(held.dataset_id, held.public_id)
    for file in files:
        _check_file(file)


def _none_held(dataset_id: str, asked: str) -> NotFoundError:
    return NotFoundError(f"No file of the dataset {dataset_id} is held for {asked}; its links name other sources.")


def _check_file(file: ArchiveFile) -> None:
    """The file is inside the archive and is the one that was indexed."""
    root = Path(file.root).resolve()
    path = Path(file.root, file.path)
    name = path.name
    try:
        real = path.resolve(strict=True)
        found = real.stat()
    except FileNotFoundError as exc:
        raise gone(name) from exc
    except (OSError, RuntimeError) as exc:  # Python 3.11 has RuntimeError for links that lead to themselves
        reason = getattr(exc, "strerror", None) or "its links lead in a circle"
        raise UnreadableFileError(f"{name} cannot be read: {reason}.") from exc
    if not real.is_relative_to(root):
        raise ForbiddenError(f"{name} leads out of the archive and is not served.")
    if (found.st_size, found.st_mtime_ns) != (file.size_bytes, file.mtime_ns):
        raise UnavailableError(
            f"{name} has changed since it was indexed; the data centre has to ingest it again.", _INGEST_AGAIN_S
        )
