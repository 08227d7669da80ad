"""Tables that are spread by Citus: SQL in the forms that it takes. Citus itself is not here; what it takes is known."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import psycopg
import pytest
from pglast import parse_sql
from psycopg import sql

from epntap.adql import translate
from epntap.archive.kept.counts import write_value_counts
from epntap.catalog import ddl
from epntap.catalog.distributed import distribute, distributed_tables
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.db.migrate import OUR_SCHEMAS
from epntap.db.rows.failures import from_psycopg
from epntap.epncore.columns import table_columns
from epntap.errors import QueryError, SetupError
from epntap.schema.scripts import sql_directory
from epntap.settings import Settings, load_settings
from ingest.publish.rows.promises import drop_broken_promises, make_promises, promises_of
from tests.support.adql_sample import CATALOG

TABLE = Table("amdadb", "epn_core", table_columns(["publisher"]), primary_key=("granule_uid",))


class Recorder:
    """Stands in for a connection to a coordinator of Citus, or to a plain server: it keeps what is sent."""

    def __init__(self, *, citus: bool = True, spread: bool = True) -> None:
        self.sent: list[str] = []
        self._citus, self._spread = citus, spread
        self._answer: list[tuple[Any, ...]] = []

    def execute(self, statement: Any, _values: object = None) -> Recorder:
        text = statement if isinstance(statement, str) else statement.as_string(None)
        self.sent.append(text)
        self._answer = []
        if "to_regclass('pg_catalog.pg_dist_partition')" in text:
            self._answer = [(self._citus,)]
        elif "FROM pg_catalog.pg_dist_partition" in text and self._spread:
            self._answer = [("amdadb.epn_core",)]
        elif "FROM pg_constraint" in text:
            self._answer = [(name, "true") for name in promises_of(TABLE)]
        elif "bool_or" in text:
            self._answer = [(True,) * len(promises_of(TABLE))]
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._answer[0] if self._answer else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._answer

    def __iter__(self) -> Any:
        return iter(self._answer)

    def transaction(self) -> Any:
        from contextlib import nullcontext  # noqa: PLC0415  # only here

        return nullcontext()

    def altering(self) -> list[int]:
        """How many changes each ALTER TABLE makes."""
        parsed = [parse_sql(text)[0].stmt for text in self.sent if text.startswith("ALTER TABLE")]
        return [len(cast("Any", one).cmds) for one in parsed]


def connection(recorder: Recorder) -> Connection:
    return cast("Connection", recorder)


def altered_by(recorder: Recorder) -> list[int]:
    make_promises(connection(recorder), TABLE)
    drop_broken_promises(connection(recorder), TABLE, sql.Identifier("incoming"), 2.0)
    ddl.add_columns(connection(recorder), TABLE)
    return recorder.altering()


def test_each_change_of_a_spread_table_is_a_statement_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ddl, "stored_columns", lambda *_args: {"granule_uid": "text"})
    changes = altered_by(Recorder())
    assert set(changes) == {1}
    assert len(changes) == 2 * len(promises_of(TABLE)) + len(TABLE.columns) - 1
    at_once = altered_by(Recorder(spread=False))  # one reading of the table instead of many
    assert len(at_once) == 3
    assert sum(at_once) == len(changes)


def test_a_table_is_spread_before_it_has_rows_and_only_where_there_is_citus() -> None:
    recorder = Recorder()
    distribute(connection(recorder), TABLE, "granule_uid")
    assert recorder.sent[-2:] == [
        "SELECT set_config('citus.multi_shard_modify_mode', 'sequential', true)",
        "SELECT create_distributed_table(%s, %s)",
    ]
    with pytest.raises(SetupError, match="the database has no extension citus"):
        distribute(connection(Recorder(citus=False)), TABLE, "granule_uid")
    plain = Recorder(citus=False)
    assert distributed_tables(cast("Any", plain)) == frozenset()
    assert len(plain.sent) == 1  # what is not there is not asked for


def test_a_spread_table_has_no_trigger() -> None:
    class EnoughError(Exception):
        """What comes after the trigger."""

    class Until(Recorder):
        def execute(self, statement: Any, values: object = None) -> Recorder:
            found = super().execute(statement, values)
            if "value_count" in self.sent[-1]:
                raise EnoughError
            return found

    made = {}
    for spread in (True, False):
        recorder = Until(spread=spread)
        with pytest.raises(EnoughError):
            write_value_counts(connection(recorder), "amdadb", 1, {})
        made[spread] = any("CREATE TRIGGER" in text for text in recorder.sent)
    assert made == {True: False, False: True}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT COUNT(*) FROM amdadb.epn_core",
        "SELECT DISTINCT target_name FROM amdadb.epn_core",
        "SELECT TOP 1 target_name FROM amdadb.epn_core WHERE target_name IS NULL",
    ],
)
def test_counts_of_a_spread_table_stand_alone(query: str) -> None:
    counted = frozenset({"*", "target_name"})

    def statement(*, spread: bool) -> str:
        tables = tuple(
            replace(one, counted=counted, is_distributed=spread) if one.schema == "amdadb" else one
            for one in CATALOG.tables
        )
        return translate(query, replace(CATALOG, tables=tables), row_limit=101).statement.as_string(None)

    assert "LIMIT (SELECT" in statement(spread=False)
    alone = statement(spread=True)
    assert "udf.value_count" in alone
    assert "LIMIT (SELECT" not in alone
    assert '"amdadb"."epn_core"' not in alone  # no shard is asked
    parse_sql(re.sub(r"%\(\w+\)s", "NULL", alone))


def test_nothing_of_a_type_of_ours_is_asked_of_a_spread_table() -> None:
    recorder = Recorder()
    ddl.create_indexes(connection(recorder), TABLE)
    assert any("epn_core_times" in text for text in recorder.sent)
    assert not any("udf.time_span" in text for text in recorder.sent)
    query = "SELECT granule_uid FROM amdadb.epn_core WHERE time_min <= 2459000.5 AND time_max >= 2458999.5"
    for spread in (False, True):
        tables = tuple(replace(one, is_distributed=spread, longest=None) for one in CATALOG.tables)
        asked = translate(query, replace(CATALOG, tables=tables), row_limit=101).statement.as_string(None)
        assert ("udf.time_span" in asked) == (not spread)


def test_what_citus_cannot_do_is_a_mistake_that_can_be_mended() -> None:
    error = from_psycopg(psycopg.errors.FeatureNotSupported("complex joins are only supported when …"), timeout_s=1)
    assert isinstance(error, QueryError)
    assert "join by granule_uid" in error.message
    assert "complex joins" not in error.message


def test_schemas_can_be_there_before_any_version_is() -> None:
    """Citus wants them committed before a role is taken on; so none may be made in a way that fails then."""
    made = set()
    for file in sorted(sql_directory().rglob("*.sql")):
        for statement, is_soft, name in re.findall(
            r"^(CREATE SCHEMA (IF NOT EXISTS )?(\w+))", file.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert is_soft, f"{file}: {statement}"
            made.add(name)
    assert made == set(OUR_SCHEMAS)


def test_the_setting_names_the_column_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().distribute == ""
    monkeypatch.setenv("EPNTAP_DISTRIBUTE", "dataset_id")
    with pytest.raises(SetupError, match="EPNTAP_DISTRIBUTE must be granule_uid or nothing"):
        load_settings()
