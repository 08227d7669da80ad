"""The examples of docs/reference/datalink.md, run as they stand, and the addresses and settings that it has to name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from epntap.settings import Settings
from tests.support.places import ROOT
from tests.support.server import Server

PAGE = (ROOT / "docs" / "reference" / "datalink.md").read_text()
EXAMPLES = re.findall(r"^```(sh|python)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
PATH = os.environ.get("PATH", "")


@pytest.mark.parametrize(("language", "text"), EXAMPLES, ids=[f"{n}-{one[0]}" for n, one in enumerate(EXAMPLES)])
def test_examples_run(served: Server, tmp_path: Path, language: str, text: str) -> None:
    text = text.replace("http://127.0.0.1:8080", served.base)
    if language == "sh":
        assert shutil.which("curl"), "the examples need curl"
        command = ["sh", "-e", "-c", text]
    else:
        command = [sys.executable, "-c", text]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    written = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert written or done.stdout.strip()
    assert all(written.values())
    for archive in tmp_path.glob("*.zip"):
        assert subprocess.run([sys.executable, "-m", "zipfile", "-t", archive], check=False).returncode == 0
    if "records" in text:
        assert done.stdout == "900 records\n"
    if "status" in text:
        assert done.stdout.endswith("{'OK'}\n")


def test_there_are_examples_of_both_kinds() -> None:
    assert sorted({language for language, _ in EXAMPLES}) == ["python", "sh"]
    assert len(EXAMPLES) >= 6


def test_every_limit_is_named() -> None:
    names = {f"EPNTAP_{one.name.upper()}" for one in fields(Settings) if one.name.startswith(("soda_", "bulk_"))}
    assert names == set(re.findall(r"EPNTAP_(?:SODA|BULK)_\w+", PAGE))
