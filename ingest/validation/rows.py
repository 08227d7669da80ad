"""The rules for rows, run by the database: all of them in one pass over a relation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.epncore.rules.all_rules import NO_SEVERITIES, Rule, Severity, TableFacts, applicable_rules, severity_of
from epntap.epncore.rules.model import array, quoted
from ingest.findings import Example, Finding

__all__ = ["BoundRule", "Examination", "bind_rules", "examine", "run_rules"]


#: granules that a finding names
EXAMPLES = 5
#: characters of a value in an example
LONGEST_VALUE = 120


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule with its condition for the rows of one relation."""

    rule: Rule
    severity: Severity
    condition: str

    @property
    def clause(self) -> sql.SQL:
        """The condition as a part of a statement."""
        return sql.SQL(self.condition)  # made from the rules, and from values as literals


@dataclass(frozen=True, slots=True)
class Examination:
    """What the rows of a relation are like."""

    rows: int
    findings: tuple[Finding, ...]
    #: the rules that were asked
    rules: tuple[BoundRule, ...]
    facts: TableFacts

    @property
    def fired(self) -> tuple[BoundRule, ...]:
        """The rules that some row breaks."""
        broken = {finding.rule for finding in self.findings}
        return tuple(bound for bound in self.rules if bound.rule.id in broken)


def run_rules(
    connection: Connection,
    relation: sql.Composable,
    table: Table,
    severities: Mapping[str, Severity] = NO_SEVERITIES,
) -> tuple[Finding, ...]:
    """The rules that rows of the relation break; `table` describes its columns."""
    return examine(connection, relation, table, severities).findings


def examine(
    connection: Connection,
    relation: sql.Composable,
    table: Table,
    severities: Mapping[str, Severity] = NO_SEVERITIES,
    *,
    rules: Sequence[Rule] | None = None,
) -> Examination:
    """Count the rows that break each rule, and name the first; `rules` are all that apply unless given.

    The relation is read once, and once more for each rule that is broken, until enough examples are found.
    """
    bound = bind_rules(connection, relation, table, severities, rules=rules)
    rows, counts, facts = _survey(connection, relation, table, bound)
    broken = [(one, count) for one, count in zip(bound, counts, strict=True) if count]
    examples = _examples(connection, relation, [one for one, _ in broken])
    findings = tuple(
        Finding.of(one.rule, one.severity, count, examples=examples.get(one.rule.id, ())) for one, count in broken
    )
    return Examination(rows, findings, bound, facts)


def bind_rules(
    connection: Connection,
    relation: sql.Composable,
    table: Table,
    severities: Mapping[str, Severity] = NO_SEVERITIES,
    *,
    rules: Sequence[Rule] | None = None,
) -> tuple[BoundRule, ...]:
    """The rules with their conditions; for those that judge values the distinct ones of the relation are read."""
    bound = []
    for rule in applicable_rules(table) if rules is None else rules:
        if rule.unique and table.primary_key == rule.columns:
            continue  # the database has seen to it
        condition = _condition(connection, relation, table, rule)
        if condition:
            bound.append(BoundRule(rule, severity_of(rule, severities), condition))
    return tuple(bound)


def _condition(connection: Connection, relation: sql.Composable, table: Table, rule: Rule) -> str:
    column = sql.Identifier(rule.columns[0])
    if rule.unique:
        repeated = sql.SQL("{0} IN (SELECT {0} FROM {1} GROUP BY 1 HAVING count(*) > 1)").format(column, relation)
        return repeated.as_string(connection)
    if rule.wrong_value is None:
        return rule.condition(table.schema)
    values = connection.execute(sql.SQL("SELECT DISTINCT {0} FROM {1} WHERE {0} <> ''").format(column, relation))
    wrong = [value for (value,) in values if rule.wrong_value(value)]
    return f"{quoted(rule.columns[0])} = ANY ({array(wrong)})" if wrong else ""


def _survey(
    connection: Connection, relation: sql.Composable, table: Table, bound: Sequence[BoundRule]
) -> tuple[int, list[int], TableFacts]:
    """Number of rows, number of those that break each rule, and what is the same in all of them."""
    targets = [
        sql.SQL("count(*)"),
        *_ends(table, "spatial_frame_type"),
        *_ends(table, "particle_spectral_type"),
        sql.SQL('count("s_region")' if table.column("s_region") else "0"),
        *(sql.SQL("count(*) FILTER (WHERE {})").format(one.clause) for one in bound),
    ]
    row = connection.execute(sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(targets), relation)).fetchone()
    assert row is not None
    facts = TableFacts(
        frame=row[1] if row[1] == row[2] else None,
        particles=row[3] if row[3] == row[4] else None,
        filled=frozenset({"s_region"} if row[5] else ()),
    )
    return row[0], list(row[6:]), facts


def _ends(table: Table, name: str) -> tuple[sql.Composable, sql.Composable]:
    column = table.column(name)
    if column is None or column.pg_type != "text":
        return sql.SQL("NULL"), sql.SQL("NULL")
    low, high = (sql.SQL(end).format(sql.Identifier(name)) for end in ('min({} COLLATE "C")', 'max({} COLLATE "C")'))
    return low, high


def _examples(
    connection: Connection, relation: sql.Composable, broken: Sequence[BoundRule]
) -> Mapping[str, tuple[Example, ...]]:
    found: dict[str, list[Example]] = {}
    for one in broken:
        columns = tuple(dict.fromkeys(("granule_uid", *one.rule.columns)))
        statement = sql.SQL("SELECT {} FROM {} WHERE {} LIMIT {}").format(
            sql.SQL(", ").join(
                sql.SQL("left({}::text, {})").format(sql.Identifier(name), LONGEST_VALUE) for name in columns
            ),
            relation,
            one.clause,
            EXAMPLES,
        )
        for row in connection.execute(statement):
            found.setdefault(one.rule.id, []).append(Example(row[0], dict(zip(columns, row, strict=True))))
    return {rule: tuple(examples) for rule, examples in found.items()}
