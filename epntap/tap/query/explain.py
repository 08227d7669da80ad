"""What a query would cost, in words for whoever is about to ask it. No I/O here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from epntap.catalog.model import Catalog, Table
from epntap.db.rows.plan import LONG_COST, Plan
from epntap.upload.model import SCHEMA

__all__ = ["Explanation", "explanation"]

_INDEXED = frozenset({"Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan", "Tid Range Scan"})
#: what makes a scan end before the end of its table
_ENDS_EARLY = "Limit"
#: what has to see all rows before it gives the first
_NEEDS_ALL = frozenset({"Sort", "Aggregate", "Hash", "Materialize", "WindowAgg", "SetOp"})
#: our own tables, behind what is published
_ARCHIVE, _COUNTS = "archive", "value_count"
_KEPT = "It reads the counts that ingestion keeps, not the rows."
_AT_ONCE_S = 0.1
#: a synchronous query that may take a third of its limit is better a job
_RISKY_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would be done for a query."""

    #: with the values in it
    sql: str
    #: as the planner expects them, after MAXREC
    rows: int
    #: roughly
    seconds: float
    #: whole sentences, the most important first
    sentences: tuple[str, ...]
    #: whether it had better be a job
    is_long: bool


def explanation(sql: str, plan: Plan, catalog: Catalog, *, maxrec: int, timeout_s: float) -> Explanation:
    """The plan in words. `maxrec` is the limit of rows, `timeout_s` that of a synchronous query."""
    rows = round(float(plan["Plan Rows"]))
    seconds = float(plan["Total Cost"]) / LONG_COST
    is_long = seconds > timeout_s * _RISKY_SHARE
    sentences = [_rows_in_words(rows, maxrec), *dict.fromkeys(_reads(plan, catalog)), _time_in_words(seconds)]
    if is_long:
        sentences.append(
            f"A query that waits for its answer has {timeout_s:,.0f} s: run this one as a job, or narrow it."
        )
    return Explanation(sql, min(rows, maxrec), seconds, tuple(sentences), is_long)


def _rows_in_words(rows: int, maxrec: int) -> str:
    if rows > maxrec:
        return f"More than {_counted(maxrec, 'row')} are expected: the answer ends there (MAXREC)."
    return "About one row is expected." if rows <= 1 else f"About {rows:,} rows are expected."


def _time_in_words(seconds: float) -> str:
    if seconds < _AT_ONCE_S:
        return "It takes less than a tenth of a second."
    if seconds < 1:
        return f"It takes about {seconds:.1f} s."
    if seconds < 120:
        return f"It takes roughly {_rounded(seconds):,} s."
    return f"It takes roughly {_rounded(seconds / 60):,} minutes."


def _rounded(value: float) -> int:
    """Of an estimate, one digit is worth saying."""
    size: int = 10 ** max(0, int(math.log10(value)))
    return max(1, round(value / size) * size)


def _reads(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """A sentence for each way in which a table is read."""
    found = list(_scans(plan, math.inf))
    if not found:
        yield "It reads no table."
    for node, most in found:
        schema, relation = str(node["Schema"]), str(node["Relation Name"])
        if schema == _ARCHIVE:
            yield _KEPT if relation == _COUNTS else "It reads the catalogue of datasets."
        elif schema.startswith("pg_temp"):
            yield f"It reads the uploaded table {SCHEMA}.{relation}."
        else:
            yield _read(node, catalog.table(schema, relation), f"{schema}.{relation}", most)


def _read(node: Plan, table: Table | None, name: str, most: float) -> str:
    """How a published table is read, of which `most` rows are enough."""
    rows = max(1, round(float(node["Plan Rows"])))
    if str(node["Node Type"]).removeprefix("Parallel ") in _INDEXED:
        return f"It reads an index of {name}, about {_counted(min(rows, most), 'row')}."
    if rows > most:
        return f"It reads {name} from its beginning until it has enough rows."
    of = "" if table is None or table.rows is None else f" of {_counted(table.rows, 'row')}"
    return f"It reads the whole table {name}{of}."


def _scans(node: Plan, most: float) -> Iterator[tuple[Plan, float]]:
    """The nodes that read tables, each with the number of its rows after which it may stop."""
    kind = str(node["Node Type"])
    below: Sequence[Plan] = node.get("Plans", ())
    if kind == _ENDS_EARLY:
        most = float(node["Plan Rows"])
        if any(one.get("Parent Relationship") == "InitPlan" for one in below):
            return  # reads rows only where nobody has counted them
    elif kind in _NEEDS_ALL:
        most = math.inf
    if "Relation Name" in node and "Schema" in node:
        yield node, most
    for one in below:
        yield from _scans(one, most)


def _counted(count: float, what: str) -> str:
    return f"{count:,.0f} {what}" if count == 1 else f"{count:,.0f} {what}s"
