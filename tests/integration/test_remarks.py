"""What a reader should know of a cut-out is said where CSV is read, too: in a header, and at the prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from epntap.db.pool import Database
from tests.support.asking import request
from tests.support.cdf_builder import CdfBuilder
from tests.support.command import run
from tests.support.made_files import seconds
from tests.support.server import serve

DEFINITION = """
[service]
schema = "mine"
title = "Mine"
publisher = "Me"

[[source]]
kind = "cdf-files"
path = "{folder}"
granule = "day"
"""
SAID = "b.cdf has 1 record at instants of Epoch at which earlier files have other values: all are given"


def file(path: Path, values: list[float]) -> None:
    builder = CdfBuilder().attribute("Logical_source", "mine").axis("Epoch", seconds(0, 1))
    builder.variable("n", np.array(values), DEPEND_0="Epoch", VAR_TYPE="data").write(path)


@pytest.mark.parametrize("inline", ["1000000", "0"], ids=["thread", "process"])
def test_remarks_reach_the_reader_of_csv(database: Database, tmp_path: Path, inline: str) -> None:
    archive = tmp_path / "cdf"
    archive.mkdir()
    file(archive / "a.cdf", [0, 1])
    file(archive / "b.cdf", [0, 2])
    (tmp_path / "mine.toml").write_text(DEFINITION.format(folder=archive))
    here = {"EPNTAP_DATABASE_URL": database.url, "EPNTAP_HOME": str(tmp_path / "home")}
    assert run("ingest", str(tmp_path / "mine.toml"), **here).returncode == 0
    with serve(database, tmp_path / "home", soda_inline_bytes=inline, workers="1", job_workers="0") as server:
        asked = "/datalink/soda/sync?ID=mine_20151201&FORMAT="
        status, headers, text = request(server, "GET", f"{asked}CSV")
        assert (status, [line.split(",")[1] for line in text.splitlines()[1:]]) == (200, ["0", "1", "2"])
        assert headers["X-Remarks"] == f"1: {SAID}"
        assert "X-Remarks" in request(server, "GET", f"{asked}TXT")[1]["Access-Control-Expose-Headers"]
        assert SAID in request(server, "GET", f"{asked}TXT")[2]
        one = "&START=2015-12-01T00:00:00&STOP=2015-12-01T00:00:01"
        assert request(server, "GET", f"{asked}CSV{one}")[1]["X-Remarks"] is None
    told = run("get", "mine_20151201", "--format", "csv", "--output", "-", **here)
    assert told.stderr == f"epntap: {SAID}.\n"
