"""Files of a tree sorted into observations: products, the labels beside them, and what fits no pattern."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from ingest.facts import Refusal
from ingest.labels.plan import LabelPlan

__all__ = ["Observation", "ProductFile", "Sorted", "is_label_name", "missing_positions", "sort_files"]

_FIELD = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class ProductFile:
    """One file that fits the pattern."""

    #: below the source folder, with forward slashes
    path: str
    fields: Mapping[str, str]
    #: which product of the observation it is, "" if the plan does not say
    product: str

    @property
    def name(self) -> str:
        """The name without folders."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without folders and suffix."""
        return stem_of(self.name)


@dataclass(slots=True)
class Observation:
    """Files that belong together."""

    name: str
    files: list[ProductFile] = field(default_factory=list)
    labels: list[ProductFile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sorted:
    """All observations in the order of their names, and the files that are left over."""

    observations: tuple[Observation, ...]
    left_over: tuple[Refusal, ...]

    @property
    def paths(self) -> Iterator[str]:
        """Of all files that belong to an observation."""
        for one in self.observations:
            yield from (file.path for file in (*one.labels, *one.files))


def stem_of(name: str) -> str:
    """A file name without its suffix."""
    return name.rpartition(".")[0] or name


def is_label_name(name: str) -> bool:
    """Whether a file of this name is a label whatever is in it."""
    return name.lower().endswith(".lbl")


def sort_files(paths: Sequence[str], plan: LabelPlan) -> Sorted:
    """Sort the files of a tree by the pattern and the observation of the plan, which has both."""
    observations: dict[str, Observation] = {}
    left_over = []
    for path in paths:
        file = to_product_file(path, plan)
        if file is None:
            left_over.append(Refusal(path, "the name does not fit the pattern of the source"))
            continue
        name = fill_in(plan.observation, file.fields) if plan.observation else file.stem
        observation = observations.setdefault(name, Observation(name))
        (observation.labels if is_label_name(file.name) else observation.files).append(file)
    return Sorted(tuple(observations[name] for name in sorted(observations)), tuple(left_over))


def to_product_file(path: str, plan: LabelPlan) -> ProductFile | None:
    """The file with the fields of its name, or None if it does not fit."""
    fields: Mapping[str, str] = {}
    if plan.pattern is not None:
        whole = "/" in plan.pattern.pattern
        found = plan.pattern.fullmatch(path if whole else stem_of(path.rpartition("/")[2]))
        if found is None:
            return None
        fields = {name: value for name, value in found.groupdict().items() if value is not None}
    return ProductFile(path, fields, fill_in(plan.product, fields) if plan.product else "")


def fill_in(template: str, fields: Mapping[str, str]) -> str:
    """The template with the values of fields in their places."""
    return _FIELD.sub(lambda found: fields.get(found[1], ""), template)


def missing_positions(observations: Sequence[Observation], grid: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Positions of the grid that the fields span for which there is no file; the grid is what the names show."""
    axes: dict[str, set[str]] = defaultdict(set)
    held: set[tuple[str, ...]] = set()
    for observation in observations:
        for file in (*observation.files, *observation.labels):
            position = tuple(file.fields.get(name, "") for name in grid)
            held.add(position)
            for name, value in zip(grid, position, strict=True):
                axes[name].add(value)
    if not held:
        return ()
    return tuple(one for one in product(*(sorted(axes[name]) for name in grid)) if one not in held)
