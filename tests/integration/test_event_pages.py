"""Pages and files of tables of events over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from epntap.db.pool import Database, Role, connect
from eventtables.readers import Wishes, read_table
from eventtables.store.tables import save_table
from eventtables.writers import WRITERS
from tests.support.browser import CHROMIUM, page_of, text_of
from tests.support.databases import clone_database, drop_database
from tests.support.events import catalogue, cells_of, intervals, written
from tests.support.server import Server, serve

XHTML = "{http://www.w3.org/1999/xhtml}"
MANY = 20_050


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    database = clone_database(postgres_server, "eventpages", template_database)
    try:
        with connect(database, Role.OWNER, autocommit=True) as owner:
            save_table(owner, "hostile", catalogue())
            save_table(owner, "many", intervals([(n, n + 1) for n in range(MANY)], "<b>many</b>"))
            save_table(owner, "nothing", intervals([], "nothing"))
        with serve(database, tmp_path_factory.mktemp("eventpages")) as server:
            yield server
    finally:
        drop_database(postgres_server, database)


def ask(server: Server, path: str, **headers: str) -> requests.Response:
    return requests.get(server.base + path, headers=headers or CHROMIUM, timeout=60, allow_redirects=False)


@pytest.mark.parametrize(
    "path", ["/events", "/events/hostile", "/events/many", "/events/many?first=20001", "/events/nothing"]
)
def test_pages_are_well_formed_and_hold_no_markup_of_others(server: Server, path: str) -> None:
    answer = ask(server, path)
    assert answer.status_code == 200
    page = page_of(answer.text)
    assert not list(page.iter(f"{XHTML}b"))
    (main,) = page.iter(f"{XHTML}main")
    for table in main.iter(f"{XHTML}table"):
        assert all(one.get("scope") for one in table.iter(f"{XHTML}th"))


def test_a_page_shows_events_columns_and_every_form(server: Server) -> None:
    page = page_of(ask(server, "/events/hostile").text)
    said = text_of(page)
    for word in (
        "shocks at Earth",
        "10.1234/abc",
        "CC-BY-4.0",
        "2001-01-02T00:00:00.000",
        "-7.25",
        "b_min",
        '<a & "b">',
    ):
        assert word in said, word
    links = [one.get("href") or "" for one in page.iter(f"{XHTML}a")]
    assert {f"/events/hostile.{form.extension}" for form in WRITERS.values()} <= set(links)
    query = next(link for link in links if link.startswith("/query?sql="))
    assert ask(server, query).status_code == 200


def test_long_tables_come_in_pages(server: Server) -> None:
    last = page_of(ask(server, "/events/many?first=20001").text)
    cells = [one.text for one in last.iter(f"{XHTML}td")]
    assert "1970-01-01T05:34:09.000" in cells
    assert ask(server, f"/events/many?first={MANY + 1}").status_code == 404
    for wrong in ("x", "0", "-1", "1" + "0" * 5000):
        assert ask(server, f"/events/many?first={wrong}").status_code == 400


@pytest.mark.parametrize("form", list(WRITERS))
def test_files_are_those_that_the_command_writes(server: Server, form: str) -> None:
    writer = WRITERS[form]
    answer = ask(server, f"/events/hostile.{writer.extension}", Accept="*/*")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(writer.media_type.partition(";")[0])
    assert f"hostile.{writer.extension}" in answer.headers["Content-Disposition"]
    wishes = Wishes(start="start_time", stop="stop_time") if form == "csv" else Wishes()
    assert cells_of(read_table(answer.content, "x", wishes)) == (
        cells_of(read_table(written(catalogue(), form), "x", wishes))
    )
    again = ask(server, f"/events/hostile.{writer.extension}", **{"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_long_file_is_whole(server: Server) -> None:
    answer = ask(server, "/events/many.amda.xml", Accept="*/*")
    assert answer.content.count(b"<TR>") == MANY
    assert ask(server, "/events/mony", Accept="*/*").status_code == 404
    assert "Did you mean 'many'" in ask(server, "/events/mony", Accept="*/*").text


def test_amdas_answer_is_an_address_and_nothing_else(server: Server) -> None:
    lists = {}
    for name in ("getTimeTablesList", "getCatalogsList"):
        said = ask(server, f"/php/rest/{name}.php", Accept="*/*").text
        lists[name] = requests.get(said.partition(">")[2].partition("<")[0], timeout=60).text
    assert lists["getTimeTablesList"].count("<timeTable ") == 2
    assert lists["getCatalogsList"].count("<catalog ") == 1
    found = re.search('xml:id="(sharedcatalog_[0-9]+)"', lists["getCatalogsList"])
    assert found is not None
    number = found[1]
    address = ask(server, f"/php/rest/getCatalog.php?catID={number}", Accept="*/*").text
    assert address == f"{server.base}/php/tables/{number}/hostile.amda.xml"
    file = read_table(requests.get(address, timeout=60).content, "x")
    assert cells_of(file) == cells_of(read_table(written(catalogue(), "amda"), "x"))
    assert ask(server, "/php/rest/getTimeTable.php?ttID=tt_0", Accept="*/*").json()["success"] is False
