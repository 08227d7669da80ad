"""Damaged files: refused with a reason, or read; never an exception of another kind, a hang, or memory without end."""

from __future__ import annotations

import os
import resource
import signal
import time
import traceback
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from cutouts.extract import cut_files
from cutouts.formats import choose_format
from epntap.cdf import index_file
from epntap.errors import EpnTapError
from tests.support.cdf_builder import CdfBuilder
from tests.support.made_files import EVERYTHING, PROVENANCE, rich, seconds
from tests.support.mutants import mutants

#: what a cut-out made at once may hold here, as the limits of the service do
_MOST_BYTES = 16 << 20
_FORMATS = ("cdf", "csv", "votable", "votable/b2", "parquet", "txt")
_LONGEST_S = 30


def _sound(folder: Path) -> list[bytes]:
    times = seconds(*range(40))
    values = np.arange(120.0).reshape(-1, 3)
    packed = (
        CdfBuilder()
        .axis("Epoch", times)
        .variable("plain", values, DEPEND_0="Epoch", DEPEND_1="energy", FILLVAL=np.float64(-1e31))
        .variable("packed", values, compress=6, DEPEND_0="Epoch", UNIT_PTR="labels")
        .variable("energy", np.array([[1.0, 2.0, 3.0]]), fixed=True, UNITS="eV")
        .variable("labels", np.array([[b"a", b"b", b"c"]], "S1"), fixed=True)
        .write(folder / "packed.cdf")
    )
    return [packed.read_bytes(), rich(folder / "rich.cdf").read_bytes()]


@contextmanager
def _within(limit_s: int) -> Iterator[None]:
    def late(*_args: object) -> None:
        raise TimeoutError(f"still reading after {limit_s} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(limit_s)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _look_at(path: Path, sound: Path, form: str) -> str:
    """Ingest and cut a file, alone or beside a sound one; return what came of it."""
    begun = False
    try:
        index_file(path)
        with cut_files([sound, path] if form in {"csv", "cdf"} else [path], EVERYTHING) as cut:
            if cut.size_bytes > _MOST_BYTES:
                return "too large"
            rendering = choose_format(form).render(cut, PROVENANCE)
            for _ in rendering.blocks:
                begun = True
            rendering.close()
    except EpnTapError as exc:
        return "broken off" if begun else type(exc).__name__
    return "read"


def _run(folder: Path, count: int, budget_s: float) -> Counter[str]:
    """What came of so many damaged files; raises what was not refused as ours, after all, of each kind one."""
    path, beside = folder / "mutant.cdf", folder / "beside.cdf"
    found: Counter[str] = Counter()
    unexpected: dict[str, Exception] = {}
    began = time.monotonic()
    sounds = _sound(folder)
    for number, sound in enumerate(sounds):
        beside.write_bytes(sound)
        for one, content in enumerate(mutants(sound, count // len(sounds), seed=number)):
            path.write_bytes(content)
            form = _FORMATS[one % len(_FORMATS)]
            try:
                with _within(_LONGEST_S):
                    found[_look_at(path, beside, form)] += 1
            except Exception as exc:  # noqa: BLE001  # told at the end
                exc.add_note(f"file {one} of seed {number} as {form}")
                last = traceback.extract_tb(exc.__traceback__)[-1]
                unexpected.setdefault(f"{type(exc).__name__} in {last.filename}:{last.lineno}", exc)
            if time.monotonic() - began > budget_s * (number + 1) / len(sounds):
                break
    if unexpected:
        raise ExceptionGroup(f"{sum(found.values()):,} others were read or refused", list(unexpected.values()))
    return found


def test_some_damaged_files(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        found = _run(tmp_path, 400, budget_s=60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # how many there are depends on how fast the machine is
    assert found["UnreadableFileError"] > sum(found.values()) / 20
    assert found["read"] > sum(found.values()) / 20
    assert peak < 256 << 20


@pytest.mark.accept
def test_a_hundred_thousand_damaged_files(tmp_path: Path) -> None:
    count = int(os.environ.get("EPNTAP_MUTANTS", "100000"))
    found = _run(tmp_path, count, budget_s=float(os.environ.get("EPNTAP_MUTANTS_S", "3600")))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\n{sum(found.values()):,} damaged files: {dict(found)}; {peak / 1024:.0f} MiB at most")
    assert peak < 1 << 20
