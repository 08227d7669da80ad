"""Pages of docs/reference that say what the program has, held against it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from epntap.settings import Settings
from tests.reference import PAGES
from tests.support.places import ROOT
from tests.support.project import shipped
from voserver.app import create_app
from voserver.house import Pools, build_house
from voserver.routes import wings

REFERENCE = ROOT / "docs" / "reference"
SOURCES = [path for package in shipped() for path in sorted((ROOT / package).rglob("*.py"))]
ROW = re.compile(r"^\| `(?P<first>[^`]+)` \|(?P<rest>.*)\|$", re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_what_is_made_of_the_program_is_as_it_would_be_made_now(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "`python -m tests.reference` writes it anew"


# -- addresses


def told_addresses() -> dict[str, tuple[set[str], str]]:
    """Address → methods and parameters, as the page has them."""
    found = {}
    for match in ROW.finditer((REFERENCE / "http.md").read_text(encoding="utf-8")):
        methods, _, parameters = (one.strip() for one in match["rest"].split(" |")[:3])
        found[match["first"]] = (set(methods.split(", ")), parameters)
    return found


def answered() -> dict[str, set[str]]:
    """Address → methods, of the application with all its servers, and no database."""
    settings = Settings(home=Path("/nowhere"))
    house = build_house(settings, MagicMock(), Pools(MagicMock(), MagicMock(), MagicMock()))
    app = create_app(wings(house), settings, house.pages)
    found: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue  # flask's own, behind ours
        address = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.rstrip("/") or "/")
        address = re.sub(r"^/__system__/tap/run", "/tap", address)
        address = re.sub(r"^/(?:tap|datalink/soda|statistics)/async", "{jobs}", address)
        found.setdefault(address, set()).update((rule.methods or set()) - {"HEAD", "OPTIONS"})
    return found


def test_every_address_is_told_with_its_methods() -> None:
    told = {address: methods for address, (methods, _) in told_addresses().items()}
    exist = answered()
    assert len(exist) > 70
    missing = {address: methods for address, methods in exist.items() if told.get(address) != methods}
    assert missing == {}, "docs/reference/http.md needs rows: | `address` | methods | what | parameters |"
    assert set(told) - set(exist) == set(), "the page has addresses that are not answered"


def test_parameters_that_are_told_are_read_somewhere() -> None:
    texts = {text.upper() for text in strings()}
    names = {name for _, parameters in told_addresses().values() for name in re.findall(r"`(\w+)`", parameters)}
    assert len(names) > 50
    assert {name for name in names if name.upper() not in texts} == set()


# -- messages


def strings() -> set[str]:
    """All texts of the program, with … for what is filled in."""
    found = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def is_said(message: str, texts: str) -> bool:
    """Whether a text of the program has the parts of a message, in order and with something in between."""
    pattern = "[^\0]*".join(re.escape(part) for part in message.split("…"))
    return re.search(pattern, texts) is not None


def test_every_message_is_one_of_the_program() -> None:
    texts = "\0".join(sorted(strings()))
    told = [match["first"] for match in ROW.finditer((REFERENCE / "troubleshooting.md").read_text(encoding="utf-8"))]
    assert len(told) > 20
    assert [message for message in told if not is_said(message, texts)] == []
    assert not is_said("There is … that nobody says", texts)
