"""Identifiers and addresses that people have written down: they go on answering, each with its own service."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
import pytest

from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database, Role, connect
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.demo.archive import write_sample_archive
from ingest.options import Options
from ingest.pipeline import ingest_service
from tests.support.archives import cdf
from tests.support.databases import create_database, drop_database
from tests.support.first_home import load_first_home
from tests.support.server import Server, serve
from voserver.operating.demo import demo_definition

UID = "syn_mag_20010102"


def service(root: Path, schema: str, folder: Path, *settings: str, files: str = "") -> Definition:
    """A service of the files of a folder, each a granule."""
    file = root / f"{schema}.toml"
    lines = [
        f'[service]\nschema = "{schema}"\ntitle = "{schema}"\npublisher = "test"',
        f'[[source]]\nkind = "cdf-files"\npath = "{folder}"\ngranule = "file"',
        *settings,
        files,
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return load_definition(file)


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with connect(database, Role.OWNER) as connection:
        return connection.execute(query).fetchall()


def get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:
        body: bytes = answer.read()
    return body


def links(address: str) -> list[dict[str, object]]:
    """The rows of a {links} document."""
    document = json.loads(get(f"{address}&RESPONSEFORMAT=json"))
    names = [column["name"] for column in document["columns"]] if "columns" in document else []
    found = document["data"] if "data" in document else document["links"]
    return [dict(zip(names, row, strict=True)) if isinstance(row, list) else row for row in found]


def data_of(found: list[dict[str, object]]) -> str:
    """The address of the CDF file among links."""
    return next(str(one["access_url"]) for one in found if one["local_semantics"] == "cdf")


def test_a_second_copy_breaks_no_address_of_the_first(database: Database, tmp_path: Path) -> None:
    for schema, offset in (("one", 1.0), ("two", 2.0)):
        cdf(tmp_path / schema / f"{UID}_v01.cdf", "2001-01-02T00:00:00", offset=offset)
    first = ingest_service(service(tmp_path, "one", tmp_path / "one"), database)
    assert first.account.remarks == ()
    old_form = [f"/data/{UID}.cdf", f"/datalink/soda/sync?ID={UID}&FORMAT=cdf"]
    second = ingest_service(service(tmp_path, "two", tmp_path / "two"), database)
    (remark,) = second.account.remarks
    assert remark.text == (
        f"1 of the new identifiers, such as {UID}, are in one.epn_core too; an address that names no service answers "
        "with the one that was published first"
    )
    bytes_of = {schema: (tmp_path / schema / f"{UID}_v01.cdf").read_bytes() for schema in ("one", "two")}
    with serve(database, tmp_path / "home") as server:
        for schema in ("one", "two"):
            query = f"SELECT access_url, datalink_url FROM {schema}.epn_core"
            answer = get(f"{server.tap}/sync?{urlencode({'LANG': 'ADQL', 'FORMAT': 'csv', 'QUERY': query})}").decode()
            access_url, datalink_url = answer.split()[1].split(",")
            assert access_url == f"{server.base}/data/{schema}/{UID}.cdf"
            assert get(access_url) == bytes_of[schema]
            assert datalink_url.endswith(f"ID={UID}&SCHEMA={schema}")
            assert get(data_of(links(datalink_url))) == bytes_of[schema]
            assert f"ID={UID}&amp;SCHEMA={schema}&amp;RESPONSEFORMAT=json".encode() in get(
                f"{datalink_url}&RESPONSEFORMAT=html"
            )
            document = get(datalink_url)
            assert f'name="SCHEMA" datatype="char" arraysize="*" value="{schema}"'.encode() in document
            assert get(f"{server.base}/data/{UID}.cdf?SCHEMA={schema}") == bytes_of[schema]
            assert manifest(server, ID=UID, SCHEMA=schema) == [f"{server.base}/data/{schema}/{UID}.cdf"]
        # addresses that name no service are those of the first
        assert get(server.base + old_form[0]) == bytes_of["one"]
        assert get(server.base + old_form[1]) == get(f"{server.base}{old_form[1]}&SCHEMA=one")
        assert get(server.base + old_form[1]) != get(f"{server.base}{old_form[1]}&SCHEMA=two")
        assert get(data_of(links(f"{server.base}/datalink/links?ID={UID}"))) == bytes_of["one"]
        assert manifest(server, ID=UID) == [f"{server.base}/data/one/{UID}.cdf"]
        (cut,) = manifest(server, ID=UID, START="2001-01-02T01:00", STOP="2001-01-02T02:00")
        assert cut.endswith("&SCHEMA=one")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"{server.base}/data/three/{UID}.cdf")


def manifest(server: Server, **form: str) -> list[str]:
    return get(f"{server.base}/datalink/bulk?{urlencode({**form, 'RESPONSEFORMAT': 'manifest'})}").decode().split()


def test_former_identifiers_answer_with_their_successors(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    first = cdf(folder / f"{UID}_v01.cdf", "2001-01-02T00:00:00", offset=1.0)
    versioned = service(tmp_path, "one", folder, "versioned_identifiers = true")
    ingest_service(versioned, database)
    assert rows(database, "SELECT granule_uid FROM one.epn_core") == [(f"{UID}_v01",)]
    newest = cdf(folder / f"{UID}_v02.cdf", "2001-01-02T00:00:00", offset=2.0)
    first.unlink()
    ingest_service(versioned, database, options=Options(allow_deletions=True))
    assert rows(database, "SELECT former_uid, granule_uid FROM archive.former_uid") == [(f"{UID}_v01", f"{UID}_v02")]
    cdf(folder / f"{UID}_v00.cdf", "2001-01-02T00:00:00", offset=3.0)
    plain = service(tmp_path, "one", folder)
    assert ingest_service(plain, database).granules.inserted == 1
    former = [f"{UID}_v00", f"{UID}_v01", f"{UID}_v02"]
    found = rows(database, "SELECT former_uid, granule_uid FROM archive.former_uid ORDER BY 1")
    assert found == [(one, UID) for one in former]
    with serve(database, tmp_path / "home") as server:
        for one in former:
            assert get(f"{server.base}/data/{one}.cdf") == newest.read_bytes()
            assert get(f"{server.base}/data/one/{one}.cdf") == newest.read_bytes()
            answered = links(f"{server.base}/datalink/links?ID={one}")
            assert {link["ID"] for link in answered} == {one}
            assert data_of(answered) == f"{server.base}/data/one/{UID}.cdf"
            cut = f"{server.base}/datalink/soda/sync?FORMAT=csv&ID="
            assert get(cut + one) == get(cut + UID)
            (line,) = manifest(server, ID=one)
            assert get(line) == newest.read_bytes()
    # back to names with versions: what is a granule again is no former one
    ingest_service(versioned, database)
    found = rows(database, "SELECT former_uid, granule_uid FROM archive.former_uid ORDER BY 1")
    assert found == [(UID, f"{UID}_v02"), *((one, f"{UID}_v02") for one in former[:2])]


def test_a_new_version_keeps_the_identifier(database: Database, tmp_path: Path) -> None:
    cdf(tmp_path / "files" / f"{UID}_v01.cdf", "2001-01-02T00:00:00")
    one = service(tmp_path, "one", tmp_path / "files")
    ingest_service(one, database, now=datetime.fromisoformat("2026-01-31T10:00:00"))
    cdf(tmp_path / "files" / f"{UID}_v02.cdf", "2001-01-02T00:00:00", offset=2.0)
    report = ingest_service(one, database)
    assert (report.granules.inserted, report.granules.updated, report.granules.deleted) == (0, 1, 0)
    assert rows(database, "SELECT granule_uid, obs_id FROM one.epn_core") == [(UID, UID)]
    # with their versions, the names of files are known to people, and answer too
    found = rows(database, "SELECT former_uid, granule_uid FROM archive.former_uid ORDER BY 1")
    assert found == [(f"{UID}_v01", UID), (f"{UID}_v02", UID)]


CLAIMS = '[source.files]\na = "a/*.cdf"\nb = "b/*.cdf"'


def test_two_files_of_one_product_name_are_refused_or_kept_apart(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    cdf(folder / "a" / f"{UID}_v01.cdf", "2001-01-02T00:00:00")
    cdf(folder / "b" / f"{UID}_v02.cdf", "2001-01-02T00:00:00", offset=2.0)
    report = ingest_service(service(tmp_path, "one", folder, files=CLAIMS), database)
    (refused,) = report.account.refused_rows
    assert refused.path == f"b/{UID}_v02.cdf"
    assert refused.reason == (
        f"the granule_uid {UID} is already that of a/{UID}_v01.cdf; versioned_identifiers = true makes names "
        "with versions"
    )
    apart = service(tmp_path, "one", folder, "versioned_identifiers = true", files=CLAIMS)
    assert ingest_service(apart, database).account.refused_rows == ()
    assert rows(database, "SELECT granule_uid FROM one.epn_core ORDER BY 1") == [(f"{UID}_v01",), (f"{UID}_v02",)]


# -- homes ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def first_home(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """A database as the first releases left it, with a service of files in it."""
    del template_database
    own = create_database(postgres_server, f"first_{uuid.uuid4().hex[:12]}")
    load_first_home(own)
    with psycopg.connect(own.url) as connection:
        connection.execute(_FILES_OF_A_FIRST_HOME)
    yield own
    drop_database(postgres_server, own)


#: as the first releases wrote it: the identifier and the address are made of the name of the file
_FILES_OF_A_FIRST_HOME = f"""
SET ROLE epntap_owner;
CREATE SCHEMA one;
CREATE TABLE one.epn_core (LIKE amdadb.epn_core INCLUDING ALL);
INSERT INTO one.epn_core SELECT (jsonb_populate_record(e, '{{
    "granule_uid": "{UID}_v01", "obs_id": "{UID}", "dataset_id": "syn_mag", "service_title": "one",
    "access_url": "/data/{UID}_v01.cdf", "datalink_url": "/datalink/links?ID={UID}_v01"}}')).*
FROM amdadb.epn_core e LIMIT 1;
INSERT INTO archive.service (schema_name, title, first_ingested, last_ingested, granule_count)
VALUES ('one', 'one', '2026-01-01', '2026-01-01', 1);
INSERT INTO archive.dataset (schema_name, dataset_id, title) VALUES ('one', 'syn_mag', 'syn_mag');
INSERT INTO tap_schema.schemas (schema_name) VALUES ('one');
INSERT INTO tap_schema.tables (schema_name, table_name, table_type) VALUES ('one', 'one.epn_core', 'table');
GRANT USAGE ON SCHEMA one TO epntap_service, epntap_reader;
GRANT SELECT ON one.epn_core TO epntap_service, epntap_reader;
"""


def test_identifiers_of_a_first_home_answer_after_its_upgrade(first_home: Database, tmp_path: Path) -> None:
    old = [str(row[0]) for row in rows(first_home, "SELECT access_url FROM amdadb.epn_core WHERE access_url <> ''")]
    assert "/data/syna-mag_20161231.cdf" in old
    apply_migrations(first_home)
    assert rows(first_home, "SELECT DISTINCT public_id FROM archive.dataset WHERE dataset_id = 'syna-mag'") == [
        ("syna-mag",)
    ]
    newest = cdf(tmp_path / "files" / f"{UID}_v02.cdf", "2001-01-02T00:00:00")
    write_sample_archive(tmp_path / "sample")
    for definition in (service(tmp_path, "one", tmp_path / "files"), demo_definition(tmp_path / "sample")):
        ingest_service(definition, first_home)
    with serve(first_home, tmp_path / "home") as server:
        assert get(f"{server.base}/data/{UID}_v01.cdf") == newest.read_bytes()
        assert data_of(links(f"{server.base}/datalink/links?ID={UID}_v01")) == f"{server.base}/data/one/{UID}.cdf"
        for address in old[:5]:
            assert get(server.base + address) == get(server.base + address.replace("/data/", "/data/amdadb/"))
        assert len(links(f"{server.base}/datalink/links?ID={quote('syna-mag_20161231')}")) > 3


# -- names without a service ------------------------------------------------------------------------------------------


def test_public_ids_are_given_once(database: Database, tmp_path: Path) -> None:
    names = (
        'SELECT schema_name, dataset_id, public_id FROM archive.dataset ORDER BY schema_name, dataset_id COLLATE "C"'
    )
    keys = "SELECT dataset_id, name, public_id FROM archive.parameter WHERE schema_name = 'one' ORDER BY 1, 2"
    for dataset in ("a", "b"):
        cdf(tmp_path / "one" / dataset / f"{dataset}_20010102.cdf", "2001-01-02T00:00:00")
    cdf(tmp_path / "two" / "a" / "a_20010102.cdf", "2001-01-02T00:00:00")
    only_a = '[source.files]\na = "a/*.cdf"'
    ingest_service(service(tmp_path, "one", tmp_path / "one", files=only_a), database)
    assert rows(database, names) == [("one", "a", "a")]
    assert ("a", "B", "B") in rows(database, keys)
    # another service with a dataset of that name, and another dataset with a parameter of that name
    ingest_service(service(tmp_path, "two", tmp_path / "two", files=only_a), database)
    ingest_service(service(tmp_path, "one", tmp_path / "one", files=CLAIMS), database)
    assert rows(database, names) == [("one", "a", "a"), ("one", "b", "b"), ("two", "a", "two.a")]
    assert ("a", "B", "B") in rows(database, keys)
    assert ("b", "B", "b_B") in rows(database, keys)
    published = "SELECT dataset_id, public_id FROM two.dataset"
    assert rows(database, published) == [("a", "two.a")]
    with connect(database, Role.OWNER) as connection:
        connection.execute("DELETE FROM archive.dataset WHERE schema_name = 'one' AND dataset_id = 'a'")
        connection.execute(
            "INSERT INTO archive.dataset (schema_name, dataset_id, title) VALUES ('two', 'B', ''), ('two', 'c,d', '')"
        )
        connection.execute("SELECT archive.give_public_ids('two')")
    # free again or not: what is given stays
    kept = [("one", "b", "b"), ("two", "a", "two.a")]
    assert rows(database, names) == [*kept[:1], ("two", "B", "two.B"), kept[1], ("two", "c,d", "c_d")]
