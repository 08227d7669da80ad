"""The packages that the wheel installs are nobody else's (docs/decisions/010-names-of-rooms.md)."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
#: rooms that are not built yet
KEPT = {
    "amdarest",
    "das2server",
    "eventtables",
    "hapiserver",
    "previews",
    "voaccounts",
    "vofederation",
    "voweb",
}


def test_no_other_distribution_brings_a_package_of_ours() -> None:
    owners = packages_distributions()
    assert {"click", "flask"} <= set(owners), "the metadata of what is installed can be read"
    others = {name: set(owners.get(name, ())) - {"epntap"} for name in {*ROOMS, *KEPT}}
    assert {name: distributions for name, distributions in others.items() if distributions} == {}


def test_no_package_of_ours_hides_the_standard_library() -> None:
    assert not {*ROOMS, *KEPT} & sys.stdlib_module_names


def test_every_room_is_in_all_lists() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert set(ROOMS) == found
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == found
    assert set(PROJECT["tool"]["mypy"]["packages"]) == found | {"tests"}
    assert {one.strip("/") for one in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]} >= found


def test_the_names_are_written_down() -> None:
    page = (ROOT / "docs/decisions/010-names-of-rooms.md").read_text(encoding="utf-8")
    assert [name for name in {*ROOMS, *KEPT} if f"`{name}`" not in page] == []
