"""Write an archive of known truth.

python -m tests.support.known_truth --out DIR --datasets N --years Y --cadence 60s
"""

from __future__ import annotations

import argparse
import re
import time
from datetime import date
from pathlib import Path

from tests.support.known_truth import Plan, write_archive

_UNITS_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}


def cadence_ns(text: str) -> int:
    """A duration such as `60s` or `250ms`, in nanoseconds."""
    found = re.fullmatch(r"(\d+)(ns|us|ms|s|min|h)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected a number with a unit such as 60s or 250ms, found {text!r}")
    return int(found[1]) * _UNITS_NS[found[2]]


def main(arguments: list[str] | None = None) -> None:
    """Write what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.known_truth", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--datasets", type=int, default=3)
    parser.add_argument("--years", type=float, default=1.0, help="of 365.25 days")
    parser.add_argument("--days", type=int, help="instead of years")
    parser.add_argument("--cadence", type=cadence_ns, default="60s", help="such as 60s or 250ms")
    parser.add_argument("--first", type=date.fromisoformat, default=Plan().first, help="first day")
    parser.add_argument("--schema", default="truth", help="of the service definition")
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args(arguments)
    days = given.days or round(given.years * 365.25)
    try:
        plan = Plan(given.datasets, days, given.cadence, given.first)
    except ValueError as exc:
        parser.error(str(exc))
    started = time.monotonic()
    definition = write_archive(plan, given.out, schema=given.schema, processes=given.processes)
    print(f"{plan.datasets} datasets of {days} days in {time.monotonic() - started:.1f} s: epntap ingest {definition}")


if __name__ == "__main__":
    main()
