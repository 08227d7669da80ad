"""A small archive with every kind of value that HAPI knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from epntap.db.pool import Database
from epntap.instants.tt2000 import parse_utc
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from tests.support.cdf_builder import CdfBuilder

__all__ = ["FILL", "HALF_SECOND", "RECORDS", "START", "ingest_tree", "write_kinds"]

DEFINITION = """
[service]
schema = "{schema}"
title = "Kinds of values"
publisher = "A laboratory"

[[source]]
kind = "cdf-files"
path = "{path}"
granule = "file"
"""
HALF_SECOND = 500_000_000
#: in each of the two files
RECORDS = 240
FILL = np.float32(-1e31)
START = parse_utc("2016-12-31T23:58:00.000000007Z")
#: what each record says of the mode, with all that a comma-separated table has to quote
MODES = (b"fast", b'slow, "odd"', b"", b"plain")


def write_kinds(folder: Path) -> None:
    """Two files of half-second records over a leap second; the second lacks `mode`, has wider arrays of nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(2):
        count = np.arange(RECORDS) + number * RECORDS
        field = np.stack([count, count / 3, -count], axis=1).astype(np.float32)
        field[5, 1] = FILL
        flux = count[:, None, None] + np.arange(6).reshape(2, 3) / 7
        flux[3, 0, 0] = np.nan
        builder = (
            CdfBuilder()
            .attribute("Logical_source", "kinds")
            .attribute("Logical_source_description", "Every kind of value that there is in a file of CDF")
            .axis("Epoch", START + count * HALF_SECOND, FILLVAL=np.int64(-(2**63)), VAR_TYPE="support_data")
            .variable("energy", np.array([[10.0, 20.0, 30.0]]), fixed=True, UNITS="keV")
            .variable("angle", np.tile([1.0, 2.0], (RECORDS, 1)), DEPEND_0="Epoch", UNITS="deg")
            .variable("names", np.array([[b"Bx", b"By", b"Bz"]]), fixed=True)
            .variable(
                "B",
                field,
                DEPEND_0="Epoch",
                VAR_TYPE="data",
                UNITS="nT",
                FILLVAL=FILL,
                LABL_PTR_1="names",
                CATDESC="Magnetic field",
                COORDINATE_SYSTEM="GSE",
            )
            .variable("flux", flux, DEPEND_0="Epoch", DEPEND_1="angle", DEPEND_2="energy", VAR_TYPE="data")
            .variable("flag", count.astype(np.int16), DEPEND_0="Epoch", VAR_TYPE="data", FILLVAL=np.int16(-1))
            .variable("big", count.astype(np.uint32) + 2**31, DEPEND_0="Epoch", VAR_TYPE="data")
            .variable("wide", count + 2**60, DEPEND_0="Epoch", VAR_TYPE="data")
            .axis("centre", START + count * HALF_SECOND + 250, DEPEND_0="Epoch", VAR_TYPE="data")
        )
        if number == 0:
            modes = np.array([MODES[one % len(MODES)] for one in count])
            builder.variable("mode", modes, DEPEND_0="Epoch", VAR_TYPE="data")
        builder.write(folder / f"kinds_2016123{number}_v01.cdf")


def ingest_tree(folder: Path, database: Database, schema: str = "kinds", *more: str) -> None:
    """Publish the files below a folder, each a granule."""
    definition = folder.parent / f"{schema}.toml"
    definition.write_text("\n".join([DEFINITION.format(schema=schema, path=folder), *more]))
    ingest_service(load_definition(definition), database)
