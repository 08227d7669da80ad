"""Sources of kind `table`: one granule in each row of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from epntap.catalog.model import Column
from epntap.epncore.text import clean_granule_uid
from epntap.errors import UnreadableFileError
from ingest.facts import Refusal, Remark, RowFacts, Value
from ingest.files.scan import Scanner
from ingest.progress import Progress
from ingest.sources.keys import Key, Takes
from ingest.sources.kind import RowKind
from ingest.sources.single import SingleFile, looked_at
from ingest.tables.delimited import DELIMITERS, read_delimited
from ingest.tables.parquet import read_parquet
from ingest.tables.plan import RELATIVE_COLUMNS, SUFFIXES, TableFormat, TablePlan, read_table_plan
from ingest.tables.rules import RecordMapper, RowProblem, check_fields
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
) -> SingleFile:
    """Find out whether the table has changed since it was last seen."""
    scanned = looked_at(path, scanner, progress)
    return SingleFile(scanned, path.name, partial(read_table, path, plan, columns))


def read_table(
    path: Path, plan: TablePlan, columns: Mapping[str, Column], advance: Callable[[int], None]
) -> Iterator[RowFacts | Refusal | Remark]:
    """The rows of a table in their order; one that cannot be used is a Refusal with its line or number.

    Raises UnreadableFileError when the table cannot be read, or lacks a column that the plan names.
    """
    sheet = open_sheet(path, plan)
    check_fields("table", plan.rules, [one.name for one in sheet.fields])
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
