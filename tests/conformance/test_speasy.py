"""Speasy, unmodified, against a live server: its HAPI provider, and its own readers of our CSV and binary.

The expected values are those that cdflib reads from the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cdflib
import numpy as np
import pytest

from epntap.db.pool import Database
from tests.support.hapi import RECORDS, serve_kinds
from tests.support.server import Server
from tests.support.speasy import ask_speasy, needs_speasy

pytestmark = needs_speasy

#: of the first file, which ends before the leap second
SPAN = ("2016-12-31T23:58:00Z", "2016-12-31T23:59:59.9Z")
#: what Speasy's tables of numbers can hold
NUMBERS = ["B", "flag", "big", "angle"]
PROVIDER = """
import io, json, sys, urllib.request
from speasy.core.codecs import get_codec
from speasy.core.hapi.provider import HapiProvider

def plain(variables):
    return {
        name: {"time": [str(one) for one in found.time], "values": found.values.tolist(), "unit": str(found.unit)}
        for name, found in variables.items()
    }

base, start, stop, *names = sys.argv[1:]
provider = HapiProvider(base)
said = {
    "about": provider.about(),
    "catalog": provider.catalog(),
    "info": provider.info("kinds"),
    "data": plain(provider.data("kinds", start, stop, names)),
}
query = f"dataset=kinds&parameters={','.join(names)}&start={start}&stop={stop}&include=header"
for form in ("csv", "binary"):
    body = urllib.request.urlopen(f"{base}/hapi/data?{query}&format={form}").read()
    said[form] = plain(get_codec(f"hapi/{form}").load_variables(file=io.BytesIO(body), variables=names))
for name, dataset, first, last in (
    ("error", "nobody", start, stop),
    ("nothing", "kinds", "2016-12-31T23:58:00.1Z", "2016-12-31T23:58:00.2Z"),
    ("leap", "kinds", "2016-12-31T23:59:59Z", "2017-01-01T00:00:01Z"),
):
    try:
        said[name] = plain(provider.data(dataset, first, last, names))
    except Exception as error:
        said[name] = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serve_kinds(postgres_server, template_database, tmp_path_factory.mktemp("speasy")) as server:
        yield server


@pytest.fixture(scope="module")
def read(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Speasy has read."""
    return ask_speasy(tmp_path_factory.mktemp("speasyhome"), PROVIDER, [server.base, *SPAN, *NUMBERS])


@pytest.fixture(scope="module")
def stored(server: Server) -> dict[str, np.ndarray[Any, Any]]:
    """The values of the first file, as cdflib reads them."""
    (path,) = server.log.parent.glob("cdf/*20161230_v01.cdf")
    file = cdflib.CDF(path)
    found = {name: np.asarray(file.varget(name)) for name in NUMBERS}
    times = cdflib.cdfepoch.encode_tt2000(file.varget("Epoch"))
    return {**found, "time": np.asarray(times)}


@pytest.mark.parametrize("way", ["data", "csv", "binary"])
def test_values_units_and_times_are_those_of_the_file(
    read: dict[str, Any], stored: dict[str, np.ndarray[Any, Any]], way: str
) -> None:
    for name in NUMBERS:
        found = read[way][name]
        expected = stored[name].astype(np.float64)
        values = np.asarray(found["values"], np.float64).reshape(expected.shape)
        missing = expected == np.float32(-1e31)
        assert (np.isnan(values) | (values == np.float32(-1e31)))[missing].all()
        assert values[~missing].tolist() == expected[~missing].tolist(), (way, name)
        assert len(found["time"]) == RECORDS
        assert found["time"] == stored["time"].tolist(), "to the nanosecond"
    assert read[way]["B"]["unit"] == "nT"


def test_its_provider_finds_its_way(read: dict[str, Any]) -> None:
    assert [one["id"] for one in read["catalog"]["catalog"]] == ["kinds"]
    assert read["about"]["HAPI"] == "3.3"
    assert read["info"]["parameters"][0]["name"] == "Time"


def test_it_is_told_what_is_wrong(read: dict[str, Any]) -> None:
    assert read["error"].startswith("HapiRequestError")
    assert "1406" in read["error"]


def test_a_leap_second_is_the_next_second_and_no_record_is_lost(read: dict[str, Any]) -> None:
    """Its times have no second 60."""
    found = read["leap"]["flag"]
    assert [value for (value,) in found["values"]] == [238, 239, 240, 241, 242, 243]
    assert found["time"][2] == found["time"][4] == "2017-01-01T00:00:00.000000007"


def test_where_nothing_is_it_finds_no_records(read: dict[str, Any]) -> None:
    """It stumbles over a header without records (docs/reference/hapi.md), but is given no wrong ones."""
    assert isinstance(read["nothing"], str)
    assert "No columns to parse" in read["nothing"]
