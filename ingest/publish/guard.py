"""What an ingestion does not do unasked: to delete most of what is published because an archive is not at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from psycopg import sql

from epntap.archive.kept.counts import is_as_ingested
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.errors import SetupError
from ingest.files.shelf import are_among
from ingest.files.walk import UNREADABLE_FOLDER, Tree
from ingest.publish.rows.copy import CHANGED, STAGED
from ingest.publish.stock import Stock

__all__ = ["refuse_equal_uids", "refuse_lost_files", "refuse_lost_rows", "refuse_other_writers"]


_IF_SO = "if that is as it should be, run again with --allow-deletions"


def refuse_lost_files(schema: str, indexed: Iterable[Sequence[tuple[str, str]]], trees: Sequence[Tree]) -> None:
    """Raise SetupError when an archive is empty, unreadable or has lost most of the files that were indexed.

    `indexed` are root and path of these, in pieces.
    """
    present = np.sort(np.fromiter((hash(path) for tree in trees for path in tree.files), np.int64))
    unreadable = {
        (str(tree.root), one.path): 0
        for tree in trees
        for one in tree.refusals
        if one.reason.startswith(UNREADABLE_FOLDER)
    }
    before: Counter[str] = Counter()
    total = lost = 0
    for some in indexed:
        total += len(some)
        lost += len(some) - int(are_among(present, np.fromiter((hash(path) for _, path in some), np.int64)).sum())
        before.update(root for root, _ in some)
        for root, folder in unreadable:
            unreadable[root, folder] += sum(one == root and path.startswith(f"{folder}/") for one, path in some)
    for tree in trees:
        root = str(tree.root)
        if before[root] and not tree.files:
            raise SetupError(
                f"{root} holds no file, but {before[root]:,} of its files were indexed before: is it mounted? "
                f"Nothing was changed; {_IF_SO}."
            )
        for folder in (one.path for one in tree.refusals if unreadable.get((root, one.path))):
            raise SetupError(
                f"The folder {root}/{folder} cannot be read, but files in it were indexed before. "
                f"Nothing was changed; {_IF_SO}."
            )
    if lost * 2 > total:
        roots, elsewhere = [str(tree.root) for tree in trees], ""
        if before.keys().isdisjoint(roots):
            elsewhere = (
                f" They lay below {' and '.join(sorted(before))}, and this definition looks below "
                f"{' and '.join(roots)}: if it is another service, give it another schema."
            )
        raise SetupError(
            f"Of the {total:,} files of {schema} that were indexed, {lost:,} are gone.{elsewhere} "
            f"Nothing was changed; {_IF_SO}."
        )


def refuse_lost_rows(connection: Connection, table: Table, stock: Stock, withdrawn: Collection[str]) -> None:
    """Raise SetupError when a merge is about to delete more than half of the rows of a table.

    Rows of withdrawn datasets do not count, nor do those in whose place another of the same obs_id comes.
    """
    row = connection.execute(sql.SQL("SELECT count(*) FROM {} WHERE staged_uid IS NULL").format(CHANGED)).fetchone()
    if row is None or row[0] * 2 <= stock.rows:
        return
    published = "t.dataset_id <> ALL (%s)" if stock.by_dataset is not None else "%s::text[] IS NOT NULL"
    lost = connection.execute(
        sql.SQL(
            "SELECT count(*) FROM {changed} c JOIN {table} t ON t.granule_uid = c.stored_uid "
            "WHERE c.staged_uid IS NULL AND {published} AND NOT EXISTS ("
            "SELECT FROM {changed} n JOIN {staged} s ON s.granule_uid = n.staged_uid "
            "WHERE n.stored_uid IS NULL AND s.obs_id = t.obs_id)"
        ).format(
            changed=CHANGED,
            staged=STAGED,
            published=sql.SQL(published),
            table=sql.Identifier(table.schema, table.name),
        ),
        (list(withdrawn),),
    ).fetchone()
    if lost is not None and lost[0] * 2 > stock.rows:
        raise SetupError(
            f"This ingestion would delete {lost[0]:,} of the {stock.rows:,} granules of {table.qualified_name}. "
            f"Nothing was changed; {_IF_SO}."
        )


def refuse_equal_uids(connection: Connection) -> None:
    """Raise SetupError when two of the rows that are about to be merged have the same granule_uid."""
    row = connection.execute(
        sql.SQL("SELECT granule_uid FROM {} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1").format(STAGED)
    ).fetchone()
    if row is not None:
        raise SetupError(
            f"Two granules have the same granule_uid ({row[0]}), from sources of different kinds; nothing was changed."
        )


def refuse_other_writers(connection: Connection, schema: str) -> None:
    """Raise SetupError when somebody wrote to the table since this run began.

    In a transaction: until its end who wants to do so has to wait.
    """
    if not is_as_ingested(connection, schema):
        raise SetupError(
            f"Somebody else has just written to {schema}.epn_core. Nothing was changed; please run again, all granules "
            "will be compared then."
        )
