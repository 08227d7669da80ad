"""Sources of kind `table`: one granule in each row of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from epntap.archive.model import ScannedFile
from epntap.catalog.model import Column
from epntap.epncore.text import clean_granule_uid
from epntap.errors import UnreadableFileError
from epntap.hints import did_you_mean
from ingest.facts import Refusal, Remark, RowFacts, Value
from ingest.files.scan import ChecksumLook, Scanner
from ingest.progress import Progress
from ingest.sources.keys import Key, Takes
from ingest.sources.kind import RowKind
from ingest.sources.said import Unit
from ingest.tables.delimited import DELIMITERS, read_delimited
from ingest.tables.parquet import read_parquet
from ingest.tables.plan import RELATIVE_COLUMNS, SUFFIXES, TableFormat, TablePlan, read_table_plan
from ingest.tables.rules import RecordMapper, RowProblem
from ingest.tables.sheet import BadRow, Sheet
from ingest.tables.votable import read_votable

__all__ = ["TABLE", "open_sheet", "read_table"]

_STEP = 100


def open_sheet(path: Path, plan: TablePlan) -> Sheet:
    """The table in the file. Raises UnreadableFileError."""
    suffix = path.name.rpartition(".")[2].lower()
    kind = plan.format or SUFFIXES.get(suffix)
    match kind:
        case TableFormat.CSV:
            return read_delimited(path, plan.delimiter, plan.encoding)
        case TableFormat.TSV:
            return read_delimited(path, plan.delimiter or "\t", plan.encoding)
        case TableFormat.VOTABLE:
            return read_votable(path, plan.number)
        case TableFormat.PARQUET:
            return read_parquet(path)
        case None:
            known = ", ".join(one.value for one in TableFormat)
            raise UnreadableFileError(f"the end of {path.name} does not tell its format; say format = one of {known}")


def _open(
    path: Path, plan: TablePlan, columns: Mapping[str, Column], _schema: str, scanner: Scanner, progress: Progress
) -> TableSource:
    """Find out whether the table has changed since it was last seen."""
    progress.stage(f"looking at {path.name}")
    scanned = scanner.scan(path.parent, [path.name], look=ChecksumLook(), advance=progress.advance)
    return TableSource(path, plan, columns, scanned[path.name])


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table that has not been opened yet, if it is as it was."""

    path: Path
    plan: TablePlan
    columns: Mapping[str, Column]
    scanned: ScannedFile

    @property
    def steps(self) -> int | None:
        """Of `rows`: nobody knows how many there are before all are read."""
        return None

    @property
    def contents(self) -> tuple[object, ...]:
        """All that the rows depend on."""
        return (self.scanned,)

    @property
    def tree(self) -> None:
        """A table is not in a tree."""
        return None

    def told(self, advance: Callable[[int], None], met: set[str]) -> Iterator[Unit]:  # noqa: ARG002  # read_table asks
        """The table; its rows come in its order, and one that cannot be used is a Refusal with its line or number.

        They raise UnreadableFileError when the table cannot be read, or lacks a column that the plan names.
        """
        yield Unit(
            self.path.name, lambda: self.scanned, partial(read_table, self.path, self.plan, self.columns, advance)
        )


def read_table(
    path: Path, plan: TablePlan, columns: Mapping[str, Column], advance: Callable[[int], None]
) -> Iterator[RowFacts | Refusal | Remark]:
    """The rows of a table, as `TableSource.told` says."""
    sheet = open_sheet(path, plan)
    names = [one.name for one in sheet.fields]
    for rule in plan.rules:
        for name in rule.fields:
            if name not in names:
                raise UnreadableFileError(
                    f"the table has no column {name!r}, which {rule.column} is made from; it has "
                    f"{', '.join(names)}.{did_you_mean(name, names)}"
                )
    mapper = RecordMapper(plan.rules, columns, sheet.units)
    count = 0
    for place, record in sheet.rows:
        count += 1
        if count % _STEP == 0:
            advance(_STEP)
        origin = f"{path.name} {place}"
        if isinstance(record, BadRow):
            yield Refusal(origin, record.reason, granules=1)
            continue
        try:
            values = mapper.values(record)
        except RowProblem as exc:
            yield Refusal(origin, str(exc), granules=1)
            continue
        yield RowFacts(_completed(values), origin)
    advance(count % _STEP)
    if not count:
        yield Remark(path.name, "the table has no row")


def _completed(values: dict[str, Value]) -> dict[str, Value]:
    uid = values.get("granule_uid")
    if isinstance(uid, str):
        values.setdefault("obs_id", clean_granule_uid(uid))
    values.setdefault("granule_gid", "data")
    return values


TABLE = RowKind(
    name="table",
    own_keys={
        "format": Key(Takes.CHOICE, "How the table is stored, if the end of its name does not say", tuple(TableFormat)),
        "table": Key(Takes.WHOLE, "Which table of a VOTable document, from 1"),
        "delimiter": Key(Takes.CHOICE, "What stands between cells", tuple(DELIMITERS)),
        "encoding": Key(Takes.TEXT, "Encoding of the text, such as utf-8 or latin-1"),
        "relative_urls": Key(
            Takes.TEXTS, "Columns whose values are paths below the address of the service", RELATIVE_COLUMNS
        ),
        "columns": Key(Takes.RULES, "Column = field, template or rule", needed=True),
    },
    is_file=True,
    read_plan=read_table_plan,
    look=_open,
)
