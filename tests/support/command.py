"""The command line, run as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.places import ROOT

__all__ = ["run", "run_in", "sentence"]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these variables besides those of the tests."""
    return run_in(Path.cwd(), *arguments, **environ)


def run_in(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The same in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "voserver.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a failed command."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    return lines[0]
