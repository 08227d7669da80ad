"""The rules of EPN-TAP asked of rows, of what is published, and of a service over HTTP."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from epntap.catalog import ddl, publish
from epntap.catalog.model import Form, Schema, Table
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.epncore.columns import TABLE_UTYPE, table_columns
from epntap.epncore.rules.all_rules import (
    ALL_RULES,
    NO_SEVERITIES,
    ROW_RULES,
    Severity,
    applicable_rules,
    assertions_of,
    parse_severities,
)
from epntap.errors import DefinitionError, InputError, NotFoundError
from epntap.settings import Settings
from ingest.pipeline import ingest_service
from ingest.publish.rows.block import Block, copy_columns, copy_text
from ingest.publish.rows.quarantine import write_quarantine
from ingest.report import Report
from ingest.validation.cli import check
from ingest.validation.published import check_published
from ingest.validation.remote import check_remote
from ingest.validation.rows import bind_rules, examine, run_rules
from ingest.validation.screen import Specimen, screen_rows, screen_specimens
from tests.support.archives import SPASE_SOURCE, definition, record
from tests.support.granules import SCHEMA, WRONG_GRANULES, full_table, right_granule
from tests.support.server import Server, serve

RELATION = sql.Identifier("pg_temp", "granules")


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with connect(database, Role.OWNER) as own:
        yield own


def fill(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.pg_type)) for column in table.columns
    )
    connection.execute(sql.SQL("CREATE TEMPORARY TABLE granules ({}, place integer)").format(columns))
    with connection.cursor() as cursor, cursor.copy("COPY granules FROM STDIN") as copy:
        for place, row in enumerate(rows):
            copy.write_row([*(row[column.name] for column in table.columns), place])


def granule(number: int = 0, **changes: Any) -> dict[str, Any]:
    return right_granule() | {"granule_uid": f"granule-{number}"} | changes


def found(connection: Connection, *rows: Mapping[str, Any], table: Table | None = None) -> dict[str, int]:
    table = table or full_table()
    fill(connection, table, rows)
    return {finding.rule: finding.count for finding in run_rules(connection, RELATION, table)}


def test_a_right_granule_breaks_no_rule(connection: Connection) -> None:
    fill(connection, full_table(), [right_granule()])
    examined = examine(connection, RELATION, full_table())
    assert examined.findings == ()
    unasked = {rule.id for rule in ROW_RULES} - {bound.rule.id for bound in examined.rules}
    assert unasked == {"E1", "J7-absolute-datalink_url"}  # no value to judge; paths are allowed


def test_each_rule_has_a_wrong_granule() -> None:
    shown = {case.rule for case in WRONG_GRANULES}
    assert {rule.id for rule in ROW_RULES} - shown == {"C1-unique", "J7-absolute-datalink_url"}


def test_a_wrong_granule_breaks_its_rule_and_no_other(connection: Connection) -> None:
    table = full_table()
    fill(connection, table, (granule(number, **case.changes) for number, case in enumerate(WRONG_GRANULES)))
    broken: dict[int, set[str]] = defaultdict(set)
    for bound in bind_rules(connection, RELATION, table):
        query = sql.SQL("SELECT place FROM granules WHERE {}").format(bound.clause)
        for (place,) in connection.execute(query):
            broken[place].add(bound.rule.id)
    wrong = [
        f"{case}: {sorted(broken[place])}"
        for place, case in enumerate(WRONG_GRANULES)
        if not {case.rule} <= broken[place] <= {case.rule} | case.also
    ]
    assert not wrong, "\n".join(wrong)


def test_all_wrong_granules_are_counted_in_one_go(connection: Connection) -> None:
    counts = found(connection, *(granule(number, **case.changes) for number, case in enumerate(WRONG_GRANULES)))
    assert set(counts) == {case.rule for case in WRONG_GRANULES}
    assert counts["B7-obs_id"] == 2


def test_a_name_that_comes_twice(connection: Connection) -> None:
    assert found(connection, granule(1), granule(2), granule(2)) == {"C1-unique": 2}


def test_the_primary_key_makes_names_unique(connection: Connection) -> None:
    table = replace(full_table(), primary_key=("granule_uid",))
    assert found(connection, granule(2), granule(2), table=table) == {}


def test_a_path_is_wrong_where_whole_addresses_are_published(connection: Connection) -> None:
    table = full_table()
    columns = tuple(replace(c, form=Form.PLAIN) if c.name == "datalink_url" else c for c in table.columns)
    assert found(connection, granule(), table=replace(table, columns=columns)) == {"J7-absolute-datalink_url": 1}


def test_other_than_ascii_is_right_in_unicode_columns(connection: Connection) -> None:
    table = full_table()
    columns = tuple(replace(c, datatype="unicodeChar") if c.name == "publisher" else c for c in table.columns)
    assert (
        found(connection, granule(publisher="Observatoire de l\u2019\u00cele"), table=replace(table, columns=columns))
        == {}
    )


def test_empty_optional_texts_are_no_values(connection: Connection) -> None:
    empty = {c.name: "" for c in full_table().columns if c.pg_type == "text" and c.nullable}
    nothing = {c.name: None for c in full_table().columns if c.name.startswith(("particle", "access_estsize"))}
    assert found(connection, granule() | empty | nothing) == {}


def test_rules_about_missing_or_odd_columns_are_not_asked() -> None:
    table = full_table()
    columns = tuple(replace(c, pg_type="text") if c.name == "time_min" else c for c in table.columns if c.name != "ra")
    asked = {rule.id for rule in applicable_rules(replace(table, columns=columns))}
    assert {"G1-time", "B6-time", "H3-ra"}.isdisjoint(asked)
    assert {"G7-local_time", "H3-dec"} <= asked


def test_a_finding_names_the_first_granules_and_their_values(connection: Connection) -> None:
    fill(connection, full_table(), [granule(n, time_min=3.0, time_max=2.0) for n in range(8)])
    findings = {one.rule: one for one in run_rules(connection, RELATION, full_table())}
    finding = findings["B6-time"]
    assert finding.count == 8
    assert finding.granules == tuple(f"granule-{n}" for n in range(5))
    assert str(finding.examples[0]) == "granule-0: time_min='3', time_max='2'"
    assert "both NULL" in finding.expected
    assert finding.severity is Severity.REFUSE


def test_severities_can_be_chosen(connection: Connection) -> None:
    fill(connection, full_table(), [granule(time_min=1.0, time_max=2.0, target_name="jupiter")])
    chosen = parse_severities({"G1": "warn", "F3": "refuse"})
    findings = run_rules(connection, RELATION, full_table(), chosen)
    assert {one.rule: one.severity for one in findings} == {"G1-time": Severity.WARN, "F3": Severity.REFUSE}


# -- rows that are kept away ------------------------------------------------------------------------------------------


@pytest.fixture
def service(connection: Connection) -> str:
    connection.execute(
        "INSERT INTO archive.service (schema_name, title, first_ingested, last_ingested) "
        "VALUES (%s, 'x', now(), now())",
        (SCHEMA,),
    )
    return SCHEMA


def test_the_service_role_may_list_and_forget_but_not_change(database: Database) -> None:
    with connect(database, Role.SERVICE, autocommit=True) as own:
        assert own.execute("SELECT count(*) FROM archive.quarantine").fetchone() == (0,)
        assert own.execute("DELETE FROM archive.quarantine").rowcount == 0
    with connect(database, Role.READER, autocommit=True) as own, pytest.raises(psycopg.errors.InsufficientPrivilege):
        own.execute("SELECT 1 FROM archive.quarantine")


# -- the sample archive, here and over HTTP ---------------------------------------------------------------------------


def test_the_sample_archive_breaks_no_rule(demo_database: Database) -> None:
    report = check_published(demo_database, "amdadb")
    assert report.findings == ()
    assert report.rows > 50
    assert report.headline.endswith("nothing wrong")


def test_an_unknown_schema_is_named(demo_database: Database) -> None:
    with pytest.raises(NotFoundError, match=r"no table amdab.epn_core; published are amdadb, .*Did you mean 'amdadb'"):
        check_published(demo_database, "amdab")


def test_a_served_table_breaks_no_rule(demo_database: Database, served: Server) -> None:
    report = check_remote(demo_database, served.tap, table_name="amdadb")
    assert report.findings == ()
    assert report.rows == check_published(demo_database, "amdadb").rows
    assert (report.table, report.partial) == ("amdadb.epn_core", False)


def test_only_some_rows_of_a_served_table(demo_database: Database, served: Server) -> None:
    report = check_remote(demo_database, served.tap, table_name="amdadb", maxrec=7)
    assert (report.rows, report.partial) == (7, True)
    assert "7 rows (not the whole table)" in report.headline


def test_pages_lose_no_row(demo_database: Database, served: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.validation.remote.PAGE_ROWS", 13)
    report = check_remote(demo_database, served.tap, table_name="amdadb")
    assert report.findings == ()
    assert (report.rows, report.partial) == (check_published(demo_database, "amdadb").rows, False)
    cut = check_remote(demo_database, served.tap, table_name="amdadb", maxrec=30)
    assert (cut.rows, cut.partial) == (30, True)


def test_a_table_that_the_service_does_not_have(demo_database: Database, served: Server) -> None:
    with pytest.raises(NotFoundError, match=r"no EPN-TAP table vexgraph; it has amdadb.epn_core"):
        check_remote(demo_database, served.tap, table_name="vexgraph")


def test_one_of_several_tables_must_be_chosen(demo_database: Database, served: Server) -> None:
    with pytest.raises(NotFoundError, match=r"choose one with --table: amdadb.epn_core, illu67p.epn_core, transplanet"):
        check_remote(demo_database, served.tap)


def test_an_address_without_a_service(demo_database: Database, served: Server) -> None:
    with pytest.raises(InputError, match="cannot be asked"):
        check_remote(demo_database, f"{served.base}/nothing")


def test_wrong_rows_and_descriptions_are_found_over_http(database: Database, tmp_path: Path) -> None:
    table = Table(
        schema="odd",
        name="epn_core",
        columns=tuple(
            replace(c, unit="km" if c.name == "time_exp_min" else c.unit)
            for c in table_columns(["access_url"])
            if c.name != "c3max"
        ),
        utype=TABLE_UTYPE,
    )
    rows = [granule(n, service_title="odd", time_min=float(n), spatial_frame_type="none") for n in range(4)]
    with connect(database, Role.OWNER) as own:
        ddl.create_table(own, table)
        publish.publish_table(own, Schema("odd"), table)
        insert(own, table, *rows)
    with serve(database, tmp_path) as server:
        report = check_remote(database, server.tap)
    here = check_published(database, "odd")
    findings = {one.rule: one for one in report.findings}
    assert {one.rule: (one.count, one.details) for one in here.findings} == {
        rule: (one.count, one.details) for rule, one in findings.items()
    }
    assert findings["A3"].details == ("c3max is missing",)
    assert findings["A4"].details == ("c3max is missing beside c3min",)
    assert findings["B9-unit"].details == ("time_exp_min has the unit km instead of s",)
    assert findings["G1-time"].count == 4
    assert report.refused >= 3


# -- the command ------------------------------------------------------------------------------------------------------


def run(database: Database, *arguments: str) -> Result:
    settings = Settings(database_url=database.url)
    return CliRunner().invoke(check, list(arguments), obj=settings)


def test_the_command_reports_as_text_json_and_page(demo_database: Database, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = run(demo_database, "amdadb", "--html", str(page))
    assert (result.exit_code, result.output.count("\n")) == (0, 1)
    assert "nothing wrong" in result.output
    assert "All rules are kept." in page.read_text()
    document = json.loads(run(demo_database, "amdadb", "--json").output)
    assert (document["table"], document["findings"], document["partial"]) == ("amdadb.epn_core", [], False)


def test_the_command_fails_when_a_rule_is_broken(demo_database: Database, tmp_path: Path) -> None:
    with connect(demo_database, Role.SERVICE) as own:
        (uid,) = own.execute("SELECT min(granule_uid) FROM amdadb.epn_core").fetchone() or ("",)
    choices = tmp_path / "service.toml"
    choices.write_text('[validation]\nH5 = "refuse"\n')
    assert run(demo_database, "amdadb", "--severities", str(choices)).exit_code == 0
    choices.write_text('[validation]\nH55 = "refuse"\n')
    result = run(demo_database, "amdadb", "--severities", str(choices))
    assert result.exit_code == 1
    assert "there is no rule 'H55'" in str(result.exception)
    assert uid


def test_the_rules_can_be_listed(demo_database: Database) -> None:
    result = run(demo_database, "--rules")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == len(ALL_RULES)
    for arguments in (("--rules", "--json"), ("--json", "--rules")):
        listed = json.loads(run(demo_database, *arguments).output)
        assert [one["id"] for one in listed] == [rule.id for rule in ALL_RULES]
        assert listed[0]["expected"] == ALL_RULES[0].expected


# -- constraints ------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_table(database: Database) -> Table:
    """A published table with one right row, all columns mandatory."""
    table = Table("plasma", "epn_core", table_columns(["messenger"]), utype=TABLE_UTYPE, primary_key=("granule_uid",))
    with connect(database, Role.OWNER) as own:
        ddl.create_table(own, table)
        insert(own, table, granule())
    return table


def insert(connection: Connection, table: Table, *rows: Mapping[str, Any]) -> None:
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    target = sql.Identifier(table.schema, table.name)
    with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(target, names)) as copy:
        for row in rows:
            copy.write_row([row[column.name] for column in table.columns])


#: questions of a validator
QUESTIONS = (
    "(time_min IS NULL AND time_max IS NOT NULL) OR time_min > time_max",
    "c1min IS NULL AND c1max IS NOT NULL OR c1min IS NOT NULL AND c1max IS NULL",
    "NOT time_min BETWEEN 2086000 AND 2817000",
    "NOT processing_level BETWEEN 1 AND 6",
    "service_title != 'plasma' OR service_title IS NULL",
    "spatial_frame_type NOT IN ('celestial', 'body', 'cartesian', 'spherical', 'cylindrical', 'none')",
    "spatial_frame_type IS NULL",
    "obs_id IS NULL",
)


def constrain(connection: Connection, table: Table, severities: Mapping[str, Severity] = NO_SEVERITIES) -> None:
    checks = [
        sql.SQL("ADD CHECK ({})").format(sql.SQL(one))
        for conditions in assertions_of(table, severities).values()
        for one in conditions
    ]
    name = sql.Identifier(table.schema, table.name)
    connection.execute(sql.SQL("ALTER TABLE {} {}").format(name, sql.SQL(", ").join(checks)))


def test_rules_as_constraints_answer_validators_without_a_scan(database: Database, small_table: Table) -> None:
    with connect(database, Role.OWNER, autocommit=True) as own:
        constrain(own, small_table)
        own.execute("SET constraint_exclusion = on")
        for question in QUESTIONS:
            plan = own.execute(f"EXPLAIN SELECT 1 FROM plasma.epn_core WHERE {question}").fetchall()
            assert "epn_core" not in str(plan), question


def test_rules_as_constraints_take_right_rows_and_no_wrong_ones(database: Database, small_table: Table) -> None:
    with connect(database, Role.OWNER, autocommit=True) as own:
        constrain(own, small_table)
        nothing = {c.name: None for c in small_table.columns if c.nullable}
        insert(own, small_table, granule(1) | nothing, granule(2, messenger="", processing_level=None))
        with pytest.raises(psycopg.errors.CheckViolation):
            insert(own, small_table, granule(3, time_min=2451912.5))


def test_a_rule_that_only_warns_makes_no_constraint(small_table: Table) -> None:
    assert "B6-time" in assertions_of(small_table)
    assert "B6-time" not in assertions_of(small_table, parse_severities({"B6": "warn"}))


# -- before a load ----------------------------------------------------------------------------------------------------


def test_specimens_stand_for_the_rows_of_their_dataset(connection: Connection, service: str) -> None:
    found = [
        Specimen("right", 300, granule(0)),
        Specimen("early", 20, granule(1, time_min=1.0, time_max=2.0)),
        Specimen("early", 5, granule(2, time_min=1.0, time_max=2.0)),
        Specimen("wrong", 7, granule(3, target_class="moon", target_name="x", time_min=1.0)),
        Specimen("odd", 3, granule(4, target_name="jupiter")),
    ]
    screening = screen_specimens(connection, full_table(), found)
    assert {one.rule: one.count for one in screening.findings} == {"G1-time": 32, "F1": 7, "F3": 3}
    assert screening.refused == {"wrong": ("F1",)}
    assert screening.quarantined == {"early": ("G1-time",)}
    assert screening.reason("right") is None
    assert screening.reason("odd") is None
    assert (screening.reason("wrong") or "").startswith("rule F1: target_class is made of the terms asteroid")
    assert (screening.reason("early") or "").startswith("quarantine: rule G1-time: time_min and time_max are between")
    write_quarantine(connection, service, screening.set_aside)
    assert connection.execute(
        "SELECT granule_uid, rules, granules, content ->> 'time_min' FROM archive.quarantine ORDER BY 1"
    ).fetchall() == [("granule-1", ["G1-time"], 20, "1"), ("granule-2", ["G1-time"], 5, "1")]
    write_quarantine(connection, service, ())
    assert connection.execute("SELECT count(*) FROM archive.quarantine").fetchone() == (0,)


def test_rows_ready_for_copy_are_screened_one_by_one(connection: Connection) -> None:
    table = full_table()
    rows = [granule(n, creation_date=None, target_class="moon" if n == 3 else "planet#satellite") for n in range(5)]
    lines = ["\t".join(copy_text(row[name]) for name in copy_columns(table)) for row in rows]
    screening = screen_rows(connection, table, [Block("".join(f"{line}\n" for line in lines).encode(), 5)])
    assert screening.refused == {"granule-3": ("F1",)}
    assert screening.set_aside == ()


# -- in an ingestion --------------------------------------------------------------------------------------------------

NOW = datetime.fromisoformat("2026-01-31T10:00:00")


def query(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with connect(database, Role.OWNER) as own:
        return own.execute(sql.SQL(statement)).fetchall()


def adds_up(report: Report) -> bool:
    count = report.granules
    kept_away = count.refused + count.quarantined
    return (
        count.seen == count.loaded + count.unchanged + kept_away
        and report.total_rows == count.loaded + count.unchanged
        and kept_away == sum(one.rows for one in report.account.refused_rows)
    )


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Two datasets of ten days each, the second eleven centuries ago."""
    record(tmp_path, "syn-mag")
    record(tmp_path, "syn-old", start="0901-01-01T00:00:00Z", stop="0901-01-10T12:00:00Z")
    return tmp_path


def test_a_doubtful_dataset_goes_into_quarantine(database: Database, records: Path) -> None:
    report = ingest_service(definition(records, SPASE_SOURCE), database, now=NOW)
    assert adds_up(report)
    assert (report.granules.inserted, report.granules.quarantined, report.granules.refused) == (10, 10, 0)
    assert [(one.rule, one.count) for one in report.account.findings] == [("G1-time", 10)]
    assert "10 loaded + 0 unchanged + 0 refused + 10 in quarantine" in report.to_text()
    assert report.to_json()["findings"][0]["rule"] == "G1-time"
    assert query(database, "SELECT DISTINCT dataset_id FROM plasma.epn_core") == [("syn-mag",)]
    assert query(database, "SELECT rules, granules, content ->> 'dataset_id' FROM archive.quarantine") == [
        (["G1-time"], 10, "syn-old")
    ]
    assert check_published(database, "plasma").findings == ()


def test_a_definition_may_let_it_through(database: Database, records: Path) -> None:
    ingest_service(definition(records, SPASE_SOURCE), database, now=NOW)
    report = ingest_service(definition(records, SPASE_SOURCE, "[validation]\nG1 = 'warn'"), database, now=NOW)
    assert adds_up(report)
    assert (report.granules.inserted, report.granules.unchanged, report.granules.quarantined) == (10, 10, 0)
    assert query(database, "SELECT count(*) FROM plasma.epn_core") == [(20,)]
    assert query(database, "SELECT count(*) FROM archive.quarantine") == [(0,)]
    again = ingest_service(definition(records, SPASE_SOURCE, "[validation]\nG1 = 'refuse'"), database, now=NOW)
    assert adds_up(again)
    assert (again.granules.deleted, again.granules.refused) == (10, 10)
    assert "rule G1-time" in again.account.refused_rows[0].reason


def test_a_wrong_value_of_a_definition_is_refused_before_anything_is_read(records: Path) -> None:
    with pytest.raises(DefinitionError, match=r"messenger must be one of .* Did you mean 'Radio'"):
        definition(records, SPASE_SOURCE, "[columns]\nmessenger = 'radio'")


def test_an_unknown_rule_in_a_definition_is_named(records: Path) -> None:
    with pytest.raises(DefinitionError, match=r"\[validation\]: there is no rule 'G1-tim'"):
        definition(records, SPASE_SOURCE, "[validation]\nG1-tim = 'warn'")


TABLE_SOURCE = """
[[source]]
kind = "table"
path = "granules.csv"

[source.columns]
granule_uid = "id"
obs_id = "id"
target_name = "target"
time_min = "start"
time_max = "stop"
sun_distance_min = "distance"

[columns]
granule_gid = "all"
dataproduct_type = "ci"
target_class = "planet"
"""

CSV = """id,target,start,stop,distance
a,Mars,2001-01-01,2001-01-02,1.5
b,Mars,2001-01-03,2001-01-02,1.5
c,jupiter,2001-01-03,2001-01-04,5
d,Mars,2001-01-03,2001-01-04,-1
"""


def test_rows_of_a_table_are_judged_one_by_one(database: Database, tmp_path: Path) -> None:
    (tmp_path / "granules.csv").write_text(CSV)
    for _ in range(2):
        report = ingest_service(definition(tmp_path, TABLE_SOURCE), database, now=NOW)
        assert adds_up(report)
        assert (report.total_rows, report.granules.refused, report.granules.quarantined) == (2, 1, 1)
        assert query(database, "SELECT granule_uid FROM plasma.epn_core ORDER BY 1") == [("a",), ("c",)]
        assert query(database, "SELECT granule_uid, rules FROM archive.quarantine") == [("d", ["R-sun_distance"])]
    assert {one.rule: one.count for one in report.account.findings} == {"R-sun_distance": 1, "F3": 1}
    assert [one.rule for one in check_published(database, "plasma").findings] == ["F3"]
