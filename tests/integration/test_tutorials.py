"""Tutorials do what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from epntap.db.pool import Database
from ingest.demo.archive import write_sample_archive
from tests.pictures.notebook import NOTEBOOK, executed, outputs
from tests.support.command import run, run_in
from tests.support.places import ROOT
from tests.support.server import Server

PORTAL = (ROOT / "docs" / "tutorials" / "from-cdf-to-the-portal.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    found = re.search(rf"<!-- tested: {name} -->\n```\w+\n(.*?)```", PORTAL, re.DOTALL)
    assert found, name
    return found[1]


def test_the_notebook_gets_what_it_shows(served: Server) -> None:
    shown = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert list(outputs(executed(served.base))) == list(outputs(shown)), "python -m tests.pictures.notebook renews them"


def test_a_notebook_that_shows_another_answer_is_found_out() -> None:
    shown = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    kinds = list(outputs(shown))
    assert len(kinds) >= 4
    assert "image/png" in kinds
    assert any("sync-mag_20161231" in one for one in kinds)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write_sample_archive(tmp_path / "archive")
    return tmp_path / "archive"


def test_from_a_folder_of_cdf_as_it_is_told(database: Database, tmp_path: Path, archive: Path) -> None:
    definition = tmp_path / "myarchive.toml"
    definition.write_text(block("definition").replace("~/.epntap/sample-archive-1/cdf", str(archive / "cdf")))
    environ = {"EPNTAP_DATABASE_URL": database.url, "EPNTAP_HOME": str(tmp_path / "home")}
    done = run("ingest", str(definition), **environ)
    assert done.returncode == 0, done.stderr
    for line in block("report").splitlines():
        assert line in done.stdout

    definition.write_text(definition.read_text() + "\n" + block("datasets"))
    again = run("ingest", str(definition), **environ)
    assert again.returncode == 0, again.stderr
    assert "target_name is empty" not in again.stdout
    assert "opened    0 files" in again.stdout

    assert run("check", "myarchive", **environ).returncode == 0
    rows = run("query", "SELECT DISTINCT target_name FROM myarchive.epn_core", **environ).stdout
    assert rows.split() == ["#", "target_name", "Earth"]
    command = re.search(r"epntap (registry-record myarchive .*?)```", PORTAL, re.DOTALL)
    assert command
    words = [one.strip('"') for one in re.findall(r'"[^"]*"|[^\s\\]+', command[1])]
    record = tmp_path / "myarchive.xml"
    written = run(*words[:-1], str(record), **environ)
    assert written.returncode == 0, written.stderr
    assert "ivo://example.org/myarchive/epn" in record.read_text()


def test_an_export_of_another_service_becomes_a_service(served: Server, database: Database, tmp_path: Path) -> None:
    """As migrating-from-dachs.md tells it, at the address that DaCHS has."""
    everything = urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": "SELECT * FROM illu67p.epn_core"})
    with urlopen(f"{served.base}/__system__/tap/run/sync?{everything}") as answer:
        (tmp_path / "old.csv").write_bytes(answer.read())
    environ = {"EPNTAP_DATABASE_URL": database.url, "EPNTAP_HOME": str(tmp_path / "home")}
    drafted = run_in(tmp_path, "new-service", "old.csv", "--schema", "myarchive", "--title", "Mine", **environ)
    assert drafted.returncode == 0, drafted.stderr
    assert "service_title" not in (tmp_path / "myarchive.toml").read_text()
    done = run_in(tmp_path, "ingest", "myarchive.toml", **environ)
    assert done.returncode == 0, done.stderr

    columns = "granule_uid, obs_id, granule_gid, target_name, measurement_type, c1min, c2max, access_url, release_date"
    query = f"SELECT {columns} FROM {{}}.epn_core ORDER BY granule_uid"
    there = run("query", query.format("illu67p"), "--url", f"{served.base}/__system__/tap/run", "--format", "csv")
    here = run("query", query.format("myarchive"), "--format", "csv", **environ)
    assert len(here.stdout.splitlines()) == 541
    assert here.stdout == there.stdout
