"""Files that do not exist, by the million: an ingestion of them in a process of its own, which says what it took.

The walk, the reader and the look at size and time are made up; all else is as in any ingestion.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from epntap.archive.model import ScannedFile
from epntap.db.pool import Database
from ingest.definition.load import load_definition
from ingest.files import scan
from ingest.files.istp import Description
from ingest.files.shelf import Texts
from ingest.files.walk import Tree
from ingest.kinds import cdf as cdf_kind
from ingest.options import Options
from ingest.pipeline import ingest_service

__all__ = ["ingest_made_up"]

DEFINITION = """
[service]
schema = "madeup"
title = "Files that do not exist"

[[source]]
kind = "cdf-files"
path = "cdf"
"""
VALUES: dict[str, str | int | float | None] = {
    "granule_gid": "mag",
    "spatial_frame_type": "none",
    "dataproduct_type": "ts",
    "target_name": "Earth",
    "target_class": "planet",
    "measurement_type": "phys.magField",
    "instrument_host_name": "MISSION",
    "instrument_name": "MAG",
    "processing_level": 3,
}
FILES_A_DATASET = 10_000
MINUTE_NS = 60_000_000_000
LAYOUT = "Epoch\x1f0123456789abcdef\tB_gse\tB_gsm\tB_total\tquality_flag\tposition_gse\nEpoch_hk\x1f0123456789abcdef\tt"


def ingest_made_up(database: Database, folder: Path, files: int, **options: Any) -> Mapping[str, Any]:
    """Ingest so many files that are made up; what it took and what became of it."""
    (folder / "cdf").mkdir(parents=True, exist_ok=True)
    (folder / "service.toml").write_text(DEFINITION, encoding="utf-8")
    given = json.dumps({"url": database.url, "embedded": database.embedded, "prefix": database.role_prefix, **options})
    said = subprocess.run(  # our own command
        [sys.executable, "-m", "tests.support.made_up_files", str(folder), str(files), given],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    found: Mapping[str, Any] = json.loads(said.splitlines()[-1])
    return found


def paths(files: int) -> Iterator[str]:
    """Relative paths in their order."""
    for number in range(files):
        dataset, here = divmod(number, FILES_A_DATASET)
        name = f"mission{dataset:04}_mag_l2_{here:08}_v03.cdf"
        yield f"mission{dataset:04}/magnetometer/{here // 366:04}/{name}"


def _walk(root: Path) -> Tree:
    return Tree(root, Texts(paths(FILES)))


def _look(order: Any) -> ScannedFile:  # an order to look into a file
    name = order.path.rpartition("/")[2]
    number = int(name[19:27])
    return ScannedFile(
        root=order.root,
        path=order.path,
        size_bytes=26_000 + number,
        mtime_ns=1_700_000_000_000_000_000 + number,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        logical_source=name[:18],
        tt2000_min=number * MINUTE_NS,
        tt2000_max=(number + 1) * MINUTE_NS - 1,
        records=1440,
        description=SAID if number == FILES_A_DATASET - 1 else None,
        edition=order.look.edition,
        layout=LAYOUT,
    )


def main() -> None:
    """Do it here."""
    folder, given = Path(sys.argv[1]), json.loads(sys.argv[3])
    database = Database(given.pop("url"), embedded=given.pop("embedded"), role_prefix=given.pop("prefix"))
    scan.look_into = _look
    made_up = {
        (scan, "_is_as_it_was"): lambda _path, _known: True,
        (cdf_kind, "describe_file"): lambda _path: Description.from_json(SAID),
    }
    for (module, name), stand_in in made_up.items():
        setattr(module, name, stand_in)
    definition = load_definition(folder / "service.toml")
    for source, _ in definition.file_sources:
        object.__setattr__(source.kind, "walk", _walk)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock, now = time.perf_counter(), datetime.now(UTC).replace(tzinfo=None)
    report = ingest_service(definition, database, now=now, options=Options(jobs=1, **given))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "rows": report.total_rows,
                "refused": [one.reason for one in report.account.refused_rows[:3]],
                "inserted": report.granules.inserted,
                "unchanged": report.granules.unchanged,
                "opened": report.files_opened,
                "seconds": round(time.perf_counter() - clock, 1),
                "processor_s": round(used.ru_utime + used.ru_stime, 1),
                "idle_mb": round(idle / 1024, 1),
                "peak_mb": round(used.ru_maxrss / 1024, 1),
            }
        )
    )


FILES = int(sys.argv[2]) if __name__ == "__main__" else 0
SAID = Description("Made up", None, None, (), VALUES).to_json() if __name__ == "__main__" else ""

if __name__ == "__main__":
    main()
