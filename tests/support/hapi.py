"""A small archive with every kind of value that HAPI knows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np

from epntap.db.pool import Database
from epntap.instants.tt2000 import parse_utc
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from tests.support.cdf_builder import CdfBuilder
from tests.support.databases import clone_database, drop_database
from tests.support.server import Server, serve

__all__ = [
    "FILL",
    "HALF_SECOND",
    "RECORDS",
    "SPAN",
    "START",
    "ingest_tree",
    "random_targets",
    "serve_kinds",
    "write_kinds",
]

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
#: an interval that holds all records
SPAN = {"start": "2016-12-31T23:58:00Z", "stop": "2017-01-01T00:02:00Z"}
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


@contextmanager
def serve_kinds(postgres_server: Database, template_database: str, root: Path, **settings: str) -> Iterator[Server]:
    """A live server over the small archive, which is at `root`/cdf."""
    write_kinds(root / "cdf")
    database = clone_database(postgres_server, "hapi", template_database)
    try:
        ingest_tree(root / "cdf", database)
        with serve(database, root, **settings) as server:
            yield server
    finally:
        drop_database(postgres_server, database)


def random_targets(seed: int, count: int) -> Iterator[str]:
    """Paths below /hapi with queries that are right, nearly right and nonsense."""
    chance = random.Random(seed)
    endpoints = ["about", "capabilities", "catalog", "info", "data", "data", "data", "x_y", "data/", "info/more"]
    for _ in range(count):
        endpoint = chance.choice(endpoints)
        if chance.random() < 0.5:
            right = {**_RIGHT.get(endpoint, {}), **chance.choice(_TWISTS)}
            pairs = list(right.items())
        else:
            pairs = [(chance.choice(_NAMES), chance.choice(_VALUES)) for _ in range(chance.randrange(6))]
        chance.shuffle(pairs)
        match chance.randrange(12):
            case 0:
                query = quote("".join(map(chr, chance.choices(range(256), k=9))))
            case 1:
                query = "".join(chance.choices("=&?%;+,#/abcZ019-:.", k=chance.randrange(40))).replace("#", "")
            case 2:
                query = urlencode(pairs).replace("=", chance.choice(["", "==", "=%", "=%ff", "=%00"]))
            case _:
                query = urlencode(pairs)
        yield f"/hapi/{endpoint}?{query}"


_RIGHT = {"info": {"dataset": "kinds"}, "data": {"dataset": "kinds", **SPAN}, "catalog": {"depth": "all"}}
_EMPTY = {"start": "2016-12-31T23:58:00.1Z", "stop": "2016-12-31T23:58:00.2Z"}
#: what is changed in a request that is right, one at a time
_TWISTS: list[dict[str, str]] = [
    {},
    _EMPTY,
    {**_EMPTY, "include": "header", "format": "json"},
    *({"parameters": names} for names in ("B", "B,flag", "flag,B", "B,B", "", ",", "nothing", "Time", "time")),
    *({"format": name} for name in ("binary", "json", "xml", "")),
    *({"include": word} for word in ("header", "footer", "")),
    *({"resolve_references": word} for word in ("true", "false", "maybe")),
    *({"depth": word} for word in ("dataset", "all", "other")),
    {"start": "2018Z"},
    {"start": "1999Z", "stop": "2000Z"},
    {"stop": "2015-366Z"},
    {"start": "2016-12-31T23:59:61Z"},
    {"dataset": "nobody"},
]
_NAMES = [
    *["dataset", "id", "start", "time.min", "stop", "time.max", "parameters", "format", "include", "depth", "x", ""],
    *["resolve_references", "START", "dataset[]"],
]
_VALUES = [
    *["kinds", "2016Z", "2017-001T00:01Z", "2016-12-31T23:58", "B", "Time,flag", "csv", "json", "binary", "header"],
    *["", "9999Z", "0000-01-01", "2016-366", "2015-366", "2016-12-31T23:59:60.5Z", "2017-01-01T24:00", "all", "true"],
    *["flag,B", "B,B", ",", "B,,flag", "2016-12-31T23:58:00.01234567890123456789Z", "2016-12-31T23:58:61Z"],
    *["\u00e9", "\x00", "a" * 3000, "1e999", "';--", "%", "\u0662\u0660\u0661\u0666Z", "../../etc/passwd", "<script>"],
]
