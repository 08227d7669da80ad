"""Identifiers of granules, each given once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from epntap.archive.model import ArchiveFile
from epntap.epncore.text import clean_granule_uid
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.definition.model import Granule
from ingest.facts import Refusal
from ingest.files.shelf import chosen

__all__ = ["UidRegistry"]


_DIGITS = {Granule.DAY: 8, Granule.MONTH: 6}


class UidRegistry:
    """Keeps every granule_uid to one row.

    `suspected` are hashes of names: who knows that others are given once at most can say so, and they take no memory.
    """

    def __init__(self, suspected: frozenset[int] | None = None) -> None:
        self._suspected = suspected
        #: (cleaned dataset_id, number of digits of the date) -> dataset_id
        self._calendars: dict[tuple[str, int], str] = {}
        self._datasets: set[str] = set()
        self._files: dict[str, str] = {}

    @classmethod
    def of(cls, plans: Iterable[DatasetPlan]) -> UidRegistry:
        """A registry for these plans."""
        hashes = array("q", (hash(file.uid) for plan in plans for file in plan.single))
        if not hashes:
            return cls(frozenset())
        found, times = np.unique(np.array(hashes), return_counts=True)
        return cls(frozenset(found[times > 1].tolist()))

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
        left_out: dict[ArchiveFile, Refusal] = {}
        for file in plan.single:
            uid = file.uid
            owner = self._owner(uid)
            if owner is None and uid:
                self._note(uid, file.path)
            else:
                reason = f"the granule_uid {uid} is already that of {owner}{_way_out(file)}"
                left_out[file] = Refusal(file.path, reason)
        if left_out:
            kept = [chosen(files, lambda file: file not in left_out) for files in (plan.single, plan.files)]
            plan = replace(plan, single=kept[0], files=kept[1])
        return plan, tuple(left_out.values())

    def _owner(self, uid: str) -> str | None:
        return self._files.get(uid) or self._calendar_owner(uid)

    def _note(self, uid: str, path: str) -> None:
        if self._suspected is None or hash(uid) in self._suspected:
            self._files[uid] = path

    def _calendar_owner(self, uid: str) -> str | None:
        prefix, _, digits = uid.rpartition("_")
        return self._calendars.get((prefix, len(digits))) if digits.isdigit() else None


def _way_out(file: ArchiveFile) -> str:
    """What keeps files of one product name apart, where only their versions differ."""
    return "; versioned_identifiers = true makes names with versions" if file.granule_uid and file.version else ""
