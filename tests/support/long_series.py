"""The sample archive and a long series beside it, served: for cut-outs that take their time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from epntap.db.pool import Database
from ingest.definition.load import load_definition
from ingest.demo.archive import write_sample_archive
from ingest.pipeline import ingest_service
from tests.support.cdf_builder import CdfBuilder
from tests.support.databases import clone_database, drop_database
from tests.support.made_files import seconds
from tests.support.server import Server, serve
from voserver.operating.demo import demo_definition

#: files of the dataset big_field, one after the other in time; each is a granule of the schema `big`
GRANULES = ("big_field_20151201", "big_field_20151205", "big_field_20151209")
#: of each, one a second, an epoch and three doubles
RECORDS = 300_000
_DEFINITION = """
[service]
schema = "big"
title = "Synthetic long series"
[[source]]
kind = "cdf-files"
path = "{folder}"
granule = "file"
"""


@dataclass(frozen=True)
class Place:
    """A server with its database, its home and its archive."""

    database: Database
    server: Server
    home: Path
    archive: Path

    def results(self) -> list[str]:
        """Names of all files in the results folder."""
        return sorted(path.name for path in (self.home / "results").rglob("*") if path.is_file())

    def file(self, granule: str) -> Path:
        """The file of a granule of the long series."""
        return self.archive / "big" / f"{granule}.cdf"


@contextmanager
def long_series(postgres_server: Database, template_database: str, root: Path, **settings: str) -> Iterator[Place]:
    """A server of its own over a database and an archive of its own."""
    database = clone_database(postgres_server, "cuts", template_database)
    write_sample_archive(root / "sample")
    ingest_service(demo_definition(root / "sample"), database)
    (root / "big").mkdir()
    values = np.arange(RECORDS * 3, dtype=np.float64).reshape(-1, 3)
    for number, name in enumerate(GRANULES):
        CdfBuilder().attribute("Logical_source", "big_field").axis(
            "Epoch", seconds(*range(number * RECORDS, (number + 1) * RECORDS))
        ).variable("B", values + number * RECORDS * 3, DEPEND_0="Epoch", VAR_TYPE="data").write(
            root / "big" / f"{name}.cdf"
        )
    (root / "big.toml").write_text(_DEFINITION.format(folder=root / "big"))
    ingest_service(load_definition(root / "big.toml"), database)
    try:
        with serve(database, root / "home", **settings) as server:
            yield Place(database, server, root / "home", root)
    finally:
        drop_database(postgres_server, database)
