"""Who asks: every way to say it, every way in which it can be wrong, and an installation without accounts."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from epntap.access import Scope
from epntap.db.pool import Database, Role, connect
from tests.support.command import run
from tests.support.databases import clone_database, drop_database
from tests.support.people import PASSWORD, add, basic, bearer, token_for
from tests.support.server import Server, serve
from voaccounts.store.people import set_disabled, set_password
from voaccounts.store.teams import end_membership, join, memberships_of
from voaccounts.store.tokens import tokens_of

ADQL = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": "SELECT TOP 1 granule_uid FROM amdadb.epn_core"}
PASSED = timedelta(seconds=-1)


@pytest.fixture(scope="module")
def database(postgres_server: Database, demo_template: str) -> Iterator[Database]:
    own = clone_database(postgres_server, "accounts", demo_template)
    yield own
    drop_database(postgres_server, own)


@pytest.fixture(scope="module")
def server(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    add(database, "ann", "rpc")
    with serve(database, tmp_path_factory.mktemp("accounts"), workers="1") as running:
        yield running


def ask(server: Server, headers: dict[str, str] | None = None, path: str = "/tap/sync") -> requests.Response:
    return requests.get(f"{server.base}{path}", ADQL, headers=headers, timeout=30)


def test_somebody_in_particular_is_named_and_kept_by_no_cache(server: Server, database: Database) -> None:
    token = token_for(database, "ann")
    for headers in (basic("ann"), basic("ANN"), bearer(token), basic("ann", token), basic("token", token)):
        answer = ask(server, headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-VO-Authenticated"] == "ann"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert {"Authorization", "Cookie"} <= {one.strip() for one in answer.headers["Vary"].split(",")}
        assert "WWW-Authenticate" not in answer.headers


def test_nobody_in_particular_is_answered_and_told_how_to_sign_in(server: Server) -> None:
    answer = ask(server)
    assert answer.status_code == 200
    assert "X-VO-Authenticated" not in answer.headers
    assert "Authorization" in answer.headers["Vary"]
    login = f'standard_id="ivo://ivoa.net/sso#tls-with-password", access_url="{server.base}/login"'
    assert answer.raw.headers.getlist("WWW-Authenticate") == [
        f"ivoa_cookie {login}",
        'Basic realm="epntap", charset="UTF-8"',
        f"ivoa_bearer {login}",
        'Bearer realm="epntap"',
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/tap/sync",
        "/tap/capabilities",
        "/tap/tables",
        "/datalink/links",
        "/hapi/catalog",
        "/das2/server",
        "/",
        "/tap/async",
    ],
)
def test_what_is_wrong_is_401_everywhere(server: Server, database: Database, path: str) -> None:
    wrong = [
        basic("ann", "wrong password"),
        basic("nobody", PASSWORD),
        basic("ann", token_for(database, "ann") + "x"),
        bearer(token_for(database, "ann", lifetime=PASSED)),
        bearer("ept_made_up"),
        {"Authorization": "Negotiate abc"},
        {"Authorization": "Basic §"},
        {"Cookie": "epntap_session=made.up"},
    ]
    for headers in wrong if path == "/tap/sync" else wrong[3:4]:
        answer = ask(server, {name: value.encode().decode("latin-1") for name, value in headers.items()}, path)
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.headers["Cache-Control"] == "private, no-store"
        challenges = answer.raw.headers.getlist("WWW-Authenticate")
        assert challenges[0].startswith("ivoa_cookie ")
        assert challenges[-1] == 'Bearer realm="epntap", error="invalid_token"'
        assert PASSWORD not in answer.text


def test_tap_says_it_in_a_votable(server: Server) -> None:
    answer = requests.get(f"{server.tap}/sync", {**ADQL, "FORMAT": "votable"}, headers=bearer("ept_x"), timeout=30)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"].startswith("application/x-votable+xml")
    assert 'value="ERROR"' in answer.text


def test_a_browser_hears_of_the_page_only(server: Server) -> None:
    pages = {"Accept": "text/html,application/xhtml+xml", "Cookie": "epntap_session=old.one"}
    answer = ask(server, pages, "/services")
    assert answer.status_code == 401
    assert [one.split()[0] for one in answer.raw.headers.getlist("WWW-Authenticate")] == ["ivoa_cookie"]
    assert "epntap_session=;" in answer.headers["Set-Cookie"], "the old cookie is forgotten"


def test_what_is_the_same_for_everybody_does_not_look(server: Server) -> None:
    for path in ("/health", "/robots.txt", "/metrics"):
        answer = ask(server, bearer("ept_x"), path)
        assert answer.status_code == 200
        assert "Authorization" not in answer.headers.get("Vary", "")


def test_a_membership_that_lapses_is_none(database: Database) -> None:
    add(database, "lapsing", "jade", expires=datetime.now(UTC) + timedelta(seconds=1.5))
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        (one,) = memberships_of(connection, "lapsing")
        assert one.holds
        time.sleep(1.6)
        (one,) = memberships_of(connection, "lapsing")
        assert not one.holds
        join(connection, "lapsing", "jade")
        assert memberships_of(connection, "lapsing")[0].holds
        end_membership(connection, "lapsing", "jade")
        assert memberships_of(connection, "lapsing") == []


def test_what_is_revoked_or_changed_ends_at_once(server: Server, database: Database) -> None:
    add(database, "eve")
    token = token_for(database, "eve")
    assert ask(server, bearer(token)).status_code == 200
    assert ask(server, basic("eve")).status_code == 200
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        (known,) = tokens_of(connection, "eve")
    assert run("token", "revoke", str(known.number), EPNTAP_DATABASE_URL=database.url).returncode == 0
    assert ask(server, bearer(token)).status_code == 401
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        set_disabled(connection, "eve", disabled=True)
    assert ask(server, basic("eve")).status_code == 401, "its password was remembered"
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        set_disabled(connection, "eve", disabled=False)
        assert ask(server, basic("eve")).status_code == 200
        set_password(connection, "eve", None)
    assert ask(server, basic("eve")).status_code == 401


def test_a_token_without_read_reads_nothing(server: Server, database: Database) -> None:
    answer = ask(server, bearer(token_for(database, "ann", scopes={Scope.RUN})))
    assert answer.status_code == 403
    assert "lacks the scope 'read'" in answer.text


def test_answers_to_signed_addresses_give_back_what_they_held(server: Server) -> None:
    granule = requests.get(f"{server.base}/tap/sync", params=ADQL, timeout=30).text.split()[1]
    signed = requests.post(
        f"{server.base}/account/addresses",
        data={"ADDRESS": f"{server.base}/data/{granule}.csv"},
        headers=basic("ann"),
        timeout=30,
    ).text.strip()
    with requests.Session() as session:
        answers = [session.get(signed, timeout=30) for _ in range(3)]
    assert [one.status_code for one in answers] == [200] * 3
    held = re.findall(r"epntap_places_in_use\{.*\} (\S+)", requests.get(f"{server.base}/metrics", timeout=30).text)
    assert held
    assert set(held) == {"0.0"}


def test_operators_give_tokens_scopes_by_the_names_that_the_pages_say(database: Database) -> None:
    add(database, "kim", password=False)
    made = run("token", "new", "kim", "--scope", "read", "--scope", "run", EPNTAP_DATABASE_URL=database.url)
    assert made.returncode == 0, made.stderr
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        (known,) = tokens_of(connection, "kim")
    assert known.scopes == {Scope.READ, Scope.RUN}


def test_who_guesses_waits(server: Server, database: Database) -> None:
    add(database, "victim")
    answers = [ask(server, basic("victim", f"guess {number}")) for number in range(11)]
    assert [one.status_code for one in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 301
    assert "too many wrong passwords" in answers[-1].text
    assert ask(server, basic("victim")).status_code == 429, "the right one is not told apart from others"
    assert ask(server, bearer(token_for(database, "victim"))).status_code == 200, "who has a token is not locked out"
    assert ask(server, basic("ann")).status_code == 200, "nor is anybody else"


def test_no_secret_is_in_the_log(server: Server, database: Database) -> None:
    token = token_for(database, "ann")
    ask(server, bearer(token))
    ask(server, basic("ann", "a wrong one of ann"))
    requests.get(f"{server.base}/php/rest/auth.php?userID=ann&password={PASSWORD}&token={token}", timeout=30)
    requests.get(f"{server.base}/nothing?userID=ann&password={PASSWORD}", timeout=30)
    text = server.log.read_text()
    assert all(json.loads(line) for line in text.splitlines() if line.startswith("{"))
    for secret in (token, PASSWORD, "a wrong one of ann", basic("ann")["Authorization"].split()[1], "correct%20horse"):
        assert secret not in text
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        stored = connection.execute("SELECT person::text FROM account.person").fetchall()
        stored += connection.execute("SELECT token::text FROM account.token").fetchall()
        stored += connection.execute("SELECT audit::text FROM account.audit").fetchall()
    assert token not in str(stored)
    assert PASSWORD not in str(stored)


def test_queries_of_users_do_not_reach_accounts(server: Server) -> None:
    for text in ("SELECT * FROM account.person", "SELECT * FROM account.token", "SELECT value FROM account.secret"):
        answer = requests.get(f"{server.tap}/sync", {**ADQL, "QUERY": text}, headers=basic("ann"), timeout=30)
        assert answer.status_code == 400


def test_without_accounts_nothing_of_this_shows(served: Server) -> None:
    plain = ask(served)
    with_credentials = ask(served, basic("ann"))
    assert plain.status_code == with_credentials.status_code == 200
    for answer in (plain, with_credentials):
        assert not {"WWW-Authenticate", "X-VO-Authenticated"} & set(answer.headers)
        assert "Authorization" not in answer.headers.get("Vary", "")
    assert plain.content == with_credentials.content


def test_the_first_account_counts_without_a_restart(
    postgres_server: Database, demo_template: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = clone_database(postgres_server, "first", demo_template)
    with serve(own, tmp_path_factory.mktemp("first"), workers="1") as server:
        assert ask(server, basic("ann", "whatever")).status_code == 200
        add(own, "ann", "rpc")
        assert ask(server, basic("ann", "whatever")).status_code == 401
        assert ask(server, basic("ann")).headers["X-VO-Authenticated"] == "ann"
        deadline = time.monotonic() + 10
        while "WWW-Authenticate" not in ask(server).headers:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    drop_database(postgres_server, own)
