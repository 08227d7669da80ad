"""`epntap worker` that also knows a look of the tests: files whose names say what reading them does.

python -m tests.support.odd_worker      as `epntap worker`
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.files.scan import Reading
from ingest.kinds.errand import SCAN

__all__ = ["ODD_SCAN", "SlowLook"]


@dataclass(frozen=True, slots=True)
class SlowLook:
    """Takes its time; a file called deadly ends the process that reads it, as a crash in a library would."""

    edition: str = "slow"

    def __call__(self, path: Path, relative: str, /) -> Reading:
        if path.stem == "deadly":
            os._exit(3)
        time.sleep(0.03)
        return Reading(logical_source=relative)


ODD_SCAN = replace(SCAN, classes=(*SCAN.classes, SlowLook))


def main() -> None:
    """Work until it is ended."""
    from voserver import wsgi  # noqa: PLC0415  # not where work is only unpickled
    from voserver.cli import main as program  # noqa: PLC0415

    setattr(wsgi, "SCAN", ODD_SCAN)  # noqa: B010  # as a release with a look more would have it
    program(["worker"], prog_name="epntap")


if __name__ == "__main__":
    main()
