"""The same rows in every format that STILTS reads (Debian package `stilts`)."""

from __future__ import annotations

import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")

QUERY = (
    "SELECT granule_uid, target_name, processing_level, time_min, c1min, s_region, creation_date, access_estsize,"
    " access_url, 1.5 * processing_level AS half, 'a \"b\" c' AS quoted, NULLIF(processing_level, 3) AS hole"
    " FROM amdadb.epn_core ORDER BY granule_uid"
)
#: response format → input format of STILTS
READERS = {"votable/b2": "votable", "votable/b": "votable", "csv": "csv", "text": "ascii", "fits": "fits"}


def stilts(*arguments: str) -> str:
    done = subprocess.run(["stilts", *arguments], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr


def fetch(served: Server, file: Path, response_format: str, query: str, maxrec: str) -> Path:
    form = {"LANG": "ADQL", "QUERY": query, "MAXREC": maxrec, "RESPONSEFORMAT": response_format}
    with urllib.request.urlopen(f"{served.tap}/sync", urllib.parse.urlencode(form).encode(), timeout=60) as answer:
        file.write_bytes(answer.read())
    return file


@pytest.mark.parametrize("serialization", ["BINARY", "BINARY2"])
@pytest.mark.parametrize("query", ["SELECT * FROM amdadb.epn_core", "SELECT * FROM tap_schema.columns", QUERY])
@pytest.mark.parametrize("maxrec", ["20000", "2", "0"])
def test_votlint_finds_nothing(served: Server, tmp_path: Path, serialization: str, query: str, maxrec: str) -> None:
    wanted = f"application/x-votable+xml;serialization={serialization}"
    file = fetch(served, tmp_path / "answer.vot", wanted, query, maxrec)
    assert stilts("votlint", f"votable={file}") == ""


def test_all_formats_say_the_same(served: Server, tmp_path: Path) -> None:
    def as_csv(response_format: str, reader: str) -> str:
        file = fetch(served, tmp_path / "answer", response_format, QUERY, "1000")
        return stilts("tpipe", f"in={file}", f"ifmt={reader}", "omode=out", "ofmt=csv", "out=-")

    wanted = as_csv("votable", "votable")
    assert len(wanted.splitlines()) > 5
    for response_format, reader in READERS.items():
        assert as_csv(response_format, reader) == wanted, response_format


def test_fits_keeps_what_the_fields_say(served: Server, tmp_path: Path) -> None:
    def described(response_format: str, reader: str) -> str:
        file = fetch(served, tmp_path / "answer", response_format, QUERY, "1000")
        columns = "keepcols 'name units ucd utype xtype description datatype'"
        return stilts("tpipe", f"in={file}", f"ifmt={reader}", "cmd=meta", f"cmd={columns}", "omode=out", "ofmt=csv")

    wanted = described("votable", "votable")
    assert "time.start;obs" in wanted
    assert described("fits", "fits-plus") == wanted
