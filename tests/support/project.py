"""What pyproject.toml declares.

`python -m tests.support.project` writes the lowest versions as constraints for pip.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from packaging.requirements import Requirement

from tests.support.places import ROOT

__all__ = ["declared", "lowest", "pyproject", "shipped"]


def pyproject() -> dict[str, Any]:  # as TOML gives it
    """The whole file."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def shipped() -> list[str]:
    """Packages of the wheel."""
    return list(pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def declared() -> list[Requirement]:
    """What the project needs, for development and for the site of the help too."""
    project = pyproject()["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(text) for text in [*project["dependencies"], *(one for extra in extras for one in extra)]]


def lowest() -> Iterator[tuple[str, str]]:
    """Each requirement with its lowest version. Raises ValueError for one that declares none."""
    for requirement in declared():
        found = [one.version for one in requirement.specifier if one.operator in {">=", "==", "~="}]
        if len(found) != 1:
            raise ValueError(f"expected one lower bound, found {requirement}")
        yield requirement.name, found[0]


if __name__ == "__main__":
    for name, version in lowest():
        print(f"{name}=={version}")
