"""The same measurements of two checkouts in one run, each figure of the one right after that of the other.

    python -m tests.bench.beside CHECKOUT [--rows N] [--rounds N] [--only SECTION …]

CHECKOUT is another clone with a `.venv` of its own, in which `make .venv/dev.stamp` was run. Both servers stand all the
time, so what else the machine does meets both. A figure is the median of all rounds; what counts is the median of the
ratios of the pairs, and whether it is worse than the spread of the figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from epntap.db.pool import Database
from tests.bench import answers, jobs, links, short_queries, uploads
from tests.bench.measure import Bench, Measure
from tests.support.server import Server

__all__ = ["Pair", "worse_by"]

#: those that ask over HTTP, so that any server can be asked
SECTIONS: dict[str, Callable[[Bench], Iterator[Measure]]] = {
    "short": short_queries.measure,
    "answers": answers.measure,
    "jobs": jobs.measure,
    "uploads": uploads.measure,
    "links": links.measure,
}
#: run by the Python of a checkout, in its folder, with what has had the same names in all of them
_STAND = """
import json, sys
from pathlib import Path
from epntap.db.migrate import apply_migrations
from epntap.db.server import open_database
from epntap.settings import Settings
from tests.bench.granules import fill
from tests.support.server import serve
folder, rows = Path(sys.argv[1]), int(sys.argv[2])
with open_database(Settings(home=folder / "home"), create=True) as database:
    apply_migrations(database)
    fill(database, rows)
    with serve(database, folder / "serve", sync_timeout_s="600", public_jobs="1") as server:
        said = {"base": server.base, "pid": server.pid, "log": str(server.log), "url": database.url}
        print(json.dumps(said), flush=True)
        sys.stdin.read()
"""


@dataclass(slots=True)
class Pair:
    """One figure of both, round by round."""

    unit: str
    #: whether more of it is better: rates and shares
    more: bool
    theirs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Ours by theirs: the median over the rounds."""
        return statistics.median(b / a if a else 1.0 for a, b in zip(self.theirs, self.ours, strict=True))


def worse_by(pair: Pair) -> float:
    """How much worse the median of ours is than the worst of theirs, as a share of it; 0 when it is not."""
    if pair.more:
        worst = min(pair.theirs)
        return max(0.0, (worst - statistics.median(pair.ours)) / worst) if worst else 0.0
    worst = max(pair.theirs)
    return max(0.0, (statistics.median(pair.ours) - worst) / worst) if worst else 0.0


@contextmanager
def _standing(checkout: Path, folder: Path, rows: int, rounds: int) -> Iterator[Bench]:
    """A server of this checkout with `rows` granules."""
    folder.mkdir()
    process = subprocess.Popen(
        [checkout / ".venv/bin/python", "-c", _STAND, folder, str(rows)],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith("{"):
            raise SystemExit(f"The server of {checkout} did not start: {line or 'see above'}")
        said = json.loads(line)
        server = Server(said["base"], said["pid"], Path(said["log"]))
        yield Bench(server, Database(said["url"], embedded=True), folder, rows, rounds)
    finally:
        process.stdin.close()
        process.wait(60)


def _compare(
    theirs: Bench, ours: Bench, sections: list[str], rounds: int, say: Callable[[str], None]
) -> dict[str, Pair]:
    pairs: dict[str, Pair] = {}
    for number in range(rounds):
        for section in sections:
            say(f"round {number + 1} of {rounds}: {section}")
            # figure by figure, in turns
            for a, b in zip(SECTIONS[section](theirs), SECTIONS[section](ours), strict=True):
                name = a.what.partition(" (which")[0]
                pair = pairs.setdefault(name, Pair(a.unit, a.unit.endswith("/s") or ": share of" in a.what))
                pair.theirs.append(a.median)
                pair.ours.append(b.median)
    return pairs


def _table(pairs: dict[str, Pair]) -> Table:
    table = Table("measure", "unit", "before", "spread", "now", "spread", "ratio", "slower than the spread")
    for what, pair in pairs.items():
        cells = []
        for values in (pair.theirs, pair.ours):
            cells += [f"{statistics.median(values):,.3g}", f"{min(values):,.3g} to {max(values):,.3g}"]
        worse = worse_by(pair)
        table.add_row(what, pair.unit, *cells, f"{pair.ratio:.2f}", f"by {worse:.0%}" if worse else "")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="the other clone, with its .venv")
    parser.add_argument("--rows", type=int, default=200_000, help="granules in the table (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="times each is measured (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="these sections")
    arguments = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 150)
    here = Path(__file__).parents[2]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="epntap-beside-", dir="/tmp")))
        folder.chmod(0o755)
        benches = [
            stack.enter_context(_standing(tree.resolve(), folder / name, arguments.rows, 1))
            for name, tree in (("before", arguments.checkout), ("now", here))
        ]
        pairs = _compare(
            benches[0], benches[1], arguments.only, arguments.rounds, lambda text: console.print(f"[dim]{text} …[/dim]")
        )
    console.print(_table(pairs))


if __name__ == "__main__":
    main()
