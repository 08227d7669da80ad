"""Sources of kind `labels`: one row for each label of a tree, or one for each file whose name fits a pattern."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from epntap.addresses import Addresses
from epntap.archive.model import ScannedFile
from epntap.catalog.model import Column
from epntap.epncore.text import clean_granule_uid
from epntap.errors import UnreadableFileError
from ingest.facts import Refusal, Remark, RowFacts, Value
from ingest.files.scan import Scanner, archive_file, by_path
from ingest.files.walk import Tree, walk_tree
from ingest.labels.contents import Contents, LabelLook, media_type_of
from ingest.labels.plan import LabelPlan, Rows, read_label_plan
from ingest.labels.products import (
    Observation,
    ProductFile,
    Sorted,
    is_label_name,
    missing_positions,
    sort_files,
    to_product_file,
)
from ingest.labels.record import Label, LabelRecord
from ingest.progress import Progress
from ingest.sources.keys import Key, Takes
from ingest.sources.kind import CHECKSUMS, RowKind
from ingest.sources.said import Unit
from ingest.tables.rules import RecordMapper, RowProblem
from ingest.tables.values import Raw

__all__ = ["LABELS"]

#: positions of a grid that are named in a remark
_NAMED = 5


def _open(
    root: Path, plan: LabelPlan, columns: Mapping[str, Column], schema: str, scanner: Scanner, progress: Progress
) -> LabelTree:
    """Look into the files of a tree, those that have moved since they were last seen."""
    progress.stage("looking for files")
    tree = walk_tree(root, _counts)
    found = sort_files(tree.files, plan) if plan.rows is Rows.FILE else None
    paths = tree.files if found is None else tuple(found.paths)
    progress.stage("reading labels and images", len(paths))
    scanned = scanner.scan(root, paths, look=LabelLook.of(plan), checksums=plan.checksums, advance=progress.advance)
    return LabelTree(tree, found, plan, columns, schema, scanned)


def _counts(name: str) -> bool:
    return not name.startswith(".") and not name.endswith("~")


@dataclass(frozen=True, slots=True)
class LabelTree:
    """A tree whose files have been looked into."""

    tree: Tree
    #: where each file is a row: by observation
    found: Sorted | None
    plan: LabelPlan
    columns: Mapping[str, Column]
    schema: str
    #: by path
    scanned: Mapping[str, ScannedFile]

    @property
    def steps(self) -> int:
        """Of `rows`: one for each file."""
        return len(self.scanned)

    @property
    def contents(self) -> tuple[object, ...]:
        """All that the rows and the refusals depend on."""
        return (self.tree.refusals, self.found.left_over if self.found else (), *by_path(self.scanned))

    def told(self, advance: Callable[[int], None], met: set[str]) -> Iterator[Unit | Refusal | Remark]:
        """Observations or labels in the order of the paths; `advance` is told about each file that is dealt with.

        `met` grows by the fields of rules that some label has; what is not in it at the end is remarked upon. Values
        come, in this order, from the rules of the product, from the rules of the source, and from the file itself
        (granule_uid, obs_id, granule_gid, access_*, file_name). A file that cannot be used is a Refusal, an
        observation that is incomplete a Remark.
        """
        yield from self.tree.refusals
        reader = _Reader(self, met)
        if self.found is not None:
            yield from reader.observations(self.found, advance)
        else:
            yield from reader.labels(self.tree.files, advance)
        yield from reader.unused_rules()


@dataclass(frozen=True, slots=True)
class _Held:
    """A file and what was found in it."""

    product: ProductFile
    scanned: ScannedFile
    facts: Mapping[str, Raw]


class _Reader:
    def __init__(self, tree: LabelTree, met: set[str]) -> None:
        self._plan = tree.plan
        self._schema = tree.schema
        self._scanned = tree.scanned
        self._mapper = RecordMapper(tree.plan.rules, tree.columns, met=met)
        self._product_mappers = {name: RecordMapper(rules, tree.columns) for name, rules in tree.plan.products.items()}
        self._units = 0

    def unused_rules(self) -> Iterator[Remark]:
        """Fields that the rules name and nothing has."""
        if self._units and (unmet := self._mapper.unmet):
            yield Remark(".", f"no label and no file name has {', '.join(unmet)}, which rules of the source look for")

    # -- one row for each file ----------------------------------------------------------------------------------------

    def observations(self, found: Sorted, advance: Callable[[int], None]) -> Iterator[Unit | Refusal | Remark]:
        plan = self._plan
        yield from found.left_over
        seen = Counter(file.product for observation in found.observations for file in observation.files)
        # what most observations have, all are expected to have
        expected = frozenset(one for one, count in seen.items() if 2 * count >= len(found.observations))
        for observation in found.observations:
            self._units += 1
            paths = [one.path for one in (*observation.labels, *observation.files)]
            yield Unit(
                observation.name,
                partial(self._made_from, paths, sorted(expected)),
                partial(self._rows_of_observation, observation, expected),
            )
            advance(len(observation.files) + len(observation.labels))
        if plan.grid and (missing := missing_positions(found.observations, plan.grid)):
            named = ", ".join("-".join(position) for position in missing[:_NAMED])
            more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
            yield Remark(".", f"{len(missing):,} positions of the grid have no file: {named}{more}")

    def _rows_of_observation(
        self, observation: Observation, expected: frozenset[str]
    ) -> Iterator[RowFacts | Refusal | Remark]:
        labels: dict[str, Label] = {}
        for file in observation.labels:
            try:
                label = self._label_in(file.path)
            except UnreadableFileError as exc:
                yield Refusal(file.path, str(exc))
            else:
                if label is not None:
                    labels[file.path] = label
        held: list[_Held] = []
        for file in observation.files:
            try:
                held.append(self._look_at(file))
            except UnreadableFileError as exc:
                yield Refusal(file.path, str(exc), granules=1)
        missing = sorted(expected - {one.product.product for one in held})
        if missing and held:
            yield Remark(observation.name, f"incomplete: there is no {', no '.join(missing)}; the others are published")
        elif not held:
            yield Refusal(observation.name, "there is no usable file but for labels")
        thumbnail = next((one for one in held if one.product.product == self._plan.thumbnail), None)
        for one in held:
            own = tuple(label for path, label in labels.items() if _describes(label, path, one.product))
            rest = tuple(label for label in labels.values() if label not in own)
            yield self._row(one, (*own, *rest), one.product.path, observation.name, thumbnail)

    # -- one row for each label ---------------------------------------------------------------------------------------

    def labels(self, paths: Sequence[str], advance: Callable[[int], None]) -> Iterator[Unit | Refusal | Remark]:
        by_folded = {path.lower(): path for path in paths}
        described: set[str] = set()
        others: list[str] = []
        for path in paths:
            try:
                label = self._label_in(path)
                if label is None:
                    others.append(path)
                    continue
                file, also = self._described_file(label, by_folded)
                described |= also
            except UnreadableFileError as exc:
                yield Refusal(path, str(exc), granules=1)
                continue
            finally:
                advance(1)
            self._units += 1
            yield Unit(path, partial(self._made_from, [path, file.path]), partial(self._row_of_label, label, file))
        for path in others:
            if path not in described:
                yield Refusal(path, "no label describes this file")

    def _row_of_label(self, label: Label, file: ProductFile) -> Iterator[RowFacts | Refusal]:
        try:
            held = self._look_at(file)
        except UnreadableFileError as exc:
            yield Refusal(label.path, str(exc), granules=1)
        else:
            yield self._row(held, (label,), label.path, None, None)

    def _described_file(self, label: Label, by_folded: Mapping[str, str]) -> tuple[ProductFile, set[str]]:
        """The product of a label, and all files that it describes. Raises UnreadableFileError."""
        folder = label.path.rpartition("/")[0]
        prefix = f"{folder}/" if folder else ""
        if not label.files and not is_label_name(label.path) and not label.path.lower().endswith((".xml", ".lblx")):
            paths = [label.path]  # attached
        else:
            paths = [by_folded[key] for name in label.files if (key := f"{prefix}{name}".lower()) in by_folded]
        if not paths:
            names = ", ".join(label.files) or "no file"
            raise UnreadableFileError(f"the label describes {names}, which is not beside it")
        # the pattern is that of the label, so that its fields serve whatever the product is called
        fields = to_product_file(label.path, self._plan)
        if fields is None:
            raise UnreadableFileError("the name does not fit the pattern of the source")
        return ProductFile(paths[0], fields.fields, fields.product), set(paths)

    # -- both ---------------------------------------------------------------------------------------------------------

    def _made_from(self, paths: Sequence[str], *more: object) -> object:
        return ([self._scanned[path] for path in paths], *more)

    def _label_in(self, path: str) -> Label | None:
        """The label in a file, or None if it holds none. Raises UnreadableFileError."""
        _, contents = self._contents_of(path)
        if contents.label_problem is not None:
            raise UnreadableFileError(contents.label_problem)
        return contents.label

    def _contents_of(self, path: str) -> tuple[ScannedFile, Contents]:
        scanned = self._scanned[path]
        if scanned.refusal is not None:
            raise UnreadableFileError(scanned.refusal)
        return scanned, Contents.from_json(scanned.description, path)

    def _look_at(self, product: ProductFile) -> _Held:
        """What is known of a product. Raises UnreadableFileError."""
        scanned, contents = self._contents_of(product.path)
        if not scanned.size_bytes:
            raise UnreadableFileError(f"{product.name} is empty")
        if contents.pixels_problem is not None:
            raise UnreadableFileError(contents.pixels_problem)
        facts: dict[str, Raw] = {
            **product.fields,
            "file.name": product.name,
            "file.stem": product.stem,
            "file.path": product.path,
            "file.folder": product.path.rpartition("/")[0],
            "file.product": product.product or None,
            "file.bytes": scanned.size_bytes,
        }
        if contents.pixels is not None:
            facts["file.width"], facts["file.height"] = contents.pixels
        return _Held(product, scanned, facts)

    def _row(
        self, held: _Held, labels: tuple[Label, ...], origin: str, observation: str | None, thumbnail: _Held | None
    ) -> RowFacts | Refusal:
        record = LabelRecord(held.facts, labels)
        file = held.product
        own = clean_granule_uid(file.stem if observation is not None else origin.rpartition("/")[2].rpartition(".")[0])
        values: dict[str, Value] = {
            "granule_uid": own,
            "obs_id": clean_granule_uid(observation) if observation is not None else own,
            "granule_gid": file.product or "data",
            "access_url": self._address_of(file.path),
            "access_format": self._media_type(file.name),
            "access_estsize": max(1, round(held.scanned.size_bytes / 1000)),
            "file_name": file.name,
        }
        if thumbnail is not None:
            values["thumbnail_url"] = self._address_of(thumbnail.product.path)
        mapper = self._product_mappers.get(file.product)
        try:
            values |= self._mapper.values(record)
            values |= mapper.values(record) if mapper else {}
        except RowProblem as exc:
            return Refusal(origin, str(exc), granules=1)
        return RowFacts(values, origin, archive_file(held.scanned, self._schema))

    def _media_type(self, name: str) -> str:
        return media_type_of(name, self._plan.media_types)

    def _address_of(self, path: str) -> str:
        if self._plan.address:
            return f"{self._plan.address}/{quote(path, safe='/')}"
        return Addresses().file(self._schema, path)


def _describes(label: Label, path: str, file: ProductFile) -> bool:
    if label.files:
        return file.name.lower() in {name.lower() for name in label.files}
    return path.rpartition(".")[0].lower() == file.path.rpartition(".")[0].lower()


LABELS = RowKind(
    name="labels",
    own_keys={
        "rows": Key(Takes.CHOICE, "What one row stands for", tuple(Rows)),
        "pattern": Key(Takes.TEXT, "Regular expression of file names without suffix; its groups are fields"),
        "observation": Key(Takes.TEXT, "Template on fields: files of the same text are of one observation"),
        "product": Key(Takes.TEXT, "Template on fields: which product of the observation a file is"),
        "thumbnail": Key(Takes.TEXT, "The product whose file is the thumbnail of all"),
        "grid": Key(Takes.TEXTS, "Fields that span a grid; positions without any file are reported"),
        "columns": Key(Takes.RULES, "Column = field, template or rule"),
        "products": Key(Takes.RULES_BY_NAME, "Rules for the files of one product: [source.products.name]"),
        "media_types": Key(Takes.TEXT_BY_NAME, "Suffix = media type, where it is another than usual"),
        "address": Key(Takes.WEB_ADDRESS, "Address of the folder of the source, if files are handed out elsewhere"),
        "checksums": CHECKSUMS,
    },
    read_plan=read_label_plan,
    look=_open,
    keeps_units=True,
)
