"""What an operator makes of the frame: a folder with the name, the logo, colours and texts of a data centre."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from epntap.errors import SetupError
from epntap.hints import did_you_mean

__all__ = ["Branding", "read_branding"]

_LOGOS = ("logo.svg", "logo.png")
#: key → the least contrast it must have to what it stands on (WCAG 2.2 §1.4.3), light and dark
_COLOURS = ("accent", "ground-header", "text-header")
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_LEAST_CONTRAST = 4.5
#: grounds of pages in site.css
_GROUNDS = {"colours": "#ffffff", "dark": "#12161c"}
_MOST_BYTES = 500_000
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class Branding:
    """What a folder says."""

    name: str = ""
    tagline: str = ""
    contact: str = ""
    #: HTML, without anything that Markdown does not make
    about: str = ""
    legal: str = ""
    #: name and bytes of what pages load: the logo, colours
    files: Mapping[str, bytes] | None = None


def read_branding(folder: str) -> Branding:
    """The branding in a folder; an empty name stands for none. Raises SetupError with what is wrong."""
    if not folder:
        return Branding()
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise SetupError(f"EPNTAP_BRANDING={folder} is no folder.")
    facts = _facts(root / "branding.toml")
    files: dict[str, bytes] = {}
    for name in _LOGOS:
        if not files and (root / name).is_file():
            files[f"brand/{name}"] = _bytes(root / name)
    if colours := _colours(facts, root / "branding.toml"):
        files["brand/colours.css"] = colours.encode()
    return Branding(
        facts.get("name", ""),
        facts.get("tagline", ""),
        facts.get("contact", ""),
        _text(root / "about.md"),
        _text(root / "legal.md"),
        files,
    )


def _facts(path: Path) -> dict[str, Any]:  # TOML values
    if not path.is_file():
        return {}
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        raise SetupError(f"{path} cannot be read: {exc}.") from exc
    known = ("name", "tagline", "contact", "colours", "dark")
    for key, value in facts.items():
        if key not in known:
            raise SetupError(f"{path}: unknown key {key!r}; known are {', '.join(known)}.{did_you_mean(key, known)}")
        kind, word = (dict, "a table") if key in _GROUNDS else (str, "text")
        if not isinstance(value, kind):
            raise SetupError(f"{path}: {key} must be {word}.")
    contact = facts.get("contact", "")
    if contact and not re.match(r"(https?://|mailto:)\S+$", contact):
        raise SetupError(
            f"{path}: contact must be an address that begins with mailto: or https://, but is {contact!r}."
        )
    return facts


def _colours(facts: Mapping[str, Any], path: Path) -> str:
    """A stylesheet that sets the colours that are given; each can be read in its scheme."""
    rules = []
    for scheme, ground in _GROUNDS.items():
        chosen = facts.get(scheme, {})
        for key, value in chosen.items():
            where = f"{path}: [{scheme}] {key}"
            if key not in _COLOURS:
                raise SetupError(f"{where} is unknown; known are {', '.join(_COLOURS)}.{did_you_mean(key, _COLOURS)}")
            if not (isinstance(value, str) and _COLOUR.fullmatch(value)):
                raise SetupError(f"{where} must be a colour such as #1a5ca8, but is {value!r}.")
        pairs = [("accent", chosen.get("accent"), ground)]
        if {"ground-header", "text-header"} & chosen.keys():
            header = chosen.get("ground-header", "#14263d" if scheme == "colours" else "#0b0f15")
            pairs.append(("text-header", chosen.get("text-header", "#f3f6fa"), header))
        for key, colour, on in pairs:
            if colour and contrast(colour, on) < _LEAST_CONTRAST:
                raise SetupError(
                    f"{path}: [{scheme}] {key} {colour} can hardly be read on {on}: its contrast is "
                    f"{contrast(colour, on):.1f}, and {_LEAST_CONTRAST} is needed."
                )
        if chosen:
            body = " ".join(f"--{key}: {value};" for key, value in chosen.items())
            rule = f":root {{ {body} }}\n"
            rules.append(rule if scheme == "colours" else f"@media (prefers-color-scheme: dark) {{ {rule} }}\n")
        elif rules:
            # the dark scheme keeps its own: what was chosen for light ground is not for dark
            rules = [f"@media (prefers-color-scheme: light) {{ {rule} }}\n" for rule in rules]
    return "".join(rules)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours such as #1a5ca8 (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        return str(_MARKDOWN.render(_bytes(path).decode("utf-8-sig"), {})).replace("<hr>", "<hr/>")
    except UnicodeDecodeError as exc:
        raise SetupError(f"{path} is no text in UTF-8.") from exc


def _bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise SetupError(f"{path} cannot be read: {exc.strerror}.") from exc
    if len(content) > _MOST_BYTES:
        raise SetupError(f"{path} has {len(content):,} bytes, but at most {_MOST_BYTES:,} are taken: pages load it.")
    return content
