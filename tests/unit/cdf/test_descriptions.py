"""What files say of themselves is read once, shared by those that say the same, and never taken for another version."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from epntap.cdf import CdfFile, descriptions
from epntap.cdf.descriptions import kept_descriptions
from tests.support.cdf_builder import CdfBuilder
from tests.support.made_files import seconds

_LONG_AGO_NS = time.time_ns() - 3600 * 10**9


def _file(path: Path, *, unit: str = "nT", records: int = 3, first: int = 0) -> Path:
    path.unlink(missing_ok=True)
    epochs = seconds(*range(first, first + records))
    values = np.arange(records * 1.0)
    return CdfBuilder().axis("Epoch", epochs).variable("B", values, DEPEND_0="Epoch", UNITS=unit).write(path)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are kept however lately they were touched, which nobody can set back."""
    monkeypatch.setattr(descriptions, "_SETTLED_NS", -1)


def _aged(path: Path) -> Path:
    os.utime(path, ns=(_LONG_AGO_NS, _LONG_AGO_NS))
    return path


def test_files_that_say_the_same_share_it(tmp_path: Path) -> None:
    one, same = _file(tmp_path / "a.cdf"), _file(tmp_path / "b.cdf", first=10)
    longer, other = _file(tmp_path / "c.cdf", records=4), _file(tmp_path / "d.cdf", unit="T")
    with CdfFile(one) as a, CdfFile(same) as b, CdfFile(longer) as c, CdfFile(other) as d:
        assert a.variables is b.variables
        assert a.roles is b.roles
        assert c.variables["B"].attributes is a.variables["B"].attributes
        assert (c.variables["B"].records, a.variables["B"].records) == (4, 3)
        assert (d.variables["B"].units, a.variables["B"].units) == ("T", "nT")
        assert a.read("Epoch").tolist() != b.read("Epoch").tolist()


def test_what_is_shared_cannot_be_changed(tmp_path: Path) -> None:
    with CdfFile(_file(tmp_path / "a.cdf")) as file:
        variable = file.variables["B"]
        with pytest.raises(ValueError, match="read-only"):
            variable.pad[()] = 1.0
        with pytest.raises(TypeError):
            variable.attributes["UNITS"] = None  # type: ignore[index]


@pytest.mark.usefixtures("at_once")
def test_a_file_that_is_asked_for_again_is_described_from_memory(tmp_path: Path) -> None:
    path = _aged(_file(tmp_path / "a.cdf"))
    with CdfFile(path) as first, CdfFile(path) as before:
        assert first.variables is before.variables
        assert first.read("B").tolist() == [0.0, 1.0, 2.0]
    with CdfFile(path) as again:
        assert kept_descriptions(again._identity) is again._descriptions
        assert again.read("B").tolist() == [0.0, 1.0, 2.0]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("is_set_back", [False, True])
def test_another_version_of_a_file_is_read_anew(tmp_path: Path, *, is_set_back: bool) -> None:
    path = _aged(_file(tmp_path / "a.cdf"))
    touched = path.stat().st_ctime_ns
    with CdfFile(path) as file:
        assert file.variables["B"].units == "nT"
        assert kept_descriptions(file._identity) is not None
    content = path.read_bytes()
    while path.stat().st_ctime_ns == touched:  # within one tick of its clock
        path.write_bytes(content.replace(b"nT", b"mT"))  # of the same size, in the same place
        if is_set_back:
            _aged(path)
    with CdfFile(path) as file:
        assert file.variables["B"].units == "mT"


def test_a_file_that_gets_another_name_while_it_is_read_is_still_the_same(tmp_path: Path) -> None:
    path = _aged(_file(tmp_path / "a.cdf"))
    with CdfFile(path) as file:
        touched = path.stat().st_ctime_ns
        while path.stat().st_ctime_ns == touched:
            (tmp_path / "b.cdf").unlink(missing_ok=True)
            os.link(path, tmp_path / "b.cdf")
        assert file.read("B").tolist() == [0.0, 1.0, 2.0]


def test_a_file_that_changed_a_moment_ago_is_not_kept(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.cdf")
    status = path.stat()
    with CdfFile(path) as file:
        assert file.variables["B"].units == "nT"
        assert kept_descriptions(file._identity) is None
    path.write_bytes(path.read_bytes().replace(b"nT", b"mT"))
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))  # within one tick of its clock
    with CdfFile(path) as file:
        assert file.variables["B"].units == "mT"


@pytest.mark.usefixtures("at_once")
def test_so_many_are_kept_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptions, "_kept", descriptions._Kept())
    monkeypatch.setattr(descriptions, "_MOST_VARIABLES", 5)
    opened = [CdfFile(_aged(_file(tmp_path / f"{number}.cdf", first=number))) for number in range(4)]
    for file in opened:
        file.read_descriptions()
    kept = [kept_descriptions(file._identity) is not None for file in opened]
    assert kept == [False, False, True, True]
    for file in opened:
        file.close()
