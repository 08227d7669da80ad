"""What is done to the pages that Sphinx and furo have made, so that a strict policy lets browsers show them.

Attributes with styles become attributes of SVG, scripts and styles within pages are written down by their hashes, and
links are called what the pages are called.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx

__all__ = ["MANIFEST", "setup"]

MANIFEST = "site.json"
#: what furo writes, and what says the same without a style; and what those need who see no screen or have no mouse
_INSTEAD = {
    'style="display: none;"': 'display="none"',
    'style="opacity: 50%"': 'opacity="0.5"',
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
}
_NAMED_BY_FILE = re.compile(r"\[[\w./-]+\.md\]\((?=[^)\s]*\.md[#)])")
_WITHIN = {
    "script-src": re.compile(r"<script(?:\s+type=\"text/javascript\")?>(.*?)</script>", re.DOTALL),
    "style-src": re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL),
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Be told when all is written."""
    app.connect("source-read", _name_pages)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _name_pages(_app: Sphinx, _name: str, source: list[str]) -> None:
    """A link that bears the name of a file gets the title of the page: readers of the site see no files."""
    source[0] = _NAMED_BY_FILE.sub("[](", source[0])


def _finish(app: Sphinx, failure: Exception | None) -> None:
    if failure is not None or app.builder.name != "html":
        return
    found: dict[str, set[str]] = {directive: set() for directive in _WITHIN}
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for old, new in _INSTEAD.items():
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        for directive, pattern in _WITHIN.items():
            found[directive].update(_hashes(pattern.findall(text)))
    policy = {directive: sorted(hashes) for directive, hashes in found.items()}
    (Path(app.outdir) / MANIFEST).write_text(json.dumps({"policy": policy}, indent=1), encoding="utf-8")


def _hashes(texts: Iterable[str]) -> Iterable[str]:
    """As a policy names them (CSP 3 §2.3.1)."""
    for text in texts:
        digest = hashlib.sha256(text.encode()).digest()
        yield f"'sha256-{base64.b64encode(digest).decode()}'"
