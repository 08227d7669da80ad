"""TSCat, unmodified, reads what is exported for it: a process of its own in an environment of its own.

`make tscat` makes the environment, TSCAT_PYTHON names another one.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from eventtables.model import EventTable
from eventtables.readers import read_table
from tests.support.events import catalogue, cells_of, intervals, real, written
from tests.support.places import ROOT

_PYTHON = Path(os.environ.get("TSCAT_PYTHON") or ROOT / "build" / "tscat" / "bin" / "python")
pytestmark = pytest.mark.skipif(
    "TSCAT_PYTHON" not in os.environ and not _PYTHON.exists(), reason="there is no TSCat; `make tscat` installs it"
)
SCRIPT = """
import json, sys
import tscat
path = sys.argv[1]
if path.endswith(".xml"):
    tscat.import_votable_file(path)
else:
    with open(path) as file:
        tscat.import_canonicalized_dict(tscat.canonicalize_json_import(file.read()))
(catalogue,) = tscat.get_catalogues()
found = tscat.get_events(catalogue)
events = found[0] if isinstance(found, tuple) else found
events = [
    [one.uuid, one.start.isoformat(), one.stop.isoformat(), one.author, list(one.tags), one.variable_attributes()]
    for one in events
]
with open(sys.argv[2], "w") as file:
    file.write(tscat.export_json(catalogue))
if sys.argv[3:]:  # which it does only if every event has a value for everything
    with open(sys.argv[3], "w") as file:
        file.write(tscat.export_votable_str(catalogue))
print(json.dumps({"name": catalogue.name, "events": sorted(events)}, default=str))
"""


def read_by_tscat(home: Path, table: EventTable, form: str, *outputs: str) -> dict[str, Any]:
    """What it says of an export, and what it makes of it."""
    path = home / ("in.json" if form == "tscat" else "in.xml")
    path.write_bytes(written(table, form))
    done = subprocess.run(
        [str(_PYTHON), "-c", SCRIPT, str(path), *(str(home / one) for one in outputs)],
        check=False,
        capture_output=True,
        text=True,
        env={"HOME": str(home), "XDG_DATA_HOME": str(home), "PATH": os.environ["PATH"]},
        timeout=300,
        cwd=home,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.shared
@pytest.mark.parametrize("form", ["tscat", "tscat-votable"])
def test_it_reads_a_catalogue_of_amda_and_we_read_it_back(tmp_path: Path, shared: Path, form: str) -> None:
    table = read_table(real(shared, "Dst_Li2020.xml"), "x")
    said = read_by_tscat(tmp_path, table, form, "out.json", "out.xml")
    cells = cells_of(table)
    assert said["name"] == "Dst_Li2020"
    events = sorted(said["events"], key=lambda one: str(one[1]))
    assert len(events) == 95
    assert [one[1] for one in events] == [text[:19] for text in cells["start"]]
    assert [f"{one[5]['DstMin']:g}" for one in events] == cells["DstMin"]
    assert [one[5]["HeliumEnhanced"] for one in events] == cells["HeliumEnhanced"]
    for name in ("out.json", "out.xml"):
        again = cells_of(read_table((tmp_path / name).read_bytes(), "x"))
        assert sorted(again["uuid"]) == [one[0] for one in said["events"]], name
        order = sorted(range(95), key=lambda row: again["start"][row])
        assert [again["Bzmin"][row] for row in order] == cells["Bzmin"], name
        assert [again["DstMinTime"][row] for row in order] == cells["DstMinTime"], name


@pytest.mark.parametrize("form", ["tscat", "tscat-votable"])
@pytest.mark.parametrize("table", [catalogue(), intervals([(1, 2), (3, 3)], "quiet: days")], ids=["catalogue", "table"])
def test_it_reads_hostile_cells_and_time_tables(tmp_path: Path, table: EventTable, form: str) -> None:
    said = read_by_tscat(tmp_path, table, form, "out.json")
    assert len(said["events"]) == len(table.events)
    if table.about.is_catalogue:
        assert {one[5]["kind"] or None for one in said["events"]} == {'<a & "b">, é', "two words\\n", None}
