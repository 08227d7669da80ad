"""The site at /help, built where the program serves it from. It is built once: whoever comes later finds it."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

from tests.support.places import ROOT
from voweb.help.routes import BUILT

__all__ = ["built_site"]


@functools.cache
def built_site() -> Path:
    """The folder of the site; a warning of Sphinx is a failure."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/_site/build_site.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"`make docs` fails:\n{done.stderr}"
    return BUILT
