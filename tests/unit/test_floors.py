"""What may be imported where, file by file: the contracts of pyproject.toml speak of whole packages only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]

#: where HTTP is spoken
SPEAKS_HTTP = (
    "*/views.py",
    "*/routes.py",
    "epntap/http/*.py",
    "epntap/tap/sync.py",
    "epntap/tap/examples.py",
    "epntap/tap/vosi.py",
    "voserver/*.py",
)
#: what asks other machines
CLIENTS = frozenset({"http.client", "urllib.request", "urllib3", "requests", "httpx", "aiohttp", "ftplib", "pycurl"})
#: who may: uploads are fetched from addresses that users give, and `epntap check` and `epntap query --url` ask the
#: service that they are told to, on the machine and with the rights of whoever types the command
ASKS_OTHERS = {
    "epntap/fetch.py": CLIENTS,
    "ingest/validation/remote.py": frozenset({"requests", "pyvo"}),
    "voserver/prompt/elsewhere.py": frozenset({"requests", "pyvo"}),
}
#: calls that open a connection, whatever the module is called
CONNECTS = frozenset({"create_connection", "urlopen", "urlretrieve", "open_connection"})


def imported(tree: ast.AST) -> Iterator[str]:
    """All modules that are imported, at any depth; `from a import b` may mean a or a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def called(tree: ast.AST) -> Iterator[str]:
    """The last part of the name of whatever is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.func.id


def within(name: str, packages: frozenset[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in SOURCES}


def test_all_packages_are_looked_at() -> None:
    assert {"epntap", "cutouts", "datalink", "ingest", "voserver"} <= set(PACKAGES)
    assert len(TREES) > 200


def test_flask_is_where_http_is_spoken() -> None:
    speaking = [
        place for place, tree in TREES.items() if any(within(one, frozenset({"flask"})) for one in imported(tree))
    ]
    assert [place for place in speaking if not any(fnmatch(place, pattern) for pattern in SPEAKS_HTTP)] == []


def test_the_guarded_fetcher_is_the_only_way_out() -> None:
    ways_out = {}
    for place, tree in TREES.items():
        allowed = ASKS_OTHERS.get(place, frozenset())
        found = {name for name in imported(tree) if within(name, CLIENTS | {"pyvo"}) and not within(name, allowed)}
        if place not in ASKS_OTHERS:
            found |= CONNECTS.intersection(called(tree))
        if found:
            ways_out[place] = found
    assert ways_out == {}
