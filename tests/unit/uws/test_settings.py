"""The settings of jobs, as a child process receives them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from epntap.errors import SetupError
from epntap.settings import Settings, load_settings


@pytest.mark.parametrize("public_jobs", [True, False])
def test_a_child_has_the_settings_of_its_parent(public_jobs: bool) -> None:
    settings = Settings(home=Path("/srv/x"), port=99, job_heartbeat_s=0.5, public_jobs=public_jobs, worker_jobs=7)
    assert load_settings(settings.environ()) == settings


@pytest.mark.parametrize(("text", "expected"), [("1", True), ("Yes", True), ("off", False), ("0", False)])
def test_switches(text: str, expected: bool) -> None:
    assert load_settings({"EPNTAP_PUBLIC_JOBS": text}).public_jobs is expected


def test_a_switch_that_is_none() -> None:
    with pytest.raises(SetupError, match="expected 1 or 0 for public_jobs but found 'maybe'"):
        load_settings({"EPNTAP_PUBLIC_JOBS": "maybe"})


def test_the_home_is_the_same_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = set()
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        monkeypatch.chdir(folder)
        found.add(load_settings({}).home)
    assert found == {tmp_path / "me/.epntap"}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert load_settings({}).home == Path("/var/lib/epntap")


def test_a_home_of_an_earlier_version_is_found_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "here/.epntap/pg").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert load_settings({}).home == tmp_path / "here/.epntap"
    (tmp_path / "me/.epntap").mkdir(parents=True)
    assert load_settings({}).home == tmp_path / "me/.epntap"
