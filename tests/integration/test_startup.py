"""Commands import little before they run, web processes everything before they are forked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from epntap.db.pool import Database
from tests.support.server import serve_anew
from voserver.cli import main

SLOW = ("astropy", "cryptography", "flask", "gunicorn", "lxml", "numpy", "pandas", "pyarrow", "pyvo", "rich", "yoyo")


def imported(code: str) -> set[str]:
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return set(said.splitlines()[-1].split())


@pytest.mark.parametrize(
    "doing",
    [
        "import voserver.cli",
        "import voserver.operating.commands, epntap.db.server",
        "from click.testing import CliRunner; from voserver.cli import main; CliRunner().invoke(main, ['--help'])",
        "from click.testing import CliRunner; from voserver.cli import main; CliRunner().invoke(main, ['status'])",
    ],
)
def test_a_command_imports_nothing_slow(doing: str) -> None:
    modules = imported(f"{doing}\nimport sys; print(*sys.modules)")
    assert "epntap.settings" in modules
    assert not modules & set(SLOW)


def test_every_command_is_listed_with_what_it_is() -> None:
    context = click.Context(main)
    names = main.list_commands(context)
    assert names == sorted(names)
    for name in names:
        command = main.get_command(context, name)
        assert command is not None
        assert (command.name, bool(command.help)) == (name, True)
    assert main.get_command(context, "dance") is None


def test_first_answers_import_nothing(demo_database: Database, tmp_path: Path) -> None:
    environ = {**os.environ, "EPNTAP_DATABASE_URL": demo_database.url, "EPNTAP_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "tests.support.first_answers"]
    ended = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["threads"] == 1, "a thread would not survive the fork"
    assert said["collected"] < 10_000, "a first collection in the middle of an answer would take a fifth of a second"
    found = said["found"]
    assert len(found) > 30
    assert {path: status for path, (status, _) in found.items() if status != 200} == {"/nothing": 404}
    assert {path: modules for path, (_, modules) in found.items() if modules} == {}


def test_the_process_that_forks_has_loaded_what_pyarrow_wants_and_has_no_threads_but_keepers(
    demo_database: Database, tmp_path: Path
) -> None:
    with serve_anew(demo_database, tmp_path, workers="1", job_workers="1") as server:
        process = Path("/proc", str(server.pid))
        loaded = (process / "maps").read_text()
        assert "pandas/_libs" in loaded
        assert "libarrow" in loaded
        assert len(list((process / "task").iterdir())) == 2, "one looks after the worker of jobs"
