"""Measure throughput, latency and memory against what the database can do, in one run.

python -m tests.bench [--rows N] [--rounds N] [--only SECTION …] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from epntap.db.migrate import apply_migrations
from epntap.db.server import open_database
from epntap.settings import Settings
from ingest.definition.storage import Storage
from tests.bench import (
    answers,
    cutouts,
    das2,
    fairness,
    hapi,
    ingestion,
    jobs,
    links,
    previews,
    short_queries,
    summaries,
    uploads,
    year,
)
from tests.bench.granules import fill
from tests.bench.measure import Bench, Measure
from tests.support.server import serve

#: one line a section
SECTIONS: dict[str, Callable[[Bench], Iterator[Measure]]] = {
    "short": short_queries.measure,
    "answers": answers.measure,
    "jobs": jobs.measure,
    "uploads": uploads.measure,
    "cutouts": cutouts.measure,
    "links": links.measure,
    "year": year.measure,
    "summaries": summaries.measure,
    "hapi": hapi.measure,
    "das2": das2.measure,
    "previews": previews.measure,
    "ingestion": ingestion.measure,
    "fairness": fairness.measure,
}


def run(rows: int, rounds: int, sections: list[str], show: Callable[[str], None], measures: list[Measure]) -> None:
    """Make the granules, start a server, measure section by section; what is measured joins `measures` at once."""
    with tempfile.TemporaryDirectory(prefix="epntap-bench-", dir="/tmp") as name:
        folder = Path(name)
        with open_database(Settings(home=folder / "home"), create=True) as database:
            apply_migrations(database)
            show(f"making {rows:,} granules")
            measures += fill(database, rows, Storage.NARROW)
            with serve(database, folder / "serve", sync_timeout_s="600", public_jobs="1") as server:
                bench = Bench(server, database, folder, rows, rounds)
                for section in sections:
                    show(f"measuring {section}")
                    measures.extend(SECTIONS[section](bench))


def _table(measures: list[Measure]) -> Table:
    table = Table("measure", "median", "min", "max", "unit", "must", "kept")
    for m in measures:
        kept = {None: "", True: "yes", False: "[bold red]NO[/]"}[m.is_kept]
        table.add_row(m.what, f"{m.median:,.3g}", f"{m.low:,.3g}", f"{m.high:,.3g}", m.unit, m.must, kept)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, help="granules in the table (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="times each is measured (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="these sections")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    arguments = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 140)
    measures: list[Measure] = []
    try:
        run(
            arguments.rows,
            arguments.rounds,
            arguments.only,
            lambda text: console.print(f"[dim]{text} …[/dim]"),
            measures,
        )
    finally:  # a section that breaks does not take the figures of the others with it
        console.print(_table(measures))
    if arguments.json:
        machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
        figures = [asdict(m) | {"kept": m.is_kept} for m in measures]
        arguments.json.write_text(json.dumps({"rows": arguments.rows, **machine, "measures": figures}, indent=2))


if __name__ == "__main__":
    main()
