"""The rules asked before rows are loaded, so that nothing wrong is published and all counts stay true.

Rows of a dataset are alike but for name, time and file; so of each dataset only specimens are looked at. Sources that
describe every row are looked at row by row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from psycopg import sql

from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.epncore.rules.all_rules import NO_SEVERITIES, Rule, Severity, applicable_rules
from ingest.facts import Value
from ingest.findings import Finding
from ingest.publish.rows.block import ROW_DATES, Block, copy_columns
from ingest.publish.rows.quarantine import SetAside
from ingest.validation.rows import Examination, examine

__all__ = ["NOTHING_WRONG", "Screening", "Specimen", "screen_rows", "screen_specimens"]


_SCREENED = sql.Identifier("pg_temp", "screened_granules")
_FIRST = sql.SQL("(SELECT * FROM {} LIMIT 1) first_row").format(_SCREENED)


@dataclass(frozen=True, slots=True)
class Specimen:
    """A row that stands for others."""

    #: what is refused with it: a dataset, or the path of a file
    key: str
    #: how many rows are like it
    rows: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Screening:
    """What may not be published. Keys are those of specimens, or the granule_uid of rows."""

    findings: tuple[Finding, ...] = ()
    #: key -> rules of severity refuse that are broken
    refused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: key -> rules of severity quarantine that are broken; what is refused is not here as well
    quarantined: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    #: keys that break a rule of any severity
    noticed: frozenset[str] = frozenset()

    def is_quarantined(self, key: str) -> bool:
        """Whether the rows of a key are set aside and not refused."""
        return key in self.quarantined

    def reason(self, key: str) -> str | None:
        """Why the rows of a key are left out, as a sentence without its full stop; None if they are not."""
        for found, what in ((self.refused, ""), (self.quarantined, "quarantine: ")):
            if key in found:
                expected = {finding.rule: finding.expected.rstrip(".") for finding in self.findings}
                return what + "; ".join(f"rule {rule}: {expected[rule]}" for rule in found[key])
        return None


NOTHING_WRONG = Screening()


def screen_specimens(
    connection: Connection,
    table: Table,
    found: Iterable[Specimen],
    severities: Mapping[str, Severity] = NO_SEVERITIES,
) -> Screening:
    """Ask the rules of the specimens; counts are of the rows that they stand for."""
    names = [column.name for column in table.columns]
    with connection.transaction(force_rollback=True):
        _make_room(connection, table, names, "key text, standing_for bigint")
        with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(_SCREENED)) as copy:
            for one in found:
                copy.write_row([*(one.values.get(name) for name in names), one.key, one.rows])
        examined = examine(connection, _SCREENED, table, severities)
        return _screening(connection, examined, "key", "standing_for")


def screen_rows(
    connection: Connection,
    table: Table,
    blocks: Iterable[Block],
    severities: Mapping[str, Severity] = NO_SEVERITIES,
    *,
    constant: Collection[str] = (),
) -> Screening:
    """Ask the rules of rows that are ready for COPY; keys are their granule_uid.

    `constant` are columns that have one value in all rows: rules about them are asked of the first. Dates that
    ingestion fills in later may be missing.
    """
    names = copy_columns(table)
    with connection.transaction(force_rollback=True):
        _make_room(connection, table, names, "")
        statement = sql.SQL("COPY {} FROM STDIN").format(_SCREENED)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for block in blocks:
                copy.write(block.text)
        shared = {*constant, *_shared_dates(connection)}
        rules = _without_dates(table)
        of_first = [rule for rule in rules if shared.issuperset(rule.columns)]
        broken = {one.rule.id for one in examine(connection, _FIRST, table, severities, rules=of_first).fired}
        of_all = [rule for rule in rules if rule.id in broken or not shared.issuperset(rule.columns)]
        examined = examine(connection, _SCREENED, table, severities, rules=of_all)
        return _screening(connection, examined, "granule_uid", "1")


def _shared_dates(connection: Connection) -> frozenset[str]:
    """Those of the dates of a row that are the same in all; usually that of the ingestion."""
    same = [
        sql.SQL("bool_and(s.{0} IS NOT DISTINCT FROM first_row.{0})").format(sql.Identifier(name)) for name in ROW_DATES
    ]
    row = connection.execute(
        sql.SQL("SELECT {} FROM {} s, {}").format(sql.SQL(", ").join(same), _SCREENED, _FIRST)
    ).fetchone()
    assert row is not None
    return frozenset(name for name, shared in zip(ROW_DATES, row, strict=True) if shared)


def _without_dates(table: Table) -> tuple[Rule, ...]:
    return tuple(
        rule for rule in applicable_rules(table) if not (rule.family == "B7" and set(rule.columns) <= set(ROW_DATES))
    )


def _make_room(connection: Connection, table: Table, names: Iterable[str], more: str) -> None:
    types = {column.name: column.pg_type for column in table.columns}
    columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(types[name])) for name in names]
    if more:
        columns.append(sql.SQL("{}").format(sql.SQL(more)))
    connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(_SCREENED, sql.SQL(", ").join(columns)))


def _screening(connection: Connection, examined: Examination, key: str, weight: str) -> Screening:
    by_severity: dict[Severity, dict[str, list[str]]] = {severity: defaultdict(list) for severity in Severity}
    counts: dict[str, int] = {}
    noticed: set[str] = set()
    for bound in examined.fired:
        rows = connection.execute(
            sql.SQL("SELECT {}, {} FROM {} WHERE {}").format(sql.SQL(key), sql.SQL(weight), _SCREENED, bound.clause)
        ).fetchall()
        counts[bound.rule.id] = sum(int(row[1]) for row in rows)
        for one in dict.fromkeys(row[0] for row in rows):
            by_severity[bound.severity][one].append(bound.rule.id)
            noticed.add(one)
    refused = {one: tuple(rules) for one, rules in by_severity[Severity.REFUSE].items()}
    quarantined = {one: tuple(rules) for one, rules in by_severity[Severity.QUARANTINE].items() if one not in refused}
    return Screening(
        findings=tuple(replace(finding, count=counts[finding.rule]) for finding in examined.findings),
        refused=refused,
        quarantined=quarantined,
        set_aside=_set_aside(connection, quarantined, key, weight),
        noticed=frozenset(noticed),
    )


def _set_aside(
    connection: Connection, quarantined: Mapping[str, tuple[str, ...]], key: str, weight: str
) -> tuple[SetAside, ...]:
    rows = (
        connection.execute(
            sql.SQL(
                "SELECT {key}, jsonb_strip_nulls(to_jsonb(s)) - 'key' - 'standing_for', {weight} FROM {screened} s"
                " WHERE {key} = ANY ({keys})"
            ).format(key=sql.SQL(key), weight=sql.SQL(weight), screened=_SCREENED, keys=sql.Literal(list(quarantined)))
        )
        if quarantined
        else ()
    )
    return tuple(SetAside(quarantined[one], content, int(count)) for one, content, count in rows)
