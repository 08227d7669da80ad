"""Identifiers of granules, each given once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from epntap.archive.model import ArchiveFile
from epntap.epncore.text import clean_granule_uid
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.definition.model import Granule
from ingest.facts import Refusal

__all__ = ["UidRegistry"]


_DIGITS = {Granule.DAY: 8, Granule.MONTH: 6}


class UidRegistry:
    """Keeps every granule_uid to one row."""

    def __init__(self) -> None:
        #: (cleaned dataset_id, number of digits of the date) -> dataset_id
        self._calendars: dict[tuple[str, int], str] = {}
        self._datasets: set[str] = set()
        self._files: dict[str, str] = {}

    def admit(self, plan: DatasetPlan) -> tuple[DatasetPlan | None, tuple[Refusal, ...]]:
        """The plan without the files whose names are taken, and these; None if another dataset has its name."""
        dataset_id = plan.dataset.dataset_id
        if dataset_id in self._datasets:
            return None, (Refusal(plan.facts.origin, f"the dataset {dataset_id} is already described elsewhere"),)
        self._datasets.add(dataset_id)
        digits = _DIGITS.get(plan.granule)
        if digits is not None:
            key = (clean_granule_uid(dataset_id), digits)
            if key in self._calendars:
                reason = f"the granules of {dataset_id} would have the names of those of {self._calendars[key]}"
                return None, (Refusal(plan.facts.origin, reason),)
            self._calendars[key] = dataset_id
        admitted, refused = self._admit_files(plan.single)
        left_out = set(plan.single).difference(admitted)
        files = tuple(file for file in plan.files if file not in left_out)
        return replace(plan, single=admitted, files=files), refused

    def _admit_files(self, files: Iterable[ArchiveFile]) -> tuple[tuple[ArchiveFile, ...], tuple[Refusal, ...]]:
        admitted, refused = [], []
        for file in files:
            uid = file.uid
            owner = self._files.get(uid) or self._calendar_owner(uid)
            if owner is None and uid:
                self._files[uid] = file.path
                admitted.append(file)
            else:
                refused.append(Refusal(file.path, f"the granule_uid {uid} is already that of {owner}{_way_out(file)}"))
        return tuple(admitted), tuple(refused)

    def _calendar_owner(self, uid: str) -> str | None:
        prefix, _, digits = uid.rpartition("_")
        return self._calendars.get((prefix, len(digits))) if digits.isdigit() else None


def _way_out(file: ArchiveFile) -> str:
    """What keeps files of one product name apart, where only their versions differ."""
    return "; versioned_identifiers = true makes names with versions" if file.granule_uid and file.version else ""
