"""Queries with the SQL they become, or with what is said against them.

`tests/unit/adql/cases/*.txt` reads as documentation. A case is a query, then `->` and the statement (parameters
behind `--`), or `!!` and a message for each problem.
`python -m tests.support.adql_cases` writes the expectations anew; review the difference like code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from epntap.adql import translate
from epntap.errors import AdqlError
from tests.support.adql_sample import BASE_URL, CATALOG
from tests.support.places import ROOT

__all__ = ["CASES", "Case", "outcome"]

FOLDER = ROOT / "tests" / "unit" / "adql" / "cases"


@dataclass(frozen=True)
class Case:
    file: str
    line: int
    query: str
    expected: tuple[str, ...]

    @property
    def is_refused(self) -> bool:
        return any(line.startswith("!! ") for line in self.expected)


def read_cases(path: Path) -> Iterator[Case]:
    for number, block in _blocks(path.read_text(encoding="utf-8")):
        lines = [line for line in block if not line.startswith("#")]
        query = [line for line in lines if not line.startswith(("-> ", "!! ", "-- "))]
        if query:
            yield Case(path.name, number, "\n".join(query), tuple(lines[len(query) :]))


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    block: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def outcome(query: str) -> tuple[str, ...]:
    try:
        result = translate(query, CATALOG, base_url=BASE_URL)
    except AdqlError as exc:
        return tuple(f"!! {p.message}" for p in exc.problems)
    statement = f"-> {result.statement.as_string(None)}"
    params = ", ".join(f"{name} = {value!r}" for name, value in result.params.items())
    return (statement, f"-- {params}") if params else (statement,)


CASES = [case for path in sorted(FOLDER.glob("*.txt")) for case in read_cases(path)]


def _rewrite(path: Path) -> None:
    result = []
    for _, block in _blocks(path.read_text(encoding="utf-8")):
        kept = [line for line in block if not line.startswith(("-> ", "!! ", "-- "))]
        query = "\n".join(line for line in kept if not line.startswith("#"))
        result.append("\n".join([*kept, *(outcome(query) if query else ())]))
    path.write_text("\n\n".join(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for file in sorted(FOLDER.glob("*.txt")):
        _rewrite(file)
