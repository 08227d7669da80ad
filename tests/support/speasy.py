"""Speasy, unmodified, in an environment of its own: what it depends on is not what we depend on.

`make speasy` makes the environment, SPEASY_PYTHON names another one.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT

__all__ = ["ask_speasy", "needs_speasy"]

_PYTHON = Path(os.environ.get("SPEASY_PYTHON") or ROOT / "build" / "speasy" / "bin" / "python")
#: its data centres, none of which is asked unless a test serves it
_PROVIDERS = ("amda", "cda", "cdaweb", "ssc", "sscweb", "csa", "archive", "cdpp3dview", "uiowa_eph_tool")

needs_speasy = pytest.mark.skipif(
    "SPEASY_PYTHON" not in os.environ and not _PYTHON.exists(), reason="there is no Speasy; `make speasy` installs it"
)


def ask_speasy(
    home: Path, script: str, arguments: Sequence[str], settings: Mapping[str, str] | None = None, asked: str = ""
) -> dict[str, Any]:
    """What a script says in the last line that it prints, which is JSON; `asked` is the data centre that it may ask."""
    environ = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH" and "proxy" not in name.lower()},
        "HOME": str(home),
        "SPEASY_PROXY_ENABLED": "False",
        "SPEASY_CACHE_PATH": str(home / "cache"),
        "SPEASY_INDEX_PATH": str(home / "index"),
        "SPEASY_CORE_DISABLED_PROVIDERS": ",".join(one for one in _PROVIDERS if one != asked),
        **(settings or {}),
    }
    done = subprocess.run(
        [str(_PYTHON), "-c", script, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environ,
        timeout=300,
        cwd=home,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
