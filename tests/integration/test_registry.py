"""The registry record of the sample archive."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
import pyvo
from click.testing import CliRunner
from lxml import etree
from psycopg import sql

from epntap.addresses import Addresses
from epntap.catalog.load import load_catalog
from epntap.db.pool import Database, Role, connect
from epntap.epncore.columns import TABLE_UTYPE
from epntap.errors import NotFoundError
from epntap.settings import Settings
from tests.support.server import Server
from voregistry.authority import Authority
from voregistry.cli import make_record, registry_record_command
from voregistry.extent import read_extent

AUTHORITY = Authority("example.org", "A. Person", "a@example.org", subjects=("solar-system-astronomy", "space-plasmas"))
BASE = "https://data.example.org"
SERVICES = ("amdadb", "illu67p", "transplanet")


@pytest.fixture(scope="module")
def record(demo_database: Database) -> bytes:
    return make_record(demo_database, "amdadb", AUTHORITY, Addresses(BASE))


def texts(record: bytes, path: str) -> list[str]:
    return [element.text or "" for element in etree.fromstring(record).findall(path)]


@pytest.mark.shared
@pytest.mark.parametrize("service", SERVICES)
def test_the_record_is_valid(demo_database: Database, shared: Path, service: str) -> None:
    schema = etree.XMLSchema(etree.parse(shared / "standards/schemas/local/umbrella-registry.xsd"))
    schema.assertValid(etree.fromstring(make_record(demo_database, service, AUTHORITY, Addresses(BASE))))


@pytest.mark.parametrize("service", SERVICES)
def test_the_addresses_of_a_record_answer(demo_database: Database, served: Server, service: str) -> None:
    root = etree.fromstring(make_record(demo_database, service, AUTHORITY, Addresses(served.base)))
    ours = [e.text for e in root.iter() if isinstance(e.text, str) and e.text.startswith(served.base)]
    assert f"{served.base}/tap" in ours
    for address in ours:
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.status == 200
    # a client asks the interface for the table that the record names
    (base,) = [e.text for e in root.findall("capability/interface/accessURL")]
    for table in root.findall("tableset/schema/table"):
        found = pyvo.dal.TAPService(base).search(f"SELECT COUNT(*) AS n FROM {table.findtext('name')}")
        assert table.findtext("nrows") in {None, str(found["n"][0])}


def test_clients_find_the_table_and_the_service(record: bytes) -> None:
    root = etree.fromstring(record)
    assert root.get("{http://www.w3.org/2001/XMLSchema-instance}type") == "vs:CatalogResource"
    (capability,) = root.findall("capability")
    assert capability.get("standardID") == "ivo://ivoa.net/std/TAP#aux"
    (interface,) = capability.findall("interface")
    assert (interface.get("role"), interface.get("version")) == ("std", "1.1")
    assert texts(record, "capability/interface/accessURL") == [f"{BASE}/tap"]
    assert texts(record, "tableset/schema/table/utype") == [TABLE_UTYPE]
    assert texts(record, "tableset/schema/table[1]/name") == ["amdadb.epn_core"]
    assert texts(record, "content/subject") == ["solar-system-astronomy", "space-plasmas"]
    (related,) = root.findall("content/relationship/relatedResource")
    assert related.get("ivo-id") == "ivo://example.org/tap"
    assert texts(record, "identifier") == ["ivo://example.org/amdadb/epn"]


def test_the_record_has_the_columns_of_the_table(demo_database: Database, record: bytes) -> None:
    with connect(demo_database, Role.SERVICE) as connection:
        table = load_catalog(connection).table("amdadb", "epn_core")
    assert table is not None
    assert texts(record, "tableset/schema/table[1]/column/name") == [column.name for column in table.columns]
    assert texts(record, "tableset/schema/table/nrows") == [str(table.rows)]


def test_the_record_lists_all_tables_of_the_service(record: bytes) -> None:
    tables = etree.fromstring(record).findall("tableset/schema/table")
    assert [(table.findtext("name"), table.get("type")) for table in tables] == [
        ("amdadb.epn_core", "table"),
        ("amdadb.dataset", "view"),
        ("amdadb.gap", "view"),
        ("amdadb.parameter", "view"),
    ]
    assert "dataset_id" in {column.findtext("name") for column in tables[1].findall("column")}


def test_the_record_says_how_far_the_granules_reach(demo_database: Database, record: bytes) -> None:
    with connect(demo_database, Role.SERVICE) as connection:
        row = connection.execute("SELECT min(time_min), max(time_max) FROM amdadb.epn_core").fetchone()
    assert row is not None
    low, high = map(float, texts(record, "coverage/temporal")[0].split())
    assert (low + 2400000.5, high + 2400000.5) == row
    assert "Targets: " in texts(record, "content/description")[0]
    assert texts(record, "facility")
    assert texts(record, "instrument")


@pytest.mark.parametrize("service", SERVICES)
def test_the_extent_is_that_of_the_rows_whether_recorded_or_not(demo_database: Database, service: str) -> None:
    with connect(demo_database, Role.SERVICE) as connection:
        table = load_catalog(connection).table(service, "epn_core")
        assert table is not None
        recorded = read_extent(connection, table)
        connection.execute("DELETE FROM archive.value_count WHERE schema_name = %s", (service,))
        assert read_extent(connection, table) == recorded
        found = connection.execute(
            sql.SQL(
                "SELECT item FROM {}.epn_core, unnest(string_to_array(instrument_name, '#')) item "
                "WHERE item <> '' GROUP BY 1 ORDER BY count(*) DESC, item LIMIT 30"
            ).format(sql.Identifier(service))
        )
        assert recorded.instruments == tuple(sorted(item for (item,) in found))
        connection.rollback()


def test_a_service_that_does_not_exist(demo_database: Database) -> None:
    with pytest.raises(NotFoundError, match=r"no service amda; published are amdadb, .*Did you mean 'amdadb'"):
        make_record(demo_database, "amda", AUTHORITY, Addresses(BASE))


def test_the_command_writes_the_record(demo_database: Database, tmp_path: Path) -> None:
    file = tmp_path / "record.xml"
    arguments = ["amdadb", "--authority", "example.org", "--contact-name", "A", "--contact-email", "a@example.org"]
    settings = Settings(database_url=demo_database.url, public_url=BASE)
    result = CliRunner().invoke(registry_record_command, [*arguments, "--output", str(file)], obj=settings)
    assert (result.exit_code, result.output) == (0, "")
    assert texts(file.read_bytes(), "shortName") == ["amdadb"]
