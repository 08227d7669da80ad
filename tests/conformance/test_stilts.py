"""The validators of STILTS against a running server (Debian package `stilts`)."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")

#: what taplint 3.4.7 may complain of, and why it stays so (docs/howto/clients.md)
ARGUED = {
    "W-CAP-CULF": "ADQL 2.1 has the feature adql-conditional (COALESCE), which TAPRegExt 1.0 and this taplint lack",
    "F-LOC-NOTP": "there is no ivoa.obsplan: the service publishes no plans of observations",
}
#: all that this version of taplint has
STAGES = frozenset(
    ("TMV", "TME", "TMS", "TMC", "CPV", "CAP", "AVV", "QGE", "QPO", "QAS", "UWS", "MDQ", "OBS", "LOC", "UPL", "EXA")
)
QUERIES = (
    "SELECT * FROM amdadb.epn_core",
    "SELECT TOP 3 * FROM tap_schema.columns",
    "SELECT target_name, COUNT(*) AS n, AVG(time_max - time_min) FROM amdadb.epn_core GROUP BY target_name",
    "SELECT granule_uid, time_min FROM amdadb.epn_core WHERE granule_uid = 'nothing'",
)


def stilts(*arguments: str) -> str:
    done = subprocess.run(["stilts", *arguments], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr


def test_taplint_finds_no_error_in_any_stage(served: Server) -> None:
    report = stilts("taplint", f"tapurl={served.tap}", "maxrepeat=50")
    lines = report.splitlines()
    totals = [line for line in lines if line.startswith("Totals: Errors: 0;")]
    assert len(totals) == 1, report
    stages = set(re.findall(r"^Section (\w+):", report, re.MULTILINE))
    assert stages == STAGES
    said = {line[:10] for line in lines if line[:2] in {"E-", "W-", "F-"}}
    assert said <= set(ARGUED), report


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


def test_tapquery(served: Server, tmp_path: Path) -> None:
    file = tmp_path / "answer.csv"
    query = "SELECT granule_uid, time_min FROM amdadb.epn_core ORDER BY granule_uid"
    said = stilts("tapquery", f"tapurl={served.tap}", "sync=true", f"adql={query}", f"out={file}")
    assert len(file.read_text().splitlines()) == 64, said


def test_tapquery_is_told_what_is_wrong(served: Server) -> None:
    wrong = "adql=SELECT granuleuid FROM amdadb.epn_core"
    assert "did you mean granule_uid" in stilts("tapquery", f"tapurl={served.tap}", "sync=true", wrong)
