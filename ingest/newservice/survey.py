"""What is at a path: a table, labels, runs, CDF files or SPASE records; and a draft of a service for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from epntap.catalog.names import RESERVED, TAKEN_SCHEMAS
from epntap.errors import DefinitionError, UnreadableFileError
from ingest.files.walk import walk_tree
from ingest.kinds.cdf import CDF_FILES
from ingest.kinds.labels import LABELS
from ingest.kinds.runs import RUNS
from ingest.kinds.spase import SPASE_DATASETS
from ingest.kinds.tables import TABLE, open_sheet
from ingest.labels.pds4 import is_pds4
from ingest.newservice.draft import Draft, Setting
from ingest.newservice.labels import draft_labels, sample_labels
from ingest.newservice.tables import draft_table
from ingest.runs.runfile import is_run_file
from ingest.sources.source import SourceKind
from ingest.tables.plan import SUFFIXES, TablePlan
from ingest.tables.sheet import BadRow
from ingest.tables.values import Raw

__all__ = ["survey"]

#: rows of a table that are looked at
MOST_ROWS = 5000
_XML_LOOKED_AT = 20
_SPASE = b"http://www.spase-group.org/data/schema"


def survey(path: Path, schema: str | None = None, title: str | None = None) -> Draft:
    """A draft of a service for what is at a path. Raises DefinitionError when nothing there can be published."""
    if not path.exists():
        raise DefinitionError(f"{path} does not exist.")
    draft = Draft(schema or _schema_of(path), title or _title_of(path))
    if path.is_file():
        _draft_table_file(draft, path, path)
        return draft
    tree = walk_tree(path, lambda name: not name.startswith("."))
    kind, chosen = _kind_of(path, tree.files)
    draft.source = {"kind": Setting(kind.name), "path": Setting(str(path.absolute()))}
    _DRAFTS[kind](draft, path, chosen)
    return draft


def _schema_of(path: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", path.absolute().stem.lower()).strip("_")[:40].strip("_") or "myservice"
    name = name if name[0].isalpha() else f"s_{name}"[:40]
    return f"{name[:36]}_epn" if name.upper() in RESERVED or name in TAKEN_SCHEMAS or name.startswith("pg_") else name


def _title_of(path: Path) -> str:
    return " ".join(re.split(r"[^A-Za-z0-9]+", path.absolute().stem)).strip().capitalize() or "My service"


def _kind_of(root: Path, files: Sequence[str]) -> tuple[SourceKind, Sequence[str]]:
    """The kind of source, and the files that made it so."""
    suffixes = Counter(name.rpartition(".")[2].lower() for name in files)
    if any(is_run_file(name.rpartition("/")[2]) for name in files):
        return RUNS, files
    if suffixes["cdf"]:
        return CDF_FILES, files
    if suffixes["lbl"] or suffixes["lblx"]:
        return LABELS, files
    xml = [name for name in files if name.lower().endswith(".xml")]
    if any(is_pds4(root / name) for name in xml[:_XML_LOOKED_AT]):
        return LABELS, files
    if any(_is_spase(root / name) for name in xml[:_XML_LOOKED_AT]):
        return SPASE_DATASETS, files
    tables = [name for name in files if name.rpartition(".")[2].lower() in SUFFIXES]
    if len(tables) == 1:
        return TABLE, tables
    if not suffixes:
        raise DefinitionError(
            f"{root} holds no file; expected CDF files, labels (PDS3, PDS4), SPASE records, runs, or one table."
        )
    held = ", ".join(f"{count} .{suffix}" for suffix, count in suffixes.most_common(5))
    hint = f"; name one of the tables, such as {root / tables[0]}" if tables else ""
    raise DefinitionError(
        f"{root} holds {held}, but no CDF files, labels (PDS3, PDS4), SPASE records or runs, and not just one table"
        f"{hint}."
    )


def _is_spase(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _SPASE in file.read(4096)
    except OSError:
        return False


def _draft_cdf(draft: Draft, _root: Path, _files: Sequence[str]) -> None:
    draft.source["granule"] = Setting("file", "or day, month")
    draft.questions.append("Targets and quantities come from the files; set in [columns] what they do not say.")


def _draft_spase(draft: Draft, _root: Path, _files: Sequence[str]) -> None:
    draft.source["granule"] = Setting("day", "or month")


def _draft_labels(draft: Draft, root: Path, files: Sequence[str]) -> None:
    labels = sample_labels(root, files)
    if not labels:
        raise DefinitionError(f"None of the labels below {root} can be read.")
    draft_labels(draft, labels)


def _draft_runs(_draft: Draft, _root: Path, _files: Sequence[str]) -> None:
    """Run files say everything."""


def _draft_table(draft: Draft, root: Path, files: Sequence[str]) -> None:
    _draft_table_file(draft, root / files[0], root / files[0])


def _draft_table_file(draft: Draft, path: Path, shown: Path) -> None:
    draft.source = {"kind": Setting(TABLE.name), "path": Setting(str(shown.absolute()))}
    for encoding in ("utf-8", "latin-1"):
        try:
            sheet = open_sheet(path, TablePlan((), encoding=encoding))
            rows: list[Mapping[str, Raw]] = [
                row for _, row in islice(sheet.rows, MOST_ROWS) if not isinstance(row, BadRow)
            ]
        except UnreadableFileError as exc:
            if encoding == "utf-8" and "is not UTF-8" in str(exc):
                continue
            raise DefinitionError(f"{path}: {exc}.") from exc
        break
    if encoding != "utf-8":
        draft.source["encoding"] = Setting(encoding)
    draft_table(draft, sheet.fields, rows)


_DRAFTS: Mapping[SourceKind, Callable[[Draft, Path, Sequence[str]], None]] = {
    CDF_FILES: _draft_cdf,
    SPASE_DATASETS: _draft_spase,
    LABELS: _draft_labels,
    RUNS: _draft_runs,
    TABLE: _draft_table,
}
