"""Makes one cut-out from a plan that says everything, in whatever process: no database, no HTTP here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from cutouts.extract import open_cut
from cutouts.formats import Provenance
from cutouts.joined.series import SeriesCut
from cutouts.plan import CutPlan, NothingThereError, changed_at, check_format, gone
from epntap.answer.blocks import Blocks
from epntap.errors import ParameterError, UnreadableFileError

__all__ = ["CutAnswer", "make_cut"]


class CutAnswer(Blocks):
    """The bytes of one cut-out; `close` lets go of the files."""

    def __init__(
        self,
        blocks: Iterator[bytes],
        media_type: str,
        file_name: str,
        length: int | None,
        *,
        records: int | None,
        size_bytes: int,
        remarks: tuple[str, ...] = (),
        resources: ExitStack | None = None,
    ) -> None:
        super().__init__(blocks, media_type, file_name=file_name, length=length, resources=resources)
        #: of the longest time axis
        self.records = records
        #: of all values, uncompressed
        self.size_bytes = size_bytes
        self.remarks = remarks


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
            provenance = Provenance(plan.identifier, plan.service, changed_at(plan.files), plan.dataset)
            rendering = form.render(cut, provenance)
            stack.callback(rendering.close)
            blocks = iter(rendering.blocks)
            first = list(itertools.islice(blocks, 1))
        except UnreadableFileError as exc:
            if isinstance(exc.__cause__, FileNotFoundError):  # after it was checked
                raise gone(Path(str(exc.__cause__.filename)).name) from exc
            raise
        return CutAnswer(
            itertools.chain(first, blocks),
            form.media_type,
            f"{plan.identifier}.{form.extension}",
            rendering.length,
            records=max(map(len, cut.axes)),
            size_bytes=cut.size_bytes,
            remarks=tuple(cut.remarks),
            resources=stack.pop_all(),
        )


def _check_size(cut: SeriesCut, plan: CutPlan) -> None:
    if cut.is_empty:
        raise NothingThereError(f"{plan.identifier} has no record in this interval.")
    if cut.size_bytes > plan.limit.most_bytes:
        raise ParameterError(f"The cut-out would hold {cut.size_bytes:,} bytes, more than {plan.limit.sentence}")
