"""Makes one cut-out from a plan that says everything, in whatever process: no database, no HTTP here."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from cutouts.extract import open_cut
from cutouts.formats import Provenance
from cutouts.plan import CutPlan, NothingThereError, Version, check_format, gone
from cutouts.series import SeriesCut
from epntap.errors import ParameterError, UnreadableFileError

__all__ = ["CutAnswer", "make_cut"]


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


def _check_size(cut: SeriesCut, plan: CutPlan) -> None:
    if cut.is_empty:
        raise NothingThereError(f"{plan.identifier} has no record in this interval.")
    if cut.size_bytes > plan.limit.most_bytes:
        raise ParameterError(f"The cut-out would hold {cut.size_bytes:,} bytes, more than {plan.limit.sentence}")
