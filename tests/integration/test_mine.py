"""Tables and queries that people keep: theirs in queries and jobs, and nobody else's."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import requests
from lxml import html

from epntap.access import Scope
from epntap.catalog.load import CHECK_EVERY_S
from epntap.db.pool import Database, Role, connect
from tests.support.cdf_builder import CdfBuilder
from tests.support.command import run
from tests.support.databases import clone_database, drop_database
from tests.support.made_files import seconds
from tests.support.people import PASSWORD, add, basic, bearer, token_for
from tests.support.server import serve

CSV = b"target,flux,xmin\nMars,1.5,a\nEarth,2.5,b\n"
SERVICE = """
[service]
schema = "mine"
title = "Mine"
publisher = "Me"

[[source]]
kind = "cdf-files"
path = "{folder}"
granule = "day"
"""
BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, demo_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    database = clone_database(postgres_server, "mine", demo_template)
    for name in ("ann", "bob", "carl"):
        add(database, name, "rpc")
    settings = {"workers": "1", "job_workers": "1", "mine_rows": "1000", "mine_bytes": "200000"}
    with serve(database, tmp_path_factory.mktemp("mine"), **settings) as running:
        yield SimpleNamespace(base=running.base, tap=running.tap, database=database)
    drop_database(postgres_server, database)


def keep(server: SimpleNamespace, who: dict[str, str], name: str, content: bytes = CSV) -> requests.Response:
    file = {"TABLE": ("t.csv", content, "text/csv")}
    return requests.post(f"{server.base}/mine", {"NAME": name}, files=file, headers=who, timeout=30)


def ask(server: SimpleNamespace, text: str, who: dict[str, str] | None) -> requests.Response:
    form = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": text}
    return requests.post(f"{server.tap}/sync", form, headers=who or {}, timeout=30)


def test_a_table_is_in_queries_of_its_owner_only(server: SimpleNamespace) -> None:
    answer = keep(server, basic("ann"), "Fluxes")
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "mine.fluxes"
    assert (answer.json()["rows"], answer.json()["columns"]) == (2, ["target", "flux", "xmin"])
    text = "SELECT target, flux, xmin FROM mine.fluxes WHERE flux > 2"
    assert ask(server, text, basic("ann")).text.splitlines() == ["target,flux,xmin", "Earth,2.5,b"]
    joined = "SELECT COUNT(*) AS n FROM mine.fluxes AS f JOIN amdadb.epn_core AS g ON f.target = g.target_name"
    assert int(ask(server, joined, basic("ann")).text.split()[1]) >= 0
    unknown = ask(server, text.replace("fluxes", "nothing"), basic("bob")).text
    for who in (None, basic("bob")):
        refused = ask(server, text, who)
        assert refused.status_code == 400
        assert "flux" not in refused.text.replace("fluxes", "").replace("flux >", "")
        assert refused.text.count("\n") == unknown.count("\n")
    for table in ("tables", "columns", "schemas"):
        told = ask(server, f"SELECT * FROM tap_schema.{table}", basic("ann")).text
        assert "fluxes" not in told
    assert "fluxes" not in requests.get(f"{server.tap}/tables", timeout=30).text
    with connect(server.database, Role.SERVICE, autocommit=True) as connection:
        row = connection.execute("SELECT archive.own_schema('ann')").fetchone()
    assert row is not None
    for who in (basic("bob"), basic("ann")):
        assert ask(server, f"SELECT * FROM {row[0]}.fluxes", who).status_code == 400, "the name in the database is none"
    assert keep(server, basic("bob"), "fluxes", b"other\n7\n").status_code == 201
    assert ask(server, "SELECT * FROM mine.fluxes", basic("bob")).text.split() == ["other", "7"]
    assert ask(server, text, basic("ann")).text.splitlines()[1] == "Earth,2.5,b", "the answer of another is not kept"


def test_a_job_sees_the_tables_of_its_owner(server: SimpleNamespace) -> None:
    keep(server, basic("ann"), "of_job")
    form = {"LANG": "ADQL", "FORMAT": "csv", "PHASE": "RUN", "QUERY": "SELECT COUNT(*) AS n FROM mine.of_job"}
    job = requests.post(f"{server.tap}/async", form, headers=basic("ann"), timeout=30, allow_redirects=False)
    where = job.headers["Location"]
    for _ in range(10):
        if requests.get(f"{where}/phase?WAIT=5", headers=basic("ann"), timeout=30).text == "COMPLETED":
            break
    result = requests.get(f"{where}/results/result", headers=basic("ann"), timeout=30)
    assert result.text.split() == ["n", "2"]


def test_names_limits_and_what_is_taken_away(server: SimpleNamespace) -> None:
    who = basic("carl")
    for name in ("select", "1a", "a-b", 'a"; DROP TABLE x', "x" * 56, ""):
        assert keep(server, who, name).status_code == 400, name
    assert keep(server, who, "t").status_code == 201
    again = keep(server, who, "t")
    assert again.status_code == 400
    assert "mine.t already" in again.text
    rows = keep(server, who, "many", b"a\n" + b"1\n" * 1000)
    assert rows.status_code == 400
    assert "You may keep 1,000 rows, and with this table it would be 1,002" in rows.text
    size = keep(
        server,
        who,
        "large",
        b"a\n" + b"".join(random.Random(n).randbytes(1500).hex().encode() + b"\n" for n in range(200)),
    )
    assert "You may keep 200,000 bytes" in size.text
    assert [one["name"] for one in requests.get(f"{server.base}/mine", headers=who, timeout=30).json()["tables"]] == [
        "mine.t"
    ]
    gone = f"{server.base}/mine/tables/t"
    assert requests.delete(gone, headers=basic("ann"), timeout=30).status_code == 404, "of somebody else"
    assert requests.delete(gone, headers=who, timeout=30, allow_redirects=False).status_code == 303
    assert ask(server, "SELECT * FROM mine.t", who).status_code == 400
    assert keep(server, who, "t").status_code == 201
    with connect(server.database, Role.SERVICE, autocommit=True) as connection:
        connection.execute("UPDATE account.kept_table SET expires = now() WHERE owner = 'carl'")
    assert ask(server, "SELECT * FROM mine.t", who).status_code == 400, "its time is over"
    assert keep(server, who, "u").status_code == 201
    with connect(server.database, Role.SERVICE, autocommit=True) as connection:
        left = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = archive.own_schema('carl')"
        ).fetchall()
    assert left == [("u",)], "its rows are removed with the next table"


def test_strange_columns_keep_their_names(server: SimpleNamespace) -> None:
    content = f'ctid,"a ""b""",{"l" * 80}\n1,2,3\n'.encode()
    assert keep(server, basic("ann"), "strange", content).status_code == 201
    answer = ask(server, f'SELECT "ctid", "a ""b""", {"l" * 80} FROM mine.strange', basic("ann"))
    assert answer.text.splitlines()[1] == "1,2,3"


def test_nobody_in_particular_keeps_nothing(server: SimpleNamespace) -> None:
    assert keep(server, {}, "t").status_code == 401
    assert requests.get(f"{server.base}/mine", timeout=30).status_code == 401
    reads = bearer(token_for(server.database, "ann", scopes={Scope.READ}))
    assert keep(server, reads, "t").status_code == 403
    assert requests.get(f"{server.base}/mine", headers=reads, timeout=30).status_code == 200


def test_the_page(server: SimpleNamespace) -> None:
    browser = requests.Session()
    browser.headers.update(BROWSER)

    def word(path: str) -> str:
        page = html.fromstring(browser.get(f"{server.base}{path}", timeout=30).content)
        return str(page.xpath("string(//input[@name='form_word']/@value)"))

    form = {"username": "bob", "password": PASSWORD, "form_word": word("/login"), "next": "/mine"}
    assert browser.post(f"{server.base}/login", form, timeout=30).url == f"{server.base}/mine"
    given = {"form_word": word("/mine"), "NAME": "by_form"}
    file = {"TABLE": ("t.csv", CSV, "text/csv")}
    assert "mine.by_form" in browser.post(f"{server.base}/mine", given, files=file, timeout=30).text
    saved = {"form_word": word("/mine"), "NAME": "<b>my</b>", "QUERY": "SELECT '</pre><script>' AS x FROM mine.by_form"}
    page = browser.post(f"{server.base}/mine/queries", saved, timeout=30)
    assert "&lt;b&gt;my&lt;/b&gt;" in page.text
    assert "<script>" not in page.text.partition("<main")[2]
    for path, sent in (
        ("/mine", {"NAME": "x"}),
        ("/mine/queries", saved),
        ("/mine/queries/delete", saved),
        ("/mine/tables/by_form/delete", {}),
        ("/mine/tables/by_form/prolong", {}),
    ):
        answer = browser.post(f"{server.base}{path}", {**sent, "form_word": "0" * 64}, timeout=30)
        assert answer.status_code == 403, path
    theirs = requests.get(f"{server.base}/mine", headers=basic("ann"), timeout=30).json()
    assert "by_form" not in str(theirs["tables"])
    assert theirs["queries"] == []
    gone = {"form_word": word("/mine"), "NAME": "<b>my</b>"}
    assert "&lt;b&gt;my" not in browser.post(f"{server.base}/mine/queries/delete", gone, timeout=30).text
    assert (
        "mine.by_form"
        not in browser.post(f"{server.base}/mine/tables/by_form/delete", {"form_word": word("/mine")}, timeout=30).text
    )


def test_all_goes_with_the_account(server: SimpleNamespace) -> None:
    add(server.database, "gone")
    assert keep(server, basic("gone"), "t").status_code == 201
    assert run("user", "remove", "gone", EPNTAP_DATABASE_URL=server.database.url).returncode == 0
    add(server.database, "gone")
    assert ask(server, "SELECT * FROM mine.t", basic("gone")).status_code == 400
    assert keep(server, basic("gone"), "t", b"b\n1\n").status_code == 201
    assert ask(server, "SELECT * FROM mine.t", basic("gone")).text.split() == ["b", "1"]


def test_a_service_that_is_called_so_keeps_its_name(server: SimpleNamespace, tmp_path: Path) -> None:
    builder = CdfBuilder().attribute("Logical_source", "older").axis("Epoch", seconds(0, 1))
    builder.variable("n", np.array([1.0, 2.0]), DEPEND_0="Epoch", VAR_TYPE="data").write(tmp_path / "a.cdf")
    (tmp_path / "mine.toml").write_text(SERVICE.format(folder=tmp_path))
    assert keep(server, basic("ann"), "beside").status_code == 201
    here = {"EPNTAP_DATABASE_URL": server.database.url, "EPNTAP_HOME": str(tmp_path / "home")}
    assert run("ingest", str(tmp_path / "mine.toml"), **here).returncode == 0
    time.sleep(CHECK_EVERY_S)
    for who in (basic("ann"), None):
        assert ask(server, "SELECT COUNT(*) AS n FROM mine.epn_core", who).text.split() == ["n", "1"]
    assert ask(server, "SELECT * FROM mine.beside", basic("ann")).status_code == 400
    assert run("drop", "mine", "--yes", **here).returncode == 0
    text, until = "SELECT flux FROM mine.beside WHERE flux < 2", time.monotonic() + 20
    while (answer := ask(server, text, basic("ann"))).status_code == 400 and time.monotonic() < until:
        time.sleep(0.1)  # what is published is looked at now and then
    assert answer.text.split() == ["flux", "1.5"]


@pytest.mark.parametrize("how", ["the address", "a form", "parts"])
def test_what_is_posted_holds_no_nul(server: SimpleNamespace, how: str) -> None:
    address, sent = f"{server.base}/mine/queries/delete", {"NAME": "a\0b"}
    ways: dict[str, dict[str, Any]] = {
        "the address": {"params": sent},
        "a form": {"data": sent},
        "parts": {"files": {"NAME": (None, sent["NAME"])}},
    }
    answer = requests.post(address, headers=basic("ann"), timeout=30, **ways[how])
    assert (answer.status_code, "NUL" in answer.text) == (400, True), answer.text


@pytest.mark.parametrize("path", ["/files/amdadb/%00", "/files/%00/x", "/groups/%00", "/mine/tables/%00"])
def test_there_is_nothing_at_addresses_with_nul(server: SimpleNamespace, path: str) -> None:
    assert requests.get(f"{server.base}{path}", headers=basic("ann"), timeout=30).status_code == 404


def test_a_table_that_goes_meanwhile_is_no_fault_of_the_service(server: SimpleNamespace) -> None:
    who = basic("carl")

    def work(_number: int) -> list[int]:
        answers = [
            keep(server, who, "fleeting"),
            ask(server, "SELECT COUNT(*) FROM mine.fleeting", who),
            requests.delete(f"{server.base}/mine/tables/fleeting", headers=who, timeout=30, allow_redirects=False),
        ]
        return [one.status_code for one in answers]

    with ThreadPoolExecutor(6) as pool:
        found = {status for statuses in pool.map(work, range(24)) for status in statuses}
    assert found <= {200, 201, 303, 400, 404, 503}
