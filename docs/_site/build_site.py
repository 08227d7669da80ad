"""Makes the site that is served at /help.

    python docs/_site/build_site.py [FOLDER]      into FOLDER, else where the program serves it from

Warnings are errors. It is made aside and moved into place when it is whole; what was made of the same pages is left as
it is.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from sphinx.cmd.build import build_main

__all__ = ["SERVED", "build"]

HERE = Path(__file__).parent
DOCS = HERE.parent
#: where voweb/help looks for it
SERVED = DOCS.parent / "voweb" / "help" / "site"
MANIFEST = "site.json"
_TOOLS = ("sphinx", "myst-parser", "furo")


def build(target: Path = SERVED, *, strict: bool = True) -> int:
    """Make the site in a folder, of which nothing else is kept; what Sphinx returns. `strict`: warnings are errors."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = _digest()
        if _made_of(target) == sources:
            return 0
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".site-") as scratch:
            made = Path(scratch) / "made"
            options = ["-W", "--keep-going"] if strict else []
            code = build_main([
                "-q", *options, "-b", "html", "-c", str(HERE), "-d", f"{scratch}/read", str(DOCS), str(made)
            ])  # fmt: skip
            if code == 0:
                _sign(made, sources)
                shutil.rmtree(target, ignore_errors=True)
                made.rename(target)
    return code


def _digest() -> str:
    """Of all that the site is made of."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _TOOLS).encode())
    paths = [DOCS.parent / "pyproject.toml", *DOCS.rglob("*")]
    for path in sorted(path for path in paths if path.is_file() and "__pycache__" not in path.parts):
        digest.update(f"\0{path.relative_to(DOCS.parent)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _made_of(target: Path) -> str | None:
    try:
        return str(json.loads((target / MANIFEST).read_text(encoding="utf-8")).get("sources"))
    except (OSError, ValueError):
        return None


def _sign(made: Path, sources: str) -> None:
    """Write down what it was made of, and leave out what only Sphinx reads."""
    for name in (".buildinfo", "_sources", "objects.inv"):
        path = made / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    manifest = made / MANIFEST
    said = {**json.loads(manifest.read_text(encoding="utf-8")), "sources": sources}
    manifest.write_text(json.dumps(said, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(build(*map(Path, sys.argv[1:2])))
