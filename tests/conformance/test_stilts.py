"""The validators of STILTS against a running server (Debian package `stilts`)."""

from __future__ import annotations

import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")

STAGES = ("TMV", "TME", "TMS", "TMC", "CPV", "CAP", "AVV", "QGE", "QPO", "MDQ", "EXA")
QUERIES = (
    "SELECT * FROM amdadb.epn_core",
    "SELECT TOP 3 * FROM tap_schema.columns",
    "SELECT target_name, COUNT(*) AS n, AVG(time_max - time_min) FROM amdadb.epn_core GROUP BY target_name",
    "SELECT granule_uid, time_min FROM amdadb.epn_core WHERE granule_uid = 'nothing'",
)


def stilts(*arguments: str) -> str:
    done = subprocess.run(["stilts", *arguments], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr


def test_taplint_finds_no_error(served: Server) -> None:
    report = stilts("taplint", f"tapurl={served.tap}", f"stages={' '.join(STAGES)}", "maxrepeat=20")
    lines = report.splitlines()
    assert any(line.startswith("Totals:") for line in lines), report
    assert [line for line in lines if line.startswith("E-")] == []


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("maxrec", ["20000", "2", "0"])
def test_votlint_finds_nothing(served: Server, tmp_path: Path, query: str, maxrec: str) -> None:
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, "MAXREC": maxrec}).encode()
    file = tmp_path / "answer.vot"
    with urllib.request.urlopen(f"{served.tap}/sync", form, timeout=60) as answer:
        file.write_bytes(answer.read())
    assert stilts("votlint", f"votable={file}") == ""


def test_votlint_finds_nothing_in_an_error(served: Server, tmp_path: Path) -> None:
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": "SELECT"}).encode()
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(f"{served.tap}/sync", form, timeout=60)
    file = tmp_path / "error.vot"
    file.write_bytes(failure.value.read())
    failure.value.close()
    assert stilts("votlint", f"votable={file}") == ""
