"""What must hold before rows are written; most values are shared by all rows of a dataset, so few are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from epntap.archive.model import ArchiveFile
from epntap.catalog.model import Column, Form, Table
from epntap.epncore.columns import VALUE_REQUIRED
from epntap.epncore.text import clean_granule_uid
from ingest.by_dataset.build import COPY_ORDER, ROW_DATES, DatasetPlan, file_uid
from ingest.definition.load import Granule
from ingest.facts import Refusal, Value
from ingest.publish.promises import CYCLIC_RANGES

__all__ = ["UidRegistry", "value_problems"]

# made for each row, and never without a value
_GIVEN = frozenset({*COPY_ORDER, *ROW_DATES})
_DIGITS = {Granule.DAY: 8, Granule.MONTH: 6}


def value_problems(values: Mapping[str, Value], table: Table) -> tuple[str, ...]:
    """What is wrong with the values that the rows of a dataset share, one sentence each."""
    problems = [
        f"{name} must have a value and has none"
        for name in sorted(VALUE_REQUIRED - _GIVEN)
        if values.get(name) in (None, "")
    ]
    for column in table.columns:
        value = values.get(column.name)
        if value is not None:
            problems += _column_problems(column, value)
    return (*problems, *_range_problems(values))


def _column_problems(column: Column, value: Value) -> Iterator[str]:
    if column.datatype in {"char", "unicodeChar"}:
        if not isinstance(value, str):
            yield f"{column.name} must be text but is {value!r}"
        elif "\0" in value or (column.datatype == "char" and not value.isascii()):
            yield f"{column.name} must be ASCII but is {value!r}"
    elif column.form is Form.PLAIN and (isinstance(value, str) or not _fits(column, value)):
        yield f"{column.name} must be a number of type {column.datatype} but is {value!r}"


def _fits(column: Column, value: float | None) -> bool:
    return column.datatype in {"double", "float"} or isinstance(value, int)


def _range_problems(values: Mapping[str, Value]) -> Iterator[str]:
    for name, low in values.items():
        stem = name.removesuffix("min")
        high = values.get(f"{stem}max")
        if stem == name or stem in CYCLIC_RANGES or isinstance(low, str) or isinstance(high, str):
            continue
        if low is not None and high is not None and low > high:
            yield f"{name} {low!r} is greater than {stem}max {high!r}"


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
            uid = file_uid(file)
            owner = self._files.get(uid) or self._calendar_owner(uid)
            if owner is None and uid:
                self._files[uid] = file.path
                admitted.append(file)
            else:
                refused.append(Refusal(file.path, f"the granule_uid {uid} is already that of {owner}"))
        return tuple(admitted), tuple(refused)

    def _calendar_owner(self, uid: str) -> str | None:
        prefix, _, digits = uid.rpartition("_")
        return self._calendars.get((prefix, len(digits))) if digits.isdigit() else None
