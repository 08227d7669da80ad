"""What an answer says about where it comes from, as astropy reads it."""

from __future__ import annotations

import io
import subprocess
import urllib.parse
import urllib.request
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import exceptions, parse
from astropy.io.votable.dataorigin import extract_data_origin
from astropy.table import Table

import epntap
from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.formats.base import AnswerFacts
from epntap.formats.textual.tabledata import TableData
from tests.support.server import Server

QUERY = "SELECT TOP 2 granule_uid, time_min, access_url FROM amdadb.epn_core WHERE target_name <> 'a < b & \"c\"'"


def fetch(served: Server, query: str, **more: str) -> bytes:
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, **more}).encode()
    with urllib.request.urlopen(f"{served.tap}/sync", form, timeout=60) as answer:
        return bytes(answer.read())


def origin_of(document: bytes) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.VOWarning)
        return extract_data_origin(parse(io.BytesIO(document)))


@pytest.mark.parametrize("serialization", ["TABLEDATA", "BINARY", "BINARY2"])
def test_the_service_the_query_and_the_publisher_are_named(served: Server, serialization: str) -> None:
    document = fetch(served, QUERY, RESPONSEFORMAT=f"application/x-votable+xml;serialization={serialization}")
    found = origin_of(document)
    asked = found.query  # type: ignore[attr-defined]  # astropy has no types
    assert asked.query == QUERY
    assert asked.server_software == f"epntap/{epntap.__version__}"
    assert asked.service_protocol == "ivo://ivoa.net/std/TAP"
    assert asked.request == f"{served.tap}/sync"
    assert asked.publisher == "epntap demonstration"
    made = datetime.strptime(asked.request_date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=5)
    (dataset,) = found.origin  # type: ignore[attr-defined]
    assert dataset.creator == ["epntap sample generator"]
    assert dataset.reference_url == ["https://example.org/epntap"]
    assert b"timezone" not in document
    assert b"pg_" not in document


def test_an_answer_about_no_granules_names_no_publisher(served: Server) -> None:
    found = origin_of(fetch(served, "SELECT TOP 1 table_name FROM tap_schema.tables"))
    assert found.query.publisher is None  # type: ignore[attr-defined]
    assert found.origin == []  # type: ignore[attr-defined]


def plain_cell(cell: object) -> object:
    """A value, whichever way astropy says it: of Parquet a NULL text is the word None, and integers become floats."""
    text = "" if np.ma.is_masked(cell) else str(cell)
    if text in {"", "None", "nan"}:
        return None
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.parametrize(
    "query", ["SELECT * FROM amdadb.epn_core ORDER BY granule_uid", "SELECT * FROM tap_schema.columns"]
)
def test_parquet_keeps_what_the_fields_and_the_infos_say(served: Server, query: str) -> None:
    body = fetch(served, query, RESPONSEFORMAT="application/vnd.apache.parquet")
    plain = fetch(served, query)
    described = pq.read_metadata(io.BytesIO(body)).metadata[b"IVOA.VOTable-Parquet.content"]
    assert origin_of(described).query.query == query  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.VOWarning)
        read = Table.read(io.BytesIO(body), format="parquet.votable")
        wanted = Table.read(io.BytesIO(plain), format="votable")
    assert read.colnames == wanted.colnames
    assert len(read) == len(wanted) > 60
    for name in read.colnames:
        assert read[name].unit == wanted[name].unit, name
        assert read[name].description == wanted[name].description, name
        assert read[name].meta.get("ucd") == wanted[name].meta.get("ucd"), name
        assert read[name].meta.get("utype") == wanted[name].meta.get("utype"), name
        assert [plain_cell(cell) for cell in read[name]] == [plain_cell(cell) for cell in wanted[name]], name


def test_celestial_directions_and_julian_days_refer_to_their_systems(tmp_path: Path) -> None:
    columns = [
        ResultColumn("ra", "double", unit="deg", ucd="pos.eq.ra;meta.main", pg_type="double precision"),
        ResultColumn("c2min", "double", unit="deg", ucd="pos.eq.dec;stat.min", pg_type="double precision"),
        ResultColumn("longitude", "double", unit="deg", ucd="pos.bodyrc.lon;stat.min", pg_type="double precision"),
        ResultColumn("time_min", "double", unit="d", ucd="time.start;obs", pg_type="double precision"),
        ResultColumn("epn_icrs", "double", unit="d", pg_type="double precision"),
    ]
    facts = AnswerFacts()
    writer = TableData().writer(columns, facts)
    row = b"\x01".join([b"1.5"] * 5) + b"\n"
    document = writer.header() + writer.rows(row) + b"".join(writer.trailer(Outcome(OutcomeStatus.OK, 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", exceptions.VOWarning)
        resource = parse(io.BytesIO(document), verify="exception").resources[0]
    (frame,), (scale,) = resource.coordinate_systems, resource.time_systems
    assert frame.system == "ICRS"
    assert (scale.timescale, scale.timeorigin) == ("UTC", "JD-origin")
    refs = {field.name: field.ref for field in resource.tables[0].fields}
    assert refs == {
        "ra": frame.ID, "c2min": frame.ID, "longitude": None, "time_min": scale.ID, "epn_icrs": None,
    }  # fmt: skip
    file = tmp_path / "systems.vot"
    file.write_bytes(document)
    assert subprocess.run(["stilts", "votlint", f"votable={file}"], capture_output=True, check=True).stdout == b""
