"""Sources that describe each row: looked into, and the rows of what has moved made and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from epntap.archive.memory import RowState, indexed_files, indexed_paths, moved_files, row_state
from epntap.archive.model import Dataset
from epntap.catalog.model import Table
from epntap.errors import DefinitionError, UnreadableFileError
from ingest.by_row.changes import changed_counts
from ingest.by_row.fingerprint import contents_fingerprint, rules_fingerprint
from ingest.by_row.kept import Kept, KeptRow, KeptSource, account_of
from ingest.by_row.reading import NameTakenError, SourceRead, count_files, nothing_usable, take
from ingest.by_row.spool import RowSpool, row_table
from ingest.definition.model import Granule, Source
from ingest.facts import RefusedRows
from ingest.ingestion import Ingestion
from ingest.publish.account import Account
from ingest.publish.contents import Contents
from ingest.publish.coverage import empty_columns
from ingest.publish.guard import refuse_lost_files
from ingest.publish.stock import Stock
from ingest.sources.kind import RowKind
from ingest.sources.said import RowSource
from ingest.validation.screen import NOTHING_WRONG, Screening, screen_rows

__all__ = ["RowsRead", "read_rows_of"]

_NOTHING = Kept()
#: rows of which the names are kept; a kilobyte holds seven
_MOST_KEPT = 500_000


@dataclass(frozen=True, slots=True)
class _Made:
    """The rows of all sources, or of what has moved in them."""

    spool: RowSpool
    reads: tuple[SourceRead, ...]
    screening: Screening

    @property
    def reused(self) -> Iterator[KeptRow]:
        """Published rows that stay as they are."""
        return (row for read in self.reads for unit in read.reused.values() for row in unit.rows)

    @property
    def is_part(self) -> bool:
        """Whether there are such rows."""
        return any(read.reused for read in self.reads)

    @property
    def rows(self) -> int:
        """Of the whole service."""
        return sum(read.rows for read in self.reads)


def read_rows_of(ingestion: Ingestion) -> RowsRead:
    """Look into the sources; files that have not moved are not opened.

    Raises DefinitionError when a source does not fit the definition, SetupError when most of its files are gone.
    """
    definition = ingestion.definition
    table = row_table(definition)
    columns = {column.name: column for column in table.columns}
    opened = []
    for source, kind in definition.row_sources:
        assert source.rows is not None
        one = kind.open(source.path, source.rows, columns, definition.schema, ingestion.scanner, ingestion.progress)
        opened.append(_Opened(source, kind, one))
    if not ingestion.options.allow_deletions:
        _refuse_lost_files(ingestion, [one.rows for one in opened])
    return RowsRead(ingestion, tuple(opened), table)


def _refuse_lost_files(ingestion: Ingestion, sources: Iterable[RowSource]) -> None:
    trees = [source.tree for source in sources if source.tree is not None]
    roots = {str(tree.root) for tree in trees}
    if trees:
        indexed = (
            [one for one in some if one[0] in roots] for some in indexed_paths(ingestion.connection, ingestion.schema)
        )
        refuse_lost_files(ingestion.schema, indexed, trees)


@dataclass(frozen=True, slots=True)
class _Opened:
    source: Source
    kind: RowKind
    rows: RowSource


@dataclass(frozen=True, slots=True)
class RowsRead:
    """Sources that have been looked into."""

    ingestion: Ingestion
    sources: tuple[_Opened, ...]
    table: Table

    def contents(self, table: Table, stock: Stock) -> Contents:
        """Rows for this table, which has the columns of `self.table` and perhaps more.

        Rows of labels and observations that are as they were are not made again, as long as the service has no other
        sources. Raises DefinitionError when a source has no usable row.
        """
        definition = self.ingestion.definition
        rules = rules_fingerprint(definition, table)
        fingerprint = contents_fingerprint(rules, (one for source in self.sources for one in source.rows.contents))
        state = self._state(stock)
        if state is not None and state.fingerprint == fingerprint:
            return _unmoved(state)
        # counts are kept of the open rows alone, and of a part of the rows nobody knows which are open
        known = _NOTHING if state is None or stock.is_closed else Kept.from_state(state)
        made = self._make(table, stock, known if known.rules == rules else _NOTHING)
        contents = Contents(
            rows=made.rows,
            blocks=made.spool.blocks,
            compared=made.spool.rows,
            datasets=tuple((dataset, Granule.FILE) for dataset in self._datasets(made)),
            files=made.spool.files,
            counts=made.spool.counts(),
            account=self._account(made),
            set_aside=made.screening.set_aside,
        )
        if made.is_part:
            contents = self._beside_published(contents, made, known, table, stock)
        account = replace(contents.account, empty=empty_columns(contents.counts))
        kept = Kept(rules, tuple(read.kept for read in made.reads) if self._is_kept(made) else ())
        return replace(contents, account=account, memory=kept.to_state(fingerprint, made.rows, account))

    def _state(self, stock: Stock) -> RowState | None:
        """What the published rows were made from, if that can be relied upon."""
        ingestion = self.ingestion
        if stock.is_new or not stock.is_as_ingested or ingestion.options.thorough or ingestion.definition.has_datasets:
            return None
        state = row_state(ingestion.connection, ingestion.schema)
        return state if state is not None and state.rows == stock.rows and "account" in state.said else None

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _make(self, table: Table, stock: Stock, known: Kept) -> _Made:
        """Make the rows of what is not known, and once more without those that break rules."""
        ingestion = self.ingestion
        read = partial(self._read, table, stock, known)
        try:
            made = read(NOTHING_WRONG)
            if not made.spool.rows:
                return made
            ingestion.progress.stage("checking the rules")
            screening = screen_rows(
                ingestion.connection,
                table,
                made.spool.blocks(),
                ingestion.definition.severities,
                constant=made.spool.constant_columns(),
            )
            if screening.refused or screening.quarantined:
                made = read(screening)
        except NameTakenError:
            # whose it is depends on the order of all rows
            return self._make(table, stock, _NOTHING)
        for one in made.reads:
            one.mark(screening.noticed)
        return replace(made, screening=screening)

    def _read(self, table: Table, stock: Stock, known: Kept, screening: Screening) -> _Made:
        ingestion = self.ingestion
        seen = ingestion.scanner.seen
        moved = frozenset() if stock.is_new else moved_files(ingestion.connection, ingestion.schema, seen)
        spool = ingestion.afterwards.enter_context(
            RowSpool(
                ingestion.definition, table, ingestion.stamp, is_new=stock.is_new, moved=moved, screening=screening
            )
        )
        befores = known.sources or [KeptSource()] * len(self.sources)
        reads = []
        for opened, before in zip(self.sources, befores, strict=True):
            ingestion.progress.stage("making rows", opened.rows.steps)
            read = SourceRead(opened.source, opened.kind, kept=KeptSource(met=set(before.met)))
            try:
                for one in opened.rows.told(ingestion.progress.advance, read.kept.met):
                    take(read, spool, one, before)
            except UnreadableFileError as exc:
                raise DefinitionError(f"{opened.source.path}: {exc}.") from exc
            if not read.rows and not ingestion.options.allow_deletions:
                raise nothing_usable(ingestion.definition, read, spool)
            reads.append(read)
        return _Made(spool, tuple(reads), screening)

    # -- contents -----------------------------------------------------------------------------------------------------

    def _beside_published(self, contents: Contents, made: _Made, known: Kept, table: Table, stock: Stock) -> Contents:
        """The contents when most rows stay as they are published."""
        connection, schema = self.ingestion.connection, self.ingestion.schema
        staying = {row.granule_uid for row in made.reused}
        replaced = {row.granule_uid for unit in known.units for row in unit.rows} - staying
        paths = {
            (str(read.source.path), row.path)
            for read in made.reads
            for unit in read.reused.values()
            for row in unit.rows
        }
        files = [file for file in indexed_files(connection, schema) if (file.root, file.path) in paths]
        return replace(
            contents,
            files=(*files, *contents.files),
            counts=changed_counts(connection, table, replaced, contents.counts),
            passed_over=frozenset({schema, *(stock.by_dataset or ())}),
            granules=frozenset(replaced),
        )

    def _is_kept(self, made: _Made) -> bool:
        """Whether the next ingestion may make rows of a part of this."""
        return all(source.kind.keeps_units for source in self.sources) and made.rows <= _MOST_KEPT

    def _datasets(self, made: _Made) -> Iterator[Dataset]:
        definition = self.ingestion.definition
        yield from made.spool.datasets.values()
        if any(not source.kind.makes_datasets for source in self.sources):
            yield definition.closed(Dataset(definition.schema, definition.title, definition.description))

    def _account(self, made: _Made) -> Account:
        return Account(
            datasets=sum(1 for _ in self._datasets(made)),
            refused_rows=(
                *(
                    RefusedRows(one.path, one.reason, 1)
                    for read in made.reads
                    if read.kind.is_file
                    for one in read.refused
                ),
                *(RefusedRows(one.path, one.reason, 1) for one in made.spool.refused),
                *(RefusedRows(one.path, one.reason, 1, quarantined=True) for one in made.spool.quarantined),
            ),
            sources=tuple(map(count_files, made.reads)),
            remarks=tuple(remark for read in made.reads for remark in read.remarks),
            findings=made.screening.findings,
        )


def _unmoved(state: RowState) -> Contents:
    account = account_of(state)
    return Contents(
        rows=state.rows,
        blocks=lambda: iter(()),
        compared=0,
        datasets=(),
        files=(),
        counts={},
        account=replace(account, datasets_unchanged=account.datasets),
        unmoved=True,
    )
