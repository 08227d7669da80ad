"""Speasy, unmodified, with this service in place of AMDA (SPEASY_AMDA_ENTRY_POINT).

The expected values are those that cdflib reads from the files.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pytest
import requests

from epntap.access import Caller
from epntap.db.pool import Database, Role, connect
from eventtables.model import EventStream
from eventtables.readers import read_table
from eventtables.store.tables import save_own, save_table
from tests.support.cdf_builder import CdfBuilder
from tests.support.databases import clone_database, drop_database
from tests.support.events import catalogue, cells_of, intervals, real
from tests.support.hapi import FILL, ingest_tree, write_kinds
from tests.support.people import PASSWORD, add
from tests.support.server import Server, serve
from tests.support.speasy import ask_speasy, needs_speasy

pytestmark = needs_speasy

XML_ID = "{http://www.w3.org/XML/1998/namespace}id"

#: of the archive of many days: longer than two of the pieces that Speasy asks for
DAYS = 26
START = datetime(2018, 2, 1, tzinfo=UTC)
SCRIPT = """
import json, sys
import speasy as spz
from speasy import amda

def plain(found):
    if found is None:
        return None
    return {
        "time": [str(one) for one in found.time],
        "values": found.values.tolist(),
        "unit": str(found.unit),
        "columns": list(found.columns),
        "axes": [axis.values.tolist() for axis in found.axes[1:]],
    }

said = {
    "datasets": [one.spz_uid() for one in amda.list_datasets()],
    "parameters": [one.spz_uid() for one in amda.list_parameters()],
    "timetables": len(amda.list_timetables()),
    "catalogs": len(amda.list_catalogs()),
}
for name, product, start, stop in (
    ("vector", "B", "2016-12-31T23:58:00", "2016-12-31T23:59:59"),
    ("scalar", "flag", "2016-12-31T23:58:00", "2016-12-31T23:59:59"),
    ("spectrum", "flux", "2016-12-31T23:58:00", "2016-12-31T23:58:10"),
    ("empty", "flag", "2016-12-31T23:58:00.6", "2016-12-31T23:58:00.9"),
    ("pieces", "steps", "2018-02-01T00:00:00", "2018-02-27T00:00:00"),
    ("gap", "steps", "2018-02-11T00:00:00", "2018-02-11T23:00:00"),
):
    said[name] = plain(spz.get_data(f"amda/{product}", start, stop))
said["bin"] = plain(spz.get_data(
    "amda/flux_bin", "2016-12-31T23:58:00", "2016-12-31T23:58:10", product_inputs={"bin1": "1", "bin2": "2"}
))
whole = amda.get_dataset("kinds", "2016-12-31T23:58:00", "2016-12-31T23:58:10")
said["whole"] = sorted(whole.variables)
if sys.argv[1:] == ["user"]:
    said["own"] = [len(amda.list_user_timetables()), len(amda.list_user_catalogs()), len(amda.list_user_parameters())]
print(json.dumps(said))
"""


def write_days(folder: Path) -> None:
    """A file a day with a record a minute that counts on; one day is missing."""
    folder.mkdir(parents=True)
    for day in range(DAYS):
        if day == 10:
            continue
        minutes = np.arange(1440)
        instant = cdflib.cdfepoch.compute_tt2000([[2018, 2, 1, 0, 0, 0, 0, 0, 0]])
        first = int(np.atleast_1d(instant)[0]) + day * 86_400_000_000_000
        (
            CdfBuilder()
            .attribute("Logical_source", "days")
            .axis("Epoch", first + minutes * 60_000_000_000, VAR_TYPE="support_data")
            .variable("steps", (day * 1440 + minutes).astype(np.int32), DEPEND_0="Epoch", VAR_TYPE="data", UNITS="1")
            .write(folder / f"days_{START + timedelta(days=day):%Y%m%d}_v01.cdf")
        )


#: what each dataset says of those who may not have it, by its name: nothing, or that it is there
CLOSED = {"secret": "nothing", "shown": "metadata"}


def closings() -> list[str]:
    return [
        f'[datasets."{name}"]\nrelease_date = 2099-01-01\ngroups = ["team"]\nvisible = "{visible}"'
        for name, visible in CLOSED.items()
    ]


def write_closed(folder: Path) -> None:
    """A file of each, with a vector of any numbers each minute of a day."""
    minutes = np.arange(1440)
    first = int(np.atleast_1d(cdflib.cdfepoch.compute_tt2000([[2018, 3, 1, 0, 0, 0, 0, 0, 0]]))[0])
    for seed, name in enumerate(CLOSED):
        (folder / name).mkdir(parents=True)
        (
            CdfBuilder()
            .attribute("Logical_source", name)
            .axis("Epoch", first + minutes * 60_000_000_000, VAR_TYPE="support_data")
            .variable(
                "field",
                np.random.default_rng(seed).normal(size=(1440, 3)).astype(np.float32),
                DEPEND_0="Epoch",
                VAR_TYPE="data",
                UNITS="nT",
            )
            .write(folder / name / f"{name}_20180301_v01.cdf")
        )


CLOSED_SCRIPT = """
import json, sys
import speasy as spz
from speasy import amda

START, STOP = "2018-03-01T06:00:00", "2018-03-01T18:00:00"
closed = {one.spz_uid(): one for one in amda.list_datasets() if one.spz_uid() not in ("days", "kinds")}
products = [one.spz_uid() for name in closed for one in amda.list_parameters(name)]

def read():
    found = {one: spz.get_data("amda/" + one, START, STOP, disable_cache=True) for one in products}
    return {
        name: one if one is None else [[str(at) for at in one.time], one.values.tolist(), str(one.unit)]
        for name, one in found.items()
    }

said = {
    "public": sorted(one.spz_uid() for one in amda.list_datasets() if one.is_public),
    "restricted": {name: [one.is_public, one.timeRestriction, one.start_date] for name, one in closed.items()},
    "read": read(),
}
# with the inventory of who may have it, in the name of others
for name, password in zip(sys.argv[1::2], sys.argv[2::2]):
    amda.client.reset_credentials(name, password)
    said[name + " " + password] = read()
print(json.dumps(said))
"""
TABLES_SCRIPT = """
import json
import speasy as spz
from speasy import amda

def ends(one):
    return [one.start_time.isoformat(), one.stop_time.isoformat()]

tables, catalogues = amda.list_timetables(), amda.list_catalogs()
facts = ("name", "nbIntervals", "description", "sharedBy", "surveyStart", "surveyStop")
said = {"index": [[getattr(one, fact) for fact in facts] for one in (*tables, *catalogues)]}
for name, one in (("table", tables[0]), ("catalogue", catalogues[0]), ("hostile", catalogues[1])):
    found = spz.get_data("amda/" + one.spz_uid())
    said[name] = [found.name, [[*ends(each), getattr(each, "meta", None)] for each in found]]
print(json.dumps(said, default=str))
"""
OWN_SCRIPT = """
import json
import speasy as spz
from speasy import amda

said = {"public": [len(amda.list_timetables()), len(amda.list_catalogs())]}
for name, listed, get in (
    ("timetable", amda.list_user_timetables(), amda.get_user_timetable),
    ("catalog", amda.list_user_catalogs(), amda.get_user_catalog),
):
    tables = [(one.name, get(one)) for one in listed]
    said[name] = [
        [named, [[each.start_time.isoformat(), getattr(each, "meta", None)] for each in found]]
        for named, found in tables
    ]
print(json.dumps(said, default=str))
"""
#: a table that AMDA has written
DST = "Dst_Li2020.xml"


@pytest.fixture(scope="module")
def tables(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory, shared: Path
) -> Iterator[Server]:
    """A service with a catalogue and a time table, and nothing else."""
    database = clone_database(postgres_server, "speasytables", template_database)
    try:
        with connect(database, Role.OWNER, autocommit=True) as owner:
            save_table(owner, "dst", read_table(real(shared, DST), "x"))
            save_table(owner, "quiet", intervals([(0, 60), (30, 30), (10, 1_000_000_000)], "quiet: days"))
            save_table(owner, "hostile", catalogue())
        add(database, "ann")
        with connect(database, Role.SERVICE, autocommit=True) as service:
            for name, table in (("mine", intervals([(5, 6)], "mine")), ("shocks", catalogue())):
                save_own(service, Caller("ann"), name, EventStream(table.about, iter([table.events])))
        with serve(database, tmp_path_factory.mktemp("speasytables")) as server:
            yield server
    finally:
        drop_database(postgres_server, database)


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("speasyamda")
    write_kinds(root / "cdf" / "kinds")
    write_days(root / "cdf" / "days")
    write_closed(root / "cdf")
    database = clone_database(postgres_server, "speasyamda", template_database)
    try:
        ingest_tree(root / "cdf", database, "kinds", *closings())
        add(database, "ann", "team")
        add(database, "bob", "others")
        with serve(database, root) as server:
            yield server
    finally:
        drop_database(postgres_server, database)


@pytest.fixture(scope="module")
def read(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Speasy has read."""
    settings = {"SPEASY_AMDA_ENTRY_POINT": server.base}
    return ask_speasy(tmp_path_factory.mktemp("speasyhome"), SCRIPT, [], settings, "amda")


@pytest.fixture(scope="module")
def stored(server: Server) -> cdflib.CDF:
    (path,) = server.log.parent.glob("cdf/kinds/*20161230_v01.cdf")
    return cdflib.CDF(path)


def test_its_inventory_is_what_is_published(read: dict[str, Any]) -> None:
    assert sorted(read["datasets"]) == ["days", "kinds"]
    assert {"B", "flux", "flag", "steps"} <= set(read["parameters"])
    assert (read["timetables"], read["catalogs"]) == (0, 0)
    assert {"B", "flux", "flag"} <= set(read["whole"])


def test_values_units_and_times_are_those_of_the_file(read: dict[str, Any], stored: cdflib.CDF) -> None:
    times = cdflib.cdfepoch.encode_tt2000(stored.varget("Epoch"))
    inside = np.asarray(times) < "2016-12-31T23:59:59"
    field = np.asarray(stored.varget("B"))[inside]
    found = np.asarray(read["vector"]["values"], np.float32)
    assert np.array_equal(np.where(np.isnan(found), FILL, found), field)
    assert read["vector"]["unit"] == "nT"
    assert read["vector"]["columns"] == ["Bx", "By", "Bz"]
    assert read["vector"]["time"] == np.asarray(times)[inside].tolist(), "to the nanosecond"
    assert [one for (one,) in read["scalar"]["values"]] == np.asarray(stored.varget("flag"))[inside].tolist()


def test_a_spectrum_comes_with_its_axes(read: dict[str, Any], stored: cdflib.CDF) -> None:
    flux = np.asarray(stored.varget("flux"))[:20]
    assert np.array_equal(np.asarray(read["spectrum"]["values"]), flux, equal_nan=True)
    assert read["spectrum"]["axes"][1] == [[10.0, 20.0, 30.0]] or read["spectrum"]["axes"][1] == [10.0, 20.0, 30.0]


def test_a_template_gives_the_bin_that_is_chosen(read: dict[str, Any], stored: cdflib.CDF) -> None:
    flux = np.asarray(stored.varget("flux"))[:20]
    assert [one for (one,) in read["bin"]["values"]] == flux[:, 1, 2].tolist()


def test_pieces_join_without_gap_or_repetition(read: dict[str, Any]) -> None:
    found = [value for (value,) in read["pieces"]["values"]]
    assert found == [one for one in range(DAYS * 1440) if one // 1440 != 10]


def test_where_nothing_is_there_are_no_records(read: dict[str, Any]) -> None:
    assert read["empty"] is None or read["empty"]["values"] == []
    assert read["gap"] is None or read["gap"]["values"] == []


def as_user(server: Server, name: str, password: str = PASSWORD) -> dict[str, str]:
    return {
        "SPEASY_AMDA_ENTRY_POINT": server.base,
        "SPEASY_AMDA_USERNAME": name,
        "SPEASY_AMDA_PASSWORD": password,
    }


@pytest.mark.parametrize(("name", "password"), [("bob", PASSWORD), ("ann", "not this")])
def test_who_is_in_no_group_of_it_and_who_is_not_believed_have_what_is_open(
    server: Server, tmp_path_factory: pytest.TempPathFactory, name: str, password: str
) -> None:
    said = ask_speasy(tmp_path_factory.mktemp("speasyuser"), SCRIPT, ["user"], as_user(server, name, password), "amda")
    assert said["own"] == [0, 0, 0]
    assert sorted(said["datasets"]) == ["days", "kinds"]
    assert not [one for one in said["parameters"] if "field" in one]


@pytest.fixture(scope="module")
def restricted(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Speasy has read for somebody in the group of closed datasets."""
    others = ["bob", PASSWORD, "ann", "not this", "ann", PASSWORD]
    return ask_speasy(tmp_path_factory.mktemp("speasyclosed"), CLOSED_SCRIPT, others, as_user(server, "ann"), "amda")


def test_restricted_datasets_are_in_the_private_tree_of_their_group(restricted: dict[str, Any]) -> None:
    assert restricted["public"] == ["days", "kinds"]
    start = "2018-03-01T00:00:00Z"
    assert restricted["restricted"] == {one: [False, start, start] for one in ("kinds.secret", "shown")}


@pytest.mark.parametrize(("name", "product"), [("secret", "secret_field"), ("shown", "field")])
def test_restricted_parameters_have_the_values_of_the_file(
    server: Server, restricted: dict[str, Any], name: str, product: str
) -> None:
    (path,) = server.log.parent.glob(f"cdf/{name}/*.cdf")
    stored = cdflib.CDF(path)
    half = slice(6 * 60, 18 * 60)
    found = restricted["read"][product]
    assert found[0] == list(cdflib.cdfepoch.encode_tt2000(stored.varget("Epoch")))[half]
    assert np.array_equal(np.asarray(found[1], np.float32), stored.varget("field")[half])
    assert found[2] == "nT"


def test_who_knows_their_names_gets_nothing_of_them(restricted: dict[str, Any]) -> None:
    nothing = {"secret_field": None, "field": None}
    assert restricted[f"bob {PASSWORD}"] == nothing
    assert restricted["ann not this"] == nothing
    assert restricted[f"ann {PASSWORD}"] == restricted["read"]


def test_a_name_without_more_gets_one_tree_of_all(server: Server, restricted: dict[str, Any]) -> None:
    def tree(**who: str) -> set[str]:
        target = f"{server.base}/php/rest/getObsDataTree.php"
        line = requests.get(target, params=who, timeout=30).text
        text = requests.get(line[line.index(">") + 1 : line.rindex("<")], timeout=30).text
        return {one.attrib[XML_ID] for one in ET.fromstring(text).iter("dataset")}

    everything = {"days", "kinds", *restricted["restricted"]}
    assert tree(userID="ann", password=PASSWORD) == everything
    assert tree(userID="bob", password=PASSWORD) == tree() == {"days", "kinds"}
    assert tree(userID="ann", password="not this") == set()


@pytest.mark.shared
def test_time_tables_and_catalogues_are_those_that_are_kept(
    tables: Server, tmp_path_factory: pytest.TempPathFactory, shared: Path
) -> None:
    home = tmp_path_factory.mktemp("speasytables")
    said = ask_speasy(home, TABLES_SCRIPT, [], {"SPEASY_AMDA_ENTRY_POINT": tables.base}, "amda")
    quiet, dst, hostile = said["index"]
    assert [quiet[:2], dst[:2], hostile[:2]] == [["quiet", "3"], ["dst", "95"], ["hostile", "3"]]
    assert quiet[4:] == ["1970-01-01T00:00:00.000", "2001-09-09T01:46:40.000"]
    assert hostile[3] == "A, B"
    name, events = said["table"]
    assert name == "quiet days"
    assert [one[:2] for one in events] == [
        ["1970-01-01T00:00:00+00:00", "1970-01-01T00:01:00+00:00"],
        ["1970-01-01T00:00:30+00:00", "1970-01-01T00:00:30+00:00"],
        ["1970-01-01T00:00:10+00:00", "2001-09-09T01:46:40+00:00"],
    ]
    source = cells_of(read_table(real(shared, DST), "x"))
    name, events = said["catalogue"]
    assert name == "Dst_Li2020"
    assert [start[:19] for start, _, _ in events] == [text[:19] for text in source["start"]]
    assert [stop[:19] for _, stop, _ in events] == [text[:19] for text in source["stop"]]
    for column, cells in source.items():
        if column not in {"start", "stop"}:
            found = [meta[column] for _, _, meta in events]
            assert [f"{one:g}" if isinstance(one, float) else one for one in found] == cells, column
    metas = [meta for _, _, meta in said["hostile"][1]]
    assert metas[0]["kind"] == '<a & "b">, é'
    assert [meta["v[1]"] for meta in metas] == [2.5, 1e300, 8.0]
    assert [meta["B min"] for meta in metas] == [-7.25, None, 0.1 + 0.2]


@pytest.mark.shared
def test_who_signs_in_has_their_own_tables_besides(tables: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = {
        "SPEASY_AMDA_ENTRY_POINT": tables.base,
        "SPEASY_AMDA_USERNAME": "ann",
        "SPEASY_AMDA_PASSWORD": PASSWORD,
    }
    said = ask_speasy(tmp_path_factory.mktemp("speasyown"), OWN_SCRIPT, [], settings, "amda")
    assert said["public"] == [1, 2]
    assert said["timetable"] == [["ann mine", [["1970-01-01T00:00:05+00:00", None]]]]
    ((name, events),) = said["catalog"]
    assert name == "ann shocks"
    assert [meta["B min"] for _, meta in events] == [-7.25, None, 0.1 + 0.2]
    wrong = {**settings, "SPEASY_AMDA_PASSWORD": "not this"}
    said = ask_speasy(tmp_path_factory.mktemp("speasywrong"), OWN_SCRIPT, [], wrong, "amda")
    assert (said["public"], said["timetable"], said["catalog"]) == ([1, 2], [], [])
