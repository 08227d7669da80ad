"""Small archives and definitions for tests of ingestion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np

from epntap.archive.model import ArchiveFile, Dataset, ScannedFile
from epntap.instants.tt2000 import parse_utc
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.facts import DatasetFacts, Value
from tests.support.cdf_builder import CdfBuilder
from tests.support.spase_records import dataset as spase_dataset
from tests.support.spase_records import write as write_record

HOUR_NS = 3_600_000_000_000

SERVICE = """
[service]
schema = "plasma"
title = "Plasma data"
"""

SPASE_SOURCE = """
[[source]]
kind = "spase-datasets"
path = "spase"
"""

CDF_SOURCE = """
[[source]]
kind = "cdf-files"
path = "cdf"
"""

#: first of the parts of a definition, of which each row is to be kept whole
WIDE = 'storage = "wide"'


class Remembered:
    """A memory of files in a table of Python."""

    def __init__(self, files: Sequence[ScannedFile] = ()) -> None:
        self.files = {(one.root, one.path): one for one in files}
        #: how many at a time
        self.written: list[int] = []

    def known(self, root: str, paths: Sequence[str]) -> dict[str, ScannedFile]:
        return {path: self.files[root, path] for path in paths if (root, path) in self.files}

    def remember(self, files: Sequence[ScannedFile]) -> None:
        self.written.append(len(files))
        self.files |= {(one.root, one.path): one for one in files}


def folders(root: Path) -> Path:
    """The two folders that the definitions here name."""
    (root / "spase").mkdir(exist_ok=True)
    (root / "cdf").mkdir(exist_ok=True)
    return root


def definition(root: Path, *parts: str) -> Definition:
    """A definition of these parts after the service, in `root`."""
    folders(root)
    file = root / "service.toml"
    file.write_text(SERVICE + "\n".join(parts), encoding="utf-8")
    return load_definition(file)


def cdf(
    path: Path,
    start: str,
    hours: int = 24,
    *,
    logical_source: str = "syn_mag",
    offset: float = 0.0,
    units: str = "nT",
    **attributes: str,
) -> Path:
    """A file with one magnetic vector an hour from `start` on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    epochs = parse_utc(start) + HOUR_NS * np.arange(hours, dtype=np.int64)
    builder = CdfBuilder()
    if logical_source:
        builder.attribute("Logical_source", logical_source)
    for name, value in attributes.items():
        builder.attribute(name, value)
    builder.axis("Epoch", epochs)
    builder.variable(
        "B",
        np.full((hours, 3), offset, np.float32),
        DEPEND_0="Epoch",
        VAR_TYPE="data",
        UNITS=units,
        FIELDNAM="magnetic field",
    )
    return builder.write(path)


def record(
    root: Path,
    key: str = "syn-mag",
    start: str = "2001-01-01T00:00:00Z",
    stop: str = "2001-01-10T12:00:00Z",
    **changes: str,
) -> Path:
    """A SPASE record below `root/spase`."""
    body = spase_dataset(
        key=key,
        resource_id=f"spase://Test/NumericalData/{key}",
        span=f"<StartDate>{start}</StartDate><StopDate>{stop}</StopDate>",
        regions=(changes.pop("region", "Earth.Magnetosphere"),),
        **changes,  # type: ignore[arg-type]  # keywords of the builder that take a text
    )
    return write_record(root / "spase", f"{key}.xml", body)


def dataset(dataset_id: str = "syn-mag", **changes: object) -> Dataset:
    """A dataset of ten days, the last one half."""
    fields: dict[str, object] = {
        "title": "Synthetic",
        "start": datetime.fromisoformat("2001-01-01"),
        "stop": datetime.fromisoformat("2001-01-10T12:00:00"),
    }
    return Dataset(dataset_id, **(fields | changes))  # type: ignore[arg-type]  # fields of any type


def facts(values: dict[str, Value] | None = None, **changes: object) -> DatasetFacts:
    """Facts with all that a row must have."""
    required: dict[str, Value] = {
        "granule_gid": "calibrated",
        "dataproduct_type": "ts",
        "target_class": "planet",
        "target_name": "Earth",
    }
    one = dataset(**changes)  # type: ignore[arg-type]  # fields of any type
    return DatasetFacts(one, required | (values or {}), f"{one.dataset_id}.xml")


def held(path: str, start: str, stop: str, *, size_bytes: int = 5000, dataset_id: str = "syn-mag") -> ArchiveFile:
    """An indexed file with records from `start` to `stop`."""
    return ArchiveFile(dataset_id, "/archive", path, size_bytes, 1, parse_utc(start), parse_utc(stop), 100)


def julian_day(day: date) -> float:
    """JD of the midnight before a day."""
    return day.toordinal() + 1_721_424.5
