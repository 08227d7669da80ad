"""The three services of the demonstration: what is there keeps the rules, and every address in it answers."""

from __future__ import annotations

import io
import re
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from astropy.io.votable import parse_single_table
from astropy.table import Table
from pyvo.dal import TAPService
from pyvo.dal.adhoc import DatalinkResults

from epntap.db.pool import Database
from epntap.settings import Settings
from ingest.demo.maps import PRODUCTS
from ingest.demo.simulations import RUNS
from ingest.progress import Silent
from ingest.validation.published import check_published
from ingest.validation.remote import check_remote
from tests.support.places import ROOT
from tests.support.server import Server
from voserver.operating.demo import SAMPLES, prepare_demo, welcome

SCHEMAS = [sample.schema for sample in SAMPLES]
#: hosts that RFC 2606 keeps for examples: nothing answers there, and nothing should
EXAMPLES = re.compile(r"https?://([a-z0-9-]+\.)*example\.(org|com|net)(/|$)")


@dataclass(frozen=True)
class Answer:
    media_type: str
    content: bytes


def get(address: str) -> Answer:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert answer.status == 200, address
            return Answer(answer.headers["Content-Type"].split(";")[0], answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{address}: {error.code} {error.read().decode()[:200]}") from error


def rows_of(served: Server, schema: str) -> Table:
    return TAPService(served.tap).search(f"SELECT * FROM {schema}.epn_core ORDER BY granule_uid").to_table()


def test_all_are_published_with_their_rows(served: Server) -> None:
    maps = 12 * 9
    counted = {schema: len(rows_of(served, schema)) for schema in SCHEMAS}
    assert counted == {"amdadb": 63, "illu67p": maps * len(PRODUCTS), "transplanet": 2 * len(RUNS)}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_nothing_breaks_a_rule(demo_database: Database, served: Server, schema: str) -> None:
    here = check_published(demo_database, schema)
    assert here.findings == ()
    there = check_remote(demo_database, served.tap, table_name=schema)
    assert there.findings == ()
    assert here.rows == there.rows > 0


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_address_in_every_row_answers(served: Server, schema: str) -> None:
    rows = rows_of(served, schema)
    called: Counter[str] = Counter()
    for name in (name for name in rows.colnames if name.endswith(("_url", "external_link"))):
        for address in {str(address) for address in rows[name] if address}:
            if not EXAMPLES.match(address):
                assert address.startswith(f"{served.base}/"), f"{name}: {address} is of another server"
                assert get(address).content
                called[name] += 1
    expected = {"illu67p": {"access_url", "thumbnail_url"}, "transplanet": {"access_url", "datalink_url"}}
    assert set(called) == expected.get(schema, {"access_url", "datalink_url", "thumbnail_url"})


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_are_what_their_rows_say(served: Server, schema: str) -> None:
    seen = set()
    for row in rows_of(served, schema):
        if not row["access_url"] or (kind := (row["dataproduct_type"], row["granule_gid"])) in seen:
            continue
        seen.add(kind)
        answer = get(row["access_url"])
        assert answer.media_type == row["access_format"]
        if row["access_format"] != "application/x-cdf" or schema == "transplanet":
            assert row["access_estsize"] == max(1, round(len(answer.content) / 1000))
    assert len(seen) == {"amdadb": 2, "illu67p": 5, "transplanet": 2}[schema]


def test_maps_hold_what_their_rows_say(served: Server) -> None:
    rows = rows_of(served, "illu67p")
    position = {row["granule_gid"]: row for row in rows if row["obs_id"] == "090-051"}
    votable = parse_single_table(io.BytesIO(get(position["votable"]["access_url"]).content))
    said = {param.name: float(param.value) for param in votable.params}
    for name in ("subsolar_longitude", "subsolar_latitude"):
        assert said[name] == position["raw"][f"{name}_min"] == position["raw"][f"{name}_max"]
    cosines = [float(line) for line in get(position["raw"]["access_url"]).content.split()]
    assert cosines == list(votable.to_table()["cosine"])
    assert get(position["raw"]["thumbnail_url"]).content == get(position["thumbnail"]["access_url"]).content


@pytest.mark.parametrize("schema", ["amdadb", "transplanet"])
def test_links_of_all_kinds_lead_somewhere(served: Server, schema: str) -> None:
    rows = rows_of(served, schema)
    kinds = {(row["dataproduct_type"], row["granule_gid"], bool(row["access_url"])): row for row in rows}
    for (_, _, has_file), row in kinds.items():
        links = DatalinkResults.from_result_url(row["datalink_url"])
        this = [link for link in links if link["semantics"] == "#this" and link["access_url"]]
        assert bool(this) is has_file
        for link in links:
            address = link["access_url"]
            if address and not EXAMPLES.match(address):
                answer = get(address)
                assert answer.content
                if link["content_type"]:
                    assert answer.media_type == link["content_type"].split(";")[0]


def test_the_terminal_says_what_there_is_and_its_addresses_answer(served: Server) -> None:
    text = welcome(Settings(port=served.port))
    for schema in SCHEMAS:
        assert f"{schema}.epn_core" in text
    links = re.findall(r"http://\S+/datalink\S+", text)
    assert len(links) == 1
    assert b"#this" in get(links[0]).content


def test_the_front_page_names_all_services(served: Server) -> None:
    page = get(f"{served.base}/").content.decode()
    for schema in SCHEMAS:
        assert f"<code>{schema}.epn_core</code>" in page


def test_the_commands_of_the_readme_answer(served: Server) -> None:
    """Addresses in the README, as curl would call them."""
    text = (ROOT / "README.md").read_text().replace("http://127.0.0.1:8080", served.base)
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "curl" in block]
    commands = [command for block in blocks for command in re.split(r"\n(?=curl)", block.replace("\\\n", ""))]
    assert len(commands) >= 4
    for command in commands:
        address = re.search(r"http://\S+", command)
        assert address is not None
        sent = re.findall(r'(?:-d|--data-urlencode) (?:"([^"]*)"|(\S+))', command)
        query = "&".join("=".join(quote(part) for part in (one or other).split("=", 1)) for one, other in sent)
        assert get(f"{address[0]}?{query}" if query else address[0]).content.count(b"\n") > 1, command


def test_a_home_of_an_earlier_demonstration_gets_what_is_new(database: Database, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    prepare_demo(settings, database, lambda _text: None, Silent())
    with psycopg.connect(database.url) as connection:  # as it was when there was only the first
        for schema in SCHEMAS[1:]:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
            connection.execute("DELETE FROM archive.service WHERE schema_name = %s", (schema,))
    for sample in SAMPLES[1:]:
        (tmp_path / sample.folder).rename(tmp_path / f"{sample.folder}.unfinished")
    said: list[str] = []
    reports = prepare_demo(settings, database, said.append, Silent())
    assert [report.granules.inserted > 0 for report in reports] == [False, True, True]
    assert [line.partition(":")[0] for line in said] == SCHEMAS[1:]
    again = prepare_demo(settings, database, said.append, Silent())
    assert [report.granules.loaded for report in again] == [0, 0, 0]
    assert len(said) == len(SCHEMAS[1:])


def test_maps_of_somebody_else_are_left_alone(database: Database, tmp_path: Path) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO archive.service (schema_name, title, publisher, first_ingested, last_ingested)"
            " VALUES ('illu67p', 'the real maps', 'CDPP', now(), now())"
        )
    said: list[str] = []
    reports = prepare_demo(Settings(home=tmp_path), database, said.append, Silent())
    assert [report.schema for report in reports] == ["amdadb", "transplanet"]
    assert "illu67p: left as it is, because 'the real maps' is published under this name" in said
