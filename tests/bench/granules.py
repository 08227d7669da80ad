"""A table of any size through the real ingestion, and how fast that was beside a bare COPY."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from epntap.catalog import ddl
from epntap.catalog.load import load_catalog
from epntap.db.pool import Database, Role, connect
from ingest.definition.load import load_definition
from ingest.definition.storage import Storage
from ingest.pipeline import ingest_service
from ingest.progress import Progress
from ingest.report import Report
from tests.bench.measure import Measure

DATASETS = 200
START = datetime(2000, 1, 1)  # noqa: DTZ001  # UTC, as everywhere
REGIONS = ("Earth.Magnetosphere", "Jupiter", "Saturn", "Mars", "Heliosphere.Inner", "Sun.Corona", "Mercury", "Venus")
KINDS = ("MagneticField", "ThermalPlasma", "EnergeticParticles", "Ephemeris")

_DEFINITION = """
[service]
schema = "{schema}"
title = "Rows to measure with"
publisher = "synthetic"

[[source]]
kind = "spase-datasets"
path = "{path}"
granule = "day"
"""

_RECORD = """<?xml version="1.0" encoding="UTF-8"?>
<Spase xmlns="http://www.spase-group.org/data/schema"><Version>2.4.1</Version><NumericalData>
<ResourceID>spase://EXAMPLE/NumericalData/bench/{key}</ResourceID>
<ResourceHeader><ResourceName>Synthetic dataset {key}</ResourceName><ReleaseDate>2020-01-01T00:00:00Z</ReleaseDate>
<Description>Synthetic, for measurements</Description>
<InformationURL><URL>https://information.example.org/datasets/{key}/index.html</URL></InformationURL></ResourceHeader>
<AccessInformation><AccessRights>Open</AccessRights><AccessURL><URL>https://hapi.example.org/hapi</URL>
<Style>HAPI</Style><ProductKey>{key}</ProductKey></AccessURL><Format>CDF</Format></AccessInformation>
<InstrumentID>spase://EXAMPLE/Instrument/bench/HOST{group}/INSTRUMENT{n}</InstrumentID>
<MeasurementType>{kind}</MeasurementType>
<TemporalDescription><TimeSpan><StartDate>{start}Z</StartDate><StopDate>{stop}Z</StopDate></TimeSpan>
<Cadence>PT{cadence}S</Cadence></TemporalDescription>
<ObservedRegion>{region}</ObservedRegion>
<Parameter><Name>b</Name><ParameterKey>b</ParameterKey><Units>nT</Units><UCD>phys.magField</UCD></Parameter>
</NumericalData></Spase>
"""


def write_records(folder: Path, rows: int, datasets: int = DATASETS) -> None:
    """Records of datasets that have `rows` days together; each has an instrument of its own, ten have one host."""
    days = -(-rows // datasets)
    for n in range(datasets):
        stop = START + timedelta(days=days - 1, hours=23, minutes=59, seconds=59)
        text = _RECORD.format(
            key=f"bench-{n:03d}",
            n=n,
            group=n // 10,
            kind=KINDS[n % len(KINDS)],
            start=START.isoformat(),
            stop=stop.isoformat(),
            cadence=1 + n % 60,
            region=REGIONS[n % len(REGIONS)],
        )
        path = folder / "NumericalData" / f"bench-{n:03d}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def publish_files(database: Database, folder: Path, schema: str = "benchfiles") -> None:
    """A folder of CDF files as a service of its own, one granule a file."""
    definition = folder / "files.toml"
    definition.write_text(
        f'[service]\nschema = "{schema}"\ntitle = "Files to cut"\npublisher = "synthetic"\n'
        f'[[source]]\nkind = "cdf-files"\npath = "{folder}"\ngranule = "file"\n'
    )
    ingest_service(load_definition(definition), database)


def publish_rows(
    database: Database,
    rows: int,
    storage: Storage = Storage.WIDE,
    *,
    schema: str = "bench",
    datasets: int = DATASETS,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Report:
    """Load `rows` granules, or a few more, as `schema`.epn_core."""
    with tempfile.TemporaryDirectory(prefix="epntap-bench-records-") as name:
        folder = Path(name)
        write_records(folder, rows, datasets)
        file = folder / "bench.toml"
        file.write_text(_DEFINITION.format(schema=schema, path=folder))
        return ingest_service(replace(load_definition(file), storage=storage), database, now=now, progress=progress)


def fill(database: Database, rows: int, storage: Storage = Storage.WIDE) -> list[Measure]:
    """Load `rows` granules as bench.epn_core: the speed of ingestion beside a bare COPY of the same rows."""
    report = publish_rows(database, rows, storage)
    ingestion = report.total_rows / report.seconds
    share = ingestion / _bare_copy(database, report.total_rows)
    return [
        Measure.of("ingestion, everything included", [ingestion], "rows/s"),
        Measure.of("ingestion: share of bare COPY into one indexed table", [share], "", ">= 0.5"),
    ]


def _bare_copy(database: Database, rows: int) -> float:
    with connect(database, Role.SERVICE) as service:
        table = load_catalog(service).table("bench", "epn_core")
    assert table is not None
    with psycopg.connect(database.url) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY (SELECT * FROM bench.epn_core) TO STDOUT") as copy:
            blocks = [bytes(block) for block in copy]
        cursor.execute("CREATE TABLE public.bare (LIKE bench.epn_core)")
        ddl.create_indexes(connection, replace(table, schema="public", name="bare", narrow=None))
        started = time.perf_counter()
        with cursor.copy("COPY public.bare FROM STDIN") as copy:
            for block in blocks:
                copy.write(block)
        seconds = time.perf_counter() - started
        connection.rollback()
    return rows / seconds
