"""Series of datasets in the archive: written by ingestion, kept while the files stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from epntap.archive.kept.series import all_series
from epntap.db.pool import Database, Role, connect
from epntap.instants.tt2000 import parse_utc
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from ingest.publish.datasets import series as publishing
from tests.support.cdf_builder import CdfBuilder

DEFINITION = """
[service]
schema = "{schema}"
title = "Series"
publisher = "test"

[[source]]
kind = "cdf-files"
path = "{path}"
granule = "file"
"""


def write(folder: Path, day: str, *names: str, axes: tuple[str, ...] = ("Epoch",)) -> None:
    epochs = parse_utc(f"2020-01-{day}") + np.arange(50) * 1_000_000_000
    builder = CdfBuilder().attribute("Logical_source", "mag")
    for axis in axes:
        builder.axis(axis, epochs)
        for name in names:
            builder.variable(f"{name}{axis}", np.arange(50.0), DEPEND_0=axis, VAR_TYPE="data", UNITS="nT")
    folder.mkdir(exist_ok=True)
    builder.write(folder / f"mag_202001{day}_v01.cdf")


def ingest(folder: Path, database: Database, schema: str = "one") -> None:
    definition = folder.parent / f"{schema}.toml"
    definition.write_text(DEFINITION.format(schema=schema, path=folder))
    ingest_service(load_definition(definition), database)


def test_series_are_told_once_and_again_when_the_files_move(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cdf"
    write(folder, "01", "a", axes=("Epoch", "Hk"))
    ingest(folder, database)
    with connect(database, Role.OWNER) as connection:
        first, second = all_series(connection, "2020-01-01T00:00:00")
        assert (first.public_id, second.public_id) == ("mag", "mag_Hk")
        assert [one.name for one in first.series.variables] == ["aEpoch"]
        assert first.first_tt2000 == parse_utc("2020-01-01")

        def fails(_path: Path) -> None:
            raise AssertionError("a file that did not move was opened again")

        with monkeypatch.context() as patched:
            patched.setattr(publishing, "describe_series", fails)
            ingest(folder, database)
        write(folder, "02", "a", "b", axes=("Epoch",))
        ingest(folder, database)
        first, second = all_series(connection, "2020-01-01T00:00:00")
        assert (first.public_id, second.public_id) == ("mag", "mag_Hk"), "identifiers stay"
        assert [one.name for one in first.series.variables] == ["aEpoch", "bEpoch"]


def test_a_second_copy_of_an_archive_has_other_identifiers(tmp_path: Path, database: Database) -> None:
    folder = tmp_path / "cdf"
    write(folder, "01", "a")
    ingest(folder, database)
    ingest(folder, database, "two")
    with connect(database, Role.OWNER) as connection:
        assert [(one.schema, one.public_id) for one in all_series(connection, "2020-01-01T00:00:00")] == [
            ("one", "mag"),
            ("two", "two.mag"),
        ]
