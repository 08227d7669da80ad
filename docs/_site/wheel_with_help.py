"""How the wheel is made: as hatchling makes it, with the site of /help built before (docs/decisions).

What an editable installation needs is not more than hatchling: there `make docs` builds the site.
`pip install --config-settings help=no` leaves it out of a wheel.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hatchling import build as hatch
from hatchling.build import (
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
]

Given = Mapping[str, Any] | None  # as the front end hands it over


def get_requires_for_build_wheel(config_settings: Given = None) -> list[str]:
    """What a wheel is made with: the tools of the site, as the extra `docs` has them."""
    needed = list(hatch.get_requires_for_build_wheel(config_settings))
    if _is_wanted(config_settings):
        project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
        needed += project["optional-dependencies"]["docs"]
    return needed


def build_wheel(wheel_directory: str, config_settings: Given = None, metadata_directory: str | None = None) -> str:
    """Make the wheel; its name."""
    if _is_wanted(config_settings):
        from build_site import build  # noqa: PLC0415  # its tools are there for wheels only

        # a warning of a newer tool is no reason not to install
        if build(strict=False):
            sys.exit("The site of the help pages could not be built; see above what Sphinx says.")
    return str(hatch.build_wheel(wheel_directory, config_settings, metadata_directory))


def _is_wanted(config_settings: Given) -> bool:
    return (config_settings or {}).get("help") != "no"
