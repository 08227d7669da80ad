"""The whole suite in two passes: beside each other what bears it, then one by one what is marked `serial`.

    python -m tests [--workers N] [arguments of pytest]

Both passes run, whatever comes of the first; the status is that of the first which failed. `--junitxml=x.xml` writes
x.xml and, for the second pass, x-serial.xml.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

__all__ = ["passes", "status"]


def passes(arguments: Sequence[str], workers: int) -> list[list[str]]:
    """The arguments of pytest for each pass. A `-m` of the caller's narrows both."""
    rest, junit, marks = [], None, "not accept"
    given = iter(arguments)
    for argument in given:
        if argument.startswith("--junitxml"):
            junit = Path(argument.partition("=")[2] or next(given))
        elif argument == "-m":
            marks = f"{marks} and ({next(given)})"
        else:
            rest.append(argument)
    beside = ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder", "-m", f"{marks} and not serial"]
    alone = ["-p", "no:xdist", "-m", f"{marks} and serial"]
    if junit is not None:
        beside.append(f"--junitxml={junit}")
        alone.append(f"--junitxml={junit.with_stem(f'{junit.stem}-serial')}")
    return [[*beside, *rest], [*alone, *rest]]


def status(codes: Sequence[int]) -> int:
    """The status of both: a pass without tests is no failure if the other has some."""
    none = int(pytest.ExitCode.NO_TESTS_COLLECTED)
    return next((code for code in codes if code not in {0, none}), none if set(codes) == {none} else 0)


def main(arguments: Sequence[str]) -> int:
    """Run both passes."""
    # most tests wait for a process or a clock, so one worker more than there are processors
    workers = (os.cpu_count() or 1) + 1
    if arguments[:1] == ["--workers"]:
        workers, arguments = int(arguments[1]), arguments[2:]
    return status(
        [
            subprocess.run([sys.executable, "-m", "pytest", *one], check=False).returncode
            for one in passes(arguments, workers)
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
