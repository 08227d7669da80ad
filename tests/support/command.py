"""The command line: run in the process of the tests, or as a process of its own where that is what a test is about."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.places import ROOT
from voserver.cli import main

__all__ = ["run", "run_in", "run_process", "sentence"]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these variables besides those of the tests.

    It starts nothing but what it is asked for: a new interpreter would take half a second to import what is here. Not
    for commands that become another program, fork, or leave a server behind.
    """
    return run_in(Path.cwd(), *arguments, **environ)


def run_in(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The same in a folder."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _surroundings(folder, {**os.environ, **environ}), _written_to(out.fileno(), err.fileno()):
            code = _code_of(arguments)
        return subprocess.CompletedProcess(arguments, code, *(_read(file.fileno()) for file in (out, err)))


def run_process(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The same as a process of its own, as a person starts it."""
    return subprocess.run(
        [sys.executable, "-m", "voserver.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a failed command."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    return lines[0]


def _code_of(arguments: Sequence[str]) -> int:
    """What the process would end with. Like an interpreter, this prints what nobody has caught."""
    try:
        main(list(arguments), prog_name="epntap")
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except Exception:  # noqa: BLE001  # a bug of the command, which the test shall see
        traceback.print_exc()
        return 1
    return 0


@contextlib.contextmanager
def _surroundings(folder: Path, environ: dict[str, str]) -> Iterator[None]:
    before, place = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _written_to(out: int, err: int) -> Iterator[None]:
    """Standard output and error go to these descriptors, whether written through Python or not."""
    streams = sys.stdout, sys.stderr
    kept = [os.dup(1), os.dup(2)]
    for new, descriptor in ((out, 1), (err, 2)):
        os.dup2(new, descriptor)
    sys.stdout, sys.stderr = (open(one, "w", encoding="utf-8", closefd=False) for one in (1, 2))  # noqa: SIM115
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = streams
        for old, descriptor in zip(kept, (1, 2), strict=True):
            os.dup2(old, descriptor)
            os.close(old)


def _read(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, encoding="utf-8", closefd=False) as text:
        return text.read()
