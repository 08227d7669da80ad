"""All settings, with what `epntap/settings.py` says of each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields

from epntap import settings as module
from epntap.settings import Settings

__all__ = ["settings_page"]

_BEFORE = """\
<!-- made by `python -m tests.reference` of epntap/settings.py -->
# Settings

Environment variables, or a TOML file (`EPNTAP_CONFIG`, `--config`) with the names in small letters and without the
prefix; variables win. `epntap config` shows the settings in force, and where each is from.

| variable | default | what |
|---|---|---|
"""


def settings_page() -> str:
    """The page. Raises ValueError for a setting that says nothing of itself."""
    said = dict(_said())
    missing = [one.name for one in fields(Settings) if not said.get(one.name)]
    if missing:
        raise ValueError(f"{', '.join(missing)} of epntap/settings.py need a comment that begins with #:")
    rows = [f"| `EPNTAP_{one.name.upper()}` | {_spelled(one.default)} | {said[one.name]} |" for one in fields(Settings)]
    return _BEFORE + "\n".join(rows) + "\n"


def _said() -> Iterator[tuple[str, str]]:
    """Each field with the comment above it."""
    comment: list[str] = []
    for line in inspect.getsource(module.Settings).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            comment.append(text.removeprefix("#:").strip())
        else:
            yield text.partition(":")[0], " ".join(comment)
            comment = []


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        value = int(value)
    return f"`{value}`" if value != "" else ""
