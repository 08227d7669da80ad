"""Rows that come into a published table, beside a bare COPY of them into one with the same rows and indexes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from tests.bench.granules import write_records
from tests.bench.measure import Bench, Measure

__all__ = ["bare_copy", "measure"]

_BLOCK = 1 << 20
_DEFINITION = """
[service]
schema = "{schema}"
title = "Rows that come in two parts"
publisher = "synthetic"

[[source]]
kind = "spase-datasets"
path = "{path}"
granule = "day"
"""


def measure(bench: Bench) -> Iterator[Measure]:
    """Half of the rows into a new table, the other half into the published one, and a run that finds nothing new."""
    first, added, again = [], [], []
    for turn in range(min(bench.rounds, 3)):
        schema = f"ingested{turn}"
        folder = bench.folder / schema
        (folder / "records").mkdir(parents=True)
        write_records(folder / "records", bench.rows)
        late = sorted((folder / "records" / "NumericalData").iterdir())[1::2]
        for path in late:
            shutil.move(path, folder / path.name)
        file = folder / "service.toml"
        file.write_text(_DEFINITION.format(schema=schema, path=folder / "records"))
        definition = load_definition(file)
        one = ingest_service(definition, bench.database)
        for path in late:
            shutil.move(folder / path.name, path)
        two = ingest_service(definition, bench.database)
        assert two.granules.inserted == two.total_rows - one.total_rows > 0
        started = time.perf_counter()
        three = ingest_service(definition, bench.database)
        again.append(time.perf_counter() - started)
        assert three.granules.loaded == 0
        with psycopg.connect(bench.database.url, autocommit=True) as connection:
            bare = sql.Identifier("public", f"bare_{schema}")
            stored = sql.Identifier(schema, "epn_core")
            connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(bare, stored))
            odd = sql.SQL("substr(dataset_id, 9, 1) IN ('1', '3', '5', '7', '9')")
            empty = bare_copy(connection, sql.SQL("SELECT * FROM {} WHERE NOT {}").format(stored, odd), bare, folder)
            filled = bare_copy(connection, sql.SQL("SELECT * FROM {} WHERE {}").format(stored, odd), bare, folder)
            connection.execute(sql.SQL("DROP TABLE {}").format(bare))
        first.append(one.rows_per_s / empty)
        added.append(two.granules.inserted / two.load_seconds / filled)
    yield Measure.of("ingestion: a new table, share of bare COPY with the same indexes", first, "", ">= 0.5")
    yield Measure.of("ingestion: rows added to a table, share of bare COPY", added, "", ">= 0.5")
    yield Measure.of("ingestion: nothing new", again, "s")


def bare_copy(
    connection: psycopg.Connection[tuple[object, ...]], rows: sql.Composed, table: sql.Identifier, folder: Path
) -> float:
    """Rows a second of COPY of these rows into a table. The connection commits by itself."""
    file = folder / "rows"
    with (
        file.open("wb") as out,
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY ({}) TO STDOUT").format(rows)) as copy,
    ):
        for block in copy:
            out.write(block)
    with file.open("rb") as text, connection.cursor() as cursor:
        started = time.perf_counter()
        with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
            while block := text.read(_BLOCK):
                copy.write(block)
        seconds = time.perf_counter() - started
        copied = cursor.rowcount
    file.unlink()
    return copied / seconds
