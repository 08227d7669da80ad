"""A session that does not act as its role, or not within its limits, is used for nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from epntap.db.pool import Database, Role, connect, open_pool, pooled, prove
from epntap.errors import SetupError, UnavailableError
from tests.support.lossy_proxy import without_options
from tests.support.server import free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@pytest.fixture
def behind_a_proxy(database: Database) -> Iterator[Database]:
    with psycopg.connect(database.url) as connection:
        info = connection.info
        login, password, name = info.user, info.password, info.dbname
        place = info.host, info.port
    with without_options(*place) as port:
        secret = f":{quote(password)}" if password else ""
        url = f"postgresql://{login}{secret}@127.0.0.1:{port}/{name}?sslmode=disable&gssencmode=disable"
        yield Database(url, role_prefix=database.role_prefix)


def test_sessions_act_as_their_roles(database: Database) -> None:
    for role in (Role.OWNER, Role.SERVICE, Role.READER):
        with connect(database, role) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (database.role_name(role),)


@pytest.mark.parametrize("role", [Role.OWNER, Role.SERVICE, Role.READER])
def test_a_session_without_its_options_is_refused(behind_a_proxy: Database, role: Role) -> None:
    with psycopg.connect(behind_a_proxy.conninfo(role)) as connection:
        given = connection.execute("SELECT current_user").fetchone()
    assert given != (behind_a_proxy.role_name(role),), "the proxy lets options through"
    with pytest.raises(SetupError, match=f"does not act as the {role.value}.*EPNTAP_DATABASE_URL") as refusal:
        connect(behind_a_proxy, role)
    assert given is not None
    assert str(given[0]) in str(refusal.value)
    assert ("default_transaction_read_only is 'off' instead of 'on'" in str(refusal.value)) == (role is Role.READER)


def test_a_pool_hands_out_no_such_session(behind_a_proxy: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("epntap.db.pool.CONNECT_TIMEOUT_S", 1)
    with (
        open_pool(behind_a_proxy, Role.READER, size=2, name="refused") as pool,
        pytest.raises(UnavailableError, match="not set up as this service needs it"),
        pooled(pool),
    ):
        pass


def test_a_limit_that_a_session_has_not_is_noticed(database: Database) -> None:
    writing = database.conninfo(Role.READER, default_transaction_read_only="off")
    with (
        psycopg.connect(writing, autocommit=True) as session,
        pytest.raises(SetupError, match="read_only is 'off' instead of 'on'"),
    ):
        prove(session, database, Role.READER)


@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")
def test_a_pgbouncer_that_ignores_options_is_found_out(database: Database, tmp_path: Path) -> None:
    assert PGBOUNCER is not None
    with psycopg.connect(database.url) as connection:
        info = connection.info
        place = info.host
        server = f"host={info.host} port={info.port} dbname={info.dbname} user={info.user}"
        server += f" password={info.password}" if info.password else ""
    port = free_port()
    tmp_path.chmod(0o755)
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\nhere = {server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        "unix_socket_dir =\nauth_type = any\nignore_startup_parameters = options,extra_float_digits\n"
    )
    settings.chmod(0o644)
    # not as root, and as one who may go to the socket
    owner = Path(place).owner() if place.startswith("/") else "nobody"
    as_other = ["-u", owner] if os.geteuid() == 0 else []
    with subprocess.Popen([PGBOUNCER, "-q", *as_other, settings], stderr=subprocess.DEVNULL) as bouncer:
        try:
            behind = Database(
                f"postgresql://x@127.0.0.1:{port}/here?sslmode=disable&connect_timeout=5",
                role_prefix=database.role_prefix,
            )
            _wait_for(behind)
            with pytest.raises(SetupError, match="does not act as the reader of this service"):
                connect(behind, Role.READER)
        finally:
            bouncer.terminate()


def _wait_for(database: Database) -> None:
    for _ in range(100):
        try:
            psycopg.connect(database.url).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("pgbouncer does not answer")
