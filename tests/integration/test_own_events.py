"""Tables of events that somebody owns: over HTTP, in queries, in AMDA's interface, and for nobody else."""

from __future__ import annotations

import io
import json
import re
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from lxml import html

from epntap.access import Caller, Scope
from epntap.db.pool import Database, Role, connect
from epntap.errors import AuthenticationError
from eventtables.model import Events, EventStream
from eventtables.readers import Wishes, read_table
from eventtables.store.published import own_schema
from eventtables.store.tables import every_table, save_own, save_table
from tests.support.command import run
from tests.support.databases import clone_database, drop_database
from tests.support.events import ICMECAT, catalogue, cells_of, intervals, written
from tests.support.people import PASSWORD, add, basic, bearer, token_for
from tests.support.server import Server, serve
from voaccounts.store.people import remove_person

XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
BROWSER = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    own = clone_database(postgres_server, "ownevents", template_database)
    add(own, "ann", "rpc")
    add(own, "bob", "rpc")
    add(own, "eve", "other")
    with connect(own, Role.OWNER, autocommit=True) as owner:
        save_table(owner, "days", intervals([(0, 86_400), (200_000, 300_000)], "days"))
    yield own
    drop_database(postgres_server, own)


@pytest.fixture(scope="module")
def server(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(database, tmp_path_factory.mktemp("ownevents"), workers="1") as running:
        yield running


def post(server: Server, path: str, who: str = "", content: bytes = b"", **form: Any) -> requests.Response:  # texts
    sent = {"FILE": ("x", content)} if content else None
    return requests.post(
        f"{server.base}{path}", form, files=sent, headers=basic(who) if who else {}, timeout=60, allow_redirects=False
    )


def get(server: Server, path: str, who: str = "", **params: str) -> requests.Response:
    return requests.get(f"{server.base}{path}", params, headers=basic(who) if who else {}, timeout=60)


def count(server: Server, who: str, table: str) -> str:
    query = f"SELECT COUNT(*) AS n FROM {table}"
    return get(server, "/tap/sync", who, LANG="ADQL", QUERY=query, FORMAT="csv").text


def test_what_is_brought_along_is_its_owners_alone(server: Server) -> None:
    answer = post(server, "/events", "ann", written(catalogue(), "votable"), NAME="shocks", TITLE="Shocks of mine")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{server.base}/events/~ann/shocks")
    file = get(server, "/events/~ann/shocks.vot", "ann")
    assert cells_of(read_table(file.content, "x")) == cells_of(catalogue())
    assert "Shocks of mine" in get(server, "/events/~ann/shocks", "ann").text
    assert count(server, "ann", "mine.shocks") == "n\n3\n"
    assert (
        "b_min"
        in get(server, "/tap/sync", "ann", LANG="ADQL", QUERY="SELECT b_min FROM mine.shocks", FORMAT="csv").text
    )
    for who in ("bob", "eve", ""):
        assert get(server, "/events/~ann/shocks", who).status_code == 404
        assert get(server, "/events/~ann/shocks.csv", who).status_code == 404
        assert "shocks" not in get(server, "/events", who).text
        refused = get(server, "/tap/sync", who, LANG="ADQL", QUERY="SELECT COUNT(*) FROM mine.shocks")
        assert refused.status_code == 400
    # the answer of one is never that of another
    post(server, "/events", "bob", written(intervals([(1, 2)]), "csv"), NAME="shocks", START_COLUMN="start_time",
         STOP_COLUMN="stop_time")  # fmt: skip
    assert [count(server, who, "mine.shocks") for who in ("bob", "ann", "bob")] == ["n\n1\n", "n\n3\n", "n\n1\n"]
    with connect_as_reader(server) as found:
        assert found == 0


class connect_as_reader:  # noqa: N801  # reads as a statement
    """How many rows of TAP_SCHEMA tell of own tables."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __enter__(self) -> int:
        query = "SELECT COUNT(*) AS n FROM tap_schema.tables WHERE table_name LIKE '%shocks%'"
        return int(get(self.server, "/tap/sync", LANG="ADQL", QUERY=query, FORMAT="csv").text.split()[1])

    def __exit__(self, *_failure: object) -> None:
        return None


def test_a_group_sees_what_is_shared_with_it(server: Server) -> None:
    post(server, "/events", "ann", ICMECAT.encode(), NAME="icmes", START_COLUMN="icme_start_time",
         STOP_COLUMN="mo_end_time", GROUPS="rpc")  # fmt: skip
    assert [get(server, "/events/~ann/icmes.csv", who).status_code for who in ("ann", "bob", "eve", "")] == [
        200, 200, 404, 404,
    ]  # fmt: skip
    assert post(server, "/events/~ann/icmes", "bob", ACTION="DELETE").status_code == 403
    assert post(server, "/events/~ann/icmes", "eve", ACTION="DELETE").status_code == 404
    assert post(server, "/events/~ann/icmes", "ann", ACTION="SHARE").status_code == 303
    assert get(server, "/events/~ann/icmes.csv", "bob").status_code == 404
    refused = post(server, "/events/~ann/icmes", "ann", ACTION="SHARE", GROUPS="other")
    assert (refused.status_code, "no group 'other'" in refused.text) == (403, True)
    assert post(server, "/events/~ann/icmes", "ann", ACTION="SHARE", GROUPS="rpc").status_code == 303
    # what is shared can be made one's own
    made = post(server, "/events", "bob", OPERATION="filter", TABLE="~ann/icmes", CONDITION="mo_bmax > 10", NAME="big")
    assert made.status_code == 303, made.text
    assert "Made as events of ~ann/icmes with mo_bmax &gt; 10" in get(server, "/events/~bob/big", "bob").text


def test_tables_are_made_of_others_and_changed(server: Server) -> None:
    assert post(server, "/events", "ann", OPERATION="copy", TABLE="days", NAME="mydays").status_code == 303
    assert post(server, "/events/~ann/mydays", "ann", ACTION="ADD", START="1970-01-05", STOP="1970-01-06").ok
    assert post(server, "/events/~ann/mydays", "ann", ACTION="REMOVE", EVENT="2").status_code == 303
    found = cells_of(read_table(get(server, "/events/~ann/mydays.amda.xml", "ann").content, "x"))
    assert found["start"] == ["1970-01-01T00:00:00.000000", "1970-01-05T00:00:00.000000"]
    made = post(server, "/events", "ann", OPERATION="intersection", TABLE="~ann/mydays", OTHER="days", NAME="both_days")
    assert made.status_code == 303
    assert count(server, "ann", "mine.both_days") == "n\n1\n"
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"ACTION": "ADD", "START": "x"}, "START, STOP"),
        ({"ACTION": "ADD", "START": "1970-01-02", "STOP": "1970-01-01"}, "a later one"),
        ({"ACTION": "REMOVE", "EVENT": "7"}, "from 1 to 2"),
        ({"ACTION": "REMOVE", "EVENT": "nan"}, "number of an event, found 'nan'"),
        ({"ACTION": "REMOVE", "EVENT": "1.9"}, "number of an event, found '1.9'"),
        ({"ACTION": "EAT"}, "expected ADD, REMOVE, SHARE or DELETE"),
    )
    for form, said in cases:
        refused = post(server, "/events/~ann/mydays", "ann", **form)
        assert (refused.status_code, said in refused.text) == (400, True), refused.text
    assert requests.delete(f"{server.base}/events/~ann/mydays", headers=basic("ann"), timeout=30).status_code == 204
    assert get(server, "/events/~ann/mydays", "ann").status_code == 404


def test_changes_at_once_take_turns_and_none_is_lost(server: Server) -> None:
    assert post(server, "/events", "ann", OPERATION="copy", TABLE="days", NAME="crowded").ok
    shared = [{"ACTION": "SHARE", "GROUPS": "rpc"}, {"ACTION": "SHARE", "GROUPS": ""}]
    changes = [{"ACTION": "ADD", "START": f"1980-01-{day:02}"} for day in range(1, 13)]

    def change(form: dict[str, Any]) -> int:
        return post(server, "/events/~ann/crowded", "ann", **form).status_code

    with ThreadPoolExecutor(8) as pool:
        assert change(shared[0]) == 303
        found = list(pool.map(change, [*changes[:6], shared[1], *changes[6:]]))
    assert set(found) <= {303, 503}
    assert found[6] == 303
    added = found.count(303) - 1
    assert added
    table = read_table(get(server, "/events/~ann/crowded.amda.xml", "ann").content, "x")
    assert sum(one.startswith("1980") for one in cells_of(table)["start"]) == added
    assert get(server, "/events/~ann/crowded", "bob").status_code == 404, (
        "shared again by a change that had begun before"
    )


def test_a_table_that_goes_meanwhile_is_no_fault_of_the_service(server: Server) -> None:
    def work(number: int) -> list[int]:
        answers = [
            post(server, "/events", "ann", OPERATION="copy", TABLE="days", NAME="fleeting"),
            post(server, "/events/~ann/fleeting", "ann", ACTION="ADD", START="1980-01-01"),
            get(server, f"/events/~ann/fleeting{('', '.csv', '.amda.xml')[number % 3]}", "ann"),
            requests.delete(f"{server.base}/events/~ann/fleeting", headers=basic("ann"), timeout=30),
        ]
        return [one.status_code for one in answers]

    with ThreadPoolExecutor(6) as pool:
        found = {status for statuses in pool.map(work, range(18)) for status in statuses}
    assert found <= {200, 204, 303, 400, 404, 503}


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"NAME": "x"}, 400, "FILE or ADDRESS"),
        ({}, 400, "NAME: expected a value"),
        ({"NAME": "select", "ADDRESS": "http://127.0.0.1:9/x"}, 400, ""),
        ({"NAME": "x", "ADDRESS": "http://127.0.0.1:9/x.csv"}, 400, "127.0.0.1"),
        ({"NAME": "x", "OPERATION": "unite", "TABLE": "days"}, 400, "Did you mean"),
        ({"NAME": "x", "OPERATION": "union", "TABLE": "days", "OTHER": "~bob/big"}, 404, "no table of events"),
    ],
)
def test_what_cannot_be_is_said(server: Server, form: dict[str, Any], status: int, said: str) -> None:
    refused = post(server, "/events", "ann", **form)
    assert (refused.status_code, said in refused.text) == (status, True), refused.text


def test_who_has_not_signed_in_changes_nothing(server: Server, database: Database) -> None:
    content = written(intervals([(1, 2)]), "votable")
    assert post(server, "/events", "", content, NAME="x").status_code == 401
    assert post(server, "/events/~ann/shocks", "", ACTION="DELETE").status_code == 401
    read_only = bearer(token_for(database, "ann", scopes=(Scope.READ,)))
    answer = requests.post(f"{server.base}/events", {"NAME": "x"}, headers=read_only, timeout=30)
    assert (answer.status_code, "scope 'upload'" in answer.text) == (403, True)
    assert get(server, "/events/~ann/shocks", "ann").status_code == 200
    assert "form" not in get(server, "/events").text.split("<main")[-1].lower()


def test_a_page_has_the_forms_and_their_word(server: Server) -> None:
    browser = requests.Session()
    browser.headers.update(BROWSER)
    login = html.fromstring(browser.get(f"{server.base}/login", timeout=30).content)
    word = str(login.xpath("string(//input[@name='form_word']/@value)"))
    form = {"form_word": word, "username": "eve", "password": PASSWORD}
    assert browser.post(f"{server.base}/login", form, timeout=30, allow_redirects=False).status_code == 303
    without = browser.post(f"{server.base}/events", {"NAME": "x"}, timeout=30)
    assert without.status_code == 403
    page = html.fromstring(browser.get(f"{server.base}/events", timeout=30).content)
    word = str(page.xpath("string(//form[@enctype]//input[@name='form_word']/@value)"))
    file = {"FILE": ("x.csv", b"start,stop\n2001-01-01,2001-01-02\n")}
    kept = browser.post(f"{server.base}/events", {"NAME": "marked", "form_word": word}, files=file, timeout=30)
    assert kept.status_code == 200
    assert "Add this event" in kept.text
    ET.fromstring(kept.content)
    # what a plot shows is marked, in a table that is there or not
    ends = {"START": "2003-01-01", "STOP": "2003-01-02"}
    shown = browser.get(f"{server.base}/events/-/mark", params=ends, timeout=30)
    ET.fromstring(shown.content)
    word = str(html.fromstring(shown.content).xpath("string(//main//input[@name='form_word']/@value)"))
    marked = {"form_word": word, "OPERATION": "mark", **ends}
    for name in ("marked", "storms", "storms"):
        assert browser.post(f"{server.base}/events", {**marked, "NAME": name}, timeout=30).status_code == 200
    assert [count(server, "eve", f"mine.{name}") for name in ("marked", "storms")] == ["n\n2\n", "n\n2\n"]
    assert get(server, "/events/-/mark").status_code == 401


def test_amda_lists_what_is_somebodys_own(server: Server) -> None:
    who = {"userID": "ann", "password": PASSWORD}

    def listed(name: str, **values: str) -> ET.Element:
        text = get(server, f"/php/rest/{name}.php", **values).text
        return ET.fromstring(requests.get(re.split("[<>]", text)[2], timeout=30).content)

    own = listed("getCatalogsList", **who)
    names = {one.get("name"): one.get(XML_ID) for one in own.iter("catalog")}
    assert {"ann shocks", "ann icmes"} <= set(names)
    assert str(names["ann shocks"]).startswith("cat_")
    public = listed("getCatalogsList")
    assert all("ann" not in str(one.get("name")) for one in public.iter("catalog"))
    address = get(server, "/php/rest/getCatalog.php", catID=str(names["ann shocks"]), **who).text
    found = read_table(requests.get(address, timeout=30).content, "x")
    assert cells_of(found)["B min"] == cells_of(catalogue())["B min"]
    refused = get(server, "/php/rest/getCatalog.php", catID=str(names["ann shocks"])).json()
    assert refused["success"] is False
    # credentials that are wrong are nobody's, with status 200
    assert listed("getTimeTablesList", userID="ann", password="wrong").find("timetabList") is not None
    assert listed("getObsDataTree", privateOnly="True", **who).find("dataCenter") is not None


def test_the_operator_publishes_a_copy(server: Server, database: Database) -> None:
    here = {"EPNTAP_DATABASE_URL": database.url}
    done = run("events", "publish", "~ann/shocks", "--name", "shocks", **here)
    assert done.stdout.startswith("events.shocks: 3 events"), done.stderr
    deadline = time.monotonic() + 20
    while (found := count(server, "", "events.shocks")) != "n\n3\n":  # processes look for news now and then
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    listed = json.loads(run("events", "list", "--json", **here).stdout)
    assert {"events.shocks", "~ann/shocks", "~bob/shocks"} <= {one["table"] for one in listed}
    again = read_table(io.BytesIO(get(server, "/events/shocks.vot").content).read(), "x", Wishes())
    assert "Published from ~ann/shocks." in again.about.history


def test_tables_go_with_their_owner(server: Server, database: Database) -> None:
    add(database, "tom", "rpc")
    assert post(server, "/events", "tom", OPERATION="copy", TABLE="days", NAME="mine", GROUPS="rpc").status_code == 303
    assert get(server, "/events/~tom/mine", "ann").status_code == 200
    with connect(database, Role.SERVICE, autocommit=True) as service:
        remove_person(service, "tom")
    assert get(server, "/events/~tom/mine", "ann").status_code == 404
    add(database, "tom", "other")
    assert "there is no table mine.mine" in count(server, "tom", "mine.mine")
    with connect(database, Role.OWNER) as owner:
        found = owner.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", (own_schema("tom"),)).fetchone()
    assert found == (0,)
    assert post(server, "/events", "tom", OPERATION="copy", TABLE="days", NAME="mine").status_code == 303


def test_who_is_removed_while_a_table_is_made_leaves_nothing_to_their_name(database: Database) -> None:
    add(database, "una")
    table = intervals([(0, 86_400)])

    def remove() -> None:
        with connect(database, Role.SERVICE, autocommit=True) as other:
            remove_person(other, "una")

    removing = threading.Thread(target=remove)

    def chunks() -> Iterator[Events]:
        removing.start()
        removing.join(0.3)  # it waits for what is begun
        yield table.events

    with connect(database, Role.SERVICE, autocommit=True) as service:
        save_own(service, Caller("una"), "late", EventStream(table.about, chunks()))
        removing.join()
        assert not [one for one in every_table(service) if one.owner == "una"]
        with pytest.raises(AuthenticationError, match="no longer there"):
            save_own(service, Caller("una"), "later", EventStream(table.about, iter([table.events])))
