"""Pages of accounts as a browser uses them, and what other sites may not do with its cookies."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from lxml import html

from epntap.db.pool import Database, Role, connect
from tests.support.databases import clone_database, drop_database
from tests.support.people import PASSWORD, add, bearer, token_for
from tests.support.server import Server, serve
from voaccounts.store.audit import entries
from voaccounts.store.people import sign_in_facts

BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    own = clone_database(postgres_server, "signing", template_database)
    yield own
    drop_database(postgres_server, own)


@pytest.fixture(scope="module")
def server(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    add(database, "lead", "rpc", lead=True)
    for name in ("ann", "bob", "eve"):
        add(database, name, "rpc" if name == "ann" else "other")
    with serve(database, tmp_path_factory.mktemp("signing"), workers="1", registration="1") as running:
        yield running


class Browser(requests.Session):
    """What a browser sends, and forms as people fill them in."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.base = server.base
        self.headers.update(BROWSER)
        self.allow_redirects = False

    def look(self, path: str) -> html.HtmlElement:
        self.answer = self.get(f"{self.base}{path}", timeout=30, allow_redirects=False)
        return html.fromstring(self.answer.content or b"<p/>")

    def word(self, path: str) -> str:
        return str(self.look(path).xpath("string(//input[@name='form_word']/@value)"))

    def fill(self, page: str, path: str, **form: str) -> requests.Response:
        given = {"form_word": self.word(page), **form}
        return self.post(f"{self.base}{path}", given, timeout=30, allow_redirects=False)

    def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> requests.Response:
        return self.fill("/login", "/login", username=name, password=password, **more)


def test_somebody_signs_in_and_out(server: Server) -> None:
    browser = Browser(server)
    assert browser.look("/account") is not None
    assert (browser.answer.status_code, browser.answer.headers["Location"]) == (303, "/login")
    answer = browser.sign_in("ann", next="/datasets?q=x")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/datasets?q=x")
    assert "X-VO-Bearer" not in answer.headers, "what a page's scripts could read is no token"
    cookie = next(one for one in answer.raw.headers.getlist("Set-Cookie") if one.startswith("epntap_session"))
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    page = browser.look("/account")
    assert "rpc" in page.text_content()
    assert browser.answer.headers["X-VO-Authenticated"] == "ann"
    assert browser.answer.headers["Cache-Control"] == "private, no-store"
    kept = browser.cookies.copy()
    answer = browser.fill("/account", "/logout")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "epntap_session" not in browser.cookies
    again = requests.get(f"{server.base}/account", cookies=kept, headers=BROWSER, timeout=30)
    assert again.status_code == 401, "the session is over, not only forgotten"


def test_a_wrong_password_is_a_page_with_401(server: Server) -> None:
    answer = Browser(server).sign_in("bob", "a wrong password")
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text
    assert "a wrong password" not in answer.text
    assert answer.headers["WWW-Authenticate"].startswith("ivoa_cookie ")
    assert "Basic" not in answer.headers["WWW-Authenticate"], "the browser would ask with a window of its own"
    same = Browser(server).sign_in("nobody-here", "a wrong password")
    assert re.sub('value="[^"]*"', "", same.text) == re.sub('value="[^"]*"', "", answer.text)


def test_no_session_is_planted(server: Server) -> None:
    attacker, victim = Browser(server), Browser(server)
    attacker.sign_in("eve")
    planted = attacker.cookies["epntap_session"]
    victim.cookies.set("epntap_session", planted)
    victim.sign_in("ann")
    assert victim.cookies.get("epntap_session", domain="127.0.0.1") is not None
    fresh = [one.value for one in victim.cookies if one.name == "epntap_session" and one.value != planted]
    assert len(fresh) == 1
    asked = requests.get(
        f"{server.base}/account", cookies={"epntap_session": str(planted)}, headers=BROWSER, timeout=30
    )
    assert asked.status_code == 401, "and the planted one has ended"


def test_login_leads_nowhere_else(server: Server) -> None:
    for target in (
        "//evil.example/x",
        "https://evil.example",
        "/\\evil.example",
        "/x\r\nSet-Cookie: a=b",
        "javascript:1",
    ):
        answer = Browser(server).sign_in("ann", next=target)
        assert answer.headers["Location"] == "/account"
        page = requests.get(f"{server.base}/login", {"next": target}, headers=BROWSER, timeout=30)
        assert html.fromstring(page.content).xpath("string(//input[@name='next']/@value)") == "/account"


POSTS = [
    "/logout", "/account/password", "/account/sessions/end", "/account/tokens", "/account/tokens/revoke",
    "/account/groups", "/account/groups/leave",
    "/groups/rpc/accept", "/groups/rpc/refuse", "/groups/rpc/prolong", "/groups/rpc/expel",
]  # fmt: skip


def forms_of(browser: Browser) -> set[str]:
    pages = ("/account", "/groups/rpc")
    return {str(action) for page in pages for action in browser.look(page).xpath("//form[@method='post']/@action")}


def test_every_form_needs_its_word_and_this_site(server: Server, database: Database) -> None:
    browser = Browser(server)
    browser.sign_in("lead")
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO account.application (person, team) VALUES ('bob', 'rpc') ON CONFLICT DO NOTHING"
        )
    browser.fill("/account", "/account/tokens", label="x", scope="read", days="1")
    assert forms_of(browser) == set(POSTS), "a new form has to be tried here"
    form = {"team": "rpc", "person": "ann", "number": "1", "label": "csrf", "scope": "read", "days": "5"}
    word = browser.word("/account")
    for path in POSTS:
        for headers, more in (
            ({}, {}),
            ({}, {"form_word": "0" * 64}),
            ({"Sec-Fetch-Site": "cross-site"}, {"form_word": word}),
            ({"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, {"form_word": word}),
        ):
            answer = browser.post(f"{server.base}{path}", {**form, **more}, headers=headers, timeout=30)
            assert answer.status_code == 403, (path, headers, answer.text[:200])
    assert browser.look("/account").text_content().count("csrf") == 0
    assert browser.answer.status_code == 200, "the session goes on"


def test_the_form_of_signing_in_is_of_this_site_too(server: Server) -> None:
    form = {"username": "eve", "password": PASSWORD}
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = requests.post(f"{server.base}/login", form, headers={**BROWSER, **headers}, timeout=30)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
    program = requests.post(f"{server.base}/login", form, headers={"Origin": "https://evil.example"}, timeout=30)
    assert program.status_code == 403


@pytest.mark.parametrize(
    "path", ["/tap/sync", "/tap/async", "/query", "/datalink/soda/sync", "/jobs/" + "0" * 32 + "/delete"]
)
def test_the_cookie_posts_nothing_from_another_site(server: Server, path: str) -> None:
    browser = Browser(server)
    browser.sign_in("ann")
    cookie = {"Cookie": f"epntap_session={browser.cookies['epntap_session']}"}
    form = {"LANG": "ADQL", "QUERY": "SELECT 1 AS a"}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = requests.post(f"{server.base}{path}", form, headers={**cookie, **headers}, timeout=30)
        assert answer.status_code == 403
        assert answer.headers.get("Access-Control-Allow-Credentials") is None


def test_other_origins_are_never_let_in_with_credentials(server: Server) -> None:
    browser = Browser(server)
    browser.sign_in("ann")
    for path in ("/tap/capabilities", "/hapi/catalog", "/datalink/links", "/php/rest/isAlive.php"):
        answer = browser.get(f"{server.base}{path}", headers={"Origin": "https://evil.example"}, timeout=30)
        assert answer.headers["Access-Control-Allow-Origin"] == "*", "with which no browser sends cookies"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    for path in ("/account", "/login", "/groups/rpc"):
        answer = browser.get(f"{server.base}{path}", headers={"Origin": "https://evil.example"}, timeout=30)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_token_is_made_shown_once_and_revoked(server: Server) -> None:
    browser = Browser(server)
    browser.sign_in("ann")
    answer = browser.fill("/account", "/account/tokens", label="<b>nightly</b>", scope="read", days="2")
    (token,) = re.findall(r"ept_[\w-]{43}", answer.text)
    assert "&lt;b&gt;nightly&lt;/b&gt;" in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    asked = requests.get(f"{server.base}/tap/capabilities", headers=bearer(token), timeout=30)
    assert asked.headers["X-VO-Authenticated"] == "ann"
    page = browser.look("/account")
    assert token not in page.text_content()
    (number,) = page.xpath("//input[@name='number']/@value")
    other = Browser(server)
    other.sign_in("bob")
    assert other.fill("/account", "/account/tokens/revoke", number=number).status_code == 404, "of somebody else"
    assert browser.fill("/account", "/account/tokens/revoke", number=number).status_code == 303
    assert requests.get(f"{server.base}/tap/capabilities", headers=bearer(token), timeout=30).status_code == 401


def test_no_token_of_a_program_changes_the_account(server: Server, database: Database) -> None:
    headers = bearer(token_for(database, "lead"))
    page = requests.get(f"{server.base}/account", headers={**headers, **BROWSER}, timeout=30)
    word = str(html.fromstring(page.content).xpath("string(//input[@name='form_word']/@value)"))
    for path in (
        "/account/tokens",
        "/account/sessions/end",
        "/account/groups",
        "/groups/rpc/expel",
        "/groups/rpc/accept",
    ):
        form = {"form_word": word, "team": "rpc", "person": "ann", "scope": "read", "days": "3"}
        answer = requests.post(f"{server.base}{path}", form, headers=headers, cookies=page.cookies, timeout=30)
        assert answer.status_code == 403
        assert "The token of a program changes no account" in answer.text
    answer = requests.post(
        f"{server.base}/login", {"username": "lead", "password": token_for(database, "lead")}, timeout=30
    )
    assert answer.status_code == 401, "nor does it begin a session"


def test_a_changed_password_ends_all_other_sessions(server: Server, database: Database) -> None:
    add(database, "carl")
    one, other = Browser(server), Browser(server)
    one.sign_in("carl")
    other.sign_in("carl")
    wrong = one.fill("/account", "/account/password", old="not this one", new="another password")
    assert wrong.status_code == 401
    short = one.fill("/account", "/account/password", old=PASSWORD, new="short")
    assert short.status_code == 400
    assert "10 to 1000 characters" in short.text
    done = one.fill("/account", "/account/password", old=PASSWORD, new="another password")
    assert done.status_code == 303, done.text
    assert one.get(f"{server.base}/account", timeout=30).status_code == 200
    assert other.get(f"{server.base}/account", timeout=30, allow_redirects=False).status_code == 401
    assert Browser(server).sign_in("carl").status_code == 401
    assert Browser(server).sign_in("carl", "another password").status_code == 303


def test_who_registers_is_let_in_by_a_lead(server: Server, database: Database) -> None:
    newcomer = Browser(server)
    form = {
        "username": "dora",
        "password": "a good password",
        "full_name": "Dora <D>",
        "email": "d@example.org",
        "team": "rpc",
        "said": "because",
    }
    refused = newcomer.fill("/register", "/register", **{**form, "username": "evil\r\nX-Evil: 1"})
    assert refused.status_code == 400
    assert "X-Evil" not in refused.headers
    assert "a good password" not in refused.text
    assert newcomer.fill("/register", "/register", **{**form, "username": "ann"}).status_code == 400
    assert newcomer.fill("/register", "/register", **form).status_code == 200
    assert newcomer.sign_in("dora", "a good password").status_code == 303
    assert "You are in no group" in newcomer.look("/account").text_content()
    assert groups_of(database, "dora") == frozenset()
    assert newcomer.look("/groups/rpc") is not None
    assert newcomer.answer.status_code == 404, "who is in it is for its leads"
    member = Browser(server)
    member.sign_in("ann")
    assert member.fill("/account", "/groups/rpc/accept", person="dora").status_code == 404
    assert groups_of(database, "dora") == frozenset()
    lead = Browser(server)
    lead.sign_in("lead")
    page = lead.look("/groups/rpc").text_content()
    assert "Dora <D>" in page
    assert "because" in page
    assert lead.fill("/groups/rpc", "/groups/rpc/accept", person="dora", until="not a day").status_code == 400
    assert lead.fill("/groups/rpc", "/groups/rpc/accept", person="dora", until="2090-12-31").status_code == 303
    assert groups_of(database, "dora") == {"rpc"}
    assert "2091-01-01" in newcomer.look("/account").text_content()
    assert lead.fill("/groups/rpc", "/groups/rpc/prolong", person="dora", until="2020-01-01").status_code == 303
    assert groups_of(database, "dora") == frozenset()
    assert lead.fill("/groups/rpc", "/groups/rpc/expel", person="dora").status_code == 303
    assert lead.fill("/groups/rpc", "/groups/rpc/accept", person="dora").status_code == 404
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        told = [(one.what, one.by) for one in entries(connection, "dora")]
    assert ("membership granted", "lead") in told
    assert ("registered", "dora") in told


def groups_of(database: Database, name: str) -> frozenset[str]:
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        found = sign_in_facts(connection, name)
    assert found is not None
    return found.groups


def test_many_register_from_one_address_only_slowly(server: Server) -> None:
    browser = Browser(server)
    word = browser.word("/register")
    statuses = []
    for number in range(12):
        form = {
            "form_word": word,
            "username": f"robot{number}",
            "password": "a good password",
            "full_name": "R",
            "email": "r@example.org",
            "team": "rpc",
        }
        statuses.append(browser.post(f"{server.base}/register", form, timeout=30).status_code)
        if statuses[-1] == 429:
            break
    assert statuses[-1] == 429


def test_old_sessions_make_room(server: Server, database: Database) -> None:
    add(database, "often")
    form = {"username": "often", "password": PASSWORD}
    cookies = [requests.post(f"{server.base}/login", form, timeout=30).cookies for _ in range(23)]
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM account.token WHERE person = 'often'").fetchone()
    assert row == (20,)
    statuses = [
        requests.get(f"{server.base}/account", cookies=one, timeout=30).status_code for one in (cookies[0], cookies[-1])
    ]
    assert statuses == [401, 200]
