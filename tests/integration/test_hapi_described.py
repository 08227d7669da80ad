"""Datasets that a SPASE record describes, over HAPI: whose word is said, and what ingestion reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from epntap.db.pool import Database
from epntap.instants.tt2000 import parse_utc
from epntap.settings import Settings
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from ingest.report import Report
from tests.support import spase_records as spase
from tests.support.archives import CDF_SOURCE, cdf, definition
from tests.support.cdf_builder import CdfBuilder
from tests.support.databases import clone_database, drop_database
from tests.support.places import shared_directory
from voserver.wsgi import build_app

DEFINITION = """
[service]
schema = "told"
title = "Described"
publisher = "A laboratory"

[[source]]
kind = "spase-datasets"
path = "{folder}/spase"

[[source]]
kind = "cdf-files"
path = "{folder}/cdf"
granule = "day"
[source.files]
syn-mag = "mag_*.cdf"
"""
RECORDS = 20
VECTOR = """<Description>The field</Description><UCD>phys.magField</UCD><Units>nT</Units>
<CoordinateSystem><CoordinateRepresentation>Cartesian</CoordinateRepresentation>
<CoordinateSystemName>GSE</CoordinateSystemName></CoordinateSystem>
<Structure><Size>3</Size>
<Element><Name>b2</Name><Qualifier>Component.J</Qualifier><Index>2</Index></Element>
<Element><Name>b1</Name><Qualifier>Component.I</Qualifier><Index>1</Index></Element>
<Element><Name>b3</Name><Qualifier>Component.K</Qualifier><Index>3</Index></Element></Structure>
<FillValue>-9999</FillValue>"""
FIRST = """<Qualifier>Component.I</Qualifier><Units>nT</Units>
<CoordinateSystem><CoordinateRepresentation>Cartesian</CoordinateRepresentation>
<CoordinateSystemName>GSM</CoordinateSystemName></CoordinateSystem>"""
SPEED = "<Units>km/s</Units>"


@dataclass(frozen=True)
class Told:
    """A service that is published twice, with its reports."""

    client: FlaskClient
    first: Report
    second: Report


def write(folder: Path) -> None:
    (folder / "cdf").mkdir(parents=True)
    epochs = parse_utc("2001-06-01") + np.arange(RECORDS) * 60_000_000_000
    (
        CdfBuilder()
        .attribute("Logical_source", "mag")
        .axis("Epoch", epochs, VAR_TYPE="support_data")
        .variable("B", np.ones((RECORDS, 3), np.float32), DEPEND_0="Epoch", UNITS="nT", FILLVAL=np.float32(-1e31))
        .variable("speed", np.ones(RECORDS), DEPEND_0="Epoch", UNITS="m/s", COORDINATE_SYSTEM="RTN>Radial")
        .variable("first", np.ones(RECORDS), DEPEND_0="Epoch", UNITS="nT")
        .variable("v2", np.ones(RECORDS), DEPEND_0="Epoch", COORDINATE_SYSTEM="GSE", LABLAXIS="Vy (GSE)")
        .variable("lat", np.ones(RECORDS), DEPEND_0="Epoch", COORDINATE_SYSTEM="HGI")
        .variable("flux", np.ones(RECORDS), DEPEND_0="Epoch", COORDINATE_SYSTEM="GSE", LABLAXIS="Flux of all x")
        .variable("bx", np.ones(RECORDS), DEPEND_0="Epoch")
        .write(folder / "cdf" / "mag_20010601_v01.cdf")
    )
    parameters = (
        spase.parameter("Field", VECTOR, key="B")
        + spase.parameter("first", FIRST)
        + spase.parameter("speed", SPEED, key="v_sw")
    )
    header = "<DOI>10.5281/zenodo.7</DOI><InformationURL><URL>https://example.org/mag</URL></InformationURL>"
    spase.write(folder / "spase", "mag.xml", spase.dataset(header=header, parameters=parameters))


@pytest.fixture(scope="module")
def told(postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    write(folder)
    (folder / "told.toml").write_text(DEFINITION.format(folder=folder))
    database = clone_database(postgres_server, "told", template_database)
    first, second = (ingest_service(load_definition(folder / "told.toml"), database) for _ in range(2))
    settings = Settings(home=folder / "home", hapi_license="https://spdx.org/licenses/CC-BY-4.0")
    yield Told(build_app(settings, database).test_client(), first, second)
    drop_database(postgres_server, database)


@pytest.fixture(scope="module")
def info(told: Told) -> dict[str, Any]:
    found: dict[str, Any] = told.client.get("/hapi/info?dataset=syn-mag").get_json()
    return found


def test_the_record_says_names_titles_units_ucds_frames_and_components(info: dict[str, Any]) -> None:
    field = next(one for one in info["parameters"] if one["name"] == "B")
    assert field["description"] == "The field"
    assert (field["label"], field["units"], field["x_ucd"]) == ("Field", "nT", "phys.magField")
    assert (field["coordinateSystemName"], field["vectorComponents"]) == ("GSE", ["x", "y", "z"])
    assert [one["name"] for one in info["parameters"]] == ["Time", "B", "v_sw", "first", "v2", "lat", "flux", "bx"]


def test_scalars_are_said_to_be_components_where_somebody_says_of_which_system(info: dict[str, Any]) -> None:
    said = {one["name"]: one.get("vectorComponents") for one in info["parameters"] if one["name"] != "B"}
    # the record says it of the first; nobody says a system of the last
    assert said == {"Time": None, "v_sw": None, "first": "x", "v2": "y", "lat": "latitude", "flux": None, "bx": None}


def test_the_files_say_fills_and_shapes_and_units_that_mean_something_else(info: dict[str, Any]) -> None:
    _, field, speed, *_ = info["parameters"]
    assert (float(field["fill"]), field["size"]) == (float(np.float32(-1e31)), [3])
    assert speed["units"] == "m/s"
    assert speed["coordinateSystemName"] == "RTN"


def test_the_dataset_is_said_as_the_record_has_it(info: dict[str, Any]) -> None:
    assert info["unitsSchema"] == "vounits1.1"
    assert info["coordinateSystemSchema"] == "spase2.4.1"
    assert info["datasetCitation"] == "https://doi.org/10.5281/zenodo.7"
    assert info["licenseURL"] == "https://spdx.org/licenses/CC-BY-4.0"
    assert info["resourceID"] == "spase://Test/NumericalData/Synthia/MAG/syn-mag"


def test_each_kind_of_difference_is_a_line_of_every_report(told: Told) -> None:
    expected = [
        "units differ: 1 of 3 variables; syn-mag speed ('km/s' described, 'm/s' in files)",
        "fill differ: 1 of 3 variables; syn-mag B (-9999 described, -9.999999848243207e+30 in files)",
        "cadence differ: 1; syn-mag (4 s described, 60 s in files)",
    ]
    for report in (told.first, told.second):
        assert [one.text for one in report.account.remarks] == expected
        assert f"descriptions and files: {expected[0]}" in report.to_text()


def test_values_keep_their_units(told: Told) -> None:
    rows = told.client.get("/hapi/data?dataset=syn-mag&parameters=v_sw&start=2001-06-01Z&stop=2001-06-02Z").text
    assert {line.split(",")[1] for line in rows.splitlines()} == {"1.0"}
    assert rows.count("\n") == RECORDS


@pytest.mark.shared
def test_the_document_is_as_the_schema_has_it(info: dict[str, Any]) -> None:
    schemas = json.loads((shared_directory() / "standards/schemas/HAPI-data-access-schema-3.3.json").read_text())
    registry = Registry().with_resources(
        (f"/{name}", Resource.from_contents(part, DRAFT7)) for name, part in schemas.items() if isinstance(part, dict)
    )
    problems = [error.message for error in Draft7Validator(schemas["info"], registry=registry).iter_errors(info)]
    assert problems == []


def test_units_that_only_some_files_have_are_not_said(database: Database, tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_mag_20010101_v01.cdf", "2001-01-01", units="nT")
    cdf(tmp_path / "cdf/syn_mag_20010102_v01.cdf", "2001-01-02", units="pT")
    ingest_service(definition(tmp_path, CDF_SOURCE, 'granule = "day"'), database)
    client = build_app(Settings(home=tmp_path / "home"), database).test_client()
    said = client.get("/hapi/info?dataset=syn_mag").get_json()["parameters"][1]
    assert said["units"] in (None, [None] * 3)
    assert "Files do not agree about its units" in said["description"]
